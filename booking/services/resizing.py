"""Making one appointment longer or shorter: its own end moves, the motif stays as it is."""

from datetime import UTC, datetime, timedelta

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from booking.errors import AlreadyCancelled, BookingError, ChangedMeanwhile
from booking.models import Appointment
from booking.services.appointments import announce
from booking.services.holds import refused_is_taken
from booking.services.locks import drop_expired_holds, lock_practitioners, stands_over
from tenants.trail import services as trail

SHORTEST = timedelta(minutes=5)
LONGEST = timedelta(hours=12)
"""As a motif's own duration: what reads the agenda counts on it."""


class NoSuchLength(BookingError):  # named after what happened
    """Shorter than five minutes, or longer than twelve hours."""


def resize(
    *,
    appointment: Appointment,
    ends_at: datetime,
    sequence: int,
    tell: bool,
    over: bool = False,
    actor: str,
    now: datetime,
) -> Appointment:
    """Let this appointment end at ``ends_at``, margins following; the same row, SEQUENCE + 1.

    Raises NoSuchLength, SlotTaken (unless ``over``), AlreadyCancelled or ChangedMeanwhile. What was taken
    over another one may stay so.
    """
    ends_at = ends_at.astimezone(UTC)  # margins are real time, on whatever night
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
    drop_expired_holds(
        practitioner_id=appointment.practitioner_id, starts_at=start, ends_at=end, now=now
    )
    appointment.is_extra = stands_over(
        practitioner_id=appointment.practitioner_id,
        starts_at=start,
        ends_at=end,
        over=over or appointment.is_extra,
        ignore=appointment.pk,
    )
    appointment.ends_at = ends_at
    appointment.during = DateTimeTZRange(start, end, bounds="[)")
    appointment.sequence += 1
    with refused_is_taken():
        appointment.save(update_fields=["ends_at", "during", "sequence", "is_extra"])
    announce(appointment=appointment, left_at=appointment.starts_at, tell=tell, now=now)
    trail.record(verb="appointment.resized", ref=appointment.ref, actor=actor, now=now)
    return appointment
