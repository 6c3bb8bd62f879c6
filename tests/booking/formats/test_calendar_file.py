import datetime as dt
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import icalendar
import pytest

from booking.formats.calendar_file import (
    Event,
    Method,
    calendar_file,
)

REF = UUID("6f1d0f3e-95a5-4b8e-8f0e-3a1c2b4d5e6f")
NOW = dt.datetime(2026, 11, 10, 8, 0, 0, 123, tzinfo=dt.UTC)


def event(
    starts_at: dt.datetime = dt.datetime(2026, 11, 24, 13, 30, tzinfo=dt.UTC),
    *,
    zone: str = "Europe/Paris",
    minutes: int = 45,
    sequence: int = 0,
) -> Event:
    return Event(
        ref=REF,
        sequence=sequence,
        starts_at=starts_at,
        ends_at=starts_at + dt.timedelta(minutes=minutes),
        zone=ZoneInfo(zone),
        title="Rendez-vous avec Maite Exemple",
        place="12 rue de la Falaise, 64210 Bidart",
        host="maite-exemple.lib-rdv.example",
        organizer="Maite Exemple",
        sender="rdv@lib-rdv.example",
        manage_url="https://maite-exemple.lib-rdv.example/r/x/",
    )


def read(data: bytes) -> tuple[Any, Any]:
    """Return the calendar and its event; untyped, since a property may have one of thirty types."""
    calendar: Any = icalendar.Calendar.from_ical(data)
    return calendar, calendar.walk("VEVENT")[0]


def instants(data: bytes) -> tuple[dt.datetime, dt.datetime]:
    """Return start and end as RFC 5545 defines them: an ambiguous hour is the first of the two."""
    _, component = read(data)
    return (
        component["dtstart"].dt.astimezone(dt.UTC),
        component["dtend"].dt.astimezone(dt.UTC),
    )


def test_the_file_has_the_local_time_and_the_rules_of_its_zone() -> None:
    data = calendar_file(event(), method=Method.PUBLISH, now=NOW)

    calendar, component = read(data)
    assert b"DTSTART;TZID=Europe/Paris:20261124T143000\r\n" in data
    assert b"DTSTAMP:20261110T080000Z\r\n" in data
    assert [zone["tzid"] for zone in calendar.walk("VTIMEZONE")] == ["Europe/Paris"]
    assert calendar["method"] == "PUBLISH"
    assert component["status"] == "CONFIRMED"
    assert component["uid"] == f"{REF.hex}@maite-exemple.lib-rdv.example"


def test_a_move_keeps_the_identifier_and_raises_the_sequence() -> None:
    _, first = read(calendar_file(event(), method=Method.PUBLISH, now=NOW))
    _, moved = read(calendar_file(event(sequence=1), method=Method.PUBLISH, now=NOW))

    assert moved["uid"] == first["uid"]
    assert int(moved["sequence"]) == int(first["sequence"]) + 1


def test_a_cancellation_has_method_and_status_and_no_link() -> None:
    calendar, component = read(calendar_file(event(sequence=2), method=Method.CANCEL, now=NOW))

    assert calendar["method"] == "CANCEL"
    assert component["status"] == "CANCELLED"
    assert "url" not in component


@pytest.mark.parametrize(
    ("zone", "starts_at"),
    [
        # Europe/Paris: the night of March has no 02:30, the night of October has it twice.
        ("Europe/Paris", dt.datetime(2027, 3, 28, 0, 30, tzinfo=dt.UTC)),
        ("Europe/Paris", dt.datetime(2027, 3, 28, 1, 0, tzinfo=dt.UTC)),
        ("Europe/Paris", dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC)),
        ("Europe/Paris", dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC)),
        ("America/Miquelon", dt.datetime(2026, 11, 1, 3, 30, tzinfo=dt.UTC)),
        ("America/Miquelon", dt.datetime(2026, 11, 1, 4, 30, tzinfo=dt.UTC)),
        ("Indian/Reunion", dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC)),
        ("America/Martinique", dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC)),
        ("Pacific/Tahiti", dt.datetime(2028, 2, 29, 9, 30, tzinfo=dt.UTC)),
        ("Pacific/Marquesas", dt.datetime(2026, 12, 31, 23, 45, tzinfo=dt.UTC)),
    ],
)
def test_the_instants_survive_every_night_of_the_year(zone: str, starts_at: dt.datetime) -> None:
    data = calendar_file(event(starts_at, zone=zone), method=Method.PUBLISH, now=NOW)

    assert instants(data) == (starts_at, starts_at + dt.timedelta(minutes=45))


@pytest.mark.parametrize(
    ("zone", "moment"),
    [
        ("Europe/Paris", dt.datetime(2027, 1, 15, 12, 0, tzinfo=dt.UTC)),
        ("Europe/Paris", dt.datetime(2027, 7, 15, 12, 0, tzinfo=dt.UTC)),
        ("Europe/Paris", dt.datetime(2028, 3, 26, 12, 0, tzinfo=dt.UTC)),
        ("America/Miquelon", dt.datetime(2027, 7, 15, 12, 0, tzinfo=dt.UTC)),
        ("Pacific/Marquesas", dt.datetime(2027, 7, 15, 12, 0, tzinfo=dt.UTC)),
    ],
)
def test_the_rules_written_in_the_file_are_those_of_the_zone(
    zone: str, moment: dt.datetime
) -> None:
    starts_at = dt.datetime(2027, 7, 15, 9, 0, tzinfo=dt.UTC)
    calendar, _ = read(calendar_file(event(starts_at, zone=zone), method=Method.PUBLISH, now=NOW))

    written = calendar.walk("VTIMEZONE")[0].to_tz(lookup_tzid=False)

    assert (
        moment.replace(tzinfo=written).utcoffset()
        == moment.replace(tzinfo=ZoneInfo(zone)).utcoffset()
    )


def test_lines_are_folded_at_75_octets_and_end_with_crlf() -> None:
    data = calendar_file(event(), method=Method.PUBLISH, now=NOW)

    assert data.endswith(b"END:VCALENDAR\r\n")
    assert max(len(line) for line in data.split(b"\r\n")) <= 75
    assert b"\n" not in data.replace(b"\r\n", b"")


def test_a_title_cannot_inject_a_line() -> None:
    hostile = Event(
        **{
            **vars(event()),
            "title": "Rendez-vous\r\nATTENDEE:mailto:x@y.example; a, b\\n",
        }
    )

    _, component = read(calendar_file(hostile, method=Method.PUBLISH, now=NOW))

    assert "attendee" not in component
