"""The erasure that the privacy notice announces is the one that is computed after the booking."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from booking.calendar_sync.calendar_entries import NOT_THERE, sync_state_of
from booking.erasure import deadlines
from booking.models import CalendarEntry, Location, PatientContact, Practice
from booking.patients import external_calendar
from booking.rules import kinds
from booking.rules.erasure import EventCleanup, Level, Moment
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
    # level of the link, cleanup, has phone, is reminded; announced moment, instant
    (None, EventCleanup.KEEP, True, True, Moment.AFTER_APPOINTMENT, END),
    (NAMED, EventCleanup.KEEP, True, True, Moment.AFTER_REMINDER, EVE),
    (NAMED, EventCleanup.KEEP, False, True, Moment.AFTER_APPOINTMENT, END),
    (NAMED, EventCleanup.KEEP, True, False, Moment.AFTER_APPOINTMENT, END),
    (NAMED, EventCleanup.ANONYMISE, True, True, Moment.WITHIN_A_DAY, DAY_AFTER),
    (NAMED, EventCleanup.DELETE, True, True, Moment.WITHIN_A_DAY, DAY_AFTER),
    (INITIALS, EventCleanup.KEEP, True, True, Moment.AFTER_APPOINTMENT, END),
    (INITIALS, EventCleanup.DELETE, True, True, Moment.WITHIN_A_DAY, DAY_AFTER),
    (REFERENCE, EventCleanup.KEEP, True, True, Moment.AFTER_APPOINTMENT, END),
    (REFERENCE, EventCleanup.DELETE, True, True, Moment.AFTER_APPOINTMENT, END),
]


@pytest.fixture
def cabinet(tenant: Unit) -> Cabinet:
    return Cabinet()


def link(cabinet: Cabinet, level: Level | None, cleanup: EventCleanup, **fields: Any) -> None:
    if level is not None:
        make_link(cabinet.practitioner, level=level, on_erasure=cleanup.value, **fields)


@pytest.mark.parametrize(("level", "cleanup", "phone", "reminded", "moment", "at"), CASES)
def test_the_foreseen_erasure_is_the_one_that_happens(
    cabinet: Cabinet,
    level: Level | None,
    cleanup: EventCleanup,
    phone: bool,
    reminded: bool,
    moment: Moment,
    at: datetime,
) -> None:
    link(cabinet, level, cleanup)
    person = make_person() if phone else make_person(phone="")
    appointment = make_appointment(cabinet, THURSDAY, person=person)

    foreseen = deadlines.foreseen(
        appointment=appointment,
        settings=Practice.objects.get(),
        sync_state=sync_state_of(appointment),
        has_phone=phone,
        is_reminded=reminded,
        now=NOW,
    )
    # The event is written, and the reminder is sent or has no channel.
    CalendarEntry.objects.update(state="written", pushed=1, level=level)
    state = OutboxEntry.EntryState.SENT if reminded else OutboxEntry.EntryState.NO_CHANNEL
    OutboxEntry.objects.filter(kind=kinds.REMINDER).update(state=state, finished_at=EVE)
    deadlines.recompute(appointment=appointment, now=EVE)

    assert (foreseen.moment, foreseen.at) == (moment, at)
    assert PatientContact.objects.get().erase_at == at


@pytest.mark.parametrize(("level", "cleanup", "phone", "reminded", "moment", "at"), CASES)
def test_before_the_booking_the_later_moment_is_announced(
    cabinet: Cabinet,
    level: Level | None,
    cleanup: EventCleanup,
    phone: bool,
    reminded: bool,
    moment: Moment,
    at: datetime,
) -> None:
    link(cabinet, level, cleanup)
    appointment = make_appointment(cabinet, THURSDAY)
    google = external_calendar.calendars(practitioner_id=cabinet.practitioner.pk)

    promised = deadlines.foreseen(
        appointment=appointment,
        settings=Practice.objects.get(),
        sync_state=google[0].sync_state if google else NOT_THERE,
        now=NOW,
    )

    assert promised.at >= at
    assert promised.moment is not Moment.AFTER_REMINDER


@pytest.mark.parametrize(
    ("writes_address", "moment", "at"),
    [(False, Moment.AFTER_APPOINTMENT, END), (True, Moment.AFTER_REMINDER, EVE)],
)
def test_the_address_of_a_home_visit_stays_until_the_visit_unless_the_event_holds_it(
    cabinet: Cabinet, writes_address: bool, moment: Moment, at: datetime
) -> None:
    link(cabinet, NAMED, EventCleanup.KEEP, writes_home_address=writes_address)
    Location.objects.filter(pk=cabinet.location.pk).update(kind=Location.LocationKind.HOME)
    cabinet.location.refresh_from_db()
    appointment = make_appointment(cabinet, THURSDAY, person=make_person())

    foreseen = deadlines.foreseen(
        appointment=appointment,
        settings=Practice.objects.get(),
        sync_state=sync_state_of(appointment),
        has_phone=True,
        is_reminded=True,
        now=NOW,
    )
    CalendarEntry.objects.update(state="written", pushed=1, level=NAMED)
    OutboxEntry.objects.filter(kind=kinds.REMINDER).update(
        state=OutboxEntry.EntryState.SENT, finished_at=EVE
    )
    deadlines.recompute(appointment=appointment, now=EVE)

    assert (foreseen.moment, foreseen.at) == (moment, at)
    assert PatientContact.objects.get().erase_at == at


def test_a_lost_link_keeps_the_person_a_day_longer(cabinet: Cabinet) -> None:
    link(cabinet, NAMED, EventCleanup.KEEP, state="reconnect")
    appointment = make_appointment(cabinet, THURSDAY)

    foreseen = deadlines.foreseen(
        appointment=appointment,
        settings=Practice.objects.get(),
        sync_state=sync_state_of(appointment),
        has_phone=True,
        is_reminded=True,
        now=NOW,
    )
    deadlines.recompute(appointment=appointment, now=NOW)

    assert (foreseen.moment, foreseen.at) == (Moment.WITHIN_A_DAY, DAY_AFTER)
    assert PatientContact.objects.get().erase_at == DAY_AFTER


def test_a_written_event_stays_confirmed_when_the_link_is_lost(cabinet: Cabinet) -> None:
    link(cabinet, NAMED, EventCleanup.KEEP, state="reconnect")
    appointment = make_appointment(cabinet, THURSDAY)
    CalendarEntry.objects.update(state="written", pushed=1, level=NAMED)

    assert (
        deadlines.moment_of(
            sync_state=sync_state_of(appointment), has_phone=True, is_home_visit=False
        )
        is Moment.AFTER_REMINDER
    )


def test_booked_after_the_hour_of_the_reminder_the_confirmation_counts(cabinet: Cabinet) -> None:
    link(cabinet, NAMED, EventCleanup.KEEP)
    late = EVE + timedelta(hours=1)
    appointment = make_appointment(cabinet, THURSDAY, now=late)

    foreseen = deadlines.foreseen(
        appointment=appointment,
        settings=Practice.objects.get(),
        sync_state=sync_state_of(appointment),
        has_phone=True,
        is_reminded=True,
        now=late,
    )

    assert (foreseen.moment, foreseen.at) == (Moment.AFTER_REMINDER, late)


def test_an_ending_link_and_a_feed_without_names_are_no_external_calendars(
    cabinet: Cabinet,
) -> None:
    from booking.feeds import publication  # only here

    link(cabinet, NAMED, EventCleanup.KEEP, state="leaving")
    publication.open_feed(
        practitioner=cabinet.practitioner, level=REFERENCE, is_instructed=False, actor="x", now=NOW
    )

    assert external_calendar.calendars() == []
