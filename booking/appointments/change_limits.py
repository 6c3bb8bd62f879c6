"""Until when an appointment may be changed, and whether the row is still the one that the page showed."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from booking.models import Appointment
from booking.rules.errors import AlreadyCancelled, ChangedMeanwhile, TooLate


def change_until(appointment: Appointment) -> datetime:
    """Return the instant from which patients can no longer move or cancel online.

    It is the limit of the appointment type before the start, or the start itself.
    """
    hours = appointment.appointment_type.cancel_hours
    return appointment.starts_at - timedelta(hours=hours or 0)


def open_until(appointment: Appointment, *, now: datetime) -> datetime | None:
    """Return ``change_until``, on the clock of the place; None when that moment is over at ``now``."""
    until = change_until(appointment)
    return until.astimezone(ZoneInfo(appointment.location.time_zone)) if until > now else None


def check_not_too_late(appointment: Appointment, *, now: datetime) -> None:
    """Raise TooLate after ``change_until``: the person has to telephone."""
    until = change_until(appointment)
    if now >= until:
        raise TooLate(until)


def reload(appointment: Appointment, sequence: int | None = None) -> Appointment:
    """Read the row again; the caller holds the lock of the agenda.

    Raises AlreadyCancelled, or ChangedMeanwhile when ``sequence`` is given and is no longer that of the row.
    """
    fresh = Appointment.objects.select_related("practitioner", "location", "appointment_type").get(
        pk=appointment.pk
    )
    if fresh.is_cancelled:
        raise AlreadyCancelled
    if sequence is not None and fresh.sequence != sequence:
        raise ChangedMeanwhile
    return fresh
