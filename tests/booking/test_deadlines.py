"""What a notice announces is what happens: foreseen dates beside those that the erasure keeps."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from booking import kinds
from booking.erasure import Moment
from booking.event_body import Cleaning, Level
from booking.models import CalendarEntry, PatientContact, Practice
from booking.services import deadlines, outside
from booking.services.calendar_entries import NOT_THERE, standing_of
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit
from tests.factories import (
    NOW,
    Cabinet,
    local,
    make_appointment,
    make_link,
    make_person,
)

THURSDAY = local((NOW + timedelta(days=2)).date(), 10)
EVE = local((NOW + timedelta(days=1)).date(), 18)
END = THURSDAY + timedelta(minutes=45)
DAY_AFTER = END + timedelta(hours=24)
NAMED, INITIALS, REFERENCE = Level.NAMED, Level.INITIALS, Level.REFERENCE
CASES = [
    # linked at level, afterwards, has phone, is reminded: announced, and when
    (None, Cleaning.KEEP, True, True, Moment.AFTER_APPOINTMENT, END),
    (NAMED, Cleaning.KEEP, True, True, Moment.AFTER_REMINDER, EVE),
    (NAMED, Cleaning.KEEP, False, True, Moment.AFTER_APPOINTMENT, END),
    (NAMED, Cleaning.KEEP, True, False, Moment.AFTER_APPOINTMENT, END),
    (NAMED, Cleaning.ANONYMISE, True, True, Moment.WITHIN_A_DAY, DAY_AFTER),
    (NAMED, Cleaning.DELETE, True, True, Moment.WITHIN_A_DAY, DAY_AFTER),
    (INITIALS, Cleaning.KEEP, True, True, Moment.AFTER_APPOINTMENT, END),
    (INITIALS, Cleaning.DELETE, True, True, Moment.WITHIN_A_DAY, DAY_AFTER),
    (REFERENCE, Cleaning.KEEP, True, True, Moment.AFTER_APPOINTMENT, END),
    (REFERENCE, Cleaning.DELETE, True, True, Moment.AFTER_APPOINTMENT, END),
]


@pytest.fixture
def cabinet(tenant: Unit) -> Cabinet:
    return Cabinet()


def link(cabinet: Cabinet, level: Level | None, cleaning: Cleaning, **fields: Any) -> None:
    if level is not None:
        make_link(cabinet.practitioner, level=level, on_erasure=cleaning.value, **fields)


@pytest.mark.parametrize(("level", "cleaning", "phone", "reminded", "moment", "at"), CASES)
def test_what_is_foreseen_is_what_is_done(
    cabinet: Cabinet,
    level: Level | None,
    cleaning: Cleaning,
    phone: bool,
    reminded: bool,
    moment: Moment,
    at: datetime,
) -> None:
    link(cabinet, level, cleaning)
    person = make_person() if phone else make_person(phone="")
    held = make_appointment(cabinet, THURSDAY, person=person)

    foreseen = deadlines.foreseen(
        appointment=held,
        settings=Practice.objects.get(),
        standing=standing_of(held),
        has_phone=phone,
        is_reminded=reminded,
        now=NOW,
    )
    # The calendar is written, and the reminder goes, or finds nobody to go to.
    CalendarEntry.objects.update(state="written", pushed=1, level=level)
    state = OutboxEntry.State.SENT if reminded else OutboxEntry.State.NO_CHANNEL
    OutboxEntry.objects.filter(kind=kinds.REMINDER).update(state=state, finished_at=EVE)
    deadlines.recompute(appointment=held, now=EVE)

    assert (foreseen.moment, foreseen.at) == (moment, at)
    assert PatientContact.objects.get().erase_at == at


@pytest.mark.parametrize(("level", "cleaning", "phone", "reminded", "moment", "at"), CASES)
def test_before_the_booking_no_earlier_moment_is_promised(
    cabinet: Cabinet,
    level: Level | None,
    cleaning: Cleaning,
    phone: bool,
    reminded: bool,
    moment: Moment,
    at: datetime,
) -> None:
    link(cabinet, level, cleaning)
    held = make_appointment(cabinet, THURSDAY)
    google = outside.calendars(practitioner_id=cabinet.practitioner.pk)

    promised = deadlines.foreseen(
        appointment=held,
        settings=Practice.objects.get(),
        standing=google[0].standing if google else NOT_THERE,
        now=NOW,
    )

    assert promised.at >= at
    assert promised.moment is not Moment.AFTER_REMINDER


def test_a_link_that_is_lost_keeps_the_person_a_day_longer(cabinet: Cabinet) -> None:
    link(cabinet, NAMED, Cleaning.KEEP, state="reconnect")
    held = make_appointment(cabinet, THURSDAY)

    foreseen = deadlines.foreseen(
        appointment=held,
        settings=Practice.objects.get(),
        standing=standing_of(held),
        has_phone=True,
        is_reminded=True,
        now=NOW,
    )
    deadlines.recompute(appointment=held, now=NOW)

    assert (foreseen.moment, foreseen.at) == (Moment.WITHIN_A_DAY, DAY_AFTER)
    assert PatientContact.objects.get().erase_at == DAY_AFTER


def test_what_is_written_there_already_stays_so_when_the_link_is_lost(cabinet: Cabinet) -> None:
    link(cabinet, NAMED, Cleaning.KEEP, state="reconnect")
    held = make_appointment(cabinet, THURSDAY)
    CalendarEntry.objects.update(state="written", pushed=1, level=NAMED)

    assert deadlines.moment_of(standing=standing_of(held), has_phone=True) is Moment.AFTER_REMINDER


def test_booked_after_the_hour_of_the_reminder_the_confirmation_counts(cabinet: Cabinet) -> None:
    link(cabinet, NAMED, Cleaning.KEEP)
    late = EVE + timedelta(hours=1)
    held = make_appointment(cabinet, THURSDAY, now=late)

    foreseen = deadlines.foreseen(
        appointment=held,
        settings=Practice.objects.get(),
        standing=standing_of(held),
        has_phone=True,
        is_reminded=True,
        now=late,
    )

    assert (foreseen.moment, foreseen.at) == (Moment.AFTER_REMINDER, late)


def test_a_link_that_ends_and_a_discreet_feed_are_no_calendars_outside(cabinet: Cabinet) -> None:
    from booking.services import feeds  # only here

    link(cabinet, NAMED, Cleaning.KEEP, state="leaving")
    feeds.open_feed(
        practitioner=cabinet.practitioner, level=REFERENCE, is_instructed=False, actor="x", now=NOW
    )

    assert outside.calendars() == []
