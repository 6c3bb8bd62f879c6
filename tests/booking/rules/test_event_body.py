"""The bodies of events by level, and their identifiers (B-33)."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.rules.erasure import Level
from booking.rules.event_body import (
    ANONYMOUS,
    COLOURS,
    EventVisit,
    anonymous_body,
    body_of,
    event_id,
    frame_of,
)

VISIT = EventVisit(
    starts_at=datetime(2026, 12, 7, 9, 0, tzinfo=UTC),
    ends_at=datetime(2026, 12, 7, 9, 45, tzinfo=UTC),
    zone="Europe/Paris",
    spoken_ref="ABC123",
    label="Consultation",
    colour=2,
    first_name="Camille",
    last_name="Spécimen",
    phone="+33639980104",
    is_named=True,
)
FRAME = {
    "start": {"dateTime": "2026-12-07T10:00:00+01:00", "timeZone": "Europe/Paris"},
    "end": {"dateTime": "2026-12-07T10:45:00+01:00", "timeZone": "Europe/Paris"},
    "status": "confirmed",
    "visibility": "private",
    "transparency": "opaque",
    "guestsCanInviteOthers": False,
    "guestsCanModify": False,
    "guestsCanSeeOtherGuests": False,
    "extendedProperties": {"private": {"librdv": "1", "v": "3"}},
    "colorId": "2",
}
REF = UUID("0123456789abcdef0123456789abcdef")


@pytest.mark.parametrize(
    ("level", "summary", "description"),
    [
        (Level.REFERENCE, "Réservé (réf. ABC123)", ""),
        (Level.INITIALS, "RDV C. S.", ""),
        (Level.NAMED, "Camille Spécimen", "+33639980104\nConsultation"),
    ],
)
def test_bodies_have_exactly_these_fields(level: Level, summary: str, description: str) -> None:
    body = body_of(VISIT, level=level, version=3)

    assert body == {"summary": summary, "description": description, "location": "", **FRAME}


@pytest.mark.parametrize(
    ("level", "is_named", "location"),
    [
        (Level.REFERENCE, True, ""),
        (Level.INITIALS, True, ""),
        (Level.NAMED, True, "3 rue des Essais, 59000 Lille"),
        (Level.NAMED, False, ""),
    ],
)
def test_the_address_of_a_home_visit_stands_only_beside_the_name(
    level: Level, is_named: bool, location: str
) -> None:
    visit = replace(VISIT, home_address="3 rue des Essais, 59000 Lille", is_named=is_named)

    assert body_of(visit, level=level, version=3)["location"] == location


@pytest.mark.parametrize("level", list(Level))
def test_without_a_person_only_the_reference_is_left(level: Level) -> None:
    body = body_of(replace(VISIT, is_named=False), level=level, version=3)

    assert (body["summary"], body["description"]) == ("Réservé (réf. ABC123)", "")


def test_an_anonymous_event_keeps_its_times_only() -> None:
    at_home = replace(VISIT, home_address="3 rue des Essais, 59000 Lille")

    assert anonymous_body(at_home, version=3) == {
        "summary": ANONYMOUS,
        "description": "",
        "location": "",
        **FRAME,
    }
    assert frame_of(VISIT, version=3) == FRAME


def test_the_calendars_own_colour_is_not_sent() -> None:
    assert "colorId" not in frame_of(replace(VISIT, colour=0), version=1)
    assert list(COLOURS) == list(range(12))


@given(
    first=st.text(min_size=2, max_size=20),
    last=st.text(min_size=2, max_size=20),
    phone=st.from_regex(r"\+33[67][0-9]{8}", fullmatch=True),
)
def test_below_l2_the_body_has_neither_name_nor_number(first: str, last: str, phone: str) -> None:
    visit = replace(VISIT, first_name=f"Zq{first}", last_name=f"Xw{last}", phone=phone)
    for level in (Level.REFERENCE, Level.INITIALS):
        body = str(body_of(visit, level=level, version=1))
        assert f"Zq{first}" not in body
        assert f"Xw{last}" not in body
        assert phone not in body


@given(key=st.binary(min_size=32, max_size=32), ref=st.uuids(), generation=st.integers(0, 9))
def test_identifiers_are_valid_for_google_and_stable(
    key: bytes, ref: UUID, generation: int
) -> None:
    made = event_id(key=key, ref=ref, generation=generation)

    assert re.fullmatch(r"[0-9a-v]{52}", made)
    assert made == event_id(key=key, ref=ref, generation=generation)


def test_another_key_row_or_generation_is_another_identifier() -> None:
    identifier = event_id(key=b"k" * 32, ref=REF, generation=0)
    others = {
        event_id(key=b"j" * 32, ref=REF, generation=0),
        event_id(key=b"k" * 32, ref=UUID(int=1), generation=0),
        event_id(key=b"k" * 32, ref=REF, generation=1),
    }
    assert identifier not in others
    assert len(others) == 3
