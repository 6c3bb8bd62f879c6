"""Every calendar file is read at the right hour by other programs: ten years, all French zones.

The expected instants are those of zoneinfo. The readers are tests/calendar_readers.
"""

import datetime as dt
import hashlib
from pathlib import Path
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import pytest

from booking.formats.calendar_file import Event, Method, calendar_file, uid
from booking.formats.feed_file import Entry, FeedFile, feed_file
from booking.formats.zone_rules import vtimezone, yearly_changes
from booking.practice.time_zones import ZONES
from tests import calendar_readers
from tests.calendar_readers import READERS, Instants

NAMES = [name for name, _label in ZONES]
CHANGING = {"Europe/Paris", "America/Miquelon"}
YEARS = range(2026, 2037)
LENGTH = dt.timedelta(minutes=45)
NOW = dt.datetime(2026, 12, 1, 8, tzinfo=dt.UTC)
HOST = "lib-rdv.example"
UUID_ROOT = UUID("6f1d0f3e-95a5-4b8e-8f0e-3a1c2b4d5e6f")


def months(zone: str) -> list[dt.datetime]:
    """An hour in each month of the years, at nine on a day of the zone."""
    return [
        dt.datetime(year, month, 9 + month, 9, tzinfo=ZoneInfo(zone))
        for year in YEARS
        for month in range(1, 13)
    ]


def nights(zone: str) -> list[dt.datetime]:
    """Each half hour around the nights in which the clocks change, of three years."""
    days = [
        change.in_year(year).replace(hour=0)
        for year in (2026, 2027, 2031)
        for change in yearly_changes(ZoneInfo(zone))
    ]
    return [
        day.replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC) + dt.timedelta(minutes=30 * step)
        for day in days
        for step in range(-2, 12)
    ]


def entries(starts: list[tuple[str, dt.datetime]]) -> tuple[FeedFile, Instants]:
    expected: Instants = {}
    made = []
    for number, (zone, start) in enumerate(starts):
        instant = start.astimezone(dt.UTC)
        expected[f"{number}@{HOST}"] = (instant, instant + LENGTH)
        made.append(
            Entry(
                uid=f"{number}@{HOST}",
                sequence=0,
                changed_at=NOW,
                starts_at=instant,
                ends_at=instant + LENGTH,
                zone=zone,
                summary="RDV",
                description="",
            )
        )
    return FeedFile("Rendez-vous", made), expected


def single(zone: str, start: dt.datetime, *, method: Method) -> tuple[str, bytes]:
    ref = uuid5(UUID_ROOT, f"{zone} {start} {method}")
    event = Event(
        ref=ref,
        sequence=0,
        starts_at=start.astimezone(dt.UTC),
        ends_at=start.astimezone(dt.UTC) + LENGTH,
        zone=ZoneInfo(zone),
        title="Rendez-vous avec Maite Exemple",
        place="12 rue de la Falaise",
        host=HOST,
        organizer="Maite Exemple",
        sender="rdv@lib-rdv.example",
    )
    return uid(ref, HOST), calendar_file(event, method=method, now=NOW)


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_feed_over_two_years_is_read_at_nine(reader: calendar_readers.Reader) -> None:
    paris = ZoneInfo("Europe/Paris")
    days = [(2026, 12, 28), (2027, 1, 11), (2027, 3, 26), (2027, 3, 30), (2027, 4, 8), (2027, 7, 5)]
    feed, _ = entries([("Europe/Paris", dt.datetime(*day, 9, tzinfo=paris)) for day in days])

    found = reader([feed_file(feed)])

    hours = [start.astimezone(paris).time() for start, _end in found.values()]
    assert hours == [dt.time(9)] * 6


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_feed_is_read_at_the_right_hour_for_ten_years(reader: calendar_readers.Reader) -> None:
    feed, expected = entries(
        [(zone, start) for zone in NAMES for start in months(zone) + nights(zone)]
    )

    assert reader([feed_file(feed)]) == expected
    assert len(expected) > 1800


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_the_file_of_one_visit_is_read_at_the_right_hour(reader: calendar_readers.Reader) -> None:
    """A winter file first, then summer ones: a reader may keep the first zone that it sees under a name."""
    expected: Instants = {}
    files = []
    for zone in NAMES:
        for start in months(zone)[::5]:
            for method in Method:
                name, file = single(zone, start, method=method)
                instant = start.astimezone(dt.UTC)
                expected[name] = (instant, instant + LENGTH)
                files.append(file)

    assert reader(files) == expected


@pytest.mark.parametrize("zone", NAMES)
def test_a_zone_is_written_by_yearly_rules(zone: str) -> None:
    text = vtimezone(ZoneInfo(zone)).to_ical().decode()

    parts = 2 if zone in CHANGING else 1
    assert text.count("BEGIN:STANDARD") == 1
    assert text.count("BEGIN:DAYLIGHT") == text.count("BEGIN:") - 2 == parts - 1
    assert text.count("RRULE:") == (parts if parts == 2 else 0)
    assert "RDATE" not in text
    assert "COMMENT" not in text


def test_the_rules_of_metropolitan_france_and_of_miquelon() -> None:
    paris = {
        (c.is_daylight, c.month, c.nth, c.weekday, c.at)
        for c in yearly_changes(ZoneInfo("Europe/Paris"))
    }
    miquelon = {
        (c.is_daylight, c.month, c.nth, c.weekday, c.at)
        for c in yearly_changes(ZoneInfo("America/Miquelon"))
    }

    assert paris == {(True, 3, -1, 6, dt.time(2)), (False, 10, -1, 6, dt.time(3))}
    assert miquelon == {(True, 3, 2, 6, dt.time(2)), (False, 11, 1, 6, dt.time(2))}


def test_a_zone_without_yearly_rules_is_refused() -> None:
    with pytest.raises(ValueError, match="yearly rules"):
        yearly_changes(ZoneInfo("Africa/Casablanca"))


def test_the_reader_of_thunderbird_is_the_published_file() -> None:
    file = Path(calendar_readers.__file__).parent / "ical.es5.min.cjs"

    assert hashlib.sha256(file.read_bytes()).hexdigest() == (
        "74b6aa16936daa102ca216a29c8c25b53468762dd793bd9b106074aaa7961c65"
    )
