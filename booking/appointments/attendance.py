"""Marks whether the person of an appointment came."""

from datetime import datetime

from booking.appointments import change_limits
from booking.models import Appointment
from booking.rules.errors import AlreadyCancelled
from booking.scheduling.locks import lock_practitioners
from tenants.audit import services as audit


def mark(
    *, appointment: Appointment, status: Appointment.Status, actor: str, now: datetime
) -> None:
    """Set ``fulfilled`` or ``noshow``, or ``booked`` to take the mark back; counters only (B-10).

    Raises AlreadyCancelled for another status and for a cancelled appointment.
    """
    allowed = {Appointment.Status.FULFILLED, Appointment.Status.NOSHOW, Appointment.Status.BOOKED}
    if status not in allowed:
        raise AlreadyCancelled
    # Read again under the lock: a mark on a cancelled row would occupy a time that another row may have.
    lock_practitioners([appointment.practitioner_id])
    appointment = change_limits.reload(appointment)
    appointment.status = status
    appointment.save(update_fields=["status"])
    verb = "unmarked" if status == Appointment.Status.BOOKED else status
    audit.record(verb=f"appointment.{verb}", ref=appointment.ref, actor=actor, now=now)
