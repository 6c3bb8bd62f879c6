"""Overbooked and resized appointments: what the database and the services allow."""

import uuid
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from booking.appointments import resize as resizing
from booking.appointments.book import book_by_staff
from booking.appointments.cancel import cancel
from booking.appointments.move import move
from booking.models import Appointment
from booking.patients import contacts
from booking.rules import errors, kinds
from booking.scheduling.queries import free_slots
from booking.scheduling.slots import hold_slot
from tenants.audit.models import AuditEvent
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit
from tests.factories import NOW, Cabinet, local, make_appointment, make_person

DAY = date(2026, 11, 12)
NINE, TEN = local(DAY, 9), local(DAY, 10)


@pytest.fixture
def cabinet(tenant: Unit) -> Cabinet:
    """A practice of one practitioner; appointments last 45 minutes."""
    return Cabinet()


def book(cabinet: Cabinet, starts_at: object = NINE, *, overbook: bool = False) -> Appointment:
    """Book as staff."""
    return book_by_staff(
        selection=cabinet.selection(starts_at),  # type: ignore[arg-type]  # instants of this module
        form_ref=uuid.uuid4(),
        person=make_person(),
        overbook=overbook,
        actor="system",
        now=NOW,
    )


def resize(
    appointment: Appointment, minutes: int, *, overbook: bool = False, notify: bool = False
) -> Appointment:
    """Set the length of an appointment in minutes."""
    return resizing.resize(
        appointment=appointment,
        ends_at=appointment.starts_at + timedelta(minutes=minutes),
        sequence=appointment.sequence,
        notify=notify,
        overbook=overbook,
        actor="system",
        now=NOW,
    )


def hold(cabinet: Cabinet, starts_at: object) -> Appointment:
    """Hold a slot, as a patient."""
    return hold_slot(
        selection=cabinet.selection(starts_at),  # type: ignore[arg-type]  # instants of this module
        form_ref=uuid.uuid4(),
        network_index=b"n",
        now=NOW,
    )


def test_a_taken_time_is_overbooked_only_on_request(cabinet: Cabinet) -> None:
    book(cabinet)

    with pytest.raises(errors.SlotTaken):
        book(cabinet)
    second = book(cabinet, overbook=True)

    assert second.is_overbooked


def test_a_free_time_gives_an_ordinary_row_even_with_overbook(cabinet: Cabinet) -> None:
    first = book(cabinet, overbook=True)

    assert not first.is_overbooked
    with pytest.raises(errors.SlotTaken):
        book(cabinet)


def test_an_overbooked_appointment_is_not_overlapped_without_overbook(cabinet: Cabinet) -> None:
    first = book(cabinet)
    overbooked = book(cabinet, NINE + timedelta(minutes=30), overbook=True)
    cancel(appointment=first, by_patient=False, actor="system", now=NOW)

    with pytest.raises(errors.SlotTaken):
        book(cabinet, NINE + timedelta(minutes=45))
    with pytest.raises(errors.SlotTaken):
        hold(cabinet, NINE + timedelta(minutes=45))

    assert Appointment.objects.get(pk=overbooked.pk).is_overbooked


