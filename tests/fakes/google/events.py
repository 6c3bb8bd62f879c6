"""What happens to events: validation, insertion, change, deletion, tombstones, occurrences."""

import re
import secrets
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.fakes.google import recurrence, times
from tests.fakes.google.accounts import Calendar, Event
from tests.fakes.google.contract import contract
from tests.fakes.google.errors import Refused

HORIZON = timedelta(days=730)
"""How far a series is expanded without a limit in the request."""
_ID = re.compile(r"[a-v0-9]{5,1024}")
_OCCURRENCE = re.compile(r"([a-v0-9]{5,1024})_(\d{8}(?:T\d{6}Z)?)")
_SERVER_FIELDS = {
    "kind", "etag", "id", "created", "updated", "creator", "organizer", "htmlLink", "iCalUID",
    "recurringEventId", "originalStartTime", "hangoutLink", "locked", "sequence",
}  # fmt: skip
_SHOWN_DEFAULTS = {"kind", "eventType"}


def insert(calendar: Calendar, body: dict[str, Any], *, now: datetime) -> Event:
    """Add an event. A chosen id stays taken for ever, even after its deletion (409)."""
    event_id = body.get("id") or secrets.token_hex(13)
    if not _ID.fullmatch(event_id):
        raise Refused(400, "invalid", "Invalid resource id value.", location="resource.id")
    if event_id in calendar.events:
        raise Refused(409, "duplicate")
    person = {"email": calendar.owner, "self": True}
    organizer = (
        person if calendar.is_primary else {"email": calendar.id, "displayName": calendar.summary}
    )
    fixed = {
        "id": event_id,
        "status": "confirmed",
        "htmlLink": f"https://www.google.com/calendar/event?eid={event_id}",
        "created": times.stamp(now),
        "creator": {"email": calendar.owner},
        "organizer": {**organizer, "self": True},
        "iCalUID": body.get("iCalUID") or f"{event_id}@google.com",
        "sequence": body.get("sequence", 0),
        "reminders": {"useDefault": True},
        "eventType": "default",
    }
    event = _with_times(calendar, {**fixed, **_writable(body)}, now)
    calendar.keep(event, now)
    return event


def find(calendar: Calendar, event_id: str) -> Event:
    """The event, a tombstone included, or one occurrence of a series; 404."""
    event = calendar.events.get(event_id) or _occurrence(calendar, event_id)
    if event is None:
        raise Refused(404, "notFound")
    return event


def change(
    calendar: Calendar,
    event: Event,
    body: dict[str, Any],
    *,
    now: datetime,
    is_patch: bool,
    may_revive: bool = False,
) -> Event:
    """Patch or replace. A tombstone cannot be changed: 403, unless revived by its status."""
    revives = may_revive and body.get("status") == "confirmed"
    if event.is_deleted and not revives:
        raise Refused(403, "forbidden")
    sequence = event.body["sequence"]
    if body.get("sequence", sequence) < sequence:
        raise Refused(
            400,
            "invalid",
            "Invalid sequence value. The specified sequence number is below the current sequence"
            " number of the resource.",
            location="sequence",
        )
    kept = {key: event.body[key] for key in _SERVER_FIELDS & set(event.body)}
    given = _writable(body)
    base = event.body if is_patch else {"status": "confirmed", "eventType": "default"}
    changed = _with_times(calendar, {**_merged(base, given), **kept}, now)
    moved = (changed.start, changed.end) != (event.start, event.end)
    changed.body["sequence"] = max(sequence + moved, body.get("sequence", 0))
    calendar.keep(changed, now)
    return changed


def delete(calendar: Calendar, event: Event, *, now: datetime) -> None:
    """Turn an event into a tombstone; its exceptions go with a series. Twice is 410."""
    if event.is_deleted:
        raise Refused(410, "deleted")
    gone = [event, *_exceptions(calendar, event)] if event.body.get("recurrence") else [event]
    for each in gone:
        body = {**each.body, "status": "cancelled", "updated": times.stamp(now)}
        calendar.keep(Event(body, each.start, each.end), now)


def occurrences(
    calendar: Calendar, event: Event, *, lower: datetime | None, upper: datetime
) -> Iterator[Event]:
    """Those of a series that touch the window and are no exceptions; a single event is its own."""
    if "recurrence" not in event.body:
        if event.start < upper and (lower is None or event.end > lower):
            yield event
        return
    if event.is_deleted:
        return
    length = event.end - event.start
    first = event.start.astimezone(calendar.zone).replace(tzinfo=None)
    until = upper.astimezone(calendar.zone).replace(tzinfo=None)
    for at in recurrence.occurrences(
        first, event.body["recurrence"], until=until, zone=calendar.zone
    ):
        start = at.replace(tzinfo=calendar.zone).astimezone(UTC)
        occurrence = _as_occurrence(calendar, event, start, start + length)
        if (lower is None or occurrence.end > lower) and occurrence.id not in calendar.events:
            yield occurrence


