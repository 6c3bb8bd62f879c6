"""The waiting list: each slot is offered to one entry at a time, never twice; entries are erased when due."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from booking.appointments import (
    erasure_requests,
    offer_acceptance,
)
from booking.appointments.book import book_by_staff
from booking.appointments.cancel import cancel
from booking.appointments.move import move
from booking.erasure import cleanup
from booking.models import (
    Appointment,
    Offer,
    OpeningException,
    PatientContact,
    Practice,
    WaitingEntry,
)
from booking.models.waiting import EVERY_DAY
from booking.patients import contacts
from booking.rules import kinds
from booking.rules.errors import OfferOver, SlotTaken
from booking.scheduling import absences
from booking.scheduling.absences import BlockedTime
from booking.scheduling.queries import free_slots
from booking.waiting_list import (
    offers,
    waiting_contacts,
    waiting_entries,
)
from booking.waiting_list.waiting_entries import Wish
from compliance.retention.due import backlog, overdue
from tenants import erasure_ledger
from tenants.audit import receipts
from tenants.keyring.models import DataKey
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit, inside
from tests.conftest import TENANT_ONE
from tests.factories import (
    NOW,
    Cabinet,
    make_appointment,
    make_person,
    make_practitioner,
    make_type,
)

SLOT = datetime(2026, 11, 19, 8, 45, tzinfo=UTC)
"""Thursday 19 November, 9:45 in Paris."""
NIGHT = datetime(2026, 11, 10, 21, 30, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)


@pytest.fixture
def cabinet(tenant: Unit) -> Cabinet:
    return Cabinet()


def wait(cabinet: Cabinet, name: str = "ane", *, now: datetime = NOW, **facts: Any) -> WaitingEntry:
    """Add an entry to the list."""
    wish = {key: facts.pop(key) for key in ("weekdays", "half", "practitioner") if key in facts}
    gives_back = facts.pop("gives_back", None)
    email = facts.pop("email", f"{name}@example.org")
    joined = waiting_entries.join(
        wish=Wish(cabinet.type, cabinet.location, **wish),
        person=make_person(first_name=name, email=email, **facts),
        form_ref=uuid.uuid4(),
        origin=WaitingEntry.EntryOrigin.PATIENT,
        actor="patient",
        gives_back=gives_back,
        now=now,
    )
    assert joined is not None
    return joined


def free(cabinet: Cabinet, at: datetime = SLOT, *, now: datetime = NOW) -> Appointment:
    """Book a slot and cancel it."""
    booked = make_appointment(
        cabinet, at, now=now, person=make_person(email="autre@example.org", phone="")
    )
    return cancel(appointment=booked, by_patient=True, actor="patient", now=now)


def the_offer(entry: WaitingEntry | None = None) -> Offer:
    found = Offer.objects.filter(state=Offer.OfferState.OFFERED)
    return (found.filter(entry=entry) if entry else found).get()


def is_shown(cabinet: Cabinet, at: datetime = SLOT, *, now: datetime = NOW) -> bool:
    on = at.date()
    slots = free_slots(appointment_type=cabinet.type, from_on=on, until_on=on, now=now)
    return any(slot.starts_at == at for slot in slots)


def notified(offer: Offer, *, now: datetime = NOW) -> Offer:
    assert offers.mark_notified(offer=offer, now=now)
    offer.refresh_from_db()
    return offer


# --- Offering -----------------------------------------------------------------------------------------


def test_a_freed_slot_is_held_for_the_first_of_the_list_and_hidden(cabinet: Cabinet) -> None:
    first, second = wait(cabinet, "ane"), wait(cabinet, "bea")

    free(cabinet)

    offer = the_offer()
    assert (offer.entry, offer.starts_at) == (first, SLOT)
    assert offer.appointment is not None
    assert offer.appointment.status == Appointment.Status.HELD
    assert offer.expires_at == NOW + HALF_HOUR
    assert offer.appointment.held_until == NOW + 2 * HALF_HOUR
    assert not is_shown(cabinet)
    assert not second.offers.exists()
    assert OutboxEntry.objects.filter(kind=kinds.OFFER, subject_id=offer.pk, due_at=NOW).exists()


def test_a_slot_without_a_waiting_entry_is_free_at_once(cabinet: Cabinet) -> None:
    free(cabinet)

    assert is_shown(cabinet)
    assert not Offer.objects.exists()


def test_a_practice_without_a_list_offers_nothing(cabinet: Cabinet) -> None:
    wait(cabinet)
    Practice.objects.update(waiting_minutes=0)

    free(cabinet)

    assert is_shown(cabinet)


@pytest.mark.parametrize("minutes", [20, 60])
def test_the_practice_sets_the_length_of_an_offer(cabinet: Cabinet, minutes: int) -> None:
    Practice.objects.update(waiting_minutes=minutes)
    wait(cabinet)

    free(cabinet)

    assert the_offer().expires_at == NOW + timedelta(minutes=minutes)


@pytest.mark.parametrize("minutes", [1, 19, 61, -20])
def test_no_other_length_can_be_set(cabinet: Cabinet, minutes: int) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Practice.objects.update(waiting_minutes=minutes)


def test_moving_away_frees_a_slot_too(cabinet: Cabinet) -> None:
    booked = make_appointment(cabinet, SLOT)
    entry = wait(cabinet)

    move(
        appointment=booked,
        selection=cabinet.selection(SLOT + timedelta(days=1)),
        by_patient=False,
        actor="system",
        now=NOW,
    )

    assert (the_offer().entry, the_offer().starts_at) == (entry, SLOT)


def test_the_practice_cancelling_frees_a_slot_too(cabinet: Cabinet) -> None:
    booked = make_appointment(cabinet, SLOT)
    wait(cabinet)

    cancel(appointment=booked, by_patient=False, actor="system", now=NOW)

    assert the_offer().starts_at == SLOT


def test_a_slot_in_an_absence_is_not_offered(cabinet: Cabinet) -> None:
    booked = make_appointment(cabinet, SLOT)
    wait(cabinet)
    absent(cabinet)

    cancel(appointment=booked, by_patient=False, actor="system", now=NOW)

    assert not Offer.objects.exists()


def test_a_slot_in_the_hours_of_a_holiday_is_offered(cabinet: Cabinet) -> None:
    christmas = datetime(2026, 12, 25, 9, 0, tzinfo=UTC)
    entry = wait(cabinet, weekdays=EVERY_DAY)
    free(cabinet, christmas)
    before = Offer.objects.count()
    OpeningException.objects.create(
        practitioner=cabinet.practitioner,
        location=cabinet.location,
        on_date=christmas.date(),
        starts_min=10 * 60,
        ends_min=12 * 60,
    )

    free(cabinet, christmas)

    assert before == 0
    assert (the_offer().entry, the_offer().starts_at) == (entry, christmas)


def test_a_slot_in_hours_of_other_appointment_types_is_not_offered(cabinet: Cabinet) -> None:
    other = make_type([cabinet.practitioner], [cabinet.location], label="Bilan")
    booked = make_appointment(cabinet, SLOT)
    wait(cabinet)
    for row in cabinet.hours:
        row.appointment_types.add(other)

    cancel(appointment=booked, by_patient=False, actor="system", now=NOW)

    assert not Offer.objects.exists()


def absent(cabinet: Cabinet) -> None:
    blocked = BlockedTime(
        cabinet.practitioner, SLOT - timedelta(hours=1), SLOT + timedelta(hours=4)
    )
    absences.add(blocked=blocked, actor="system", now=NOW)


@pytest.mark.parametrize(
    ("facts", "suits"),
    [
        ({"weekdays": 1 << 3}, True),
        ({"weekdays": 1 << 4}, False),
        ({"half": "morning"}, True),
        ({"half": "afternoon"}, False),
        ({"email": ""}, False),  # no message reaches them: the practice calls
    ],
)
def test_a_slot_is_offered_to_suited_entries_only(
    cabinet: Cabinet, facts: dict[str, Any], suits: bool
) -> None:
    wait(cabinet, **facts)

    free(cabinet)

    assert Offer.objects.exists() is suits


def test_an_entry_for_a_practitioner_is_offered_no_slot_of_a_colleague(cabinet: Cabinet) -> None:
    other = make_practitioner("Hugo Fictif")
    cabinet.type.practitioners.add(other)
    wait(cabinet, "ane", practitioner=other)
    for_any = wait(cabinet, "bea")

    free(cabinet)

    assert the_offer().entry == for_any


def test_a_slot_too_near_is_not_offered(cabinet: Cabinet) -> None:
    soon = NOW + timedelta(hours=1, minutes=20)
    wait(cabinet)

    free(cabinet, soon)
    assert not Offer.objects.exists()

    free(cabinet, soon + timedelta(hours=1))
    assert Offer.objects.exists()


def test_an_entry_with_an_open_offer_gets_no_second_one(cabinet: Cabinet) -> None:
    first, second = wait(cabinet, "ane"), wait(cabinet, "bea")

    free(cabinet)
    free(cabinet, SLOT + timedelta(hours=1))

    assert the_offer(first).starts_at == SLOT
    assert the_offer(second).starts_at == SLOT + timedelta(hours=1)


def test_at_night_the_slot_is_held_and_nothing_leaves_before_eight(cabinet: Cabinet) -> None:
    wait(cabinet)

    free(cabinet, now=NIGHT)

    offer, morning = the_offer(), datetime(2026, 11, 11, 7, tzinfo=UTC)
    assert (offer.opens_at, offer.expires_at) == (morning, morning + HALF_HOUR)
    assert OutboxEntry.objects.get(kind=kinds.OFFER).due_at == morning
    assert not is_shown(cabinet, now=NIGHT + timedelta(hours=6))


def test_at_night_a_slot_of_the_early_morning_is_not_offered(cabinet: Cabinet) -> None:
    wait(cabinet)

    free(cabinet, datetime(2026, 11, 12, 8, tzinfo=UTC), now=datetime(2026, 11, 12, 3, tzinfo=UTC))

    assert not Offer.objects.exists()


# --- Notifying, passing on ----------------------------------------------------------------------------


def test_the_time_of_the_person_counts_from_the_message(cabinet: Cabinet) -> None:
    wait(cabinet)
    free(cabinet)
    late = NOW + timedelta(minutes=25)

    offer = notified(the_offer(), now=late)

    assert offer.expires_at == late + HALF_HOUR
    assert OutboxEntry.objects.get(kind=kinds.OFFER_EXPIRY).due_at == offer.expires_at
    assert not is_shown(cabinet, now=late + 2 * HALF_HOUR - timedelta(minutes=1))


def test_a_message_late_in_the_evening_waits_for_the_morning(cabinet: Cabinet) -> None:
    wait(cabinet)
    free(cabinet)

    assert not offers.mark_notified(offer=the_offer(), now=NIGHT)

    offer = the_offer()
    assert offer.notified_at is None
    assert offer.opens_at == datetime(2026, 11, 11, 7, tzinfo=UTC)
    due = OutboxEntry.objects.filter(kind=kinds.OFFER, due_at=offer.opens_at)
    assert due.count() == 1


def test_an_offer_that_ends_goes_to_the_next_and_never_back(cabinet: Cabinet) -> None:
    people = [wait(cabinet, name) for name in ("ane", "bea", "cid")]
    free(cabinet)
    now, offered = NOW, []

    while offer := Offer.objects.filter(state=Offer.OfferState.OFFERED).first():
        offered.append(offer.entry)
        notified(offer, now=now)
        assert not offers.expire(offer=offer, now=now + HALF_HOUR - timedelta(seconds=1))
        now += HALF_HOUR
        assert offers.expire(offer=offer, now=now)
        assert not offers.expire(offer=offer, now=now)

    assert offered == people
    assert is_shown(cabinet, now=now)
    assert not Appointment.objects.filter(status=Appointment.Status.HELD).exists()
    # The same start, freed again, is not offered a second time.
    free(cabinet, now=now)
    assert Offer.objects.count() == 3


def test_an_offer_whose_message_was_not_sent_does_not_expire(cabinet: Cabinet) -> None:
    wait(cabinet)
    free(cabinet)

    assert not offers.expire(offer=the_offer(), now=NOW + timedelta(hours=3))


def test_a_refusal_passes_the_slot_on_at_once_and_keeps_the_person(cabinet: Cabinet) -> None:
    first, second = wait(cabinet, "ane"), wait(cabinet, "bea")
    free(cabinet)

    assert offer_acceptance.refuse(offer=the_offer(first), actor="patient", now=NOW)

    assert the_offer().entry == second
    assert WaitingEntry.objects.filter(pk=first.pk).exists()


def test_a_slot_withdrawn_by_the_practice_is_free_for_all_patients(cabinet: Cabinet) -> None:
    wait(cabinet, "ane")
    wait(cabinet, "bea")
    free(cabinet)

    assert offer_acceptance.withdraw(offer=the_offer(), actor="system", now=NOW)

    assert is_shown(cabinet)


def test_an_absence_made_since_ends_the_offer(cabinet: Cabinet) -> None:
    wait(cabinet)
    free(cabinet)
    absent(cabinet)

    assert not offers.mark_notified(offer=the_offer(), now=NOW)

    assert Offer.objects.get().state == Offer.OfferState.WITHDRAWN
    assert not Appointment.objects.filter(status=Appointment.Status.HELD).exists()


def test_a_hold_that_the_sweep_takes_away_ends_the_offer(cabinet: Cabinet) -> None:
    wait(cabinet)
    free(cabinet)
    late = NOW + timedelta(hours=2)

    assert cleanup.delete_stale_holds(now=late) == 1
    assert not offers.mark_notified(offer=the_offer(), now=late)

    assert Offer.objects.get().state == Offer.OfferState.WITHDRAWN


# --- The database --------------------------------------------------------------------------------------


def clone(offer: Offer, **fields: Any) -> None:
    values = {
        "entry": offer.entry,
        "entry_ref": offer.entry_ref,
        "appointment": offer.appointment,
        "practitioner": offer.practitioner,
        "starts_at": offer.starts_at,
        "link_hash": uuid.uuid4().bytes,
        "offered_at": NOW,
        "opens_at": NOW,
        "expires_at": NOW + HALF_HOUR,
    }
    with transaction.atomic():
        Offer.objects.create(**values | fields)


@pytest.mark.parametrize("promise", ["one person", "one slot", "never twice", "length", "open"])
def test_the_database_keeps_the_promises_of_an_offer(cabinet: Cabinet, promise: str) -> None:
    wait(cabinet)
    other = wait(cabinet, "bea")
    free(cabinet)
    offer, elsewhere = the_offer(), SLOT + timedelta(days=1)
    ended = {"state": Offer.OfferState.REFUSED, "ended_at": NOW}
    theirs: dict[str, Any] = {"entry": other, "entry_ref": other.ref}
    breaches: dict[str, dict[str, Any]] = {
        "one person": theirs,
        "one slot": {"appointment": None, "starts_at": elsewhere},
        "never twice": ended,
        "length": theirs | {"appointment": None, "expires_at": NOW + timedelta(minutes=61)},
        "open": theirs | {"appointment": None, "entry": None},
    }

    with pytest.raises(IntegrityError):
        clone(offer, **breaches[promise])


def test_no_entry_can_stay_longer_than_thirty_days(cabinet: Cabinet) -> None:
    entry = wait(cabinet)

    assert entry.erase_at == NOW + timedelta(days=30)
    with pytest.raises(IntegrityError), transaction.atomic():
        WaitingEntry.objects.update(erase_at=NOW + timedelta(days=30, seconds=1))


# --- Accepting ----------------------------------------------------------------------------------------


def test_accepting_books_the_held_slot_and_erases_the_entry(cabinet: Cabinet) -> None:
    entry = wait(cabinet, "ane")
    free(cabinet)
    offer = notified(the_offer())
    appointment = offer.appointment

    booked = offer_acceptance.accept(offer=offer, actor="patient", now=NOW)

    assert appointment is not None
    assert booked.pk == appointment.pk
    booked.refresh_from_db()
    assert booked.status == Appointment.Status.BOOKED
    contact = contacts.contact_of(booked)
    person = contacts.open_contact(contact) if contact else None
    assert person is not None
    assert (person.first_name, person.email) == ("ane", "ane@example.org")
    assert not WaitingEntry.objects.exists()
    assert DataKey.objects.count() == PatientContact.objects.count()
    receipt = receipts.find(entry.ref)
    assert receipt is not None
    assert receipt.rule == "accepted"
    hashes = erasure_ledger.erased_hashes()[TENANT_ONE.schema, waiting_contacts.TABLE]
    assert hashes == {
        erasure_ledger.ref_hash(
            schema=TENANT_ONE.schema, table=waiting_contacts.TABLE, ref=entry.ref
        )
    }
    due = OutboxEntry.objects.filter(subject_id=booked.pk).values_list("kind", flat=True)
    assert set(due) == {kinds.CONFIRMATION, kinds.REMINDER}
    # A second click leads to the same booking.
    assert offer_acceptance.accept(offer=offer, actor="patient", now=NOW) == booked


def test_accepting_gives_the_old_appointment_back_and_offers_it_on(cabinet: Cabinet) -> None:
    old_at = SLOT + timedelta(days=5)
    old = make_appointment(cabinet, old_at, person=make_person(email="ane@example.org"))
    wait(cabinet, "ane", gives_back=old)
    second = wait(cabinet, "bea")
    free(cabinet)

    booked = offer_acceptance.accept(offer=notified(the_offer()), actor="patient", now=NOW)

    old.refresh_from_db()
    assert old.status == Appointment.Status.CANCELLED_BY_PATIENT
    assert booked.starts_at == SLOT
    assert (the_offer().entry, the_offer().starts_at) == (second, old_at)
    assert WaitingEntry.objects.get() == second


@pytest.mark.parametrize("days", [0, 1])
def test_only_an_earlier_slot_is_offered_for_an_appointment(cabinet: Cabinet, days: int) -> None:
    old = make_appointment(cabinet, SLOT + timedelta(hours=2))
    wait(cabinet, gives_back=old)

    free(cabinet, SLOT + timedelta(days=days))

    assert Offer.objects.exists() is (days == 0)


@pytest.mark.parametrize("how", ["late", "refused", "swept"])
def test_an_offer_that_is_over_books_nothing(cabinet: Cabinet, how: str) -> None:
    wait(cabinet)
    free(cabinet)
    offer, now = notified(the_offer()), NOW
    if how == "late":
        now += HALF_HOUR
    elif how == "refused":
        offer_acceptance.refuse(offer=offer, actor="patient", now=NOW)
    else:
        Appointment.objects.filter(status=Appointment.Status.HELD).delete()

    with pytest.raises(OfferOver):
        offer_acceptance.accept(offer=offer, actor="patient", now=now)

    assert not Appointment.objects.filter(status=Appointment.Status.BOOKED).exists()
    assert WaitingEntry.objects.exists()


# --- Joining, order, leaving --------------------------------------------------------------------------


def join(cabinet: Cabinet, **facts: Any) -> WaitingEntry | None:
    return waiting_entries.join(
        wish=Wish(cabinet.type, cabinet.location),
        person=make_person(**facts),
        form_ref=uuid.uuid4(),
        origin=WaitingEntry.EntryOrigin.PATIENT,
        actor="patient",
        now=NOW,
    )


def test_the_same_person_is_on_the_list_once_and_a_family_shares_an_address(
    cabinet: Cabinet,
) -> None:
    assert join(cabinet) is not None
    assert join(cabinet, first_name=" camille ") is None
    assert join(cabinet, relative="Noé") is not None
    assert join(cabinet, relative="Lou") is not None
    assert join(cabinet, relative="Zoé") is None  # three entries of one address at most

    assert WaitingEntry.objects.count() == 3
    assert DataKey.objects.count() == 3


def test_an_entry_holds_nothing_that_can_be_read(cabinet: Cabinet) -> None:
    entry = wait(cabinet, "ane")

    assert b"ane" not in bytes(entry.sealed)
    assert waiting_contacts.open_entry(entry) == make_person(
        first_name="ane", email="ane@example.org"
    )


def test_the_order_is_the_one_of_the_list(cabinet: Cabinet) -> None:
    people = [wait(cabinet, name) for name in ("ane", "bea", "cid")]

    def reorder(entry: WaitingEntry, way: str) -> list[WaitingEntry]:
        waiting_entries.move_entry(entry=entry, others=people, way=way, actor="system", now=NOW)
        return list(WaitingEntry.objects.all())

    ane, bea, cid = people
    assert reorder(bea, "up") == [bea, ane, cid]
    assert reorder(bea, "up") == [bea, ane, cid]
    assert reorder(bea, "down") == [ane, bea, cid]
    assert reorder(cid, "first") == [cid, ane, bea]
    free(cabinet)
    assert the_offer().entry == cid


def test_leaving_erases_at_once_and_passes_the_offer_on(cabinet: Cabinet) -> None:
    first, second = wait(cabinet, "ane"), wait(cabinet, "bea")
    free(cabinet)

    assert waiting_entries.leave(entry=first, actor="patient", now=NOW)

    assert list(WaitingEntry.objects.all()) == [second]
    assert the_offer().entry == second
    receipt = receipts.find(first.ref)
    assert receipt is not None
    assert receipt.rule == "left"
    assert receipts.verify().is_intact
    assert not waiting_entries.leave(entry=first, actor="patient", now=NOW)


def test_the_thirty_days_erase_and_pass_the_offer_on(cabinet: Cabinet) -> None:
    first = wait(cabinet, "ane")
    second = wait(cabinet, "bea", now=NOW + timedelta(days=2))
    until = NOW + timedelta(days=30)
    free(cabinet, until + timedelta(days=1, hours=-1), now=until - timedelta(hours=1))

    assert waiting_entries.erase_due(now=until - timedelta(seconds=1)) == 0
    assert waiting_entries.erase_due(now=until) == 1
    assert waiting_entries.erase_due(now=until) == 0

    assert list(WaitingEntry.objects.all()) == [second]
    assert receipts.find(first.ref) is not None
    assert the_offer().entry == second


def test_an_entry_whose_person_cancels_is_due_for_erasure_at_once(cabinet: Cabinet) -> None:
    old = make_appointment(cabinet, SLOT)
    wait(cabinet, gives_back=old)

    cancel(appointment=old, by_patient=True, actor="patient", now=NOW)

    assert not Offer.objects.exists()
    assert waiting_entries.erase_due(now=NOW) == 1


def test_an_entry_stays_when_the_practice_cancels(cabinet: Cabinet) -> None:
    old = make_appointment(cabinet, SLOT)
    wait(cabinet, gives_back=old)

    cancel(appointment=old, by_patient=False, actor="system", now=NOW)

    assert WaitingEntry.objects.get().appointment is None


def test_a_slot_is_not_offered_to_the_person_of_the_cancelled_appointment(cabinet: Cabinet) -> None:
    old = make_appointment(cabinet, SLOT)
    wait(cabinet, gives_back=old)

    cancel(appointment=old, by_patient=False, actor="system", now=NOW)

    assert not Offer.objects.exists()


def test_a_slot_is_not_offered_to_the_person_of_the_moved_appointment(cabinet: Cabinet) -> None:
    old = make_appointment(cabinet, SLOT)
    wait(cabinet, gives_back=old)

    move(
        appointment=old,
        selection=cabinet.selection(SLOT + timedelta(days=1)),
        by_patient=True,
        actor="patient",
        now=NOW,
    )

    assert not Offer.objects.exists()


def test_a_slot_that_another_appointment_overlaps_is_not_offered(cabinet: Cabinet) -> None:
    first = make_appointment(cabinet, SLOT)
    overbooked = book_by_staff(
        selection=cabinet.selection(SLOT),
        form_ref=uuid.uuid4(),
        person=make_person(email="autre@example.org"),
        overbook=True,
        actor="system",
        now=NOW,
    )
    wait(cabinet)

    cancel(appointment=first, by_patient=True, actor="patient", now=NOW)

    assert overbooked.is_overbooked
    assert not Offer.objects.exists()


def test_an_appointment_may_move_to_before_the_joining(cabinet: Cabinet) -> None:
    old = make_appointment(cabinet, SLOT)
    entry = wait(cabinet, gives_back=old)

    move(
        appointment=old,
        selection=cabinet.selection(NOW - timedelta(hours=1)),
        by_patient=False,
        actor="system",
        now=NOW,
    )

    entry.refresh_from_db()
    assert entry.erase_at == entry.joined_at


def test_erasing_after_the_practice_cancelled_erases_from_the_list_too(cabinet: Cabinet) -> None:
    person = make_person(email="ane@example.org")
    old = make_appointment(cabinet, SLOT, person=person)
    wait(cabinet, "ane", gives_back=old)
    wait(cabinet, "bea", phone="+33639980199")
    cancel(appointment=old, by_patient=False, actor="system", now=NOW)

    erasure_requests.erase_cancelled(appointment=old, now=NOW)

    assert [entry.position for entry in WaitingEntry.objects.all()] == [2]


@pytest.mark.parametrize(
    "erase", [erasure_requests.erase_and_keep, erasure_requests.erase_and_cancel]
)
def test_an_erasure_request_erases_the_entry_of_the_list_too(
    cabinet: Cabinet, erase: Callable[..., object]
) -> None:
    old = make_appointment(cabinet, SLOT)
    wait(cabinet, gives_back=old)

    erase(appointment=old, now=NOW)

    assert not WaitingEntry.objects.exists()


def test_an_entry_ends_when_its_appointment_begins_moved_or_not(cabinet: Cabinet) -> None:
    old = make_appointment(cabinet, SLOT)
    entry = wait(cabinet, gives_back=old)
    assert entry.erase_at == SLOT
    later = SLOT + timedelta(days=1)

    move(
        appointment=old,
        selection=cabinet.selection(later),
        by_patient=False,
        actor="system",
        now=NOW,
    )

    entry.refresh_from_db()
    assert entry.erase_at == later


def test_a_restored_backup_is_erased_again(cabinet: Cabinet) -> None:
    entry, kept = wait(cabinet, "ane"), wait(cabinet, "bea")
    hashes = {
        erasure_ledger.ref_hash(
            schema=TENANT_ONE.schema, table=waiting_contacts.TABLE, ref=entry.ref
        )
    }

    assert waiting_entries.erase_again(hashes=hashes, now=NOW) == 1

    assert list(WaitingEntry.objects.all()) == [kept]


def test_offers_are_deleted_thirty_days_after_their_end(cabinet: Cabinet) -> None:
    wait(cabinet)
    free(cabinet)
    offer_acceptance.refuse(offer=the_offer(), actor="patient", now=NOW)

    assert waiting_entries.delete_offers(now=NOW + timedelta(days=29)) == 0
    assert waiting_entries.delete_offers(now=NOW + timedelta(days=30)) == 1


def test_an_overdue_entry_is_counted_by_the_watchdog(
    committed_tenant: Callable[[str], Unit],
) -> None:
    unit = committed_tenant("guet")
    with inside(unit):
        wait(Cabinet())
    until = NOW + timedelta(days=30)

    assert [row.count for row in backlog(until=until) if row.unit == unit] == [1]
    assert [
        row.unit for row in overdue(now=until + timedelta(minutes=59)) if row.unit == unit
    ] == []
    assert [row.unit for row in overdue(now=until + timedelta(minutes=61)) if row.unit == unit] == [
        unit
    ]


# --- By hand ------------------------------------------------------------------------------------------


def test_a_free_slot_is_offered_by_hand_whatever_the_order(cabinet: Cabinet) -> None:
    wait(cabinet, "ane")
    last = wait(cabinet, "bea", email="")

    offer = offers.offer_by_hand(
        entry=last, selection=cabinet.selection(SLOT), actor="user:1", now=NOW
    )

    assert offer is not None
    assert offer.entry == last
    assert not is_shown(cabinet)
    again = offers.offer_by_hand(
        entry=last, selection=cabinet.selection(SLOT + timedelta(hours=1)), actor="user:1", now=NOW
    )
    assert again is None


def test_a_slot_beyond_the_promise_of_a_year_is_not_offered_by_hand(cabinet: Cabinet) -> None:
    entry = wait(cabinet)

    offered = offers.offer_by_hand(
        entry=entry,
        selection=cabinet.selection(SLOT + timedelta(days=400)),
        actor="system",
        now=NOW,
    )

    assert offered is None


def test_a_taken_slot_is_not_offered_by_hand(cabinet: Cabinet) -> None:
    entry = wait(cabinet)
    make_appointment(cabinet, SLOT)

    with pytest.raises(SlotTaken):
        offers.offer_by_hand(
            entry=entry, selection=cabinet.selection(SLOT), actor="user:1", now=NOW
        )
