"""Deletion of the event of an erased person: one click, recorded in the audit trail (B-34)."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from booking.appointments import erasure_requests
from booking.appointments.move import move
from booking.calendar_sync import calendar_entries
from booking.google import event_deletion, task_completion
from booking.google.event_deletion import DeletionOption
from booking.models import Appointment, CalendarEntry, CalendarTask, GoogleAccount, PatientContact
from booking.patients import contacts
from tenants.audit.models import AuditEvent
from tenants.schema import inside
from tests.booking.google.practices import MONDAY, LinkedPractice, disconnect
from tests.factories import make_entry, make_hours, make_link, make_practitioner
from tests.fakes.google import KNOWN

Links = Callable[..., LinkedPractice]
PATCH, DELETE = "calendar.events.patch", "calendar.events.delete"


def delete_event(agenda: LinkedPractice, appointment: Appointment) -> DeletionOption | None:
    with inside(agenda.unit):
        appointment.refresh_from_db()
        return event_deletion.delete_event(
            appointment=appointment, actor="user:1", now=agenda.clock()
        )


def option(agenda: LinkedPractice, appointment: Appointment) -> DeletionOption | None:
    with inside(agenda.unit):
        appointment.refresh_from_db()
        return event_deletion.deletion_option_of(appointment=appointment, now=agenda.clock())


def ask_erasure(agenda: LinkedPractice, appointment: Appointment) -> None:
    with inside(agenda.unit):
        erasure_requests.erase_and_keep(appointment=appointment, now=agenda.clock())


def task(agenda: LinkedPractice) -> CalendarTask:
    with inside(agenda.unit):
        return CalendarTask.objects.select_related("appointment").get()


def verbs(agenda: LinkedPractice) -> list[str]:
    with inside(agenda.unit):
        return list(AuditEvent.objects.filter(actor="user:1").values_list("verb", flat=True))


def left_by_google(agenda: LinkedPractice) -> Appointment:
    """Return an appointment of an erased person whose event Google refused to anonymise."""
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    ask_erasure(agenda, appointment)
    agenda.google.faults[PATCH].append(KNOWN["403 forbidden"])
    agenda.clock.now = appointment.ends_at + timedelta(minutes=1)
    agenda.deliver()
    return appointment


def test_what_an_erasure_left_is_deleted_by_one_click_which_is_recorded(linked: Links) -> None:
    agenda = linked()
    appointment = left_by_google(agenda)
    assert [event["summary"] for event in agenda.events()] == ["Camille Spécimen"]
    assert task(agenda).completed_at is None

    assert delete_event(agenda, appointment) is DeletionOption.NOW
    assert option(agenda, appointment) is DeletionOption.ASKED
    assert task(agenda).completed_at is None
    agenda.deliver()

    assert agenda.events() == []
    assert task(agenda).completed_at == agenda.clock()
    assert verbs(agenda) == ["calendar.event_deleted"]
    assert option(agenda, appointment) is None


def test_what_google_refuses_again_stays_to_do_and_may_be_tried_again(linked: Links) -> None:
    agenda = linked()
    appointment = left_by_google(agenda)
    agenda.google.faults[DELETE].append(KNOWN["403 forbidden"])

    delete_event(agenda, appointment)
    agenda.deliver()

    assert len(agenda.events()) == 1
    assert task(agenda).completed_at is None
    assert option(agenda, appointment) is DeletionOption.NOW


def test_asked_twice_it_is_deleted_and_recorded_once(linked: Links) -> None:
    agenda = linked()
    appointment = left_by_google(agenda)

    assert [delete_event(agenda, appointment), delete_event(agenda, appointment)] == [
        DeletionOption.NOW,
        None,
    ]
    agenda.deliver()

    assert len(agenda.google.asked(DELETE)) == 1
    assert verbs(agenda) == ["calendar.event_deleted"]


@pytest.mark.parametrize("is_kept", [True, False])
def test_what_the_practitioner_does_or_keeps_is_recorded_and_nothing_is_written(
    linked: Links, is_kept: bool
) -> None:
    agenda = linked()
    left_by_google(agenda)
    calls = len(agenda.google.journal)
    left = task(agenda)

    with inside(agenda.unit):
        task_completion.complete(task=left, actor="user:1", now=agenda.clock(), is_kept=is_kept)
    agenda.deliver()

    assert len(agenda.google.journal) == calls
    assert task(agenda).completed_at == agenda.clock()
    assert verbs(agenda) == ["calendar.kept" if is_kept else "calendar.erased_by_hand"]


def test_a_visit_to_come_keeps_its_event_until_it_is_over(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    assert option(agenda, appointment) is None
    ask_erasure(agenda, appointment)

    assert delete_event(agenda, appointment) is DeletionOption.AFTER
    agenda.deliver()
    assert [event["summary"] for event in agenda.events()] == ["Camille Spécimen"]
    assert option(agenda, appointment) is DeletionOption.ASKED

    agenda.clock.now = appointment.ends_at + timedelta(minutes=1)
    agenda.deliver()
    assert agenda.events() == []


def test_the_event_of_a_person_erased_by_time_can_be_deleted_on_a_later_request(
    linked: Links,
) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    agenda.clock.now = appointment.ends_at + timedelta(days=2)
    with inside(agenda.unit):
        contact = contacts.contact_of(appointment)
        assert contact is not None
        contacts.erase(contact=contact, rule=contacts.DUE, now=agenda.clock())
    assert len(agenda.events()) == 1

    assert delete_event(agenda, appointment) is DeletionOption.NOW
    agenda.deliver()

    assert agenda.events() == []


def test_cancelled_and_erased_what_google_refused_to_delete_goes_by_one_click(
    linked: Links,
) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    agenda.google.faults[DELETE].append(KNOWN["403 forbidden"])
    with inside(agenda.unit):
        erasure_requests.erase_and_cancel(appointment=appointment, now=agenda.clock())
    agenda.deliver()
    assert task(agenda).completed_at is None

    assert delete_event(agenda, appointment) is DeletionOption.NOW
    agenda.deliver()

    assert agenda.events() == []
    assert task(agenda).completed_at == agenda.clock()


@pytest.mark.parametrize("lost", ["left", "reconnect"])
def test_where_the_link_does_not_reach_nothing_is_promised(linked: Links, lost: str) -> None:
    agenda = linked()
    appointment = left_by_google(agenda)
    if lost == "left":
        disconnect(agenda)
        agenda.deliver()
    else:
        with inside(agenda.unit):
            GoogleAccount.objects.update(state="reconnect")

    assert delete_event(agenda, appointment) is None
    assert verbs(agenda) == (["calendar.disconnected"] if lost == "left" else [])


def test_an_event_that_is_kept_until_its_person_is_notified_is_not_deleted(linked: Links) -> None:
    agenda = linked()
    appointment = left_by_google(agenda)
    with inside(agenda.unit):
        CalendarEntry.objects.update(is_held_back=True)

    assert delete_event(agenda, appointment) is None


def test_an_event_without_an_erasure_request_is_not_deleted(linked: Links) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()

    assert delete_event(agenda, appointment) is None
    agenda.clock.now = appointment.ends_at + timedelta(minutes=1)
    agenda.deliver()
    assert len(agenda.events()) == 1


def test_a_late_cleanup_after_the_reconnection_completes_the_task(linked: Links) -> None:
    agenda = linked(on_erasure="anonymise")
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    agenda.clock.now = appointment.ends_at + timedelta(minutes=1)
    with inside(agenda.unit):
        GoogleAccount.objects.update(state="reconnect")
    agenda.deliver(rounds=3)
    agenda.clock.advance(hours=25)
    agenda.deliver(rounds=3)
    assert task(agenda).completed_at is None

    with inside(agenda.unit):
        GoogleAccount.objects.update(state="connected")
    agenda.poll()

    assert [event["summary"] for event in agenda.events()] == ["RDV"]
    assert task(agenda).completed_at == agenda.clock()


def test_an_event_left_in_another_calendar_stays_to_do(linked: Links) -> None:
    agenda = linked()
    appointment = left_by_google(agenda)
    with inside(agenda.unit):
        CalendarEntry.objects.create(
            appointment=appointment, account=None, state="written", version=1, pushed=1, level=2,
            changed_at=agenda.clock(),
        )  # fmt: skip
        calendar_entries.complete_erasure_task(appointment_id=appointment.pk, now=agenda.clock())

    assert task(agenda).completed_at is None
    assert delete_event(agenda, appointment) is None


def test_what_changed_hands_goes_where_it_stood_and_stays_where_it_is_expected(
    linked: Links,
) -> None:
    agenda = linked()
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    agenda.google.faults[DELETE].append(KNOWN["403 forbidden"])
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
    assert task(agenda).completed_at is None

    assert delete_event(agenda, appointment) is DeletionOption.NOW
    agenda.deliver()

    assert agenda.events() == []
    with inside(agenda.unit):
        assert PatientContact.objects.filter(appointment=appointment).exists()
        make_entry(appointment, make_link(other, now=agenda.clock()), level=2)
    assert delete_event(agenda, appointment) is None
