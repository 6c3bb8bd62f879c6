"""events.list and events.instances: filters, expansion, pages, sync tokens."""

import base64
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from tests.fakes.google import events, times
from tests.fakes.google.accounts import Calendar, Event, Page
from tests.fakes.google.contract import contract
from tests.fakes.google.errors import Refused

_MOST = 2500
_DEFAULT = 250
_TEXTS = ("summary", "description", "location")
_WITHOUT_SYNC = ("q", "orderBy", "iCalUID", "updatedMin", "privateExtendedProperty")
"""A list with one of these is no basis for a later synchronisation."""
_PAGING = ("pageToken", "maxResults", "syncToken", "fields", "alt", "prettyPrint")


def page(calendar: Calendar, arguments: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    """One page of a list: `items` and either `nextPageToken` or `nextSyncToken`.

    Later pages come from what the first one found, so a page can be asked for twice.
    """
    size = min(arguments.get("maxResults", _DEFAULT), _MOST)
    asked = {key: value for key, value in arguments.items() if key not in _PAGING}
    token = arguments.get("pageToken")
    if token:
        found = calendar.pages.get(token)
        if found is None or found.arguments != asked:
            raise Refused(400, "invalid", "Invalid page token value.", location="pageToken")
    else:
        found = Page(_matching(calendar, arguments, now), 0, _sync_token(calendar, asked), asked)
    items = found.items[found.offset : found.offset + size]
    answer: dict[str, Any] = {"items": items}
    following = found.offset + size
    if following < len(found.items):
        answer["nextPageToken"] = secrets.token_urlsafe(12)
        calendar.remember(
            answer["nextPageToken"], Page(found.items, following, found.sync_token, asked)
        )
    elif found.sync_token:
        answer["nextSyncToken"] = found.sync_token
    return answer


def instances(
    calendar: Calendar, series: Event, arguments: dict[str, Any], *, now: datetime
) -> list[dict[str, Any]]:
    """The occurrences of a series, exceptions included."""
    lower, upper = _window(arguments, now)
    own = [
        event
        for event in calendar.events.values()
        if event.body.get("recurringEventId") == series.id
    ]
    plain = events.occurrences(calendar, series, lower=lower, upper=upper)
    found = [event for event in [*plain, *own] if _passes(event, arguments, is_sync=False)]
    return [event.body for event in sorted(found, key=lambda event: event.start)]


def _matching(calendar: Calendar, arguments: dict[str, Any], now: datetime) -> list[dict[str, Any]]:
    since = _since(calendar, arguments)
    lower, upper = _window(arguments, now)
    candidates = calendar.events.values() if since is None else calendar.changed_since(since)
    found: list[Event] = []
    for event in candidates:
        if arguments.get("singleEvents") or since is None:
            expanded = _expanded(calendar, event, arguments, lower, upper)
        else:
            expanded = iter([event])
        found += (
            event for event in expanded if _passes(event, arguments, is_sync=since is not None)
        )
    return [event.body for event in _ordered(found, arguments)]


def _expanded(
    calendar: Calendar,
    event: Event,
    arguments: dict[str, Any],
    lower: datetime | None,
    upper: datetime,
) -> Iterator[Event]:
    is_series = "recurrence" in event.body
    is_bounded = "timeMin" in arguments or "timeMax" in arguments
    if not is_series:
        if "timeMax" not in arguments:
            upper = datetime.max.replace(tzinfo=UTC)
        return events.occurrences(calendar, event, lower=lower, upper=upper)
    if event.is_deleted:
        return iter([event])
    if arguments.get("singleEvents"):
        return events.occurrences(calendar, event, lower=lower, upper=upper)
    if is_bounded and not any(events.occurrences(calendar, event, lower=lower, upper=upper)):
        return iter([])
    return iter([event])


def _ordered(found: list[Event], arguments: dict[str, Any]) -> list[Event]:
    order = arguments.get("orderBy")
    if order == "startTime":
        if not arguments.get("singleEvents"):
            raise Refused(
                400,
                "badRequest",
                "The requested ordering is not available for the particular query.",
            )
        return sorted(found, key=lambda event: event.start)
    return sorted(found, key=lambda event: event.change)


def _window(arguments: dict[str, Any], now: datetime) -> tuple[datetime | None, datetime]:
    lower = times.parse(arguments["timeMin"]) if "timeMin" in arguments else None
    upper = times.parse(arguments["timeMax"]) if "timeMax" in arguments else now + events.HORIZON
    if lower is not None and lower >= upper:
        raise Refused(400, "timeRangeEmpty", location="timeMax")
    return lower, upper


def _passes(event: Event, arguments: dict[str, Any], *, is_sync: bool) -> bool:
    body = event.body
    shows_deleted = arguments.get("showDeleted", is_sync) or "updatedMin" in arguments
    if event.is_deleted and not shows_deleted:
        return False
    if "updatedMin" in arguments and times.parse(body["updated"]) < times.parse(
        arguments["updatedMin"]
    ):
        return False
    words = arguments.get("q", "").lower()
    if words and not any(words in body.get(name, "").lower() for name in _TEXTS):
        return False
    if arguments.get("iCalUID", body["iCalUID"]) != body["iCalUID"]:
        return False
    if body["eventType"] not in arguments.get("eventTypes", [body["eventType"]]):
        return False
    return all(
        _has_property(body, kind, requested)
        for kind in ("private", "shared")
        for requested in arguments.get(f"{kind}ExtendedProperty", ())
    )


def _has_property(body: dict[str, Any], kind: str, requested: str) -> bool:
    name, _, value = requested.partition("=")
    found: dict[str, str] = body.get("extendedProperties", {}).get(kind, {})
    return found.get(name) == value


def _sync_token(calendar: Calendar, asked: dict[str, Any]) -> str:
    if any(name in asked for name in _WITHOUT_SYNC):
        return ""
    plain = f"{calendar.sync_epoch}|{calendar.change}|{calendar.id}"
    return base64.urlsafe_b64encode(plain.encode()).decode()


def _since(calendar: Calendar, arguments: dict[str, Any]) -> int | None:
    token = arguments.get("syncToken")
    if not token:
        return None
    described = contract().by_id["calendar.events.list"].parameters["syncToken"]["description"]
    for name in re.findall(r"^- (\w+)", described, re.MULTILINE):
        if name in arguments:
            raise Refused(
                400,
                "badRequest",
                f"Sync token cannot be used with {name}.",
                location="syncToken",
            )
    if arguments.get("showDeleted") is False:
        raise Refused(400, "badRequest", "showDeleted cannot be false.", location="showDeleted")
    try:
        epoch, change, owner = base64.urlsafe_b64decode(token).decode().split("|", 2)
        since = int(change)
    except ValueError:
        raise Refused(400, "invalid", "Invalid sync token value.", location="syncToken") from None
    if owner != calendar.id:
        raise Refused(400, "invalid", "Invalid sync token value.", location="syncToken")
    if epoch != str(calendar.sync_epoch):
        raise Refused(410, "fullSyncRequired", location="syncToken")
    return since
