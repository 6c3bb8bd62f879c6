"""Pushes of appointments: each event exists once and in its current state, whatever the connection loses."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking.appointments import erasure_requests
from booking.appointments.cancel import cancel
from booking.appointments.move import move
from booking.calendar_sync import calendar_entries
from booking.google.accounts import change_secret
from booking.google.leases import LeaseUnavailable, acquire_lease
from booking.google.push import EventCleanupHandler
from booking.models import (
    Appointment,
    CalendarEntry,
    CalendarTask,
    GoogleAccount,
    Location,
    PatientContact,
)
from booking.patients import contacts
from booking.patients.form_versions import ask_address
from booking.rules import kinds
from booking.rules.erasure import Level
from tenants.outbox.models import OutboxEntry
from tenants.schema import inside
from tests.booking.google.practices import ADDRESS, MONDAY, LinkedPractice
from tests.factories import (
    Cabinet,
    make_appointment,
    make_hours,
    make_link,
    make_practitioner,
)
from tests.fakes.google import KNOWN, Fault

INSERT, PATCH, DELETE = (f"calendar.events.{verb}" for verb in ("insert", "patch", "delete"))
Links = Callable[..., LinkedPractice]


def move_to(agenda: LinkedPractice, appointment: Appointment, starts_at: datetime) -> Appointment:
    with inside(agenda.unit):
        return move(
            appointment=appointment,
            selection=agenda.cabinet.selection(starts_at),
            by_patient=False,
            actor="system",
            now=agenda.clock(),
        )


def cancel_it(
    agenda: LinkedPractice, appointment: Appointment, *, by_patient: bool = False
) -> None:
    with inside(agenda.unit):
        cancel(appointment=appointment, by_patient=by_patient, actor="system", now=agenda.clock())


def starts_of(event: dict[str, object]) -> datetime:
    return datetime.fromisoformat(event["start"]["dateTime"])  # type: ignore[index]


def test_a_booking_creates_an_event_in_the_calendar(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)

    assert agenda.deliver() == ["sent"]

    (event,) = agenda.events()
    assert event["summary"] == "Camille Spécimen"
    assert event["description"] == "+33639980104\nConsultation"
    assert (event["visibility"], "attendees" in event) == ("private", False)
    assert starts_of(event) == MONDAY
    assert agenda.entry(appointment).state == "written"


@pytest.mark.parametrize(
    ("level", "says"),
    [(Level.REFERENCE, "Réservé (réf. "), (Level.INITIALS, "RDV C. S."), (Level.NAMED, "Camille")],
)
def test_the_event_says_what_its_level_allows(linked: Links, level: Level, says: str) -> None:
    agenda = linked(level=level)
    agenda.book(MONDAY)
    agenda.deliver()

    (event,) = agenda.events()
    assert event["summary"].startswith(says)
    assert ("+33" in event["description"]) is (level is Level.NAMED)
    assert "camille@example.org" not in str(event)


@pytest.mark.parametrize(
    ("kind", "writes", "location"),
    [
        ("home", True, "3 rue des Essais, 59000 Lille"),
        ("home", False, ""),
        ("office", True, ""),
    ],
)
def test_the_event_of_a_home_visit_holds_its_address_where_the_client_asked_for_it(
    linked: Links, kind: str, writes: bool, location: str
) -> None:
    agenda = linked(writes_home_address=writes)
    with inside(agenda.unit):
        Location.objects.update(kind=kind)
        ask_address(actor="system", now=agenda.clock())
    agenda.book(MONDAY, extras={"adresse": "3 rue des Essais\n59000 Lille"})

    agenda.deliver()

    (event,) = agenda.events()
    assert event.get("location", "") == location


@pytest.mark.parametrize("writes", [True, False])
def test_an_address_that_staff_complete_later_reaches_the_event_by_instruction_only(
    linked: Links, writes: bool
) -> None:
    agenda = linked(writes_home_address=writes)
    with inside(agenda.unit):
        Location.objects.update(kind="home")
        ask_address(actor="system", now=agenda.clock())
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        contacts.correct(
            appointment=appointment,
            phone=None,
            email=None,
            answers={"adresse": "3 rue des Essais, 59000 Lille"},
            actor="system",
            now=agenda.clock(),
        )

    agenda.deliver()

    (event,) = agenda.events()
    assert event.get("location", "") == ("3 rue des Essais, 59000 Lille" if writes else "")


def test_a_move_changes_the_same_event_and_a_cancellation_takes_it_away(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    first = agenda.events()[0]["id"]

    move_to(agenda, appointment, MONDAY + timedelta(hours=2))
    agenda.deliver()
    (event,) = agenda.events()
    assert (event["id"], starts_of(event)) == (first, MONDAY + timedelta(hours=2))

    cancel_it(agenda, appointment)
    agenda.deliver()
    assert agenda.events() == []
    assert agenda.entry(appointment).state == "gone"


def test_many_changes_before_the_push_are_one_call(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    for hours in range(1, 5):
        appointment = move_to(agenda, appointment, MONDAY + timedelta(hours=hours))

    assert set(agenda.deliver()) == {"sent"}

    assert len(agenda.google.asked(INSERT)) == 1
    assert agenda.google.asked(PATCH) == []
    assert starts_of(agenda.events()[0]) == MONDAY + timedelta(hours=4)


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "cut", "not_json", "503", "429"])
@pytest.mark.parametrize("method", [INSERT, PATCH, DELETE])
def test_a_lost_response_neither_loses_nor_repeats_an_event(
    linked: Links, method: str, fault: str
) -> None:
    agenda = linked()
    if method != INSERT:
        appointment = agenda.book(MONDAY)
        agenda.deliver()
    agenda.google.faults[method].append(KNOWN[fault])

    if method == INSERT:
        appointment = agenda.book(MONDAY)
    elif method == PATCH:
        move_to(agenda, appointment, MONDAY + timedelta(hours=1))
    else:
        cancel_it(agenda, appointment)
    agenda.deliver()

    expected = {INSERT: [MONDAY], PATCH: [MONDAY + timedelta(hours=1)], DELETE: []}[method]
    assert [starts_of(event) for event in agenda.events()] == expected
    entry = agenda.entry(appointment)
    assert entry.version == entry.pushed
    assert agenda.google.injected


def test_an_event_deleted_in_google_is_created_again_by_a_move_here(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    first = agenda.events()[0]["id"]
    agenda.google.delete_event(ADDRESS, first, calendar=agenda.calendar())

    move_to(agenda, appointment, MONDAY + timedelta(hours=1))
    agenda.deliver()

    (event,) = agenda.events()
    assert event["id"] != first
    assert agenda.entry(appointment).generation == 1


def test_a_calendar_that_was_deleted_is_made_again_with_everything_in_it(linked: Links) -> None:
    agenda = linked()
    agenda.book(MONDAY)
    agenda.book(MONDAY + timedelta(hours=1))
    agenda.deliver()
    before = agenda.calendar()
    agenda.google.delete_calendar(ADDRESS, before)

    agenda.book(MONDAY + timedelta(hours=2))
    agenda.deliver()

    assert agenda.calendar() != before
    assert len(agenda.events()) == 3


def test_a_refused_event_is_shown_and_stops_no_other_event(linked: Links) -> None:
    agenda = linked()
    agenda.google.faults[INSERT].append(KNOWN["403 forbidden"])
    refused, other = agenda.book(MONDAY), agenda.book(MONDAY + timedelta(hours=1))
    agenda.deliver()

    assert (agenda.entry(refused).state, agenda.entry(other).state) == ("refused", "written")
    assert agenda.account().last_error == "answer_403"


def test_a_calendar_that_may_not_be_made_is_tried_again(linked: Links) -> None:
    agenda = linked()
    with inside(agenda.unit):
        change_secret(account_id=agenda.account_id, calendar="")
    agenda.google.faults["calendar.calendars.insert"].append(KNOWN["403 forbidden"])
    appointment = agenda.book(MONDAY)

    assert agenda.deliver() == ["sent"]

    with inside(agenda.unit):
        assert (
            OutboxEntry.objects.get(kind="calendar.push", subject_id=appointment.pk).attempts == 2
        )


def test_a_revoked_grant_keeps_the_waiting_events_and_causes_one_email(linked: Links) -> None:
    agenda = linked()
    agenda.google.revoke(ADDRESS)
    agenda.clock.advance(hours=2)
    agenda.book(MONDAY)
    agenda.book(MONDAY + timedelta(hours=1))
    agenda.deliver()

    with inside(agenda.unit):
        mails = OutboxEntry.objects.filter(kind="calendar.lost").count()
        waiting = CalendarEntry.objects.filter(pushed=0).count()
    assert (agenda.account().state, mails, waiting) == (GoogleAccount.LinkState.RECONNECT, 1, 2)
    calls = len(agenda.google.journal)
    assert agenda.poll() is False
    assert len(agenda.google.journal) == calls


def test_a_calendar_that_keeps_failing_is_left_alone_for_a_while(linked: Links) -> None:
    agenda = linked()
    agenda.google.faults[INSERT].extend([KNOWN["503"]] * 50)
    for hour in range(6):
        agenda.book(MONDAY + timedelta(hours=hour))
    agenda.deliver(rounds=3)

    opened = agenda.account().open_until
    calls = len(agenda.google.asked(INSERT))
    assert opened is not None
    assert opened > agenda.clock()
    agenda.deliver(rounds=3)
    assert len(agenda.google.asked(INSERT)) == calls

    agenda.google.faults[INSERT].clear()
    agenda.clock.advance(minutes=5)
    agenda.deliver()
    assert len(agenda.events()) == 6


def test_one_worker_at_a_time_has_the_lease_of_an_account(linked: Links) -> None:
    agenda = linked()
    with (
        acquire_lease(unit=agenda.unit, account_id=agenda.account_id, clock=agenda.clock),
        pytest.raises(LeaseUnavailable),
        acquire_lease(unit=agenda.unit, account_id=agenda.account_id, clock=agenda.clock),
    ):
        pass
    with acquire_lease(unit=agenda.unit, account_id=agenda.account_id, clock=agenda.clock) as lease:
        agenda.clock.advance(seconds=61)
        with (
            acquire_lease(unit=agenda.unit, account_id=agenda.account_id, clock=agenda.clock),
            pytest.raises(LeaseUnavailable),
        ):
            lease.renew()


def test_an_access_token_that_has_ended_is_refreshed_once(linked: Links) -> None:
    agenda = linked()
    agenda.clock.advance(hours=2)
    for hour in range(3):
        agenda.book(MONDAY + timedelta(hours=hour))
    agenda.deliver()

    assert len(agenda.events()) == 3
    assert len(agenda.google.asked("oauth.token")) == 1


def test_at_l2_the_person_is_erased_after_reminder_and_push(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        before = PatientContact.objects.get(appointment=appointment)
    assert before.erase_at == appointment.ends_at

    agenda.clock.now = MONDAY - timedelta(hours=14, minutes=30)
    agenda.deliver(kinds="booking.reminder")

    with inside(agenda.unit):
        sent = OutboxEntry.objects.get(kind="booking.reminder", subject_id=appointment.pk)
        gone = not PatientContact.objects.filter(appointment=appointment).exists()
    assert (sent.state, gone) == ("sent", True)
    assert agenda.events()[0]["summary"] == "Camille Spécimen"


@pytest.mark.parametrize("level", [Level.REFERENCE, Level.INITIALS])
def test_at_l0_and_l1_the_person_stays_until_the_end(linked: Links, level: Level) -> None:
    agenda = linked(level=level)
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    agenda.clock.now = MONDAY - timedelta(hours=14, minutes=30)
    agenda.deliver(kinds="booking.reminder")

    with inside(agenda.unit):
        assert PatientContact.objects.get(appointment=appointment).erase_at == appointment.ends_at


def test_while_the_calendar_fails_the_person_stays_a_day_more_at_most(linked: Links) -> None:
    agenda = linked()
    agenda.google.revoke(ADDRESS)
    agenda.clock.advance(hours=2)
    appointment = agenda.book(MONDAY)
    agenda.deliver()

    with inside(agenda.unit):
        contact = PatientContact.objects.get(appointment=appointment)
    assert contact.erase_at == appointment.ends_at + timedelta(hours=24)


def test_once_the_person_is_erased_a_move_keeps_the_words_of_the_event(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        contact = contacts.contact_of(appointment)
        assert contact is not None
        contacts.erase(contact=contact, rule="test", now=agenda.clock())
        appointment.refresh_from_db()

    move_to(agenda, appointment, MONDAY + timedelta(hours=1))
    agenda.deliver()

    (event,) = agenda.events()
    assert (event["summary"], starts_of(event)) == ("Camille Spécimen", MONDAY + timedelta(hours=1))


@pytest.mark.parametrize(("on_erasure", "left"), [("anonymise", ["RDV"]), ("delete", [])])
def test_the_cleanup_of_the_event_precedes_the_erasure_here(
    linked: Links, on_erasure: str, left: list[str]
) -> None:
    agenda = linked(on_erasure=on_erasure)
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    agenda.clock.now = MONDAY - timedelta(hours=14, minutes=30)
    agenda.deliver(kinds="booking.reminder")
    with inside(agenda.unit):
        assert PatientContact.objects.filter(appointment=appointment).exists()
    assert agenda.events()[0]["summary"] == "Camille Spécimen"

    agenda.clock.now = appointment.ends_at + timedelta(minutes=1)
    agenda.deliver()

    assert [event["summary"] for event in agenda.events()] == left
    with inside(agenda.unit):
        assert not PatientContact.objects.filter(appointment=appointment).exists()


def test_a_cleanup_that_fails_creates_a_task_of_the_practitioner(linked: Links) -> None:
    agenda = linked(on_erasure="anonymise")
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    agenda.google.revoke(ADDRESS)
    agenda.clock.now = appointment.ends_at + timedelta(minutes=1)
    agenda.deliver(rounds=3)
    agenda.clock.advance(hours=25)
    agenda.deliver(rounds=3)

    with inside(agenda.unit):
        assert CalendarTask.objects.get().kind == CalendarTask.TaskKind.ERASE
        assert contacts.erase_due(now=agenda.clock()) == 1


def test_an_erasure_that_cancels_the_visit_deletes_the_event(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        erasure_requests.erase_and_cancel(appointment=appointment, now=agenda.clock())
        assert not PatientContact.objects.filter(appointment=appointment).exists()
    agenda.deliver()

    assert agenda.events() == []


def test_an_erasure_that_keeps_the_visit_anonymises_the_event_after_it(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        erased_at = erasure_requests.erase_and_keep(appointment=appointment, now=agenda.clock())
    # The event holds the name and the phone number, so the person is erased here at once.
    assert erased_at == agenda.clock()
    assert agenda.events()[0]["summary"] == "Camille Spécimen"

    agenda.clock.now = appointment.ends_at + timedelta(minutes=1)
    agenda.deliver()
    assert [event["summary"] for event in agenda.events()] == ["RDV"]


def test_a_move_to_a_colleague_without_google_deletes_the_event(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        other = make_practitioner("Autre Exemple")
        agenda.cabinet.type.practitioners.add(other)
        make_hours(other, agenda.cabinet.location)
        move(
            appointment=appointment,
            selection=agenda.cabinet.selection(MONDAY, practitioner_id=other.pk),
            by_patient=False,
            actor="system",
            now=agenda.clock(),
        )
    agenda.deliver()

    assert agenda.events() == []


def test_a_practice_without_google_writes_nothing_for_it(tenant: object) -> None:
    make_appointment(Cabinet(), MONDAY)

    assert not CalendarEntry.objects.exists()
    assert not OutboxEntry.objects.filter(kind__startswith="calendar.").exists()


def test_nothing_of_the_person_goes_through_the_outbox(linked: Links) -> None:
    agenda = linked()
    agenda.book(MONDAY, last_name="Introuvable", first_name=uuid.uuid4().hex)
    with inside(agenda.unit):
        rows = list(OutboxEntry.objects.values())
    assert "Introuvable" not in str(rows)


def erase(agenda: LinkedPractice, appointment: Appointment) -> None:
    with inside(agenda.unit):
        contact = contacts.contact_of(appointment)
        assert contact is not None
        contacts.erase(contact=contact, rule="test", now=agenda.clock())
        appointment.refresh_from_db()


def test_the_entry_stores_the_level_after_the_cleanup(linked: Links) -> None:
    agenda = linked(on_erasure="anonymise")
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    assert agenda.entry(appointment).level == Level.NAMED
    agenda.clock.now = appointment.ends_at + timedelta(minutes=1)
    agenda.deliver()

    assert agenda.entry(appointment).level == Level.REFERENCE


@pytest.mark.parametrize("loses", ["calendar", "level"])
def test_the_entry_stores_the_lower_level_of_an_event_without_known_person(
    linked: Links, loses: str
) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    erase(agenda, appointment)

    if loses == "calendar":
        agenda.google.delete_calendar(ADDRESS, agenda.calendar())
    with inside(agenda.unit):
        account = GoogleAccount.objects.get()
        account.level = Level.INITIALS if loses == "level" else account.level
        account.save(update_fields=["level"])
        calendar_entries.push_all(account=account, since=agenda.clock(), now=agenda.clock())
    agenda.deliver()

    assert agenda.events()[0]["summary"].startswith("Réservé")
    assert agenda.entry(appointment).level == Level.REFERENCE


def test_an_identifier_that_is_taken_by_nothing_is_left_for_the_next(linked: Links) -> None:
    agenda = linked()
    before = agenda.calendar()
    agenda.google.faults[INSERT].append(Fault("answer", 409, "duplicate"))
    agenda.google.faults["calendar.events.get"].append(Fault("answer", 404, "notFound"))
    appointment = agenda.book(MONDAY)
    agenda.deliver()

    assert agenda.calendar() == before
    assert len(agenda.events()) == 1
    assert agenda.entry(appointment).generation == 1


def test_a_cleanup_that_google_refuses_creates_a_task_of_the_practitioner(linked: Links) -> None:
    agenda = linked(on_erasure="anonymise")
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    agenda.google.faults[PATCH].append(KNOWN["403 forbidden"])
    agenda.clock.now = appointment.ends_at + timedelta(minutes=1)
    agenda.deliver()

    with inside(agenda.unit):
        assert CalendarTask.objects.get().kind == CalendarTask.TaskKind.ERASE


def test_after_a_change_of_practitioner_the_cleanup_is_in_the_current_calendar(
    linked: Links,
) -> None:
    agenda = linked(on_erasure="delete")
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        other = make_practitioner("Autre Exemple")
        agenda.cabinet.type.practitioners.add(other)
        make_hours(other, agenda.cabinet.location)
        second = make_link(other, now=agenda.clock(), on_erasure="delete")
        moved = move(
            appointment=appointment,
            selection=agenda.cabinet.selection(MONDAY, practitioner_id=other.pk),
            by_patient=False,
            actor="system",
            now=agenda.clock(),
        )
    agenda.clock.now = moved.ends_at + timedelta(minutes=1)
    with inside(agenda.unit):
        entry = OutboxEntry.objects.get(
            kind=kinds.CALENDAR_CLEANUP, payload__sequence=moved.sequence
        )
        EventCleanupHandler(agenda.clock).prepare(
            entry, kinds.AppointmentVersion(moved.sequence), unit=agenda.unit, now=agenda.clock()
        )
        cleaned = CalendarEntry.objects.filter(cleanup_at__isnull=False)
        assert [row.account_id for row in cleaned] == [second.pk]


def test_another_cleanup_after_the_booking_keeps_no_person_longer(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    with inside(agenda.unit):
        before = PatientContact.objects.get(appointment=appointment).erase_at
        account = GoogleAccount.objects.get()
        account.on_erasure = "anonymise"
        account.save(update_fields=["on_erasure"])
        calendar_entries.push_all(account=account, since=agenda.clock(), now=agenda.clock())
    agenda.deliver()

    with inside(agenda.unit):
        assert PatientContact.objects.get(appointment=appointment).erase_at <= before


def test_writing_everything_again_costs_the_same_whatever_there_is(linked: Links) -> None:
    agenda = linked()

    def statements() -> int:
        with inside(agenda.unit), CaptureQueriesContext(connection) as sent:
            account = GoogleAccount.objects.get()
            calendar_entries.push_all(account=account, since=agenda.clock(), now=agenda.clock())
        return len(sent)

    agenda.book(MONDAY)
    few = statements()
    for hour in range(1, 7):
        agenda.book(MONDAY + timedelta(hours=hour))

    assert statements() == few
