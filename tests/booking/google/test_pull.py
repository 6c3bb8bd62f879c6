"""Reads of a calendar: busy times without titles, and changes of lib-rdv's own events."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from booking.agenda.week import busy_between
from booking.appointments.cancel import cancel
from booking.appointments.move import move
from booking.calendar_sync import calendar_entries
from booking.google import (
    channels,
    differences,
    polls,
    pull,
)
from booking.google.leases import acquire_lease
from booking.models import (
    Appointment,
    BusyInterval,
    CalendarEntry,
    Channel,
    GoogleAccount,
)
from booking.patients import contacts
from booking.rules.erasure import Level
from booking.scheduling.queries import availability, free_slots
from tenants.outbox.models import OutboxEntry
from tenants.schema import inside
from tests.booking.google.practices import ADDRESS, MONDAY, LinkedPractice
from tests.factories import NOW, make_hours, make_practitioner

HOUR = timedelta(hours=1)
OFFERED = MONDAY + HOUR / 2
"""On the grid of 45 minutes from nine o'clock, and within the hour that these tests take."""
Links = Callable[..., LinkedPractice]


def starts_offered(agenda: LinkedPractice) -> list[datetime]:
    with inside(agenda.unit):
        return [
            slot.starts_at
            for slot in free_slots(
                appointment_type=agenda.cabinet.type,
                practitioners=[agenda.cabinet.practitioner.pk],
                location=agenda.cabinet.location,
                from_on=MONDAY.date(),
                until_on=MONDAY.date(),
                now=agenda.clock(),
            )
        ]


def mails(agenda: LinkedPractice, kind: str) -> int:
    with inside(agenda.unit):
        return OutboxEntry.objects.filter(kind=kind).count()


def test_a_busy_time_is_not_offered(linked: Links) -> None:
    agenda = linked()
    assert OFFERED in starts_offered(agenda)
    agenda.google.add_event(ADDRESS, MONDAY, MONDAY + HOUR, summary="Chez le dentiste")

    assert agenda.poll()

    offered = starts_offered(agenda)
    assert not [start for start in offered if MONDAY - HOUR * 0.75 < start < MONDAY + HOUR]
    with inside(agenda.unit):
        (row,) = BusyInterval.objects.values()
        assert [busy.starts_at for busy in week_busy(agenda)] == [MONDAY]
    assert "dentiste" not in str(row)


def week_busy(agenda: LinkedPractice) -> list[Any]:
    return busy_between(
        practitioner_ids=[agenda.cabinet.practitioner.pk],
        starts_at=MONDAY - timedelta(days=1),
        ends_at=MONDAY + timedelta(days=1),
    )


def test_what_is_free_in_google_is_offered(linked: Links) -> None:
    agenda = linked()
    before = starts_offered(agenda)
    agenda.google.add_event(ADDRESS, MONDAY, MONDAY + HOUR, transparency="transparent")
    agenda.poll()

    assert starts_offered(agenda) == before


def test_our_own_events_are_no_busy_times_but_what_is_noted_beside_them_is(linked: Links) -> None:
    agenda = linked()
    agenda.book(MONDAY)
    agenda.deliver()
    noted = MONDAY + 3 * HOUR
    agenda.google.add_event(ADDRESS, noted, noted + HOUR, calendar=agenda.calendar())

    agenda.poll()

    with inside(agenda.unit):
        assert [(row.starts_at, row.ends_at) for row in BusyInterval.objects.all()] == [
            (noted, noted + HOUR)
        ]


