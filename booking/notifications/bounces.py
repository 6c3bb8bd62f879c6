"""Mails that the provider accepted and could not deliver: they count as not delivered, and leave by SMS.

Only Brevo reports such a mail. An SMTP relay refuses at once, or sends a report to a mailbox that nobody reads.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from booking.messages.appointment_messages import Recipient
from booking.models import Appointment
from booking.notifications.appointment_delivery import AFTER_BOUNCE, can_fall_back
from booking.patients import contacts
from booking.rules import kinds
from booking.scheduling.catalogue import current_practice
from tenants import cross_schema
from tenants.email_transport import MailUnavailableError, failed_later
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import Due, subject_of, write
from tenants.routing import served_units
from tenants.schema import inside

BOUNCED = "bounced"
"""Reason of a message whose mail was accepted first and could not be delivered."""
_SENT = """
SELECT ref FROM {schema}.outbox_outboxentry WHERE state = 'sent' AND ref = ANY(%s)
"""


def collect(*, now: datetime) -> int:
    """Record the mails that the provider reports since yesterday; return how many. Call it outside any unit.

    A mail that was recorded is not counted again. When the provider does not answer, the next call finds them.
    """
    try:
        refs = failed_later(on=now.date())
    except MailUnavailableError:
        return 0
    return _record_in_all(refs, now=now) if refs else 0


def _record_in_all(refs: Sequence[UUID], *, now: datetime) -> int:
    count = 0
    for unit, (ref,) in cross_schema.read(served_units(), _SENT, [list(refs)]).rows:
        with inside(unit):
            count += record(ref=ref, now=now)
    return count


def record(*, ref: UUID, now: datetime) -> bool:
    """End a sent message as not delivered, and write it again for an SMS; False when it is no such message."""
    entry = (
        OutboxEntry.objects.select_for_update()
        .filter(
            ref=ref, state=OutboxEntry.EntryState.SENT, reason="", kind__in=kinds.LEDGER_MESSAGES
        )
        .first()
    )
    if entry is None:
        return False
    entry.state, entry.reason = OutboxEntry.EntryState.FAILED, BOUNCED
    entry.save(update_fields=["state", "reason"])
    kind = next((known for known in kinds.TO_PATIENT if known == entry.kind), None)
    appointment = Appointment.objects.filter(pk=entry.subject_id).first() if kind else None
    if kind is None or appointment is None or not _has_mobile(appointment):
        return True
    again: Due[Any] = Due(
        kind,
        subject_of(appointment),
        kind.read(entry.payload),
        now,
        repeat=AFTER_BOUNCE,
        expires_at=entry.expires_at,
        recipient=contacts.recipient_of_appointment(appointment),
    )
    write(due=[again], now=now)
    return True


def _has_mobile(appointment: Appointment) -> bool:
    contact = contacts.contact_of(appointment)
    person = contacts.open_contact(contact) if contact else None
    if person is None:
        return False
    recipient = Recipient(phone=person.phone)
    return can_fall_back(recipient, sms_enabled=current_practice().sms_enabled)
