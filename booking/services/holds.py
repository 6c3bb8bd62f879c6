"""Holding a slot while the form is filled: ten minutes, without a word about the person (B-13)."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import IntegrityError, OperationalError, connection, transaction

from booking.errors import SlotTaken, TooManyHolds
from booking.models import Appointment
from booking.services.choice import Choice, is_offered, place
from booking.services.locks import (
    drop_expired_holds,
    is_taken,
    lock_names,
    lock_practitioners,
    stands_over,
)

HOLD_FOR = timedelta(minutes=10)
HOLDS_PER_NETWORK = 3
_CONFLICTS = ("23P01", "40P01")


def hold_slot(
    *, choice: Choice, form_ref: uuid.UUID, network_index: bytes, now: datetime
) -> Appointment:
    """Hold the slot for this form and return the row; the form's earlier hold is given up.

    Raises SlotTaken when it is not free, TooManyHolds when the network holds three others. A form
    that has already booked returns that booking: a second click changes nothing.
    """
    placed = place(choice, online=True)
    earlier = of_form_if_any(form_ref)
    if earlier is not None and earlier.status != Appointment.Status.HELD:
        return earlier
    # Asked before the lock: those who come too late do not queue. The constraint judges afterwards.
    start, end = placed.occupied
    own = earlier.pk if earlier else None
    if is_taken(
        practitioner_id=choice.practitioner_id, starts_at=start, ends_at=end, now=now, ignore=own
    ) or not is_offered(placed, now=now, ignore_appointment=own):
        raise SlotTaken
    lock_names([f"holds|{network_index.hex()}", f"form|{form_ref.hex}"])
    lock_practitioners([choice.practitioner_id])
    earlier = of_form_if_any(form_ref)
    if earlier is not None and earlier.status != Appointment.Status.HELD:
        return earlier
    if earlier is not None:
        earlier.delete()
    live = Appointment.objects.filter(
        status=Appointment.Status.HELD, network_index=network_index, held_until__gt=now
    )
    if live.count() >= HOLDS_PER_NETWORK:
        raise TooManyHolds
    drop_expired_holds(
        practitioner_id=choice.practitioner_id, starts_at=start, ends_at=end, now=now
    )
    stands_over(practitioner_id=choice.practitioner_id, starts_at=start, ends_at=end, over=False)
    return insert_occupying(
        Appointment(
            practitioner=placed.practitioner,
            location=placed.location,
            appointment_type=placed.appointment_type,
            status=Appointment.Status.HELD,
            starts_at=placed.starts_at,
            ends_at=placed.ends_at,
            during=placed.during,
            form_ref=form_ref,
            held_until=now + HOLD_FOR,
            network_index=network_index,
        )
    )


def of_form(form_ref: uuid.UUID) -> Appointment | None:
    """Return the row of a form, held or booked, with its practitioner, place and motif."""
    rows = Appointment.objects.select_related("practitioner", "location", "appointment_type")
    # Unique: no order to ask for.
    return next(iter(rows.filter(form_ref=form_ref)), None)


def of_form_if_any(form_ref: uuid.UUID) -> Appointment | None:
    """Return the same of a form that has hardly ever a row: a short question first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM booking_appointment WHERE form_ref = %s", [form_ref])
        is_there = cursor.fetchone() is not None
    return of_form(form_ref) if is_there else None


def release(*, form_ref: uuid.UUID) -> int:
    """Give up the hold of a form, if it has one; a booking is not touched."""
    deleted, _by_model = Appointment.objects.filter(
        form_ref=form_ref, status=Appointment.Status.HELD
    ).delete()
    return deleted


def insert_occupying(appointment: Appointment) -> Appointment:
    """Insert a row that occupies time; the database's refusal (23P01, 40P01) is SlotTaken."""
    with refused_is_taken():
        appointment.save(force_insert=True)
    return appointment


@contextmanager
def refused_is_taken() -> Iterator[None]:
    """A savepoint in which an overlap or a deadlock means SlotTaken (SQLSTATE, never names)."""
    try:
        with transaction.atomic():
            yield
    except (IntegrityError, OperationalError) as error:
        if getattr(error.__cause__, "pgcode", "") in _CONFLICTS:
            raise SlotTaken from None
        raise
