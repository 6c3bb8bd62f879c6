"""The iCalendar file of a feed: a function of what it says and of nothing else (RFC 5545, RFC 7986).

The instant at which it is asked for stands nowhere in it: the same appointments are the same bytes, so
that a program that asks again is answered "not modified".
"""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import icalendar

from booking.calendar_file import PRODUCT, rules_of, wall_clock

FORM = 1
"""Counts the ways in which these bytes were ever written."""
ASK_AGAIN = dt.timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One appointment; ``changed_at`` is when it last came to say what it says, never the present."""

    uid: str
    sequence: int
    changed_at: dt.datetime
    starts_at: dt.datetime
    ends_at: dt.datetime
    zone: str
    summary: str
    description: str


@dataclass(frozen=True)
class Feed:
    """What a feed says: its name, and its appointments by time."""

    name: str
    entries: Sequence[Entry]

    @property
    def fingerprint(self) -> str:
        """Return a word that is the same for the same bytes, without writing them."""
        said = repr((FORM, icalendar.__version__, self.name, self.entries))
        return hashlib.sha256(said.encode()).hexdigest()[:40]


def feed_file(feed: Feed) -> bytes:
    """Return the file, in UTF-8 with CRLF line ends."""
    calendar = icalendar.Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    for name in ("name", "x-wr-calname"):
        calendar[name] = icalendar.vText(feed.name)  # add() writes what it does not know unescaped
    calendar.add("refresh-interval", ASK_AGAIN, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", f"PT{ASK_AGAIN.seconds // 60}M")
    for zone in sorted({entry.zone for entry in feed.entries}):
        dates = [entry.starts_at.date() for entry in feed.entries if entry.zone == zone]
        calendar.add_component(rules_of(ZoneInfo(zone), min(dates), max(dates)))
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
