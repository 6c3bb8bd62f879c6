"""The file of a feed: equal contents give equal bytes, in the format of RFC 5545."""

import datetime as dt
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.formats.feed_file import (
    Entry,
    FeedFile,
    feed_file,
)

AT = dt.datetime(2026, 11, 24, 13, 30, tzinfo=dt.UTC)


def entry(**fields: Any) -> Entry:
    values: dict[str, Any] = {
        "uid": "0a1b@maite.lib-rdv.example",
        "sequence": 2,
        "changed_at": dt.datetime(2026, 11, 10, 8, 0, 0, 123, tzinfo=dt.UTC),
        "starts_at": AT,
        "ends_at": AT + dt.timedelta(minutes=45),
        "zone": "Europe/Paris",
        "summary": "RDV C. S.",
        "description": "",
    }
    return Entry(**values | fields)


def read(feed: FeedFile) -> Any:
    return icalendar.Calendar.from_ical(feed_file(feed))


def test_an_event_has_exactly_the_expected_properties() -> None:
    data = feed_file(FeedFile("Rendez-vous, Maite Exemple", [entry()]))

    (component,) = icalendar.Calendar.from_ical(data).walk("VEVENT")
    assert b"DTSTART;TZID=Europe/Paris:20261124T143000\r\n" in data
    assert b"DTSTAMP:20261110T080000Z\r\n" in data
    assert b"X-WR-CALNAME:Rendez-vous\\, Maite Exemple\r\n" in data
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT15M\r\n" in data
    assert set(component) == {
        "UID", "SEQUENCE", "DTSTAMP", "LAST-MODIFIED", "DTSTART", "DTEND", "SUMMARY", "STATUS",
        "CLASS", "TRANSP",
    }  # fmt: skip
    assert (component["CLASS"], component["SEQUENCE"]) == ("PRIVATE", 2)
    assert "METHOD" not in icalendar.Calendar.from_ical(data)


def test_a_name_is_text_whatever_is_in_it() -> None:
    name = "Rendez-vous, Maite; « Exemple »\\\nBEGIN:VEVENT"

    data = feed_file(FeedFile(name, []))

    escaped = "Rendez-vous\\, Maite\\; « Exemple »\\\\\\nBEGIN:VEVENT"
    assert f"\r\nNAME:{escaped}\r\n".encode() in data
    assert f"\r\nX-WR-CALNAME:{escaped}\r\n".encode() in data


def test_the_rules_of_each_zone_are_written_once() -> None:
    calendar = read(FeedFile("x", [entry(), entry(uid="2"), entry(uid="3", zone="Indian/Reunion")]))

    zones = [str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")]
    assert zones == ["Europe/Paris", "Indian/Reunion"]


@pytest.mark.parametrize("hour", [0, 1])
def test_both_repeated_hours_are_written_in_utc(hour: int) -> None:
    repeated = dt.datetime(2026, 10, 25, hour, 30, tzinfo=dt.UTC)
    data = feed_file(
        FeedFile("x", [entry(starts_at=repeated, ends_at=repeated + dt.timedelta(minutes=5))])
    )

    assert f"DTSTART:20261025T0{hour}3000Z\r\n".encode() in data


def test_an_empty_feed_is_a_calendar() -> None:
    assert read(FeedFile("x", [])).walk("VEVENT") == []


@pytest.mark.parametrize(
    "change",
    [
        {"uid": "other"},
        {"sequence": 3},
        {"changed_at": AT},
        {"starts_at": AT - dt.timedelta(minutes=5)},
        {"ends_at": AT + dt.timedelta(minutes=50)},
        {"zone": "Indian/Reunion"},
        {"summary": "RDV"},
        {"description": "x"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_change_of_the_contents_changes_the_fingerprint(change: dict[str, Any]) -> None:
    before, after = FeedFile("x", [entry()]), FeedFile("x", [replace(entry(), **change)])

    assert feed_file(before) != feed_file(after)
    assert before.fingerprint != after.fingerprint
    assert before.fingerprint != FeedFile("y", [entry()]).fingerprint
    assert before.fingerprint != FeedFile("x", []).fingerprint


def test_the_same_contents_give_the_same_bytes_at_any_time() -> None:
    first, second = FeedFile("x", [entry()]), FeedFile("x", [entry()])

    assert (first.fingerprint, feed_file(first)) == (
        second.fingerprint,
        feed_file(second),
    )


# The library writes a typed « \\N » as a line break, which RFC 5545 reads it as.
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=90).filter(
    lambda text: "\\N" not in text
)
ZONES = st.sampled_from(["Europe/Paris", "Indian/Reunion", "Pacific/Marquesas", "America/Miquelon"])


@given(summary=TEXT, description=TEXT, zone=ZONES, minute=st.integers(0, 600_000))
def test_a_reader_gets_back_what_was_written(
    summary: str, description: str, zone: str, minute: int
) -> None:
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=minute)
    made = entry(
        summary=summary,
        description=description,
        zone=zone,
        starts_at=start,
        ends_at=start + dt.timedelta(minutes=30),
    )

    (component,) = read(FeedFile("x", [made])).walk("VEVENT")

    local = start.astimezone(ZoneInfo(zone))
    shown = component["DTSTART"].dt
    assert shown.astimezone(dt.UTC) == start or local.fold
    assert str(component["SUMMARY"]) == summary
    assert str(component.get("DESCRIPTION", "")) == description
