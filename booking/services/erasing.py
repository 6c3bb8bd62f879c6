"""Erasing because the person asks (B-28, design section 5)."""

from datetime import datetime

from booking import kinds
from booking.models import Appointment
from booking.services import calendar_entries, contacts, deadlines, waiting
from booking.services.appointments import cancel
from tenants.outbox.services import settle_pending
from tenants.trail import services as trail
from tenants.trail.models import Receipt

RULE = "person"


def erase_and_cancel(*, appointment: Appointment, now: datetime) -> Receipt | None:
    """Cancel the appointment and erase the person at once; return the receipt.

    No notice follows to the person: nobody is left to write to. None when nothing was left to erase.
    Raises TooLate past the motif's limit, AlreadyCancelled when it was cancelled before.
    """
    waiting.lock_with(appointment)
    cancelled = cancel(
        appointment=appointment, by_patient=True, actor=trail.PATIENT, tell=False, now=now
    )
    waiting.leave_with(appointment=appointment, actor=trail.PATIENT, now=now)
    return _erase_now(cancelled, now=now)


def erase_and_keep(
    *, appointment: Appointment, now: datetime, actor: str = trail.PATIENT
) -> datetime | None:
    """Keep the appointment, send nothing more, and erase as soon as the visit allows it.

    Returns when: at the end of the appointment as long as no calendar says who comes. None when
    nothing is left to erase.
    """
    waiting.lock_with(appointment)
    contact = contacts.contact_of(appointment)
    if contact is None:
        return None
    Appointment.objects.filter(pk=appointment.pk).update(has_reminder=False)
    appointment.has_reminder = False
    contact.erasure_asked_at = contact.erasure_asked_at or now
    contact.save(update_fields=["erasure_asked_at"])
    settle_pending(object_id=appointment.pk, kinds=kinds.TO_PATIENT, reason="person", now=now)
    calendar_entries.clean_when_over(appointment=appointment, now=now)
    deadlines.recompute(appointment=appointment, now=now)
    trail.record(verb="erasure.asked", ref=appointment.ref, actor=actor, now=now)
    waiting.leave_with(appointment=appointment, actor=actor, now=now)
    contact.refresh_from_db(fields=["erase_at"])
    return contact.erase_at


def erase_cancelled(*, appointment: Appointment, now: datetime) -> Receipt | None:
    """Erase at once the person of an appointment that was cancelled before, from the list too."""
    contact = contacts.contact_of(appointment)
    if contact is None:
        return None
    waiting.leave_as(contact=contact, actor=trail.PATIENT, now=now)
    return _erase_now(appointment, now=now)


def _erase_now(cancelled: Appointment, *, now: datetime) -> Receipt | None:
    """Erase the person of a cancelled appointment here, and see to it elsewhere (Art. 19)."""
    contact = contacts.contact_of(cancelled)
    calendar_entries.ask_where_unreached(appointment=cancelled, now=now)
    return contacts.erase(contact=contact, rule=RULE, now=now) if contact else None
