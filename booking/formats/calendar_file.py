"""The .ics file of one appointment, attached to messages and offered on the page (RFC 5545, RFC 5546)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import icalendar

from booking.formats.zone_rules import vtimezone

PRODUCT = "-//lib-rdv//rendez-vous//FR"
ALARMS = (dt.timedelta(days=1), dt.timedelta(hours=2))
"""How long before the start the calendar of the person reminds them."""


class Method(StrEnum):
    """The iTIP method of the file: add or update the event, or cancel it."""

    PUBLISH = "PUBLISH"
    CANCEL = "CANCEL"


@dataclass(frozen=True, kw_only=True)
class Event:
    """The contents of the file of one appointment; without appointment type and profession.

    `description` says what the person needs on the day, lines apart by a line feed.
    `starts_at` and `ends_at` are aware instants, `zone` is the zone of the location, `sequence` grows by one
    with each move and with the cancellation (RFC 5545 3.8.7.4).
    """

    ref: UUID
    sequence: int
    starts_at: dt.datetime
    ends_at: dt.datetime
    zone: ZoneInfo
    title: str
    place: str
    host: str
    organizer: str
    sender: str
    manage_url: str = ""
    description: str = ""


def uid(ref: UUID, host: str) -> str:
    """Return the identifier of the event; it stays the same when the appointment moves."""
    return f"{ref.hex}@{host}"


def calendar_file(event: Event, *, method: Method, now: dt.datetime) -> bytes:
    """Return the file, in UTF-8 with CRLF line ends; `now` becomes DTSTAMP."""
    calendar = icalendar.Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method.value)
    component = _component(event, method=method, now=now)
    if "TZID" in component["dtstart"].params or "TZID" in component["dtend"].params:
        calendar.add_component(vtimezone(event.zone))
    calendar.add_component(component)
    data: bytes = calendar.to_ical()
    return data


def _component(event: Event, *, method: Method, now: dt.datetime) -> icalendar.Event:
    component = icalendar.Event()
    component.add("uid", uid(event.ref, event.host))
    component.add("sequence", event.sequence)
    component.add("dtstamp", now.astimezone(dt.UTC).replace(microsecond=0))
    component.add("dtstart", wall_clock(event.starts_at, event.zone))
    component.add("dtend", wall_clock(event.ends_at, event.zone))
    component.add("summary", event.title)
    if event.place:
        component.add("location", event.place)
    organizer = icalendar.vCalAddress(f"mailto:{event.sender}")
    organizer.params["CN"] = icalendar.vText(event.organizer)
    component.add("organizer", organizer)
    component.add("status", "CANCELLED" if method is Method.CANCEL else "CONFIRMED")
    component.add("class", "PRIVATE")
    component.add("transp", "TRANSPARENT" if method is Method.CANCEL else "OPAQUE")
    if event.manage_url and method is Method.PUBLISH:
        component.add("url", event.manage_url)
    if method is Method.PUBLISH:
        if event.description:
            component.add("description", event.description)
        for before in ALARMS:
            component.add_component(_alarm(event, before))
    return component


def _alarm(event: Event, before: dt.timedelta) -> icalendar.Alarm:
    alarm = icalendar.Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -before)
    alarm.add("description", event.title)
    return alarm


def wall_clock(moment: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """Return the local time in the zone, or UTC in an hour that the clocks repeat.

    RFC 5545 3.3.5 reads an ambiguous local time as the first of the two hours, ical.js as the second.
    """
    local = moment.astimezone(zone)
    other = local.replace(fold=1 - local.fold)
    return local if other.utcoffset() == local.utcoffset() else moment.astimezone(dt.UTC)
