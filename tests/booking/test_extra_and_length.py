"""Standing over another appointment, and lasting longer: what the database and the services let through."""

import uuid
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from booking import errors, kinds
from booking.models import Appointment
from booking.queries import free_slots
from booking.services import appointments, contacts, resizing
from booking.services.holds import hold_slot
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit
from tenants.trail.models import Act
from tests.factories import NOW, Cabinet, local, make_appointment, make_person

DAY = date(2026, 11, 12)
NINE, TEN = local(DAY, 9), local(DAY, 10)


@pytest.fixture
def cabinet(tenant: Unit) -> Cabinet:
    """A practice of one practitioner; appointments last 45 minutes."""
    return Cabinet()


def book(cabinet: Cabinet, starts_at: object = NINE, *, over: bool = False) -> Appointment:
    """Book by hand."""
    return appointments.book_by_staff(
        choice=cabinet.choice(starts_at),  # type: ignore[arg-type]  # instants of this module
        form_ref=uuid.uuid4(),
        person=make_person(),
        over=over,
        actor="system",
        now=NOW,
    )


def resize(
    held: Appointment, minutes: int, *, over: bool = False, tell: bool = False
) -> Appointment:
    """Let it last that long."""
    return resizing.resize(
        appointment=held,
        ends_at=held.starts_at + timedelta(minutes=minutes),
        sequence=held.sequence,
        tell=tell,
        over=over,
        actor="system",
        now=NOW,
    )


def hold(cabinet: Cabinet, starts_at: object) -> Appointment:
    """Hold a slot, as a patient."""
    return hold_slot(
        choice=cabinet.choice(starts_at),  # type: ignore[arg-type]  # instants of this module
        form_ref=uuid.uuid4(),
        network_index=b"n",
        now=NOW,
    )


def test_a_taken_time_is_taken_again_only_when_asked(cabinet: Cabinet) -> None:
    book(cabinet)

    with pytest.raises(errors.SlotTaken):
        book(cabinet)
    second = book(cabinet, over=True)

    assert second.is_extra


def test_what_meets_nobody_is_an_ordinary_row_even_when_asked(cabinet: Cabinet) -> None:
    first = book(cabinet, over=True)

    assert not first.is_extra
    with pytest.raises(errors.SlotTaken):
        book(cabinet)


def test_nobody_is_put_over_an_extra_unasked(cabinet: Cabinet) -> None:
    first = book(cabinet)
    extra = book(cabinet, NINE + timedelta(minutes=30), over=True)
    appointments.cancel(appointment=first, by_patient=False, actor="system", now=NOW)

    with pytest.raises(errors.SlotTaken):
        book(cabinet, NINE + timedelta(minutes=45))
    with pytest.raises(errors.SlotTaken):
        hold(cabinet, NINE + timedelta(minutes=45))

    assert Appointment.objects.get(pk=extra.pk).is_extra


