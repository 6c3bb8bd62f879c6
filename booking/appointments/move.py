"""Moves appointments, and replaces the messages of the old times by those of the new times."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from booking.appointments import change_limits
from booking.appointments.book import confirmation_entry
from booking.calendar_sync import calendar_entries
from booking.erasure import deadlines
from booking.models import Appointment, Practice, Practitioner
from booking.patients import contacts
from booking.patients.contacts import practitioner_recipient
from booking.rules import kinds
from booking.rules.errors import SlotTaken
from booking.scheduling.catalogue import current_practice
from booking.scheduling.locks import delete_expired_holds, lock_practitioners
from booking.scheduling.slots import (
    ResolvedSlot,
    SlotSelection,
    check_promise,
    conflicts_as_slot_taken,
    is_offered,
    must_overbook,
    refuse_taken,
    resolve,
    resolved_slot_of,
)
from booking.waiting_list import offers, waiting_entries
from tenants.audit import services as audit
from tenants.outbox.services import Due, cancel_pending, subject_of, write

NOTIFIED_AFTER = timedelta(minutes=5)
"""How long the message about a received visit waits."""


def move(  # noqa: PLR0913  # the fields of the form, each by its name
    *,
    appointment: Appointment,
    selection: SlotSelection,
    by_patient: bool,
    actor: str,
    notify: bool = True,
    overbook: bool = False,
    sequence: int | None = None,
    notifies_receiver: bool = True,
    now: datetime,
) -> Appointment:
    """Move to another slot: the same row, the same .ics UID, SEQUENCE + 1; ``booked_at`` does not change.

    The length of the appointment stays unless staff change its type; a patient moves within the same type, also
    where only the practice gives it. The practitioner to whom a colleague moves it gets a message, unless
    ``notifies_receiver`` is False: the caller then tells of several at once. Raises SlotTaken (unless
    ``overbook``), TooLate (patients only: limit of the appointment type), BeyondPromise (B-22),
    AlreadyCancelled, or ChangedMeanwhile when ``sequence`` is no longer that of the row.
    """
    has_same_type = selection.appointment_type_id == appointment.appointment_type_id
    resolved = resolve(selection, online=by_patient and not has_same_type)
    if has_same_type:
        resolved = replace(resolved, length=appointment.ends_at - appointment.starts_at)
    if by_patient and not is_offered(resolved, now=now, ignore_appointment=appointment.pk):
        raise SlotTaken
    if not overbook:
        refuse_taken(resolved, now=now, ignore=appointment.pk)
    lock_practitioners([appointment.practitioner_id, selection.practitioner_id])
    appointment = change_limits.reload(appointment, sequence)
    if by_patient:
        change_limits.check_not_too_late(appointment, now=now)
    settings = current_practice()
    check_promise(
        resolved,
        retention_days=settings.retention_days,
        booked_at=appointment.booked_at or now,
    )
    start, end = resolved.occupied
    delete_expired_holds(
        practitioner_id=selection.practitioner_id, starts_at=start, ends_at=end, now=now
    )
    left = resolved_slot_of(appointment)
    appointment.is_overbooked = must_overbook(resolved, overbook=overbook, ignore=appointment.pk)
    _rewrite(appointment, resolved)
    replace_messages(
        appointment=appointment, left_at=left.starts_at, settings=settings, notify=notify, now=now
    )
    if notifies_receiver and not by_patient and left.practitioner.pk != appointment.practitioner_id:
        notify_receiver(
            practitioner=resolved.practitioner, visits=[appointment], actor=actor, now=now
        )
    audit.record(verb="appointment.moved", ref=appointment.ref, actor=actor, now=now)
    # In this order: the lock of the list comes before the rows of it.
    offers.offer_freed(resolved=left, left_by=appointment.pk, now=now)
    waiting_entries.appointment_moved(appointment)
    return appointment


def notify_receiver(
    *, practitioner: Practitioner, visits: Sequence[Appointment], actor: str, now: datetime
) -> None:
    """Write one message to a practitioner about the visits that ``actor`` has moved to their agenda.

    None without an account, for one's own moves, and where the practitioner chose so. It waits, so that a move
    that is taken back at once tells nothing.
    """
    has_reader = practitioner.user_id is not None and practitioner.notifies_received
    if not visits or not has_reader or actor == audit.actor_of(practitioner.user_id or 0):
        return
    first = min(visits, key=lambda visit: visit.starts_at)
    message = Due(
        kinds.RECEIVED,
        subject_of(practitioner),
        kinds.ReceivedVisits(first.pk, len(visits)),
        now + NOTIFIED_AFTER,
        repeat=str(first.sequence),
        recipient=practitioner_recipient(first),
    )
    write(due=[message], now=now)


def replace_messages(
    *,
    appointment: Appointment,
    left_at: datetime,
    settings: Practice,
    notify: bool,
    now: datetime,
) -> None:
    """Cancel the messages of the old times, write those of the new times, and recompute the erasure.

    ``left_at`` is the old start. A confirmation that was still to leave is written again with the new times
    even without ``notify``: each person gets the first message.
    """
    keys = [appointment.pk]
    unsent = cancel_pending(subject_ids=keys, kinds=[kinds.CONFIRMATION], reason="moved", now=now)
    cancel_pending(subject_ids=keys, kinds=kinds.BEFORE_THE_VISIT, reason="moved", now=now)
    due: list[Due[Any]] = []
    recipient = contacts.recipient_of_appointment(appointment) if unsent or notify else ""
    if unsent and not notify:
        due.append(confirmation_entry(appointment, recipient=recipient, now=now))
    if notify:
        payload = kinds.MovedAppointment(appointment.sequence, left_at)
        due.append(Due(kinds.MOVED, subject_of(appointment), payload, now, recipient=recipient))
    reminder = deadlines.reminder_entry(appointment=appointment, settings=settings, now=now)
    calendar = calendar_entries.schedule_push(appointment=appointment, now=now)
    write(due=[*due, *([reminder] if reminder else []), *calendar.due], now=now)
    deadlines.recompute(
        appointment=appointment, new_retention_days=settings.retention_days, now=now
    )


def _rewrite(appointment: Appointment, resolved: ResolvedSlot) -> None:
    appointment.practitioner = resolved.practitioner
    appointment.location = resolved.location
    appointment.appointment_type = resolved.appointment_type
    appointment.starts_at = resolved.starts_at
    appointment.ends_at = resolved.ends_at
    appointment.during = resolved.during
    appointment.sequence += 1
    appointment.late_min = None
    with conflicts_as_slot_taken():
        appointment.save(
            update_fields=[
                "practitioner",
                "location",
                "appointment_type",
                "starts_at",
                "ends_at",
                "during",
                "sequence",
                "late_min",
                "is_overbooked",
            ]
        )
