"""Cancels appointments: one transaction that frees the slot and offers it to the waiting list."""

from contextlib import nullcontext
from datetime import datetime
from typing import Any

from booking.appointments import change_limits
from booking.calendar_sync import calendar_entries
from booking.erasure import deadlines
from booking.models import Appointment
from booking.patients import contacts
from booking.patients.contacts import practitioner_recipient
from booking.rules import kinds
from booking.scheduling.locks import lock_practitioners
from booking.scheduling.slots import resolved_slot_of
from booking.waiting_list import offers, waiting_entries
from booking.waiting_list.reopened_time import offering_reopened
from tenants.audit import services as audit
from tenants.outbox.services import Due, cancel_pending, is_limited, subject_of, write


def cancel(
    *,
    appointment: Appointment,
    by_patient: bool,
    actor: str,
    at_request: bool = False,
    notify: bool = True,
    sequence: int | None = None,
    now: datetime,
) -> Appointment:
    """Cancel and free the slot; the person is erased once the messages have left, after 24 h at most (B-24).

    Raises TooLate for a patient after the limit of the appointment type, AlreadyCancelled the second time,
    ChangedMeanwhile when ``sequence`` is no longer that of the row. Works after the erasure too: then only
    the practitioner gets a message (B-28).

    ``at_request``: staff cancel because the person asked for it, by telephone. It then counts as cancelled by the
    person and its message does not apologise; the limit is not checked, and nobody is told of a freed slot.
    """
    lock_practitioners([appointment.practitioner_id])
    appointment = change_limits.reload(appointment, sequence)
    if by_patient:
        change_limits.check_not_too_late(appointment, now=now)
    is_their_wish = by_patient or at_request
    appointment.status = (
        Appointment.Status.CANCELLED_BY_PATIENT
        if is_their_wish
        else Appointment.Status.CANCELLED_BY_PRACTITIONER
    )
    appointment.cancelled_at = now
    appointment.sequence += 1
    # A row beside another one may have hidden a slot that began at another time than its own.
    with offering_reopened(now=now) if appointment.is_overbooked else nullcontext():
        appointment.save(update_fields=["status", "cancelled_at", "sequence"])
    cancel_pending(
        subject_ids=[appointment.pk], kinds=kinds.BEFORE_THE_VISIT, reason="cancelled", now=now
    )
    calendar = calendar_entries.schedule_push(appointment=appointment, now=now)
    messages = _messages(appointment, by_patient=by_patient, notify=notify, now=now)
    if not by_patient and notify:
        messages += calendar_entries.keep_event_until_notified(appointment=appointment, now=now)
    written = write(due=[*messages, *calendar.due], now=now)
    # A message that the bound holds back will not follow either.
    is_notified = notify and not is_limited(written)
    deadlines.recompute(
        appointment=appointment,
        are_messages_sent=not is_notified and not deadlines.holds_address(appointment),
        now=now,
    )
    audit.record(verb="appointment.cancelled", ref=appointment.ref, actor=actor, now=now)
    # In this order: the lock of the list comes before the rows of it.
    offers.offer_freed(resolved=resolved_slot_of(appointment), left_by=appointment.pk, now=now)
    waiting_entries.appointment_cancelled(appointment, by_patient=is_their_wish, now=now)
    return appointment


def _messages(
    appointment: Appointment, *, by_patient: bool, notify: bool, now: datetime
) -> list[Due[Any]]:
    """Return the messages of a cancellation, of the kind that the status of the appointment names."""
    is_their_wish = appointment.status == Appointment.Status.CANCELLED_BY_PATIENT
    kind = kinds.CANCELLED_BY_PATIENT if is_their_wish else kinds.CANCELLED_BY_PRACTITIONER
    subject, version = subject_of(appointment), kinds.AppointmentVersion(appointment.sequence)
    messages: list[Due[Any]] = []
    if notify:
        recipient = contacts.recipient_of_appointment(appointment)
        messages.append(Due(kind, subject, version, now, recipient=recipient))
    if by_patient:
        recipient = practitioner_recipient(appointment)
        messages.append(Due(kinds.SLOT_FREED, subject, version, now, recipient=recipient))
    return messages
