"""An erasure includes the event in Google, or creates a task of the practitioner (Art. 19, B-28, B-34)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from booking.appointments import erasure_requests
from booking.appointments.cancel import cancel
from booking.appointments.move import move
from booking.calendar_sync import calendar_entries
from booking.google.leases import LeaseUnavailable, acquire_lease
from booking.models import Appointment, CalendarEntry, CalendarTask, GoogleAccount, PatientContact
from booking.patients import contacts
from booking.rules import kinds
from booking.rules.erasure import Level
from tenants.schema import inside
from tests.booking.google.practices import ADDRESS, MONDAY, LinkedPractice, disconnect

Links = Callable[..., LinkedPractice]


def written(linked: Links, **fields: Any) -> tuple[LinkedPractice, Appointment]:
    agenda = linked(**fields)
    appointment = agenda.book(MONDAY)
    agenda.deliver()
    return agenda, appointment


def tasks(agenda: LinkedPractice) -> list[str]:
    with inside(agenda.unit):
        open_ = CalendarTask.objects.filter(completed_at__isnull=True)
        return list(open_.values_list("kind", flat=True))


def erase_here(agenda: LinkedPractice, appointment: Appointment) -> None:
    """Erase the person here as the due erasure does once the calendar holds the phone number."""
    contact = PatientContact.objects.get(appointment=appointment)
    contacts.erase(contact=contact, rule="test", now=agenda.clock())
    appointment.refresh_from_db()


def end_visit(agenda: LinkedPractice, ends_at: datetime) -> None:
    agenda.clock.now = ends_at + timedelta(minutes=1)
    agenda.deliver()


def test_a_visit_that_is_moved_after_the_request_is_anonymised_all_the_same(linked: Links) -> None:
    agenda, appointment = written(linked)
    with inside(agenda.unit):
        erasure_requests.erase_and_keep(appointment=appointment, now=agenda.clock())
        later = agenda.cabinet.selection(MONDAY + timedelta(hours=1))
        appointment = move(
            appointment=appointment,
            selection=later,
            by_patient=False,
            actor="x",
            now=agenda.clock(),
        )
    agenda.deliver()
    assert "Camille" in agenda.events()[0]["summary"]

    end_visit(agenda, appointment.ends_at)

    (event,) = agenda.events()
    assert "Camille" not in event["summary"] + event.get("description", "")


def test_a_calendar_that_is_linked_after_the_request_knows_of_it(linked: Links) -> None:
    agenda, appointment = written(linked, level=Level.INITIALS)
    with inside(agenda.unit):
        erasure_requests.erase_and_keep(appointment=appointment, now=agenda.clock())
        CalendarEntry.objects.all().delete()
        account = GoogleAccount.objects.get()
        calendar_entries.push_missing(account=account, now=agenda.clock())

        assert CalendarEntry.objects.get().cleanup == "anonymise"


def test_disconnecting_after_the_erasure_request_creates_the_task(linked: Links) -> None:
    agenda, appointment = written(linked)
    with inside(agenda.unit):
        erasure_requests.erase_and_keep(appointment=appointment, now=agenda.clock())
    assert tasks(agenda) == []

    disconnect(agenda)
    agenda.deliver()

    assert tasks(agenda) == ["erase"]


@pytest.mark.parametrize("on_disconnect", ["empty", "delete"])
def test_disconnecting_with_deletion_of_the_calendar_creates_no_task(
    linked: Links, on_disconnect: str
) -> None:
    agenda, appointment = written(linked)
    with inside(agenda.unit):
        erasure_requests.erase_and_keep(appointment=appointment, now=agenda.clock())

    disconnect(agenda, on_disconnect)
    agenda.deliver()

    assert tasks(agenda) == []


def test_disconnecting_before_the_push_of_an_erased_cancellation_creates_the_task(
    linked: Links,
) -> None:
    agenda, appointment = written(linked)
    with inside(agenda.unit):
        erasure_requests.erase_and_cancel(appointment=appointment, now=agenda.clock())

    disconnect(agenda)
    agenda.deliver(kinds=kinds.CALENDAR_DISCONNECT)

    assert tasks(agenda) == ["erase"]


def test_cancelling_and_erasing_after_a_disconnection_creates_the_task(linked: Links) -> None:
    agenda, appointment = written(linked)
    disconnect(agenda)
    agenda.deliver()

    with inside(agenda.unit):
        erasure_requests.erase_and_cancel(appointment=appointment, now=agenda.clock())

    assert tasks(agenda) == ["erase"]


def test_cancelling_while_the_link_is_lost_and_erasing_later_creates_the_task(
    linked: Links,
) -> None:
    agenda, appointment = written(linked)
    with inside(agenda.unit):
        GoogleAccount.objects.update(state=GoogleAccount.LinkState.RECONNECT)
        cancel(appointment=appointment, by_patient=True, actor="patient", now=agenda.clock())
    agenda.deliver()

    with inside(agenda.unit):
        appointment.refresh_from_db()
        erasure_requests.erase_cancelled(appointment=appointment, now=agenda.clock())
    assert tasks(agenda) == ["erase"]

    # After the reconnection the event is deleted and the task is complete.
    with inside(agenda.unit):
        GoogleAccount.objects.update(state=GoogleAccount.LinkState.CONNECTED)
    agenda.poll()
    assert agenda.events() == []
    assert tasks(agenda) == []


def test_a_reached_calendar_needs_no_task(linked: Links) -> None:
    agenda, appointment = written(linked)
    with inside(agenda.unit):
        erasure_requests.erase_and_cancel(appointment=appointment, now=agenda.clock())
    agenda.deliver()

    assert agenda.events() == []
    assert tasks(agenda) == []


@pytest.mark.parametrize("how", ["lost", "left"])
def test_cancelling_without_access_to_the_calendar_creates_a_task_to_call(
    linked: Links, how: str
) -> None:
    agenda, appointment = written(linked)
    calendar = agenda.calendar()
    if how == "left":
        disconnect(agenda)
        agenda.deliver()
    with inside(agenda.unit):
        erase_here(agenda, appointment)
        GoogleAccount.objects.update(state=GoogleAccount.LinkState.RECONNECT)
        cancel(appointment=appointment, by_patient=False, actor="user:1", now=agenda.clock())
    agenda.deliver()

    assert tasks(agenda) == ["call"]
    # The event still holds the phone number.
    assert "Camille" in agenda.events(calendar=calendar)[0]["summary"]


def test_a_disconnection_waits_for_the_worker_with_the_lease(linked: Links) -> None:
    agenda, _appointment = written(linked)
    calendar = agenda.calendar()
    with acquire_lease(unit=agenda.unit, account_id=agenda.account_id, clock=agenda.clock) as lease:
        disconnect(agenda, "delete")
        agenda.deliver()
        with inside(agenda.unit), pytest.raises(LeaseUnavailable):
            lease.check_ours()
    agenda.clock.advance(seconds=61)
    agenda.deliver()

    with inside(agenda.unit):
        assert not GoogleAccount.objects.exists()
    assert calendar not in {known.id for known in agenda.google.calendars(ADDRESS)}
    assert len(agenda.google.asked("oauth.revoke")) == 1
