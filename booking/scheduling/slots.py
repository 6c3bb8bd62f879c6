"""Resolves a selected slot to its rows, checks it, holds it for a form and inserts the row that occupies it.

A hold reserves a slot for ten minutes while a patient fills the form; its row contains no personal data (B-13).
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from booking.models import Appointment, AppointmentType, Location, Practitioner
from booking.rules.erasure import last_start
from booking.rules.errors import BeyondPromise, SlotTaken, TooManyHolds
from booking.scheduling.locks import (
    delete_expired_holds,
    is_occupied_by_other,
    is_taken,
    lock_names,
    lock_practitioners,
)
from booking.scheduling.queries import free_slots

HOLD_FOR = timedelta(minutes=10)
HOLDS_PER_NETWORK = 20
"""A waiting room, a retirement home or a mobile carrier shares a network: its holds are those of many persons."""
HOLDS_OF_A_SUSPECT = 3
_CONFLICTS = ("23P01", "40P01")


@dataclass(frozen=True)
class SlotSelection:
    """The content of a slot button: practitioner, location, appointment type and shown start (an aware instant).

    ``resolved`` contains the rows when the caller has read them already; ``resolve`` then runs no query.
    """

    practitioner_id: int
    location_id: int
    appointment_type_id: int
    starts_at: datetime
    resolved: "ResolvedSlot | None" = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class ResolvedSlot:
    """A SlotSelection with its rows; computes the shown times and the occupied time in UTC.

    The start is converted from any zone to UTC, because durations and margins are elapsed time: added to a local
    time they would be wrong on the nights when clocks change (B-11).
    """

    practitioner: Practitioner
    location: Location
    appointment_type: AppointmentType
    starts_at: datetime
    length: timedelta | None = None
    """The length of the appointment when it differs from the duration of the appointment type."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts_at", self.starts_at.astimezone(UTC))

    @property
    def selection(self) -> SlotSelection:
        """The selection of these rows; it contains them as ``resolved``."""
        return SlotSelection(
            practitioner_id=self.practitioner.pk,
            location_id=self.location.pk,
            appointment_type_id=self.appointment_type.pk,
            starts_at=self.starts_at,
            resolved=self,
        )

    @property
    def ends_at(self) -> datetime:
        """The shown end."""
        own = timedelta(minutes=self.appointment_type.duration_min)
        return self.starts_at + (self.length or own)

    @property
    def occupied(self) -> tuple[datetime, datetime]:
        """The occupied interval [start, end), margins included."""
        before = timedelta(minutes=self.appointment_type.buffer_before_min)
        after = timedelta(minutes=self.appointment_type.buffer_after_min)
        return self.starts_at - before, self.ends_at + after

    @property
    def during(self) -> DateTimeTZRange:
        """The occupied interval as PostgreSQL writes it."""
        return DateTimeTZRange(*self.occupied, bounds="[)")


def resolved_slot_of(appointment: Appointment) -> ResolvedSlot:
    """Return the slot of an appointment or hold. Read it with practitioner, location and appointment type."""
    return ResolvedSlot(
        appointment.practitioner,
        appointment.location,
        appointment.appointment_type,
        appointment.starts_at,
    )


def unsaved_appointment_of(resolved: ResolvedSlot) -> Appointment:
    """Return a row of the slot that is not stored: what a page shows of a slot that is not held."""
    return Appointment(
        practitioner=resolved.practitioner,
        location=resolved.location,
        appointment_type=resolved.appointment_type,
        starts_at=resolved.starts_at,
        ends_at=resolved.ends_at,
        during=resolved.during,
    )


def selection_of(appointment: Appointment) -> SlotSelection:
    """Return the selection of an appointment or hold. Read it with practitioner, location and appointment type."""
    return resolved_slot_of(appointment).selection


def resolve(selection: SlotSelection, *, online: bool) -> ResolvedSlot:
    """Return the selection with its rows. Raises SlotTaken when the practice no longer offers this combination."""
    if selection.resolved is not None:
        if (
            online
            and selection.resolved.appointment_type.channel != AppointmentType.BookableBy.ONLINE
        ):
            raise SlotTaken
        return selection.resolved
    types = AppointmentType.objects.filter(
        pk=selection.appointment_type_id,
        is_active=True,
        practitioners=selection.practitioner_id,
        locations=selection.location_id,
    )
    if online:
        types = types.filter(channel=AppointmentType.BookableBy.ONLINE)
    appointment_type = types.first()
    practitioner = Practitioner.objects.filter(pk=selection.practitioner_id, is_active=True).first()
    location = Location.objects.filter(pk=selection.location_id, is_active=True).first()
    if appointment_type is None or practitioner is None or location is None:
        raise SlotTaken
    return ResolvedSlot(practitioner, location, appointment_type, selection.starts_at)


def is_still_given(resolved: ResolvedSlot) -> bool:
    """Return whether the practice still gives this type with this practitioner at this place: one query.

    The channel does not count: who has an appointment that only the practice gives may move it.
    """
    if not (resolved.practitioner.is_active and resolved.location.is_active):
        return False
    return AppointmentType.objects.filter(
        pk=resolved.appointment_type.pk,
        is_active=True,
        practitioners=resolved.practitioner.pk,
        locations=resolved.location.pk,
    ).exists()


def check_promise(resolved: ResolvedSlot, *, retention_days: int, booked_at: datetime) -> None:
    """Raise BeyondPromise when the slot starts after the last start of a booking of ``booked_at`` (B-22)."""
    last = last_start(booked_at=booked_at, retention_days=retention_days)
    if resolved.starts_at > last:
        raise BeyondPromise(last)