def touching(calendar: Calendar, lower: datetime, upper: datetime) -> Iterator[Event]:
    """Every event and occurrence that touches the window, tombstones left out."""
    for event in calendar.events.values():
        if "recurrence" in event.body:
            yield from occurrences(calendar, event, lower=lower, upper=upper)
        elif event.start < upper and event.end > lower and not event.is_deleted:
            yield event


def _with_times(calendar: Calendar, body: dict[str, Any], now: datetime) -> Event:
    """The event with its times checked and written in the calendar's zone."""
    for name in ("start", "end"):
        if not body.get(name):
            raise Refused(400, "required", f"Missing {name} time.", location=name)
    start_shown, start = times.event_date_time(body["start"], calendar.zone, "start")
    end_shown, end = times.event_date_time(body["end"], calendar.zone, "end")
    if ("date" in start_shown) != ("date" in end_shown):
        raise Refused(400, "invalid", "Start and end must both be dates or both be times.")
    if end < start or (end == start and "date" in start_shown):
        raise Refused(400, "timeRangeEmpty", location="timeMax")
    if body.get("recurrence"):
        if "dateTime" in body["start"] and not body["start"].get("timeZone"):
            raise Refused(
                400, "required", "Missing time zone definition for start time.", location="start"
            )
        first = start.astimezone(calendar.zone).replace(tzinfo=None)
        recurrence.check(first, body["recurrence"], calendar.zone)
    resolved = {**body, "start": start_shown, "end": end_shown, "updated": times.stamp(now)}
    return Event(_without_defaults(resolved), start.astimezone(UTC), end.astimezone(UTC))


def _as_occurrence(calendar: Calendar, event: Event, start: datetime, end: datetime) -> Event:
    if "date" in event.body["start"]:
        day = start.astimezone(calendar.zone).date()
        last = date.fromisoformat(event.body["end"]["date"]) - date.fromisoformat(
            event.body["start"]["date"]
        )
        suffix = f"{day:%Y%m%d}"
        when: dict[str, Any] = {"date": day.isoformat()}
        ends: dict[str, Any] = {"date": (day + last).isoformat()}
        end = times.midnight(day + last, calendar.zone).astimezone(UTC)
    else:
        suffix = f"{start:%Y%m%dT%H%M%SZ}"
        when = {"dateTime": times.show(start, calendar.zone), "timeZone": calendar.zone.key}
        ends = {"dateTime": times.show(end, calendar.zone), "timeZone": calendar.zone.key}
    body = {key: value for key, value in event.body.items() if key != "recurrence"}
    body |= {
        "id": f"{event.id}_{suffix}",
        "recurringEventId": event.id,
        "originalStartTime": when,
        "start": when,
        "end": ends,
    }
    return Event(body, start, end, event.change)


def _occurrence(calendar: Calendar, event_id: str) -> Event | None:
    match = _OCCURRENCE.fullmatch(event_id)
    series = calendar.events.get(match[1]) if match else None
    if series is None or "recurrence" not in series.body:
        return None
    day = datetime.strptime(event_id.partition("_")[2][:8], "%Y%m%d").replace(tzinfo=UTC)
    found = occurrences(
        calendar, series, lower=day - timedelta(days=2), upper=day + timedelta(days=2)
    )
    return next((occurrence for occurrence in found if occurrence.id == event_id), None)


def _exceptions(calendar: Calendar, series: Event) -> list[Event]:
    return [
        event
        for event in calendar.events.values()
        if event.body.get("recurringEventId") == series.id and not event.is_deleted
    ]


def _writable(body: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in _SERVER_FIELDS}


def _merged(old: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Patch semantics: objects are merged, lists replaced, null removes."""
    merged = dict(old)
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = _merged(merged.get(key) or {}, value)
        else:
            merged[key] = value
    return merged


def _without_defaults(body: dict[str, Any]) -> dict[str, Any]:
    """What equals the published default is left out, as the service does."""
    known = contract().schemas["Event"]["properties"]
    return {
        key: value
        for key, value in body.items()
        if key in _SHOWN_DEFAULTS
        or "default" not in known[key]
        or str(value).lower() != known[key]["default"]
    }
