"""Time that a change of hours reopens is offered to the waiting list, as a freed slot is."""

import uuid
from datetime import datetime, timedelta

import pytest

from booking.appointments.book import book_by_staff
from booking.appointments.cancel import cancel
from booking.models import Appointment, Offer, OpeningHours, Practice
from booking.scheduling import absences, hours
from booking.scheduling.absences import BlockedTime
from booking.scheduling.hours import Pattern, Range
from booking.waiting_list.reopened_time import offering_reopened
from tenants.schema import Unit
from tests.booking.waiting_list.test_waiting_list import SLOT, the_offer, wait
from tests.factories import NOW, Cabinet, make_appointment, make_person

DAY = timedelta(days=1)


@pytest.fixture
def cabinet(tenant: Unit) -> Cabinet:
    return Cabinet()


def away(
    cabinet: Cabinet, *, since: datetime = NOW - DAY, until: datetime = NOW + 40 * DAY
) -> None:
    absences.add(
        blocked=BlockedTime(practitioner=cabinet.practitioner, starts_at=since, ends_at=until),
        actor="system",
        now=NOW,
    )


def offered() -> list[tuple[str, datetime]]:
    rows = Offer.objects.filter(state=Offer.OfferState.OFFERED).order_by("starts_at")
    return [(str(row.entry_id), row.starts_at) for row in rows]


def test_an_absence_that_ends_early_is_offered_one_slot_to_each_person(cabinet: Cabinet) -> None:
    away(cabinet, until=SLOT + DAY)
    first, second = wait(cabinet, "ane"), wait(cabinet, "bea")
    absence = absences.ending_after(NOW).get()

    with offering_reopened(now=NOW):
        absences.remove(absence=absence, actor="system", now=NOW)

    assert [entry for entry, _start in offered()] == [str(first.pk), str(second.pk)]
    starts = [start for _entry, start in offered()]
    assert starts == sorted(set(starts))
    assert all(start < SLOT + DAY for start in starts)


def test_only_time_that_was_closed_before_is_offered(cabinet: Cabinet) -> None:
    wait(cabinet)
    row = OpeningHours.objects.filter(weekday=3).get()

    with offering_reopened(now=NOW):
        hours.save_week(
            practitioner=cabinet.practitioner,
            pattern=Pattern(location=cabinet.location),
            ranges=[Range(3, row.starts_min, row.ends_min + 120)],
            replaces=[row.pk],
            actor="system",
            now=NOW,
        )

    local = the_offer().starts_at + timedelta(hours=1)
    assert local.weekday() == 3
    assert local.hour * 60 + local.minute + cabinet.type.duration_min > row.ends_min


def test_the_wishes_of_the_list_are_kept(cabinet: Cabinet) -> None:
    away(cabinet)
    wait(cabinet, weekdays=1 << 4)
    absence = absences.ending_after(NOW).get()

    with offering_reopened(now=NOW):
        absences.remove(absence=absence, actor="system", now=NOW)

    assert the_offer().starts_at.weekday() == 4


def test_a_removed_row_beside_another_frees_the_slot_that_it_hid(cabinet: Cabinet) -> None:
    first = make_appointment(cabinet, SLOT)
    beside = book_by_staff(
        selection=cabinet.selection(SLOT + timedelta(minutes=30)),
        form_ref=uuid.uuid4(),
        person=make_person(),
        overbook=True,
        actor="system",
        now=NOW,
    )
    wait(cabinet)
    cancel(appointment=first, by_patient=False, actor="system", now=NOW)
    assert not Offer.objects.exists()

    cancel(appointment=beside, by_patient=False, actor="system", now=NOW)

    assert the_offer().starts_at in {SLOT, SLOT + timedelta(minutes=30)}


@pytest.mark.parametrize("why", ["nobody waits", "no list"])
def test_nothing_is_offered_and_hardly_anything_read(cabinet: Cabinet, why: str) -> None:
    away(cabinet)
    if why == "no list":
        wait(cabinet)
        Practice.objects.update(waiting_minutes=0)
    absence = absences.ending_after(NOW).get()

    with offering_reopened(now=NOW):
        absences.remove(absence=absence, actor="system", now=NOW)

    assert not Offer.objects.exists()
    assert not Appointment.objects.filter(status=Appointment.Status.HELD).exists()
