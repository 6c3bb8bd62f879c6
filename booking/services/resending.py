"""Sending the confirmation once more, because somebody asks for it at the desk."""

from datetime import datetime, timedelta

from booking import kinds
from booking.messages import Channel, Recipient, choose_channel
from booking.models import Appointment
from booking.persons import Person
from booking.services import deadlines
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import Due, write
from tenants.trail import services as trail

APART = timedelta(minutes=5)
"""A second press is no second message."""


def can_resend(appointment: Appointment, person: Person, *, now: datetime) -> bool:
    """Return whether a confirmation has somebody to reach, a visit to come, and none has just left."""
    if appointment.is_cancelled or appointment.starts_at <= now:
        return False
    recipient = Recipient(email=person.email, phone=person.phone)
    settings = deadlines.practice()
    if choose_channel(recipient, sms_enabled=settings.sms_enabled) is Channel.NONE:
        return False
    return not OutboxEntry.objects.filter(
        object_id=appointment.pk, kind=kinds.CONFIRMATION, created_at__gt=now - APART
    ).exists()


def resend_confirmation(*, appointment: Appointment, actor: str, now: datetime) -> None:
    """Write the confirmation to the outbox again; the ledger shows both."""
    minute = now.replace(second=0, microsecond=0)
    again = Due(
        kinds.CONFIRMATION,
        appointment.pk,
        due_at=now,
        version=appointment.sequence,
        audience=f"encore.{minute:%Y%m%d%H%M}",
    )
    write(due=[again], now=now)
    trail.record(verb="confirmation.resent", ref=appointment.ref, actor=actor, now=now)
