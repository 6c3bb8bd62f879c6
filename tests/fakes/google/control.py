"""Control from another process: JSON under `/_control/`. The package's docstring lists the commands."""

import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.fakes.google.errors import OAuthRefused, Refused
from tests.fakes.google.faults import KNOWN, PASSING, Fault, RandomFaults
from tests.fakes.google.state import PARIS, Google

Query = dict[str, list[str]]
Command = dict[str, Any]


def answer(
    google: Google, verb: str, path: str, query: Query, raw: bytes
) -> tuple[int, dict[str, Any]]:
    """Execute a command; 400 for a wrong one, 404 for an unknown one."""
    name = path.removeprefix("/_control/")
    try:
        if verb == "GET" and name in _READS:
            return 200, _READS[name](google, query)
        if verb == "POST" and name in _COMMANDS:
            command = json.loads(raw or b"{}")
            with google.lock:
                return 200, _COMMANDS[name](google, command) or {}
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
        "held": google.black_hole.waiting + google.held_requests.waiting,
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


def _account(google: Google, command: Command) -> None:
    google.account(
        command["account"],
        workspace=command.get("workspace", False),
        zone=command.get("zone", PARIS),
    )


def _consent(google: Google, command: Command) -> dict[str, Any]:
    address = google.consent(
        command["url"],
        command["account"],
        untick=command.get("untick", ()),
        deny=command.get("deny", False),
    )
    return {"redirect": address}


def _grant(google: Google, command: Command) -> dict[str, Any]:
    access, refresh = google.grant(command["account"], command["scopes"])
    return {"access": access, "refresh": refresh}


def _revoke(google: Google, command: Command) -> dict[str, Any]:
    return {"grants": google.revoke(command["account"])}


def _add(google: Google, command: Command) -> dict[str, Any]:
    start, end = _at(command.pop("start")), _at(command.pop("end"))
    account, calendar = command.pop("account"), command.pop("calendar", "primary")
    return {"id": google.add_event(account, start, end, calendar=calendar, **command)}


def _move(google: Google, command: Command) -> None:
    start = _at(command["start"])
    end = _at(command["end"]) if "end" in command else None
    assert isinstance(start, datetime)
    assert end is None or isinstance(end, datetime)
    google.move_event(
        command["account"], command["id"], start, end, calendar=command.get("calendar", "primary")
    )


def _delete(google: Google, command: Command) -> None:
    google.delete_event(
        command["account"], command["id"], calendar=command.get("calendar", "primary")
    )


def _delete_calendar(google: Google, command: Command) -> None:
    google.delete_calendar(command["account"], command["calendar"])


def _expire_sync_tokens(google: Google, command: Command) -> None:
    google.expire_sync_tokens()


def _expire_channels(google: Google, command: Command) -> None:
    google.watch.expire()


def _expire_access_tokens(google: Google, command: Command) -> None:
    google.oauth.expire_access_tokens()


def _faults(google: Google, command: Command) -> None:
    for item in command["faults"]:
        fault = KNOWN[item] if isinstance(item, str) else Fault(**item)
        google.faults[command["method"]].append(fault)


def _random_faults(google: Google, command: Command) -> None:
    google.random_faults = RandomFaults(
        rate=command["rate"],
        seed=command.get("seed", 0),
        kinds=command.get("kinds", PASSING),
        methods=command.get("methods", ()),
        seconds=command.get("seconds", 0.0),
    )


def _black_hole(google: Google, command: Command) -> None:
    if command["open"]:
        google.black_hole.open(*command.get("methods", ()))
    else:
        google.black_hole.close()


def _apply_held(google: Google, command: Command) -> None:
    google.held_requests.apply_all()


def _notifications(google: Google, command: Command) -> None:
    google.watch.lose_every = command.get("lose_every", 0)
    google.watch.repeat_every = command.get("repeat_every", 0)
    google.watch.reorders = command.get("reorders", False)


def _latency(google: Google, command: Command) -> None:
    google.latency = float(command["seconds"])


def _quota(google: Google, command: Command) -> None:
    google.quota_per_user = command["per_user"]


def _clear_faults(google: Google, command: Command) -> None:
    google.faults.clear()
    google.random_faults = None
    google.quota_per_user = None
    google.latency = 0.0
    google.black_hole.close()


def _reset(google: Google, command: Command) -> None:
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
_COMMANDS: dict[str, Callable[[Google, Command], dict[str, Any] | None]] = {
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
    "apply-held": _apply_held,
    "notifications": _notifications,
    "latency": _latency,
    "quota": _quota,
    "clear-faults": _clear_faults,
    "reset": _reset,
}
