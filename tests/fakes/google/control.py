"""Control from another process: JSON under `/_control/`. The package's docstring lists the commands."""

import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.fakes.google.double import PARIS, Google
from tests.fakes.google.errors import OAuthRefused, Refused
from tests.fakes.google.faults import KNOWN, PASSING, Fault, RandomFaults

Query = dict[str, list[str]]
Order = dict[str, Any]


def answer(
    google: Google, verb: str, path: str, query: Query, raw: bytes
) -> tuple[int, dict[str, Any]]:
    """Obey; 400 for an order that cannot be understood, 404 for one that does not exist."""
    name = path.removeprefix("/_control/")
    try:
        if verb == "GET" and name in _READS:
            return 200, _READS[name](google, query)
        if verb == "POST" and name in _ORDERS:
            order = json.loads(raw or b"{}")
            with google.lock:
                return 200, _ORDERS[name](google, order) or {}
    except Refused as refused:
        return refused.status, refused.body()
    except OAuthRefused as refused:
        return refused.status, refused.body()
    except (KeyError, TypeError, ValueError) as error:
        return 400, {"error": f"{type(error).__name__}: {error}"}
    return 404, {"error": f"{verb} {name}: there is no such command"}


def _journal(google: Google, query: Query) -> dict[str, Any]:
    since = int(query.get("since", ["0"])[0])
    method, account = query.get("method", [""])[0], query.get("account", [""])[0]
    found = [
        entry.as_dict()
        for entry in google.journal
        if entry.number > since and method in {"", entry.method} and account in {"", entry.account}
    ]
    return {"entries": found}


def _counters(google: Google, query: Query) -> dict[str, Any]:
    return {
        "calls": dict(google.calls),
        "injected": dict(google.injected),
        "broken": len(google.broken),
        "held": google.black_hole.held + google.gate.waiting,
        "channels": len(google.watch.channels),
        "notifications": len(google.watch.sent),
    }


def _calendars(google: Google, query: Query) -> dict[str, Any]:
    account = google.account(query["account"][0])
    with google.lock:
        return {
            "calendars": [
                {
                    "id": calendar.id,
                    "summary": calendar.summary,
                    "primary": calendar.is_primary,
                    "made_by": calendar.made_by,
                    "events": google.events(account.email, calendar.id),
                    "deleted": sum(event.is_deleted for event in calendar.events.values()),
                }
                for calendar in account.calendars.values()
            ]
        }


def _account(google: Google, order: Order) -> None:
    google.account(
        order["account"], workspace=order.get("workspace", False), zone=order.get("zone", PARIS)
    )


def _consent(google: Google, order: Order) -> dict[str, Any]:
    address = google.consent(
        order["url"],
        order["account"],
        untick=order.get("untick", ()),
        deny=order.get("deny", False),
    )
    return {"redirect": address}


def _grant(google: Google, order: Order) -> dict[str, Any]:
    access, refresh = google.grant(order["account"], order["scopes"])
    return {"access": access, "refresh": refresh}


def _revoke(google: Google, order: Order) -> dict[str, Any]:
    return {"grants": google.revoke(order["account"])}


def _add(google: Google, order: Order) -> dict[str, Any]:
    start, end = _at(order.pop("start")), _at(order.pop("end"))
    account, calendar = order.pop("account"), order.pop("calendar", "primary")
    return {"id": google.add_event(account, start, end, calendar=calendar, **order)}


def _move(google: Google, order: Order) -> None:
    start = _at(order["start"])
    end = _at(order["end"]) if "end" in order else None
    assert isinstance(start, datetime)
    assert end is None or isinstance(end, datetime)
    google.move_event(
        order["account"], order["id"], start, end, calendar=order.get("calendar", "primary")
    )


def _delete(google: Google, order: Order) -> None:
    google.delete_event(order["account"], order["id"], calendar=order.get("calendar", "primary"))


def _delete_calendar(google: Google, order: Order) -> None:
    google.delete_calendar(order["account"], order["calendar"])


def _expire_sync_tokens(google: Google, order: Order) -> None:
    google.expire_sync_tokens()


def _expire_channels(google: Google, order: Order) -> None:
    google.watch.expire()


def _expire_access_tokens(google: Google, order: Order) -> None:
    google.oauth.expire_access_tokens()


def _faults(google: Google, order: Order) -> None:
    for item in order["faults"]:
        fault = KNOWN[item] if isinstance(item, str) else Fault(**item)
        google.faults[order["method"]].append(fault)


def _random_faults(google: Google, order: Order) -> None:
    google.random_faults = RandomFaults(
        rate=order["rate"],
        seed=order.get("seed", 0),
        kinds=order.get("kinds", PASSING),
        methods=order.get("methods", ()),
        seconds=order.get("seconds", 0.0),
    )


def _black_hole(google: Google, order: Order) -> None:
    if order["open"]:
        google.black_hole.open(*order.get("methods", ()))
    else:
        google.black_hole.close()


def _gate(google: Google, order: Order) -> None:
    google.gate.open()


def _notifications(google: Google, order: Order) -> None:
    google.watch.drop_every = order.get("drop_every", 0)
    google.watch.repeat_every = order.get("repeat_every", 0)
    google.watch.reorders = order.get("reorders", False)


def _latency(google: Google, order: Order) -> None:
    google.latency = float(order["seconds"])


def _quota(google: Google, order: Order) -> None:
    google.quota_per_user = order["per_user"]


def _calm(google: Google, order: Order) -> None:
    google.faults.clear()
    google.random_faults = None
    google.quota_per_user = None
    google.latency = 0.0
    google.black_hole.close()


def _forget(google: Google, order: Order) -> None:
    google.journal.clear()
    google.injected.clear()
    google.calls.clear()


def _at(text: str) -> datetime | date:
    """A date for all day; a time without zone is one of Paris."""
    if len(text) == 10:
        return date.fromisoformat(text)
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=ZoneInfo(PARIS)) if at.tzinfo is None else at


_READS: dict[str, Callable[[Google, Query], dict[str, Any]]] = {
    "journal": _journal,
    "counters": _counters,
    "calendars": _calendars,
}
_ORDERS: dict[str, Callable[[Google, Order], dict[str, Any] | None]] = {
    "account": _account,
    "consent": _consent,
    "grant": _grant,
    "revoke": _revoke,
    "event/add": _add,
    "event/move": _move,
    "event/delete": _delete,
    "calendar/delete": _delete_calendar,
    "sync-tokens/expire": _expire_sync_tokens,
    "channels/expire": _expire_channels,
    "access-tokens/expire": _expire_access_tokens,
    "faults": _faults,
    "random-faults": _random_faults,
    "black-hole": _black_hole,
    "gate": _gate,
    "notifications": _notifications,
    "latency": _latency,
    "quota": _quota,
    "calm": _calm,
    "forget": _forget,
}
