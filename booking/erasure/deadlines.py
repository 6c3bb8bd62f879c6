"""The instants of an appointment: when its reminder is due, and when its person is erased."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from booking.calendar_sync import calendar_entries
from booking.calendar_sync.calendar_entries import NOT_THERE, CalendarSyncState
from booking.models import Appointment, PatientContact, Practice
from booking.rules import erasure, kinds
from booking.rules.erasure import (
    Calendar,
    Case,
    Moment,
)
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import Due, subject_of

_CASE_OF = {
    Moment.AFTER_REMINDER: Case.IN_CALENDAR,
    Moment.AFTER_APPOINTMENT: Case.NO_CALENDAR,
    Moment.WITHIN_A_DAY: Case.FAILING,
}


def reminder_at(
    *, appointment: Appointment, settings: Practice, booked_at: datetime
) -> datetime | None:
    """Return when the reminder is due, in UTC: the local day before, at the hour of the practice (B-40, B-18).

    None when that instant is not after ``booked_at``: the confirmation counts as the reminder (B-23).
    """
    return erasure.reminder_due(
        starts_at=appointment.starts_at,
        zone=ZoneInfo(appointment.location.time_zone),
        reminder_minute=settings.reminder_minute,
        booked_at=booked_at,
    )


def reminder_entry(
    *, appointment: Appointment, settings: Practice, now: datetime
) -> Due[kinds.AppointmentVersion] | None:
    """Return the outbox entry of the reminder; None when the appointment gets none."""
    zone = ZoneInfo(appointment.location.time_zone)
    due_at = reminder_at(appointment=appointment, settings=settings, booked_at=now)
    if due_at is None or not appointment.has_reminder:
        return None
    return Due(
        kinds.REMINDER,
        subject_of(appointment),
        kinds.AppointmentVersion(appointment.sequence),
        due_at=due_at,
        expires_at=erasure.reminder_expires_at(due_at=due_at, zone=zone),
    )


def shift_reminders(*, settings: Practice, now: datetime) -> int:
    """Set the pending reminders to the current hour of the practice; return how many were changed.

    A reminder that is due already, or would be due by the new hour, keeps its time, so that each one is sent.
    """
    waiting = OutboxEntry.objects.select_for_update().filter(
        kind=kinds.REMINDER, state=OutboxEntry.EntryState.PENDING, attempts=0, due_at__gt=now
    )
    entries = {entry.subject_id: entry for entry in waiting}
    moved = []
    for appointment in Appointment.objects.select_related("location").filter(pk__in=entries):
        due = reminder_entry(appointment=appointment, settings=settings, now=now)
        if due is not None:
            entry = entries[appointment.pk]
            entry.due_at, entry.expires_at = due.due_at, due.expires_at
            moved.append(entry)
    OutboxEntry.objects.bulk_update(moved, ["due_at", "expires_at"], batch_size=1000)
    return len(moved)


def erase_at_for(
    *,
    appointment: Appointment,
    retention_days: int,
    sync_state: CalendarSyncState = NOT_THERE,
    has_phone: bool = False,
    is_erased_by_person: bool = False,
    are_messages_sent: bool = False,
    now: datetime | None = None,
) -> datetime:
    """Return when the person of an appointment is erased, by the table of design section 5.

    ``sync_state`` is that of the practitioner's calendar. ``now`` is when the last condition was met, for the
    cases that erase at once. ``retention_days`` is the limit that the person was shown. Raises ValueError for a
    slot hold.
    """
    if appointment.booked_at is None:
        raise ValueError("a slot hold has no person to erase")
    is_reachable_there = has_phone and sync_state.is_enough_for(
        is_home_visit=appointment.location.is_home
    )
    is_requested_early = is_reachable_there and not appointment.is_cancelled
    facts = erasure.ErasureFacts(
        calendar=sync_state.calendar,
        is_reachable_there=is_reachable_there,
        reminder=_reminder_of(appointment) if is_requested_early else erasure.Reminder.PENDING,
        is_cancelled=appointment.is_cancelled,
        is_erased_by_person=is_erased_by_person,
    )
    return erasure.erase_at(
        case=erasure.case_of(facts),
        ends_at=appointment.ends_at,
        booked_at=appointment.booked_at,
        retention_days=retention_days,
        since=appointment.cancelled_at or now,
        messages_sent_at=now if are_messages_sent else None,
    )


@dataclass(frozen=True)
class Foreseen:
    """When the person will be erased without failures, and the moment that the privacy notice announces."""

    at: datetime
    moment: Moment


def foreseen(
    *,
    appointment: Appointment,
    settings: Practice,
    retention_days: int | None = None,
    sync_state: CalendarSyncState,
    has_phone: bool = False,
    is_reminded: bool = False,
    now: datetime,
) -> Foreseen:
    """Return the erasure that the privacy notice announces: the rule of ``erase_at_for`` after a successful push.

    ``has_phone`` and ``is_reminded`` are False until they are known; the notice then announces the later moment.
    A slot hold counts as booked now; ``retention_days`` is None until the person was shown a limit.
    """
    booked_at = appointment.booked_at or now
    moment = moment_of(
        sync_state=sync_state,
        has_phone=has_phone and is_reminded,
        is_home_visit=appointment.location.is_home,
    )
    since = now
    if moment is Moment.AFTER_REMINDER:
        due = reminder_at(appointment=appointment, settings=settings, booked_at=booked_at)
        since = max(due or now, now)
    at = erasure.erase_at(
        case=_CASE_OF[moment],
        ends_at=appointment.ends_at,
        booked_at=booked_at,
        retention_days=retention_days or settings.retention_days,
        since=since,
    )
    return Foreseen(at, moment)


def moment_of(*, sync_state: CalendarSyncState, has_phone: bool, is_home_visit: bool) -> Moment:
    """Return the moment of the erasure that follows from the present or expected state of the calendar."""
    is_failing = sync_state.calendar is Calendar.FAILING
    has_cleanup_first = (
        sync_state.calendar is Calendar.PENDING and not sync_state.is_reachable_there
    )
    if is_failing or has_cleanup_first:
        return Moment.WITHIN_A_DAY
    return erasure.privacy_notice_moment(
        is_calendar_trusted=sync_state.is_enough_for(is_home_visit=is_home_visit),
        is_phone_given=has_phone,
    )


def recompute(
    *,
    appointment: Appointment,
    now: datetime,
    new_retention_days: int | None = None,
    are_messages_sent: bool = False,
    only_earlier: bool = False,
) -> None:
    """Compute ``erase_at`` again after a change and store it in the contact, if there is one.

    The limit is the one that the person was shown. A move shows it again: ``new_retention_days`` is then the
    current setting of the practice, and the shorter limit applies (B-25). ``are_messages_sent``: no message about
    a cancellation is left to send (B-24). ``only_earlier`` never postpones the erasure.
    """
    contact = PatientContact.objects.filter(appointment=appointment)
    known = contact.values_list(
        "phone_index", "erase_at", "retention_days", "erasure_requested_at"
    ).first()
    if known is None:
        return
    phone_index, before, days, asked_at = known
    if new_retention_days is not None:
        days = min(days, new_retention_days)
    erase_at = erase_at_for(
        appointment=appointment,
        retention_days=days,
        sync_state=calendar_entries.sync_state_of(appointment),
        has_phone=phone_index is not None,
        is_erased_by_person=asked_at is not None,
        are_messages_sent=are_messages_sent,
        now=now,
    )
    contact.update(
        erase_at=min(before, erase_at) if only_earlier else erase_at, retention_days=days
    )


def _reminder_of(appointment: Appointment) -> erasure.Reminder:
    """Return the outcome of the reminder; without one, a confirmation or move that was sent counts (B-23)."""
    if not appointment.has_reminder:
        return erasure.Reminder.NONE
    states = dict(
        OutboxEntry.objects.filter(
            kind__in=kinds.BEFORE_THE_VISIT,
            subject_id=appointment.pk,
            payload__sequence=appointment.sequence,
        )
        .order_by("id")
        .values_list("kind", "state")
    )
    sent, pending = OutboxEntry.EntryState.SENT, OutboxEntry.EntryState.PENDING
    if kinds.REMINDER not in states:
        return erasure.Reminder.DONE if sent in states.values() else erasure.Reminder.PENDING
    if states[kinds.REMINDER] == sent:
        return erasure.Reminder.DONE
    is_pending = states[kinds.REMINDER] == pending
    return erasure.Reminder.PENDING if is_pending else erasure.Reminder.REFUSED


def holds_address(appointment: Appointment) -> bool:
    """Return whether a pending message needs an address of the person."""
    return OutboxEntry.objects.filter(
        subject_id=appointment.pk,
        kind__in=kinds.HOLDS_ADDRESS,
        state=OutboxEntry.EntryState.PENDING,
    ).exists()
