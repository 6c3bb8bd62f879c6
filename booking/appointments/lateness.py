"""Late arrivals: the person announces a delay, and the practitioner is notified without the person's name."""

from datetime import datetime, timedelta

from booking.models import Appointment
from booking.patients.contacts import practitioner_recipient
from booking.rules import kinds
from booking.rules.errors import AlreadyCancelled, TooLate
from booking.scheduling.locks import lock_practitioners
from tenants.audit import services as audit
from tenants.outbox.services import Due, cancel_pending, subject_of, write

BEFORE = timedelta(hours=4)
"""How long before the start a delay can be announced; earlier, the person moves the appointment."""


def can_announce(appointment: Appointment, *, now: datetime) -> bool:
    """Return whether a delay can be announced now: within ``BEFORE`` the start, and before it."""
    return appointment.starts_at - BEFORE <= now < appointment.starts_at


def announce_lateness(*, appointment: Appointment, minutes: int, now: datetime) -> None:
    """Store the delay and notify the practitioner; another number replaces the first, the same changes nothing.

    Raises AlreadyCancelled, or TooLate when ``can_announce`` is False.
    """
    lock_practitioners([appointment.practitioner_id])
    appointment = Appointment.objects.get(pk=appointment.pk)
    if appointment.is_cancelled:
        raise AlreadyCancelled
    if not can_announce(appointment, now=now):
        raise TooLate(appointment.starts_at)
    if appointment.late_min == minutes:
        return
    appointment.late_min = minutes
    appointment.save(update_fields=["late_min"])
    cancel_pending(subject_ids=[appointment.pk], kinds=[kinds.LATE], reason="moved", now=now)
    message = Due(
        kinds.LATE,
        subject_of(appointment),
        kinds.LateArrival(minutes),
        now,
        recipient=practitioner_recipient(appointment),
    )
    write(due=[message], now=now)
    audit.record(verb="appointment.late", ref=appointment.ref, actor=audit.PATIENT, now=now)
