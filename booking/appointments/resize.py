"""Changes the length of one appointment; its type stays the same."""

from datetime import UTC, datetime, timedelta

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from booking.appointments.move import replace_messages
from booking.models import Appointment
from booking.rules.errors import (
    AlreadyCancelled,
    BookingError,
    ChangedMeanwhile,
)
from booking.scheduling.catalogue import current_practice
from booking.scheduling.locks import (
    delete_expired_holds,
    is_occupied_by_other,
    lock_practitioners,
)
from booking.scheduling.slots import conflicts_as_slot_taken
from tenants.audit import services as audit

SHORTEST = timedelta(minutes=5)
LONGEST = timedelta(hours=12)
"""The longest duration of an appointment type, on which queries of the agenda rely."""


class NoSuchLength(BookingError):  # named after what happened
    """The length is below five minutes or above twelve hours."""


def resize(
    *,
    appointment: Appointment,
    ends_at: datetime,
    sequence: int,
    notify: bool,
    overbook: bool = False,
    actor: str,
    now: datetime,
) -> Appointment:
    """Set the end to ``ends_at`` and shift the margin after it: the same row, SEQUENCE + 1.

    Raises NoSuchLength, SlotTaken (unless ``overbook``), AlreadyCancelled or ChangedMeanwhile. An overbooked
    appointment may stay overbooked.
    """
    ends_at = ends_at.astimezone(UTC)  # in a local zone Python would add wall-clock time to it
    lock_practitioners([appointment.practitioner_id])
    appointment = Appointment.objects.select_related(
        "practitioner", "location", "appointment_type"
    ).get(pk=appointment.pk)
    if appointment.is_cancelled:
        raise AlreadyCancelled
    if appointment.sequence != sequence:
        raise ChangedMeanwhile
    if not SHORTEST <= ends_at - appointment.starts_at <= LONGEST:
        raise NoSuchLength
    after = timedelta(minutes=appointment.appointment_type.buffer_after_min)
    start, end = appointment.during.lower or appointment.starts_at, ends_at + after
    delete_expired_holds(
        practitioner_id=appointment.practitioner_id, starts_at=start, ends_at=end, now=now
    )
    appointment.is_overbooked = is_occupied_by_other(
        practitioner_id=appointment.practitioner_id,
        starts_at=start,
        ends_at=end,
        overbook=overbook or appointment.is_overbooked,
        ignore=appointment.pk,
    )
    appointment.ends_at = ends_at
    appointment.during = DateTimeTZRange(start, end, bounds="[)")
    appointment.sequence += 1
    with conflicts_as_slot_taken():
        appointment.save(update_fields=["ends_at", "during", "sequence", "is_overbooked"])
    replace_messages(
        appointment=appointment,
        left_at=appointment.starts_at,
        settings=current_practice(),
        notify=notify,
        now=now,
    )
    audit.record(verb="appointment.resized", ref=appointment.ref, actor=actor, now=now)
    return appointment
