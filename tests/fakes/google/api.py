"""The methods of the interface, by the ids of the discovery document."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.fakes.google import events, freebusy, listing, times
from tests.fakes.google.accounts import Account, Calendar, Event
from tests.fakes.google.contract import SCOPE
from tests.fakes.google.errors import Refused

if TYPE_CHECKING:
    from tests.fakes.google.state import Google

APP_CREATED = f"{SCOPE}calendar.app.created"
_TIMES_ONLY = frozenset({f"{SCOPE}calendar.events.freebusy", f"{SCOPE}calendar.freebusy"})
_WITHOUT_TITLES = {
    "kind", "etag", "id", "status", "created", "updated", "start", "end", "recurrence", "eventType",
    "recurringEventId", "originalStartTime", "transparency", "iCalUID", "sequence", "visibility",
}  # fmt: skip
_PUBLIC_ONLY = f"{SCOPE}calendar.events.public.readonly"


@dataclass
class Call:
    """One authorized request; `scopes` are those of the token that open this method."""

    google: "Google"
    account: Account
    client_id: str
    scopes: Collection[str]
    arguments: dict[str, Any]
    body: dict[str, Any]
    if_match: str
    base: str
    now: datetime

    @property
    def calendar(self) -> Calendar:
        """The calendar that the path names; 404 when the token does not reach it."""
        found = self.account.calendar(self.arguments["calendarId"])
        if found is None or not self._reaches(found):
            raise Refused(404, "notFound")
        return found

    @property
    def shows_titles(self) -> bool:
        """Whether the token may read more than times."""
        return not set(self.scopes) <= _TIMES_ONLY

    def _reaches(self, calendar: Calendar) -> bool:
        reach = set(self.scopes) - {_PUBLIC_ONLY}
        if reach == {APP_CREATED}:
            return calendar.made_by == self.client_id
        return bool(reach)

    def matches(self, etag: str) -> None:
        """Refuse with 412 when the caller knows another state."""
        if self.if_match not in {"", "*", etag}:
            raise Refused(412, "conditionNotMet", location="If-Match", location_type="header")


def insert_calendar(call: Call) -> dict[str, Any]:
    return _calendar(call.google.make_calendar(call.account, call.body, made_by=call.client_id))


def get_calendar(call: Call) -> dict[str, Any]:
    return _calendar(call.calendar)


def change_calendar(call: Call) -> dict[str, Any]:
    calendar = call.calendar
    call.matches(calendar.etag)
    body = dict(call.body)
    calendar.summary = body.pop("summary", None) or calendar.summary
    calendar.zone = times.zone_named(body.pop("timeZone", None) or calendar.zone.key)
    for name in ("description", "location"):
        if name in body:
            calendar.details[name] = body[name]
    call.google.restamp(calendar)
    return _calendar(calendar)


def delete_calendar(call: Call) -> None:
    calendar = call.calendar
    call.matches(calendar.etag)
    if calendar.is_primary:
        raise Refused(403, "forbidden", "The primary calendar cannot be deleted.")
    call.google.remove_calendar(call.account, calendar)


def list_calendars(call: Call) -> dict[str, Any]:
    items = [_entry(calendar) for calendar in call.account.calendars.values()]
    size = call.arguments.get("maxResults", 100)
    offset = int(call.arguments.get("pageToken", "0"))
    answer = {"kind": "calendar#calendarList", "items": items[offset : offset + size]}
    if offset + size < len(items):
        return answer | {"nextPageToken": str(offset + size)}
    return answer


def get_entry(call: Call) -> dict[str, Any]:
    return _entry(call.calendar)


def insert_event(call: Call) -> dict[str, Any]:
    return _event(call, events.insert(call.calendar, call.body, now=call.now))


def get_event(call: Call) -> dict[str, Any]:
    return _event(call, events.find(call.calendar, call.arguments["eventId"]))


def patch_event(call: Call) -> dict[str, Any]:
    return _change_event(call, is_patch=True)


def update_event(call: Call) -> dict[str, Any]:
    return _change_event(call, is_patch=False)


def _change_event(call: Call, *, is_patch: bool) -> dict[str, Any]:
    calendar = call.calendar
    event = events.find(calendar, call.arguments["eventId"])
    call.matches(event.body["etag"])
    changed = events.change(
        calendar,
        event,
        call.body,
        now=call.now,
        is_patch=is_patch,
        may_revive=call.google.revives_tombstones,
    )
    return _event(call, changed)


def delete_event(call: Call) -> None:
    calendar = call.calendar
    event = events.find(calendar, call.arguments["eventId"])
    call.matches(event.body["etag"])
    events.delete(calendar, event, now=call.now)


def list_events(call: Call) -> dict[str, Any]:
    calendar = call.calendar
    page = listing.page(calendar, call.arguments, now=call.now)
    page["items"] = [_resource(call, body) for body in page["items"]]
    return _events(call, calendar) | page


def list_instances(call: Call) -> dict[str, Any]:
    calendar = call.calendar
    series = events.find(calendar, call.arguments["eventId"])
    found = listing.instances(calendar, series, call.arguments, now=call.now)
    size = call.arguments.get("maxResults", 250)
    offset = int(call.arguments.get("pageToken", "0"))
    items = [_resource(call, body) for body in found[offset : offset + size]]
    answer = _events(call, calendar) | {"items": items}
    if offset + size < len(found):
        return answer | {"nextPageToken": str(offset + size)}
    return answer


def watch_events(call: Call) -> dict[str, Any]:
    calendar = call.calendar
    channel = call.google.watch.open(
        calendar,
        call.body,
        base=f"{call.base}calendars/{quote(calendar.id, safe='')}/events",
        account=call.account.email,
        client_id=call.client_id,
    )
    return channel.body()


def stop_channel(call: Call) -> None:
    for name in ("id", "resourceId"):
        if not call.body.get(name):
            raise Refused(400, "required", location=name)
    call.google.watch.stop(call.body["id"], call.body["resourceId"], client_id=call.client_id)


def query_freebusy(call: Call) -> dict[str, Any]:
    return freebusy.query(call.account, call.body)


def _calendar(calendar: Calendar) -> dict[str, Any]:
    return {
        "kind": "calendar#calendar",
        "etag": calendar.etag,
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.zone.key,
        "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
        **calendar.details,
    }


def _entry(calendar: Calendar) -> dict[str, Any]:
    entry = _calendar(calendar) | {
        "kind": "calendar#calendarListEntry",
        "accessRole": "owner",
        "selected": True,
        "defaultReminders": [{"method": "popup", "minutes": 30}],
    }
    return entry | ({"primary": True} if calendar.is_primary else {})


def _events(call: Call, calendar: Calendar) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "kind": "calendar#events",
        "etag": calendar.etag,
        "updated": times.stamp(call.now),
        "timeZone": call.arguments.get("timeZone", calendar.zone.key),
        "accessRole": "owner" if call.shows_titles else "freeBusyReader",
        "defaultReminders": [],
    }
    return answer | ({"summary": calendar.summary} if call.shows_titles else {})


def _event(call: Call, event: Event) -> dict[str, Any]:
    return _resource(call, event.body)


def _resource(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    shown = {"kind": "calendar#event", **body}
    if not call.shows_titles:
        # What really is left under these scopes must be seen on a real account.
        shown = {key: value for key, value in shown.items() if key in _WITHOUT_TITLES}
    if "timeZone" in call.arguments:
        zone = times.zone_named(call.arguments["timeZone"])
        for name in ("start", "end"):
            if "dateTime" in shown[name]:
                at = times.show(times.parse(shown[name]["dateTime"]), zone)
                shown[name] = {"dateTime": at, "timeZone": shown[name]["timeZone"]}
    return shown


METHODS: dict[str, Callable[[Call], dict[str, Any] | None]] = {
    "calendar.calendars.insert": insert_calendar,
    "calendar.calendars.get": get_calendar,
    "calendar.calendars.patch": change_calendar,
    "calendar.calendars.update": change_calendar,
    "calendar.calendars.delete": delete_calendar,
    "calendar.calendarList.list": list_calendars,
    "calendar.calendarList.get": get_entry,
    "calendar.events.insert": insert_event,
    "calendar.events.get": get_event,
    "calendar.events.patch": patch_event,
    "calendar.events.update": update_event,
    "calendar.events.delete": delete_event,
    "calendar.events.list": list_events,
    "calendar.events.instances": list_instances,
    "calendar.events.watch": watch_events,
    "calendar.channels.stop": stop_channel,
    "calendar.freebusy.query": query_freebusy,
}
"""What the fake server does; the other methods of the document answer 501."""
