"""Saying, on the day, that one will be late: the practitioner is told, without a name."""

from datetime import datetime, timedelta

from booking import kinds
from booking.errors import AlreadyCancelled, TooLate
from booking.models import Appointment
from booking.services.locks import lock_practitioners
from tenants.outbox.services import Due, settle_pending, write
from tenants.trail import services as trail

BEFORE = timedelta(hours=4)
"""Earlier than this, moving the appointment is the honest way."""
MINUTES = (5, 10, 15, 20, 30)


def can_tell(appointment: Appointment, *, now: datetime) -> bool:
    """Return whether the visit is near enough, and has not begun."""
    return appointment.starts_at - BEFORE <= now < appointment.starts_at


def tell_late(*, appointment: Appointment, minutes: int, now: datetime) -> None:
    """Note it and write the practitioner; said again with another number, the last one holds.

    Raises AlreadyCancelled, or TooLate when it is not the hour for it. The same number is told once.
    """
    lock_practitioners([appointment.practitioner_id])
    appointment = Appointment.objects.get(pk=appointment.pk)
    if appointment.is_cancelled:
        raise AlreadyCancelled
    if not can_tell(appointment, now=now):
        raise TooLate(appointment.starts_at)
    if appointment.late_min == minutes:
        return
    appointment.late_min = minutes
    appointment.save(update_fields=["late_min"])
    settle_pending(object_id=appointment.pk, kinds=[kinds.LATE], reason="moved", now=now)
    write(due=[Due(kinds.LATE, appointment.pk, now, version=minutes)], now=now)
    trail.record(verb="appointment.late", ref=appointment.ref, actor=trail.PATIENT, now=now)
