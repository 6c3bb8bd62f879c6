"""The substitute of a practitioner on a date is the same for slots, pages and messages (B-15)."""

from datetime import date, timedelta

import pytest

from booking.models import Replacement
from booking.scheduling.catalogue import (
    SubstitutePeriod,
    substitute_among,
    substitute_of,
    substitute_on,
)
from booking.scheduling.queries import free_slots
from tenants.schema import Unit
from tests.factories import NOW, Cabinet, local, make_appointment, make_practitioner

FIRST, LAST = date(2026, 11, 16), date(2026, 11, 18)
PERIODS = [
    SubstitutePeriod(date(2026, 11, 2), date(2026, 11, 2), "Ane Fictif"),
    SubstitutePeriod(FIRST, LAST, "Bea Fictif"),
]


@pytest.mark.parametrize(
    ("on", "name"),
    [
        (FIRST - timedelta(days=1), ""),
        (FIRST, "Bea Fictif"),
        (LAST, "Bea Fictif"),
        (LAST + timedelta(days=1), ""),
        (date(2026, 11, 2), "Ane Fictif"),
    ],
)
def test_both_dates_are_included(on: date, name: str) -> None:
    assert substitute_among(PERIODS, on) == name


@pytest.mark.parametrize(
    ("on", "name"), [(FIRST, "Bea Fictif"), (LAST, "Bea Fictif"), (date(2026, 11, 19), "")]
)
def test_slots_rows_and_appointments_name_the_same_person(
    tenant: Unit, on: date, name: str
) -> None:
    cabinet = Cabinet()
    Replacement.objects.create(
        practitioner=cabinet.practitioner, substitute_name="Bea Fictif", from_on=FIRST, to_on=LAST
    )
    slots = free_slots(appointment_type=cabinet.type, from_on=on, until_on=on, now=NOW)

    assert {slot.substitute_name for slot in slots} == {name}
    assert substitute_on(cabinet.practitioner.pk, on) == name
    assert substitute_on(make_practitioner("Hugo").pk, on) == ""
    assert substitute_of(make_appointment(cabinet, local(on, 9))) == name


def test_the_date_is_that_of_the_place(tenant: Unit) -> None:
    cabinet = Cabinet()
    cabinet.location.time_zone = "Pacific/Tahiti"
    cabinet.location.save(update_fields=["time_zone"])
    Replacement.objects.create(
        practitioner=cabinet.practitioner, substitute_name="Bea Fictif", from_on=FIRST, to_on=FIRST
    )
    evening = make_appointment(cabinet, local(FIRST, 20, offset_hours=-10))

    assert evening.starts_at.date() == FIRST + timedelta(days=1)
    assert substitute_of(evening) == "Bea Fictif"