def test_an_extra_is_met_under_the_lock_by_who_saw_the_time_free(
    cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    book(cabinet)
    book(cabinet, NINE + timedelta(minutes=30), over=True)
    monkeypatch.setattr("booking.services.holds.is_offered", lambda *_a, **_k: True)
    monkeypatch.setattr(appointments, "is_taken", lambda **_where: False)

    with pytest.raises(errors.SlotTaken):
        hold(cabinet, NINE + timedelta(minutes=45))
    with pytest.raises(errors.SlotTaken):
        book(cabinet, NINE + timedelta(minutes=45))


def test_an_extra_hides_its_time_from_patients(cabinet: Cabinet) -> None:
    book(cabinet)
    book(cabinet, NINE + timedelta(minutes=15), over=True)

    starts = [
        slot.starts_at
        for slot in free_slots(appointment_type=cabinet.type, from_on=DAY, until_on=DAY, now=NOW)
    ]

    assert NINE + timedelta(minutes=45) not in starts
    assert NINE + timedelta(minutes=90) in starts


def test_an_extra_that_moves_to_a_free_time_is_ordinary_again(cabinet: Cabinet) -> None:
    book(cabinet)
    extra = book(cabinet, over=True)

    moved = appointments.move(
        appointment=extra,
        choice=cabinet.choice(local(DAY, 14)),
        by_patient=False,
        actor="system",
        now=NOW,
    )

    assert not moved.is_extra


def test_a_move_does_not_inherit_the_permission(cabinet: Cabinet) -> None:
    book(cabinet)
    book(cabinet, local(DAY, 14))
    extra = book(cabinet, over=True)

    with pytest.raises(errors.SlotTaken):
        appointments.move(
            appointment=extra,
            choice=cabinet.choice(local(DAY, 14)),
            by_patient=False,
            actor="system",
            now=NOW,
        )


def test_the_database_lets_no_other_row_through(cabinet: Cabinet) -> None:
    held = book(cabinet)
    extra = book(cabinet, over=True)

    with pytest.raises(IntegrityError), transaction.atomic():
        Appointment.objects.filter(pk=extra.pk).update(is_extra=False)

    assert held.during == Appointment.objects.get(pk=held.pk).during


def test_the_database_refuses_a_hold_that_is_extra(cabinet: Cabinet) -> None:
    held = hold(cabinet, NINE)

    with pytest.raises(IntegrityError), transaction.atomic():
        Appointment.objects.filter(pk=held.pk).update(is_extra=True)


def test_an_appointment_lasts_longer_and_its_margin_follows(cabinet: Cabinet) -> None:
    cabinet.type.buffer_after_min = 15
    cabinet.type.save(update_fields=["buffer_after_min"])
    held = book(cabinet)

    longer = resize(held, 60)

    assert longer.ends_at == TEN
    assert longer.during == DateTimeTZRange(NINE, TEN + timedelta(minutes=15), bounds="[)")
    assert (longer.sequence, longer.starts_at) == (held.sequence + 1, held.starts_at)
    assert Act.objects.filter(verb="appointment.resized", ref=held.ref).count() == 1


def test_it_does_not_last_into_the_next_one_unless_asked(cabinet: Cabinet) -> None:
    held = book(cabinet)
    book(cabinet, NINE + timedelta(minutes=45))

    with pytest.raises(errors.SlotTaken):
        resize(held, 60)

    assert resize(held, 60, over=True).is_extra


@pytest.mark.parametrize("minutes", [-15, 0, 4, 721])
def test_a_length_stays_within_reason(cabinet: Cabinet, minutes: int) -> None:
    with pytest.raises(resizing.NoSuchLength):
        resize(book(cabinet), minutes)


def test_a_length_decided_upon_what_is_no_longer_there_is_refused(cabinet: Cabinet) -> None:
    held = book(cabinet)
    resize(held, 60)

    with pytest.raises(errors.ChangedMeanwhile):
        resize(held, 30)


def test_a_cancelled_appointment_has_no_length(cabinet: Cabinet) -> None:
    held = book(cabinet)
    appointments.cancel(appointment=held, by_patient=False, actor="system", now=NOW)

    with pytest.raises(errors.AlreadyCancelled):
        resize(held, 60)


def test_its_own_length_goes_with_it_when_it_moves(cabinet: Cabinet) -> None:
    longer = resize(book(cabinet), 90)

    moved = appointments.move(
        appointment=longer,
        choice=cabinet.choice(local(DAY, 14)),
        by_patient=False,
        actor="system",
        now=NOW,
    )

    assert moved.ends_at == local(DAY, 15, 30)


def test_the_reminder_follows_the_length(cabinet: Cabinet) -> None:
    longer = resize(book(cabinet), 60)

    pending = OutboxEntry.objects.filter(kind=kinds.REMINDER, object_id=longer.pk, state="pending")

    assert [entry.version for entry in pending] == [longer.sequence]


def test_a_confirmation_that_had_not_left_leaves_with_the_new_times(cabinet: Cabinet) -> None:
    longer = resize(book(cabinet), 60)

    pending = OutboxEntry.objects.filter(kind=kinds.CONFIRMATION, state="pending")

    assert [entry.version for entry in pending] == [longer.sequence]
    assert not OutboxEntry.objects.filter(kind=kinds.MOVED).exists()


def test_a_move_decided_upon_what_is_no_longer_there_is_refused(cabinet: Cabinet) -> None:
    held = book(cabinet)

    with pytest.raises(errors.ChangedMeanwhile):
        appointments.move(
            appointment=held,
            choice=cabinet.choice(local(DAY, 14)),
            by_patient=False,
            actor="system",
            sequence=held.sequence - 1,
            now=NOW,
        )


def test_a_cancellation_decided_upon_what_is_no_longer_there_is_refused(cabinet: Cabinet) -> None:
    held = book(cabinet)

    with pytest.raises(errors.ChangedMeanwhile):
        appointments.cancel(
            appointment=held,
            by_patient=False,
            actor="system",
            sequence=held.sequence - 1,
            now=NOW,
        )


def test_a_correction_is_not_written_over_another_one_unseen(cabinet: Cabinet) -> None:
    held = make_appointment(cabinet, NINE)
    contact = contacts.contact_of(held)
    assert contact is not None
    seen = contacts.version_of(contact)
    contacts.correct(
        appointment=held, phone="+33639980105", email=None, seen=seen, actor="system", now=NOW
    )

    with pytest.raises(errors.ChangedMeanwhile):
        contacts.correct(
            appointment=held, phone="+33639980106", email=None, seen=seen, actor="system", now=NOW
        )


def test_a_name_is_corrected(cabinet: Cabinet) -> None:
    held = make_appointment(cabinet, NINE)

    person = contacts.correct(
        appointment=held, phone=None, email=None, first_name="Lou", last_name="Essai",
        actor="system", now=NOW,
    )  # fmt: skip

    assert person is not None
    assert (person.full_name, person.email) == ("Lou Essai", "camille@example.org")
