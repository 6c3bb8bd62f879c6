"""Deleting the event of somebody who asked to be erased: one click, a recorded choice (B-34)."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from booking.models import Appointment, CalendarEntry, CalendarTask, GoogleAccount, PatientContact
from booking.services import calendar_entries, contacts, erasing
from booking.services.appointments import move
from booking.services.google import effacing, ticking
from booking.services.google.effacing import Offer
from tenants.schema import inside
from tenants.trail.models import Act
from tests.booking.google.conftest import Linked
from tests.booking.google.test_leaving import leave
from tests.factories import NOW, local, make_entry, make_hours, make_link, make_practitioner
from tests.fakes.google import KNOWN

MONDAY = local((NOW + timedelta(days=7)).date(), 10)
Links = Callable[..., Linked]
PATCH, DELETE = "calendar.events.patch", "calendar.events.delete"


def efface(agenda: Linked, held: Appointment) -> Offer | None:
    with inside(agenda.unit):
        held.refresh_from_db()
        return effacing.efface(appointment=held, actor="user:1", now=agenda.clock())


def offer(agenda: Linked, held: Appointment) -> Offer | None:
    with inside(agenda.unit):
        held.refresh_from_db()
        return effacing.offer_of(appointment=held, now=agenda.clock())


def ask_erasure(agenda: Linked, held: Appointment) -> None:
    with inside(agenda.unit):
        erasing.erase_and_keep(appointment=held, now=agenda.clock())


def task(agenda: Linked) -> CalendarTask:
    with inside(agenda.unit):
        return CalendarTask.objects.select_related("appointment").get()


def verbs(agenda: Linked) -> list[str]:
    with inside(agenda.unit):
        return list(Act.objects.filter(actor="user:1").values_list("verb", flat=True))


def left_by_google(agenda: Linked) -> Appointment:
    """Return an appointment of somebody who was erased, whose event Google refused to anonymise."""
    held = agenda.book(MONDAY)
    agenda.deliver()
    ask_erasure(agenda, held)
    agenda.google.faults[PATCH].append(KNOWN["403 forbidden"])
    agenda.clock.now = held.ends_at + timedelta(minutes=1)
    agenda.deliver()
    return held


def test_what_an_erasure_left_is_deleted_by_one_click_which_is_recorded(linked: Links) -> None:
    agenda = linked()
    held = left_by_google(agenda)
    assert [event["summary"] for event in agenda.events()] == ["Camille Spécimen"]
    assert task(agenda).done_at is None

    assert efface(agenda, held) is Offer.NOW
    assert offer(agenda, held) is Offer.ASKED
    assert task(agenda).done_at is None
    agenda.deliver()

    assert agenda.events() == []
    assert task(agenda).done_at == agenda.clock()
    assert verbs(agenda) == ["calendar.effaced"]
    assert offer(agenda, held) is None


def test_what_google_refuses_again_stays_to_do_and_may_be_tried_again(linked: Links) -> None:
    agenda = linked()
    held = left_by_google(agenda)
    agenda.google.faults[DELETE].append(KNOWN["403 forbidden"])

    efface(agenda, held)
    agenda.deliver()

    assert len(agenda.events()) == 1
    assert task(agenda).done_at is None
    assert offer(agenda, held) is Offer.NOW


def test_asked_twice_it_is_deleted_and_recorded_once(linked: Links) -> None:
    agenda = linked()
    held = left_by_google(agenda)

    assert [efface(agenda, held), efface(agenda, held)] == [Offer.NOW, None]
    agenda.deliver()

    assert len(agenda.google.asked(DELETE)) == 1
    assert verbs(agenda) == ["calendar.effaced"]


@pytest.mark.parametrize("is_kept", [True, False])
def test_what_the_practitioner_does_or_keeps_is_recorded_and_nothing_is_written(
    linked: Links, is_kept: bool
) -> None:
    agenda = linked()
    left_by_google(agenda)
    calls = len(agenda.google.journal)
    left = task(agenda)

    with inside(agenda.unit):
        ticking.tick(task=left, actor="user:1", now=agenda.clock(), is_kept=is_kept)
    agenda.deliver()

    assert len(agenda.google.journal) == calls
    assert task(agenda).done_at == agenda.clock()
    assert verbs(agenda) == ["calendar.kept" if is_kept else "calendar.cleaned"]


def test_a_visit_to_come_keeps_its_event_until_it_is_over(linked: Links) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)
    agenda.deliver()
    assert offer(agenda, held) is None
    ask_erasure(agenda, held)

    assert efface(agenda, held) is Offer.AFTER
    agenda.deliver()
    assert [event["summary"] for event in agenda.events()] == ["Camille Spécimen"]
    assert offer(agenda, held) is Offer.ASKED

    agenda.clock.now = held.ends_at + timedelta(minutes=1)
    agenda.deliver()
    assert agenda.events() == []


def test_who_was_erased_on_the_day_is_deleted_in_google_when_they_ask_for_it_later(
    linked: Links,
) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)
    agenda.deliver()
    agenda.clock.now = held.ends_at + timedelta(days=2)
    with inside(agenda.unit):
        contact = contacts.contact_of(held)
        assert contact is not None
        contacts.erase(contact=contact, rule=contacts.DUE, now=agenda.clock())
    assert len(agenda.events()) == 1

    assert efface(agenda, held) is Offer.NOW
    agenda.deliver()

    assert agenda.events() == []


def test_cancelled_and_erased_what_google_refused_to_delete_goes_by_one_click(
    linked: Links,
) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)
    agenda.deliver()
    agenda.google.faults[DELETE].append(KNOWN["403 forbidden"])
    with inside(agenda.unit):
        erasing.erase_and_cancel(appointment=held, now=agenda.clock())
    agenda.deliver()
    assert task(agenda).done_at is None

    assert efface(agenda, held) is Offer.NOW
    agenda.deliver()

    assert agenda.events() == []
    assert task(agenda).done_at == agenda.clock()


@pytest.mark.parametrize("lost", ["left", "reconnect"])
def test_where_the_link_does_not_reach_nothing_is_promised(linked: Links, lost: str) -> None:
    agenda = linked()
    held = left_by_google(agenda)
    if lost == "left":
        leave(agenda)
        agenda.deliver()
    else:
        with inside(agenda.unit):
            GoogleAccount.objects.update(state="reconnect")

    assert efface(agenda, held) is None
    assert verbs(agenda) == (["calendar.left"] if lost == "left" else [])


def test_an_event_that_only_waits_for_its_person_to_be_told_is_not_deleted(linked: Links) -> None:
    agenda = linked()
    held = left_by_google(agenda)
    with inside(agenda.unit):
        CalendarEntry.objects.update(is_held_back=True)

    assert efface(agenda, held) is None


def test_an_event_of_somebody_who_asked_nothing_is_not_deleted(linked: Links) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)
    agenda.deliver()

    assert efface(agenda, held) is None
    agenda.clock.now = held.ends_at + timedelta(minutes=1)
    agenda.deliver()
    assert len(agenda.events()) == 1


def test_cleaned_after_all_once_the_account_is_back_the_task_is_done(linked: Links) -> None:
    agenda = linked(on_erasure="anonymise")
    held = agenda.book(MONDAY)
    agenda.deliver()
    agenda.clock.now = held.ends_at + timedelta(minutes=1)
    with inside(agenda.unit):
        GoogleAccount.objects.update(state="reconnect")
    agenda.deliver(rounds=3)
    agenda.clock.pass_(hours=25)
    agenda.deliver(rounds=3)
    assert task(agenda).done_at is None

    with inside(agenda.unit):
        GoogleAccount.objects.update(state="connected")
    agenda.poll()

    assert [event["summary"] for event in agenda.events()] == ["RDV"]
    assert task(agenda).done_at == agenda.clock()


def test_an_event_left_in_another_calendar_stays_to_do(linked: Links) -> None:
    agenda = linked()
    held = left_by_google(agenda)
    with inside(agenda.unit):
        CalendarEntry.objects.create(
            appointment=held, account=None, state="written", wanted=1, pushed=1, level=2,
            wanted_at=agenda.clock(),
        )  # fmt: skip
        calendar_entries.tick_if_clean(appointment_id=held.pk, now=agenda.clock())

    assert task(agenda).done_at is None
    assert efface(agenda, held) is None


def test_what_changed_hands_goes_where_it_stood_and_stays_where_it_is_expected(
    linked: Links,
) -> None:
    agenda = linked()
    held = agenda.book(MONDAY)
    agenda.deliver()
    agenda.google.faults[DELETE].append(KNOWN["403 forbidden"])
    with inside(agenda.unit):
        other = make_practitioner("Autre Exemple")
        agenda.cabinet.type.practitioners.add(other)
        make_hours(other, agenda.cabinet.location)
        move(
            appointment=held,
            choice=agenda.cabinet.choice(MONDAY, practitioner_id=other.pk),
            by_patient=False,
            actor="system",
            now=agenda.clock(),
        )
    agenda.deliver()
    assert task(agenda).done_at is None

    assert efface(agenda, held) is Offer.NOW
    agenda.deliver()

    assert agenda.events() == []
    with inside(agenda.unit):
        assert PatientContact.objects.filter(appointment=held).exists()
        make_entry(held, make_link(other, now=agenda.clock()), level=2)
    assert efface(agenda, held) is None