def is_offered(
    resolved: ResolvedSlot, *, now: datetime, ignore_appointment: int | None = None
) -> bool:
    """Return whether ``free_slots`` contains the slot now."""
    on = resolved.starts_at.astimezone(ZoneInfo(resolved.location.time_zone)).date()
    slots = free_slots(
        appointment_type=resolved.appointment_type,
        practitioners=[resolved.practitioner.pk],
        location=resolved.location,
        from_on=on,
        until_on=on,
        now=now,
        ignore_appointment=ignore_appointment,
    )
    return any(slot.starts_at == resolved.starts_at for slot in slots)


# --- Holds, and the rows that occupy time ----------------------------------------------------------


def hold_slot(
    *,
    selection: SlotSelection,
    form_ref: uuid.UUID,
    network_index: bytes,
    is_suspect: bool = False,
    now: datetime,
) -> Appointment:
    """Hold the slot for this form and return the row; an earlier hold of the form is deleted.

    Raises SlotTaken when the slot is not free, TooManyHolds when the network has ``HOLDS_PER_NETWORK`` other
    holds, or ``HOLDS_OF_A_SUSPECT`` when it behaves like a program. Returns the appointment when the form has
    booked one already, so that a second click changes nothing.
    """
    resolved = resolve(selection, online=True)
    earlier = appointment_of_form_if_any(form_ref)
    if earlier is not None and earlier.status != Appointment.Status.HELD:
        return earlier
    # Checked before the lock, so that late requests do not queue; the constraint decides afterwards.
    own = earlier.pk if earlier else None
    refuse_taken(resolved, now=now, ignore=own)
    if not is_offered(resolved, now=now, ignore_appointment=own):
        raise SlotTaken
    lock_names([f"holds|{network_index.hex()}", f"form|{form_ref.hex}"])
    lock_practitioners([selection.practitioner_id])
    earlier = appointment_of_form_if_any(form_ref)
    if earlier is not None and earlier.status != Appointment.Status.HELD:
        return earlier
    if earlier is not None:
        earlier.delete()
    live = Appointment.objects.filter(
        status=Appointment.Status.HELD, network_index=network_index, held_until__gt=now
    )
    if live.count() >= (HOLDS_OF_A_SUSPECT if is_suspect else HOLDS_PER_NETWORK):
        raise TooManyHolds
    start, end = resolved.occupied
    delete_expired_holds(
        practitioner_id=selection.practitioner_id, starts_at=start, ends_at=end, now=now
    )
    must_overbook(resolved, overbook=False)
    return insert_occupying(
        Appointment(
            practitioner=resolved.practitioner,
            location=resolved.location,
            appointment_type=resolved.appointment_type,
            status=Appointment.Status.HELD,
            starts_at=resolved.starts_at,
            ends_at=resolved.ends_at,
            during=resolved.during,
            form_ref=form_ref,
            held_until=now + HOLD_FOR,
            network_index=network_index,
        )
    )


def appointment_of_form(form_ref: uuid.UUID) -> Appointment | None:
    """Return the hold or appointment of a form with its practitioner, location and appointment type, or None."""
    rows = Appointment.objects.select_related("practitioner", "location", "appointment_type")
    # form_ref is unique: first() would add an ORDER BY.
    return next(iter(rows.filter(form_ref=form_ref)), None)


def appointment_of_form_if_any(form_ref: uuid.UUID) -> Appointment | None:
    """Return the same as ``appointment_of_form``; checks existence first, as most forms have no row yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM booking_appointment WHERE form_ref = %s", [form_ref])
        is_there = cursor.fetchone() is not None
    return appointment_of_form(form_ref) if is_there else None


def release(*, form_ref: uuid.UUID) -> int:
    """Delete the hold of a form and return the number of deleted rows; a booked appointment stays."""
    deleted, _by_model = Appointment.objects.filter(
        form_ref=form_ref, status=Appointment.Status.HELD
    ).delete()
    return deleted


def refuse_taken(resolved: ResolvedSlot, *, now: datetime, ignore: int | None = None) -> None:
    """Raise SlotTaken when a row other than ``ignore`` occupies the time of the slot.

    Called before the lock, so that late requests do not queue; the constraint decides afterwards.
    """
    start, end = resolved.occupied
    if is_taken(
        practitioner_id=resolved.practitioner.pk,
        starts_at=start,
        ends_at=end,
        now=now,
        ignore=ignore,
    ):
        raise SlotTaken


def must_overbook(resolved: ResolvedSlot, *, overbook: bool, ignore: int | None = None) -> bool:
    """Return whether a row at the slot needs ``is_overbooked``; see ``locks.is_occupied_by_other``.

    The caller holds the lock of the agenda. Raises SlotTaken when it does and ``overbook`` is False.
    """
    start, end = resolved.occupied
    return is_occupied_by_other(
        practitioner_id=resolved.practitioner.pk,
        starts_at=start,
        ends_at=end,
        overbook=overbook,
        ignore=ignore,
    )


def insert_occupying(appointment: Appointment) -> Appointment:
    """Insert a row that occupies time; the database's refusal (23P01, 40P01) is SlotTaken."""
    with conflicts_as_slot_taken():
        appointment.save(force_insert=True)
    return appointment


@contextmanager
def conflicts_as_slot_taken() -> Iterator[None]:
    """Open a savepoint that converts an overlap (23P01) or a deadlock (40P01) into SlotTaken, by SQLSTATE."""
    try:
        with transaction.atomic():
            yield
    except (IntegrityError, OperationalError) as error:
        if getattr(error.__cause__, "pgcode", "") in _CONFLICTS:
            raise SlotTaken from None
        raise