def test_an_overbooked_appointment_is_found_again_under_the_lock(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    book(cabinet)
    book(cabinet, NINE + timedelta(minutes=30), overbook=True)
    monkeypatch.setattr("booking.scheduling.slots.is_offered", lambda *_a, **_k: True)
    monkeypatch.setattr("booking.scheduling.slots.is_taken", lambda **_where: False)

    with pytest.raises(errors.SlotTaken):
        hold(cabinet, NINE + timedelta(minutes=45))
    with pytest.raises(errors.SlotTaken):
        book(cabinet, NINE + timedelta(minutes=45))


def test_an_overbooked_appointment_hides_its_time_from_patients(cabinet: Cabinet) -> None:
    book(cabinet)
    book(cabinet, NINE + timedelta(minutes=15), overbook=True)

    starts = [
        slot.starts_at
        for slot in free_slots(appointment_type=cabinet.type, from_on=DAY, until_on=DAY, now=NOW)
    ]

    assert NINE + timedelta(minutes=45) not in starts
    assert NINE + timedelta(minutes=90) in starts


def test_moving_to_a_free_time_ends_the_overbooking(cabinet: Cabinet) -> None:
    book(cabinet)
    overbooked = book(cabinet, overbook=True)

    moved = move(
        appointment=overbooked,
        selection=cabinet.selection(local(DAY, 14)),
        by_patient=False,
        actor="system",
        now=NOW,
    )

    assert not moved.is_overbooked


def test_a_move_needs_its_own_overbook_flag(cabinet: Cabinet) -> None:
    book(cabinet)
    book(cabinet, local(DAY, 14))
    overbooked = book(cabinet, overbook=True)

    with pytest.raises(errors.SlotTaken):
        move(
            appointment=overbooked,
            selection=cabinet.selection(local(DAY, 14)),
            by_patient=False,
            actor="system",
            now=NOW,
        )


def test_the_database_refuses_an_overlap_of_ordinary_rows(cabinet: Cabinet) -> None:
    appointment = book(cabinet)
    overbooked = book(cabinet, overbook=True)

    with pytest.raises(IntegrityError), transaction.atomic():
        Appointment.objects.filter(pk=overbooked.pk).update(is_overbooked=False)

    assert appointment.during == Appointment.objects.get(pk=appointment.pk).during


def test_the_database_refuses_a_hold_that_overbooks(cabinet: Cabinet) -> None:
    slot_hold = hold(cabinet, NINE)

    with pytest.raises(IntegrityError), transaction.atomic():
        Appointment.objects.filter(pk=slot_hold.pk).update(is_overbooked=True)


def test_an_appointment_lasts_longer_and_its_margin_follows(cabinet: Cabinet) -> None:
    cabinet.type.buffer_after_min = 15
    cabinet.type.save(update_fields=["buffer_after_min"])
    appointment = book(cabinet)

    longer = resize(appointment, 60)

    assert longer.ends_at == TEN
    assert longer.during == DateTimeTZRange(NINE, TEN + timedelta(minutes=15), bounds="[)")
    assert (longer.sequence, longer.starts_at) == (appointment.sequence + 1, appointment.starts_at)
    assert AuditEvent.objects.filter(verb="appointment.resized", ref=appointment.ref).count() == 1


def test_a_longer_appointment_overlaps_the_next_only_with_overbook(cabinet: Cabinet) -> None:
    appointment = book(cabinet)
    book(cabinet, NINE + timedelta(minutes=45))

    with pytest.raises(errors.SlotTaken):
        resize(appointment, 60)

    assert resize(appointment, 60, overbook=True).is_overbooked


@pytest.mark.parametrize("minutes", [-15, 0, 4, 721])
def test_a_length_outside_five_minutes_to_twelve_hours_is_refused(
    cabinet: Cabinet, minutes: int
) -> None:
    with pytest.raises(resizing.NoSuchLength):
        resize(book(cabinet), minutes)


def test_a_new_length_from_a_stale_page_is_refused(cabinet: Cabinet) -> None:
    appointment = book(cabinet)
    resize(appointment, 60)

    with pytest.raises(errors.ChangedMeanwhile):
        resize(appointment, 30)


def test_a_cancelled_appointment_cannot_be_resized(cabinet: Cabinet) -> None:
    appointment = book(cabinet)
    cancel(appointment=appointment, by_patient=False, actor="system", now=NOW)

    with pytest.raises(errors.AlreadyCancelled):
        resize(appointment, 60)


def test_a_moved_appointment_keeps_its_length(cabinet: Cabinet) -> None:
    longer = resize(book(cabinet), 90)

    moved = move(
        appointment=longer,
        selection=cabinet.selection(local(DAY, 14)),
        by_patient=False,
        actor="system",
        now=NOW,
    )

    assert moved.ends_at == local(DAY, 15, 30)


def test_the_reminder_follows_the_length(cabinet: Cabinet) -> None:
    longer = resize(book(cabinet), 60)

    pending = OutboxEntry.objects.filter(kind=kinds.REMINDER, subject_id=longer.pk, state="pending")

    assert [entry.payload["sequence"] for entry in pending] == [longer.sequence]


def test_a_pending_confirmation_is_replaced_by_one_with_the_new_times(cabinet: Cabinet) -> None:
    longer = resize(book(cabinet), 60)

    pending = OutboxEntry.objects.filter(kind=kinds.CONFIRMATION, state="pending")

    assert [entry.payload["sequence"] for entry in pending] == [longer.sequence]
    assert not OutboxEntry.objects.filter(kind=kinds.MOVED).exists()


def test_a_move_from_a_stale_page_is_refused(cabinet: Cabinet) -> None:
    appointment = book(cabinet)

    with pytest.raises(errors.ChangedMeanwhile):
        move(
            appointment=appointment,
            selection=cabinet.selection(local(DAY, 14)),
            by_patient=False,
            actor="system",
            sequence=appointment.sequence - 1,
            now=NOW,
        )


def test_a_cancellation_from_a_stale_page_is_refused(cabinet: Cabinet) -> None:
    appointment = book(cabinet)

    with pytest.raises(errors.ChangedMeanwhile):
        cancel(
            appointment=appointment,
            by_patient=False,
            actor="system",
            sequence=appointment.sequence - 1,
            now=NOW,
        )


def test_a_correction_from_a_stale_page_is_refused(cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, NINE)
    contact = contacts.contact_of(appointment)
    assert contact is not None
    seen = contacts.version_of(contact)
    contacts.correct(
        appointment=appointment,
        phone="+33639980105",
        email=None,
        seen=seen,
        actor="system",
        now=NOW,
    )

    with pytest.raises(errors.ChangedMeanwhile):
        contacts.correct(
            appointment=appointment,
            phone="+33639980106",
            email=None,
            seen=seen,
            actor="system",
            now=NOW,
        )


def test_a_name_is_corrected(cabinet: Cabinet) -> None:
    appointment = make_appointment(cabinet, NINE)

    person = contacts.correct(
        appointment=appointment, phone=None, email=None, first_name="Lou", last_name="Essai",
        actor="system", now=NOW,
    )  # fmt: skip

    assert person is not None
    assert (person.full_name, person.email) == ("Lou Essai", "camille@example.org")
