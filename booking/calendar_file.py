"""The .ics file that goes with a message or is downloaded from the page (RFC 5545, RFC 5546)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import icalendar

PRODUCT = "-//lib-rdv//rendez-vous//FR"


class Method(StrEnum):
    """What the file asks of the calendar that opens it."""

    PUBLISH = "PUBLISH"
    CANCEL = "CANCEL"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One appointment as its calendar file tells it; it names neither motif nor profession.

    `starts_at` and `ends_at` are aware instants, `zone` is the zone of the place, `sequence` grows
    by one each time the appointment moves or is cancelled (RFC 5545 3.8.7.4).
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


def uid(ref: UUID, host: str) -> str:
    """The identifier a calendar keeps: the same through every move and for ever."""
    return f"{ref.hex}@{host}"


def calendar_file(event: Event, *, method: Method, now: dt.datetime) -> bytes:
    """The file, in UTF-8 with CRLF line ends; `now` is the instant it was made (DTSTAMP)."""
    calendar = icalendar.Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method.value)
    component = _component(event, method=method, now=now)
    if "TZID" in component["dtstart"].params or "TZID" in component["dtend"].params:
        first, last = event.starts_at.date(), event.ends_at.date()
        calendar.add_component(rules_of(event.zone, first, last))
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
    return component


def wall_clock(moment: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The hour of the place, or UTC in the hour that happens twice: a local hour that is
    ambiguous always means the first of the two (RFC 5545 3.3.5), so the second needs UTC."""
    local = moment.astimezone(zone)
    return moment.astimezone(dt.UTC) if local.fold else local


def rules_of(zone: ZoneInfo, first: dt.date, last: dt.date) -> icalendar.Timezone:
    """Rules of the zone for the years around these dates: what a reader needs, and no more."""
    return icalendar.Timezone.from_tzinfo(
        zone,
        zone.key,
        first_date=dt.date(first.year - 1, 1, 1),
        last_date=dt.date(last.year + 2, 1, 1),
    )
