"""A slot occupies elapsed time, also on nights with a clock change and in any zone (B-11, B-13)."""

import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from hypothesis import given
from hypothesis import strategies as st

from booking.appointments.resize import resize
from booking.models import Appointment, AppointmentType, Location, Practitioner
from booking.rules.errors import SlotTaken
from booking.scheduling import slots
from booking.scheduling.slots import ResolvedSlot, SlotSelection
from tenants.schema import Unit
from tests.factories import Cabinet, make_appointment, make_hours

PARIS = ZoneInfo("Europe/Paris")
# The clocks of Paris change at 01:00 UTC.
NIGHTS = (datetime(2027, 3, 28, 1, tzinfo=UTC), datetime(2027, 10, 31, 1, tzinfo=UTC))
MINUTE = timedelta(minutes=1)


@given(
    night=st.sampled_from(NIGHTS),
    around=st.integers(-240, 240),
    length=st.integers(5, 180),
    margins=st.tuples(st.integers(0, 120), st.integers(0, 120)),
)
def test_lengths_and_margins_are_real_time(
    night: datetime, around: int, length: int, margins: tuple[int, int]
) -> None:
    before, after = margins
    appointment_type = AppointmentType(
        duration_min=length, buffer_before_min=before, buffer_after_min=after
    )
    starts_at = night + around * MINUTE

    resolved = ResolvedSlot(
        Practitioner(), Location(), appointment_type, starts_at.astimezone(PARIS)
    )

    assert resolved.ends_at == starts_at + length * MINUTE
    assert resolved.occupied == (starts_at - before * MINUTE, starts_at + (length + after) * MINUTE)


@pytest.fixture
def night_owl(tenant: Unit) -> Cabinet:
    """A practice open day and night, with appointments of 30 minutes and a margin of 30 minutes before each."""
    cabinet = Cabinet()
    make_hours(
        cabinet.practitioner, cabinet.location, weekdays=range(7), starts_min=0, ends_min=1440
    )
    AppointmentType.objects.update(
        duration_min=30, buffer_before_min=30, buffer_after_min=0, horizon_days=350
    )
    cabinet.type.refresh_from_db()
    return cabinet


SPRING, AUTUMN = NIGHTS
# The repeated hour of autumn is offered once, the first time: starts at and after the change are left out.
STARTS = [SPRING + shift * MINUTE for shift in range(-180, 181, 30)] + [
    AUTUMN + shift * MINUTE for shift in range(-180, 181, 30) if shift not in {0, 30}
]


@pytest.mark.parametrize("starts_at", STARTS)
def test_a_slot_of_a_night_with_a_clock_change_excludes_others(
    night_owl: Cabinet, starts_at: datetime
) -> None:
    now = starts_at - timedelta(days=30)
    selection = night_owl.selection(starts_at.astimezone(PARIS))

    slot_hold = hold(selection, now=now)

    slot_hold.refresh_from_db()
    assert (slot_hold.during.lower, slot_hold.during.upper) == (
        starts_at - 30 * MINUTE,
        starts_at + 30 * MINUTE,
    )
    with pytest.raises(SlotTaken), transaction.atomic():
        hold(selection, now=now)


def hold(selection: SlotSelection, *, now: datetime) -> Appointment:
    return slots.hold_slot(
        selection=selection, form_ref=uuid.uuid4(), network_index=b"n" * 32, now=now
    )


def test_a_longer_visit_of_a_night_with_a_clock_change_keeps_its_margin(night_owl: Cabinet) -> None:
    night = NIGHTS[1]
    AppointmentType.objects.update(buffer_before_min=0, buffer_after_min=30)
    visit = make_appointment(night_owl, night - 60 * MINUTE, now=night - timedelta(days=30))

    resized = resize(
        appointment=visit, ends_at=night.astimezone(PARIS), sequence=visit.sequence, overbook=False,
        notify=False, actor="user:1", now=night - timedelta(days=29),
    )  # fmt: skip

    resized.refresh_from_db()
    assert resized.during.upper == night + 30 * MINUTE


@pytest.mark.parametrize("during", ["empty", "shorter"])
def test_the_database_refuses_a_range_that_does_not_contain_the_visit(
    night_owl: Cabinet, during: str
) -> None:
    visit = make_appointment(
        night_owl, NIGHTS[0] + timedelta(hours=9), now=NIGHTS[0] - timedelta(days=9)
    )
    shorter = DateTimeTZRange(visit.starts_at, visit.ends_at - MINUTE)
    ranges = {"empty": DateTimeTZRange(empty=True), "shorter": shorter}

    with pytest.raises(IntegrityError, match="appointment_during_holds_it"), transaction.atomic():
        Appointment.objects.filter(pk=visit.pk).update(during=ranges[during])