def test_what_is_noted_in_our_calendar_where_a_visit_was_cancelled_is_busy(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(OFFERED)
    agenda.deliver()
    with inside(agenda.unit):
        cancel(appointment=appointment, by_patient=True, actor="patient", now=agenda.clock())

    # The event is not deleted there yet: it is lib-rdv's own and blocks no time.
    reading_of(agenda)
    assert OFFERED in starts_offered(agenda)

    agenda.deliver()
    agenda.google.add_event(ADDRESS, OFFERED, appointment.ends_at, calendar=agenda.calendar())
    agenda.poll()
    assert OFFERED not in starts_offered(agenda)


def test_what_is_noted_in_our_calendar_where_a_visit_changed_hands_is_busy(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        colleague = make_practitioner("Une Collègue")
        agenda.cabinet.type.practitioners.add(colleague)
        make_hours(colleague, agenda.cabinet.location)
        selection = agenda.cabinet.selection(MONDAY, practitioner_id=colleague.pk)
        move(
            appointment=appointment,
            selection=selection,
            by_patient=False,
            actor="system",
            now=agenda.clock(),
        )
    agenda.deliver()
    agenda.google.add_event(ADDRESS, MONDAY, MONDAY + HOUR, calendar=agenda.calendar())

    agenda.poll()

    with inside(agenda.unit):
        assert BusyInterval.objects.get().starts_at == MONDAY


def reading_of(agenda: LinkedPractice) -> None:
    """Read the calendar without pushes."""
    with acquire_lease(unit=agenda.unit, account_id=agenda.account_id, clock=agenda.clock) as lease:
        pull.read(lease)


def test_a_later_read_replaces_the_earlier_busy_times(linked: Links) -> None:
    agenda = linked()
    event = agenda.google.add_event(ADDRESS, MONDAY, MONDAY + HOUR)
    agenda.poll()
    agenda.google.delete_event(ADDRESS, event)
    agenda.poll()

    with inside(agenda.unit):
        assert not BusyInterval.objects.exists()


def test_busy_times_count_for_a_day_at_most_and_are_deleted(linked: Links) -> None:
    agenda = linked()
    agenda.google.add_event(ADDRESS, MONDAY, MONDAY + HOUR)
    agenda.poll()
    assert OFFERED not in starts_offered(agenda)

    agenda.clock.advance(hours=23)
    assert OFFERED in starts_offered(agenda)
    with inside(agenda.unit):
        assert pull.delete_old(now=agenda.clock()) == 1


def test_the_database_keeps_no_busy_time_longer(linked: Links) -> None:
    agenda = linked()
    agenda.google.add_event(ADDRESS, MONDAY, MONDAY + HOUR)
    agenda.poll()

    with inside(agenda.unit), pytest.raises(IntegrityError), transaction.atomic():
        BusyInterval.objects.update(expires_at=agenda.clock() + timedelta(hours=25))


def test_a_page_learns_which_busy_times_are_old(linked: Links) -> None:
    agenda = linked()
    agenda.poll()
    ref = agenda.account().ref

    def stale() -> tuple[object, ...]:
        with inside(agenda.unit):
            return availability(
                appointment_type=agenda.cabinet.type,
                practitioners=[agenda.cabinet.practitioner.pk],
                location=agenda.cabinet.location,
                from_on=MONDAY.date(),
                until_on=MONDAY.date(),
                now=agenda.clock(),
            ).stale

    assert stale() == ()
    agenda.clock.advance(seconds=61)
    assert stale() == (ref,)


def test_an_event_moved_in_google_is_shown_and_moves_no_appointment(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    event = agenda.events()[0]["id"]
    agenda.poll()
    agenda.google.move_event(ADDRESS, event, MONDAY + HOUR, calendar=agenda.calendar())

    agenda.poll()

    assert agenda.entry(appointment).state == CalendarEntry.EventState.MOVED
    with inside(agenda.unit):
        assert Appointment.objects.get(pk=appointment.pk).starts_at == MONDAY
        found = differences.differing(
            practitioner_ids=[agenda.cabinet.practitioner.pk], now=agenda.clock()
        )
    assert [entry.appointment_id for entry in found] == [appointment.pk]
    assert mails(agenda, "booking.moved") == 0


def test_an_event_moved_back_in_google_is_no_difference(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    event = agenda.events()[0]["id"]
    for starts in (MONDAY + HOUR, MONDAY):
        agenda.google.move_event(ADDRESS, event, starts, calendar=agenda.calendar())
        agenda.poll()

    assert agenda.entry(appointment).state == CalendarEntry.EventState.WRITTEN


def test_an_event_deleted_in_google_cancels_nothing_and_can_be_restored(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    agenda.poll()
    event = agenda.events()[0]["id"]
    agenda.google.delete_event(ADDRESS, event, calendar=agenda.calendar())

    agenda.poll()
    assert agenda.entry(appointment).state == CalendarEntry.EventState.DELETED
    with inside(agenda.unit):
        assert Appointment.objects.get(pk=appointment.pk).status == Appointment.Status.BOOKED
        differences.restore(
            entry=CalendarEntry.objects.select_related("appointment").get(),
            actor="user:1",
            now=agenda.clock(),
        )
    agenda.deliver()

    assert len(agenda.events()) == 1
    assert agenda.entry(appointment).state == CalendarEntry.EventState.WRITTEN


@pytest.mark.parametrize("length", [timedelta(minutes=45), timedelta(minutes=90)])
def test_the_time_of_google_is_taken_over_when_that_is_asked(
    linked: Links, length: timedelta
) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    agenda.poll()
    event = agenda.events()[0]["id"]
    starts = MONDAY + 2 * HOUR
    agenda.google.move_event(ADDRESS, event, starts, starts + length, calendar=agenda.calendar())
    agenda.poll()

    with inside(agenda.unit):
        entry = CalendarEntry.objects.select_related("appointment").get()
        differences.adopt(entry=entry, actor="user:1", now=agenda.clock())
    agenda.deliver()

    with inside(agenda.unit):
        moved = Appointment.objects.get(pk=appointment.pk)
    assert (moved.starts_at, moved.ends_at) == (starts, starts + length)
    assert mails(agenda, "booking.moved") == 1
    assert agenda.entry(appointment).state == CalendarEntry.EventState.WRITTEN


def test_a_time_that_is_taken_is_not_taken_over(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.book(MONDAY + 2 * HOUR)
    agenda.deliver()
    agenda.poll()
    event = agenda.events()[0]["id"]
    agenda.google.move_event(ADDRESS, event, MONDAY + 2 * HOUR, calendar=agenda.calendar())
    agenda.poll()
    with inside(agenda.unit):
        entry = CalendarEntry.objects.select_related("appointment").get(appointment=appointment.pk)
        differences.adopt(entry=entry, actor="user:1", now=agenda.clock())
    agenda.deliver()

    with inside(agenda.unit):
        assert Appointment.objects.get(pk=appointment.pk).starts_at == MONDAY
    assert agenda.entry(appointment).answer == "taken"


def test_an_expired_sync_token_reads_everything_again_and_finds_every_difference(
    linked: Links,
) -> None:
    agenda = linked()
    booked = [agenda.book(MONDAY + number * HOUR) for number in range(4)]
    agenda.deliver()
    agenda.poll()
    first, second, *_ = agenda.events()
    agenda.google.delete_event(ADDRESS, first["id"], calendar=agenda.calendar())
    starts = MONDAY + timedelta(days=1)
    agenda.google.move_event(ADDRESS, second["id"], starts, calendar=agenda.calendar())
    agenda.google.expire_sync_tokens()

    agenda.poll()

    assert [agenda.entry(appointment).state for appointment in booked] == [
        "deleted",
        "moved",
        "written",
        "written",
    ]


def test_a_conflict_causes_one_email_and_ends_with_the_busy_time(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    event = agenda.google.add_event(ADDRESS, MONDAY, MONDAY + HOUR)
    agenda.poll()
    agenda.poll()

    assert agenda.entry(appointment).has_conflict
    assert mails(agenda, "calendar.conflict") == 1
    with inside(agenda.unit):
        assert Appointment.objects.get(pk=appointment.pk).status == Appointment.Status.BOOKED

    agenda.google.delete_event(ADDRESS, event)
    agenda.poll()
    assert not agenda.entry(appointment).has_conflict


def test_without_the_right_to_read_busy_times_it_only_writes(linked: Links) -> None:
    agenda = linked(can_read_busy=False)
    agenda.google.add_event(ADDRESS, MONDAY, MONDAY + HOUR)
    agenda.book(MONDAY + 3 * HOUR)
    agenda.deliver()

    assert agenda.poll()
    assert OFFERED in starts_offered(agenda)
    assert agenda.google.asked("calendar.freebusy.query") == []


def test_long_horizons_are_asked_in_pieces_of_sixty_days(linked: Links) -> None:
    agenda = linked()
    with inside(agenda.unit):
        agenda.cabinet.type.horizon_days = 150
        agenda.cabinet.type.save()
    before = len(agenda.google.asked("calendar.freebusy.query"))
    agenda.poll()

    assert len(agenda.google.asked("calendar.freebusy.query")) - before == 3


def test_the_nightly_check_reads_the_whole_calendar(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    agenda.poll()
    assert agenda.account().checked_at is None
    agenda.clock.now = (NOW + timedelta(days=2)).replace(hour=2)
    agenda.google.delete_event(ADDRESS, agenda.events()[0]["id"], calendar=agenda.calendar())

    agenda.poll()

    account = agenda.account()
    assert (account.checked_at, account.checked) == (agenda.clock(), 1)
    assert agenda.entry(appointment).state == CalendarEntry.EventState.DELETED


def test_channels_are_opened_replaced_before_they_end_and_deleted(
    linked: Links, settings: Any
) -> None:
    agenda = linked()
    settings.GOOGLE_SIGNAL_URL = "http://127.0.0.1:9/google/signal/"
    agenda.poll()
    with inside(agenda.unit):
        (first,) = Channel.objects.all()
    agenda.poll()
    agenda.clock.advance(days=6)
    agenda.poll()

    with inside(agenda.unit):
        (second,) = Channel.objects.all()
        assert first.ref != second.ref
        assert first.token_hash != second.token_hash
    methods = [entry.method for entry in agenda.google.journal]
    order = [method for method in methods if method.endswith((".watch", ".stop"))]
    assert order == ["calendar.events.watch", "calendar.events.watch", "calendar.channels.stop"]
    body = agenda.google.asked("calendar.events.watch")[0].body
    with inside(agenda.unit):
        assert channels.account_of_channel(ref=second.ref, token="x", now=agenda.clock()) is None
        assert len(body["token"]) >= 43


def test_the_main_calendar_is_watched_only_by_the_wider_permission(
    linked: Links, settings: Any
) -> None:
    agenda = linked(is_instant=True)
    settings.GOOGLE_SIGNAL_URL = "http://127.0.0.1:9/google/signal/"
    agenda.poll()

    with inside(agenda.unit):
        targets = set(Channel.objects.values_list("target", "is_live"))
    # The grant of this test lacks the permission, so Google refuses the second one.
    assert ("own", True) in targets
    assert ("main", True) not in targets


def test_a_poll_that_fails_waits_for_the_next_one(linked: Links) -> None:
    agenda = linked()
    agenda.google.black_hole.open()
    try:
        assert agenda.poll() is False
    finally:
        agenda.google.black_hole.close()

    account = agenda.account()
    assert account.poll_at == agenda.clock() + pull.POLL_EVERY
    assert account.last_error == "unreachable"
    assert agenda.poll()


@pytest.mark.parametrize("closes", [False, True])
def test_a_lost_link_closes_online_booking_only_by_choice(linked: Links, closes: bool) -> None:
    agenda = linked(closes_when_lost=closes)
    before = starts_offered(agenda)
    agenda.google.revoke(ADDRESS)
    agenda.clock.advance(hours=2)
    agenda.poll()

    assert bool(starts_offered(agenda)) is not closes
    assert before


def test_our_calendar_deleted_there_is_made_again_by_the_poll(linked: Links) -> None:
    agenda = linked()
    agenda.book(MONDAY)
    agenda.deliver()
    before = agenda.calendar()
    agenda.google.delete_calendar(ADDRESS, before)

    agenda.poll()

    assert agenda.calendar() != before
    assert len(agenda.events()) == 1
    assert agenda.account().busy_at is not None


@pytest.mark.parametrize("can_read_busy", [True, False])
def test_messages_that_accumulate_cause_one_poll(linked: Links, can_read_busy: bool) -> None:
    agenda = linked(can_read_busy=can_read_busy)
    assert agenda.poll()
    calls = len(agenda.google.journal)

    assert not polls.poll(unit=agenda.unit, account_id=agenda.account_id, clock=agenda.clock)
    assert len(agenda.google.journal) == calls


@pytest.mark.parametrize("is_erased", [False, True])
def test_an_event_moved_there_says_less_too_and_waits_for_its_decision(
    linked: Links, is_erased: bool
) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    agenda.poll()
    event = agenda.events()[0]["id"]
    agenda.google.move_event(ADDRESS, event, MONDAY + HOUR, calendar=agenda.calendar())
    agenda.poll()
    with inside(agenda.unit):
        contact = contacts.contact_of(appointment)
        if is_erased and contact is not None:
            contacts.erase(contact=contact, rule="test", now=agenda.clock())
        account = GoogleAccount.objects.get()
        account.level = Level.REFERENCE
        account.save(update_fields=["level"])
        calendar_entries.push_all(account=account, since=agenda.clock(), now=agenda.clock())
    agenda.deliver()
    agenda.poll()

    (event,) = agenda.events()
    assert event["summary"].startswith("Réservé")
    assert datetime.fromisoformat(event["start"]["dateTime"]) == MONDAY + HOUR
    entry = agenda.entry(appointment)
    assert (entry.state, entry.level) == (CalendarEntry.EventState.MOVED, Level.REFERENCE)
