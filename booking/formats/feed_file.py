"""The iCalendar file of a feed (RFC 5545, RFC 7986).

The file does not hold the instant of the request: the same appointments give the same bytes, so that a second
request can be answered with "not modified".
"""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import icalendar

from booking.formats.calendar_file import PRODUCT, wall_clock
from booking.formats.zone_rules import vtimezone

FORM = 2
"""The version of the format; to be increased when the same contents are written in other bytes."""
ASK_AGAIN = dt.timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One appointment of the feed; ``changed_at`` is the instant of its last change, not of the request."""

    uid: str
    sequence: int
    changed_at: dt.datetime
    starts_at: dt.datetime
    ends_at: dt.datetime
    zone: str
    summary: str
    description: str


@dataclass(frozen=True)
class FeedFile:
    """The contents of a feed: its name, and its appointments in order of time."""

    name: str
    entries: Sequence[Entry]

    @property
    def fingerprint(self) -> str:
        """Return a hash of the contents (40 hex digits); equal contents give equal bytes of the file."""
        contents = repr((FORM, icalendar.__version__, self.name, self.entries))
        return hashlib.sha256(contents.encode()).hexdigest()[:40]


def feed_file(feed: FeedFile) -> bytes:
    """Return the file, in UTF-8 with CRLF line ends."""
    calendar = icalendar.Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    for name in ("name", "x-wr-calname"):
        calendar[name] = icalendar.vText(
            feed.name
        )  # add() does not escape properties that it does not know
    calendar.add("refresh-interval", ASK_AGAIN, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", f"PT{ASK_AGAIN.seconds // 60}M")
    for zone in sorted({entry.zone for entry in feed.entries}):
        calendar.add_component(vtimezone(ZoneInfo(zone)))
    for entry in feed.entries:
        calendar.add_component(_component(entry))
    data: bytes = calendar.to_ical()
    return data


def _component(entry: Entry) -> icalendar.Event:
    zone, changed_at = (
        ZoneInfo(entry.zone),
        entry.changed_at.astimezone(dt.UTC).replace(microsecond=0),
    )
    component = icalendar.Event()
    component.add("uid", entry.uid)
    component.add("sequence", entry.sequence)
    component.add("dtstamp", changed_at)
    component.add("last-modified", changed_at)
    component.add("dtstart", wall_clock(entry.starts_at, zone))
    component.add("dtend", wall_clock(entry.ends_at, zone))
    component.add("summary", entry.summary)
    if entry.description:
        component.add("description", entry.description)
    component.add("status", "CONFIRMED")
    component.add("class", "PRIVATE")
    component.add("transp", "OPAQUE")
    return component
