"""Sends the confirmation of an appointment again at the request of the practice."""

from datetime import datetime, timedelta

from booking.messages.appointment_messages import (
    MessageChannel,
    Recipient,
    choose_channel,
)
from booking.models import Appointment
from booking.patients import contacts
from booking.rules import kinds
from booking.rules.persons import Person
from booking.scheduling.catalogue import current_practice
from tenants.audit import services as audit
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import Due, subject_of, write

APART = timedelta(minutes=5)
"""The shortest time between two confirmations of an appointment; ``can_resend`` refuses a second one within it."""


def can_resend(appointment: Appointment, person: Person, *, now: datetime) -> bool:
    """Return whether the visit is to come, the person has a channel and no confirmation is that new."""
    if appointment.is_cancelled or appointment.starts_at <= now:
        return False
    recipient = Recipient(email=person.email, phone=person.phone)
    settings = current_practice()
    if choose_channel(recipient, sms_enabled=settings.sms_enabled) is MessageChannel.NONE:
        return False
    return not OutboxEntry.objects.filter(
        subject_id=appointment.pk, kind=kinds.CONFIRMATION, created_at__gt=now - APART
    ).exists()


def resend_confirmation(*, appointment: Appointment, actor: str, now: datetime) -> None:
    """Write a second confirmation to the outbox; the ledger shows both."""
    minute = now.replace(second=0, microsecond=0)
    again = Due(
        kinds.CONFIRMATION,
        subject_of(appointment),
        kinds.AppointmentVersion(appointment.sequence),
        due_at=now,
        repeat=f"{minute:%Y%m%d%H%M}",
        recipient=contacts.recipient_of_appointment(appointment),
    )
    write(due=[again], now=now)
    audit.record(verb="confirmation.resent", ref=appointment.ref, actor=actor, now=now)
