"""A chosen slot occupies real time, on whatever night and in whatever zone it was chosen (B-11, B-13)."""

import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from hypothesis import given
from hypothesis import strategies as st

from booking.errors import SlotTaken
from booking.models import Appointment, AppointmentType, Location, Practitioner
from booking.services import holds
from booking.services.choice import Choice, Placed
from booking.services.resizing import resize
from tenants.schema import Unit
from tests.factories import Cabinet, make_appointment, make_hours

PARIS = ZoneInfo("Europe/Paris")
# At one in the morning, UTC, the clock of Paris moves.
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
    motif = AppointmentType(duration_min=length, buffer_before_min=before, buffer_after_min=after)
    starts_at = night + around * MINUTE

    placed = Placed(Practitioner(), Location(), motif, starts_at.astimezone(PARIS))

    assert placed.ends_at == starts_at + length * MINUTE
    assert placed.occupied == (starts_at - before * MINUTE, starts_at + (length + after) * MINUTE)


@pytest.fixture
def night_owl(tenant: Unit) -> Cabinet:
    """A practice that receives at night too, and airs the room for half an hour on both sides."""
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
# The repeated hour is offered once, the first time: an hour that begins at the jump in autumn is not.
STARTS = [SPRING + shift * MINUTE for shift in range(-180, 181, 30)] + [
    AUTUMN + shift * MINUTE for shift in range(-180, 181, 30) if shift not in {0, 30}
]


@pytest.mark.parametrize("starts_at", STARTS)
def test_a_slot_of_such_a_night_keeps_everybody_else_out(
    night_owl: Cabinet, starts_at: datetime
) -> None:
    now = starts_at - timedelta(days=30)
    choice = night_owl.choice(starts_at.astimezone(PARIS))

    held = hold(choice, now=now)

    held.refresh_from_db()
    assert (held.during.lower, held.during.upper) == (
        starts_at - 30 * MINUTE,
        starts_at + 30 * MINUTE,
    )
    with pytest.raises(SlotTaken), transaction.atomic():
        hold(choice, now=now)


def hold(choice: Choice, *, now: datetime) -> Appointment:
    return holds.hold_slot(choice=choice, form_ref=uuid.uuid4(), network_index=b"n" * 32, now=now)


def test_a_visit_that_is_made_longer_that_night_keeps_its_margin(night_owl: Cabinet) -> None:
    night = NIGHTS[1]
    AppointmentType.objects.update(buffer_before_min=0, buffer_after_min=30)
    visit = make_appointment(night_owl, night - 60 * MINUTE, now=night - timedelta(days=30))

    resized = resize(
        appointment=visit, ends_at=night.astimezone(PARIS), sequence=visit.sequence, over=False,
        tell=False, actor="user:1", now=night - timedelta(days=29),
    )  # fmt: skip

    resized.refresh_from_db()
    assert resized.during.upper == night + 30 * MINUTE


@pytest.mark.parametrize("during", ["empty", "shorter"])
def test_the_database_refuses_a_range_that_does_not_hold_the_visit(
    night_owl: Cabinet, during: str
) -> None:
    visit = make_appointment(
        night_owl, NIGHTS[0] + timedelta(hours=9), now=NIGHTS[0] - timedelta(days=9)
    )
    shorter = DateTimeTZRange(visit.starts_at, visit.ends_at - MINUTE)
    ranges = {"empty": DateTimeTZRange(empty=True), "shorter": shorter}

    with pytest.raises(IntegrityError, match="appointment_during_holds_it"), transaction.atomic():
        Appointment.objects.filter(pk=visit.pk).update(during=ranges[during])
