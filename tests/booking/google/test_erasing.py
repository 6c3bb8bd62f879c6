"""Whoever asks to be erased goes from Google too, or the practitioner has it to do (Art. 19, B-28, B-34)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from booking.event_body import Level
from booking.models import Appointment, CalendarEntry, CalendarTask, GoogleAccount, PatientContact
from booking.services import calendar_entries, contacts, erasing
from booking.services.appointments import cancel, move
from booking.services.google.leases import Busy, hold
from tenants.schema import inside
from tests.booking.google.conftest import ADDRESS, Linked
from tests.booking.google.test_leaving import leave
from tests.factories import NOW, local

MONDAY = local((NOW + timedelta(days=7)).date(), 10)
Links = Callable[..., Linked]


def written(linked: Links, **fields: Any) -> tuple[Linked, Appointment]:
    agenda = linked(**fields)
    held = agenda.book(MONDAY)
    agenda.deliver()
    return agenda, held


def tasks(agenda: Linked) -> list[str]:
    with inside(agenda.unit):
        open_ = CalendarTask.objects.filter(done_at__isnull=True)
        return list(open_.values_list("kind", flat=True))


def erase_here(agenda: Linked, held: Appointment) -> None:
    """Erase the person as the purge does once the calendar says how to reach them."""
    contact = PatientContact.objects.get(appointment=held)
    contacts.erase(contact=contact, rule="test", now=agenda.clock())
    held.refresh_from_db()


def over(agenda: Linked, ends_at: datetime) -> None:
    agenda.clock.now = ends_at + timedelta(minutes=1)
    agenda.deliver()


def test_a_visit_that_is_moved_after_the_request_is_anonymised_all_the_same(linked: Links) -> None:
    agenda, held = written(linked)
    with inside(agenda.unit):
        erasing.erase_and_keep(appointment=held, now=agenda.clock())
        later = agenda.cabinet.choice(MONDAY + timedelta(hours=1))
        held = move(appointment=held, choice=later, by_patient=False, actor="x", now=agenda.clock())
    agenda.deliver()
    assert "Camille" in agenda.events()[0]["summary"]

    over(agenda, held.ends_at)

    (event,) = agenda.events()
    assert "Camille" not in event["summary"] + event.get("description", "")


def test_a_calendar_that_is_linked_after_the_request_knows_of_it(linked: Links) -> None:
    agenda, held = written(linked, level=Level.INITIALS)
    with inside(agenda.unit):
        erasing.erase_and_keep(appointment=held, now=agenda.clock())
        CalendarEntry.objects.all().delete()
        account = GoogleAccount.objects.get()
        calendar_entries.push_missing(account=account, now=agenda.clock())

        assert CalendarEntry.objects.get().cleaning == "anonymise"


def test_leaving_after_the_request_leaves_the_task(linked: Links) -> None:
    agenda, held = written(linked)
    with inside(agenda.unit):
        erasing.erase_and_keep(appointment=held, now=agenda.clock())
    assert tasks(agenda) == []

    leave(agenda)
    agenda.deliver()

    assert tasks(agenda) == ["erase"]


@pytest.mark.parametrize("choice", ["empty", "delete"])
def test_leaving_with_all_taken_away_leaves_none(linked: Links, choice: str) -> None:
    agenda, held = written(linked)
    with inside(agenda.unit):
        erasing.erase_and_keep(appointment=held, now=agenda.clock())

    leave(agenda, choice)
    agenda.deliver()

    assert tasks(agenda) == []


def test_leaving_before_the_push_of_an_erased_cancellation_leaves_the_task(linked: Links) -> None:
    agenda, held = written(linked)
    with inside(agenda.unit):
        erasing.erase_and_cancel(appointment=held, now=agenda.clock())

    leave(agenda)
    agenda.deliver(kinds="calendar.leave")

    assert tasks(agenda) == ["erase"]


def test_cancelled_and_erased_after_leaving_leaves_the_task(linked: Links) -> None:
    agenda, held = written(linked)
    leave(agenda)
    agenda.deliver()

    with inside(agenda.unit):
        erasing.erase_and_cancel(appointment=held, now=agenda.clock())

    assert tasks(agenda) == ["erase"]


def test_cancelled_while_the_link_is_lost_and_erased_later_leaves_the_task(linked: Links) -> None:
    agenda, held = written(linked)
    with inside(agenda.unit):
        GoogleAccount.objects.update(state=GoogleAccount.State.RECONNECT)
        cancel(appointment=held, by_patient=True, actor="patient", now=agenda.clock())
    agenda.deliver()

    with inside(agenda.unit):
        held.refresh_from_db()
        erasing.erase_cancelled(appointment=held, now=agenda.clock())
    assert tasks(agenda) == ["erase"]

    # Once the link is back the event goes, and with it the task.
    with inside(agenda.unit):
        GoogleAccount.objects.update(state=GoogleAccount.State.CONNECTED)
    agenda.poll()
    assert agenda.events() == []
    assert tasks(agenda) == []


def test_a_reached_calendar_needs_no_task(linked: Links) -> None:
    agenda, held = written(linked)
    with inside(agenda.unit):
        erasing.erase_and_cancel(appointment=held, now=agenda.clock())
    agenda.deliver()

    assert agenda.events() == []
    assert tasks(agenda) == []


@pytest.mark.parametrize("how", ["lost", "left"])
def test_cancelled_by_the_practice_out_of_reach_somebody_has_to_call(
    linked: Links, how: str
) -> None:
    agenda, held = written(linked)
    calendar = agenda.calendar()
    if how == "left":
        leave(agenda)
        agenda.deliver()
    with inside(agenda.unit):
        erase_here(agenda, held)
        GoogleAccount.objects.update(state=GoogleAccount.State.RECONNECT)
        cancel(appointment=held, by_patient=False, actor="user:1", now=agenda.clock())
    agenda.deliver()

    assert tasks(agenda) == ["call"]
    # The number is still there to be read.
    assert "Camille" in agenda.events(calendar=calendar)[0]["summary"]


def test_leaving_waits_for_whoever_speaks_for_the_account(linked: Links) -> None:
    agenda, _held = written(linked)
    calendar = agenda.calendar()
    with hold(unit=agenda.unit, account_id=agenda.account_id, clock=agenda.clock) as speaking:
        leave(agenda, "delete")
        agenda.deliver()
        with inside(agenda.unit), pytest.raises(Busy):
            speaking.check_ours()
    agenda.clock.pass_(seconds=61)
    agenda.deliver()

    with inside(agenda.unit):
        assert not GoogleAccount.objects.exists()
    assert calendar not in {one.id for one in agenda.google.calendars(ADDRESS)}
    assert len(agenda.google.asked("oauth.revoke")) == 1
