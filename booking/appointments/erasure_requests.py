"""Erasure at the request of the person (B-28, design section 5)."""

from datetime import datetime

from booking.appointments.cancel import cancel
from booking.calendar_sync import calendar_entries
from booking.erasure import deadlines
from booking.models import Appointment
from booking.patients import contacts
from booking.rules import kinds
from booking.waiting_list import waiting_entries
from tenants.audit import services as audit
from tenants.audit.models import Receipt
from tenants.outbox.services import cancel_pending

RULE = "person"


def erase_and_cancel(*, appointment: Appointment, now: datetime) -> Receipt | None:
    """Cancel the appointment and erase its person at once; return the receipt, or None without a contact.

    No message is sent to the person, whose address is erased. Raises TooLate after the limit of the appointment
    type, AlreadyCancelled for a cancelled appointment.
    """
    waiting_entries.lock_agendas_of(appointment)
    cancelled = cancel(
        appointment=appointment, by_patient=True, actor=audit.PATIENT, notify=False, now=now
    )
    waiting_entries.erase_entry_of_appointment(
        appointment=appointment, actor=audit.PATIENT, now=now
    )
    return _erase_now(cancelled, now=now)


def erase_and_keep(
    *, appointment: Appointment, now: datetime, actor: str = audit.PATIENT
) -> datetime | None:
    """Keep the appointment, cancel the messages to its person, and erase the person as early as possible.

    Returns ``erase_at``: the end of the appointment unless a calendar names the person. None without a contact.
    """
    waiting_entries.lock_agendas_of(appointment)
    contact = contacts.contact_of(appointment)
    if contact is None:
        return None
    Appointment.objects.filter(pk=appointment.pk).update(has_reminder=False)
    appointment.has_reminder = False
    contact.erasure_requested_at = contact.erasure_requested_at or now
    contact.save(update_fields=["erasure_requested_at"])
    cancel_pending(subject_ids=[appointment.pk], kinds=kinds.TO_PATIENT, reason="person", now=now)
    calendar_entries.schedule_cleanup(appointment=appointment, now=now)
    deadlines.recompute(appointment=appointment, now=now)
    audit.record(verb="erasure.asked", ref=appointment.ref, actor=actor, now=now)
    waiting_entries.erase_entry_of_appointment(appointment=appointment, actor=actor, now=now)
    contact.refresh_from_db(fields=["erase_at"])
    return contact.erase_at


def erase_cancelled(*, appointment: Appointment, now: datetime) -> Receipt | None:
    """Erase at once the person of a cancelled appointment, and their waiting entries."""
    contact = contacts.contact_of(appointment)
    if contact is None:
        return None
    waiting_entries.erase_entries_of_contact(contact=contact, actor=audit.PATIENT, now=now)
    return _erase_now(appointment, now=now)


def _erase_now(cancelled: Appointment, *, now: datetime) -> Receipt | None:
    """Erase the person, and create a task where the event in a calendar cannot be reached (Art. 19 GDPR)."""
    contact = contacts.contact_of(cancelled)
    calendar_entries.create_task_where_unreachable(appointment=cancelled, now=now)
    return contacts.erase(contact=contact, rule=RULE, now=now) if contact else None
