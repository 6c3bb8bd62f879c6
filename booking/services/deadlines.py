"""From an appointment's state to its instants: the reminder's, and the erasure's."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from booking import erasure, kinds
from booking.erasure import Calendar, Case, Moment
from booking.models import Appointment, PatientContact, Practice
from booking.services import calendar_entries
from booking.services.calendar_entries import NOT_THERE, Standing
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import Due

_CASE_OF = {
    Moment.AFTER_REMINDER: Case.IN_CALENDAR,
    Moment.AFTER_APPOINTMENT: Case.NO_CALENDAR,
    Moment.WITHIN_A_DAY: Case.FAILING,
}


def practice() -> Practice:
    """Return the practice of this schema."""
    return Practice.objects.get()


def reminder_at(
    *, appointment: Appointment, settings: Practice, booked_at: datetime
) -> datetime | None:
    """Return when the reminder is due: the local day before, at the practice's hour (B-40, B-18).

    None when that instant lies before ``booked_at``: the confirmation counts as the reminder (B-23).
    """
    return erasure.reminder_due(
        starts_at=appointment.starts_at,
        zone=ZoneInfo(appointment.location.time_zone),
        reminder_minute=settings.reminder_minute,
        booked_at=booked_at,
    )


def reminder_entry(*, appointment: Appointment, settings: Practice, now: datetime) -> Due | None:
    """Return the outbox entry of the reminder, or None when none is due for this appointment."""
    zone = ZoneInfo(appointment.location.time_zone)
    due_at = reminder_at(appointment=appointment, settings=settings, booked_at=now)
    if due_at is None or not appointment.has_reminder:
        return None
    return Due(
        kinds.REMINDER,
        appointment.pk,
        due_at=due_at,
        version=appointment.sequence,
        expires_at=erasure.reminder_expires_at(due_at=due_at, zone=zone),
    )


def shift_reminders(*, settings: Practice, now: datetime) -> int:
    """Have the reminders that wait leave at the practice's hour of now; return how many.

    What is due already, or would have been by the new hour, leaves as it was to: nobody goes without.
    """
    waiting = OutboxEntry.objects.select_for_update().filter(
        kind=kinds.REMINDER, state=OutboxEntry.State.PENDING, attempts=0, due_at__gt=now
    )
    entries = {entry.object_id or 0: entry for entry in waiting}
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
    standing: Standing = NOT_THERE,
    has_phone: bool = False,
    is_erased_by_person: bool = False,
    are_notices_gone: bool = False,
    now: datetime | None = None,
) -> datetime:
    """Return when the person of an appointment is erased, by the table of design section 5.

    ``standing`` is how it stands in the practitioner's calendar; ``now`` is when the last condition was
    met, for the case in which nothing more is waited for. ``retention_days`` is what the person was told.
    """
    assert appointment.booked_at is not None  # noqa: S101  # a CHECK of the table
    is_reachable_there = standing.is_reachable_there and has_phone
    is_asked_early = is_reachable_there and not appointment.is_cancelled
    facts = erasure.Facts(
        calendar=standing.calendar,
        is_reachable_there=is_reachable_there,
        reminder=_reminder_of(appointment) if is_asked_early else erasure.Reminder.PENDING,
        is_cancelled=appointment.is_cancelled,
        is_erased_by_person=is_erased_by_person,
    )
    return erasure.erase_at(
        case=erasure.case_of(facts),
        ends_at=appointment.ends_at,
        booked_at=appointment.booked_at,
        retention_days=retention_days,
        since=appointment.cancelled_at or now,
        notices_gone_at=now if are_notices_gone else None,
    )


@dataclass(frozen=True)
class Foreseen:
    """When the person will be erased if all goes well, and in which words a notice says so."""

    at: datetime
    moment: Moment


def foreseen(
    *,
    appointment: Appointment,
    settings: Practice,
    retention_days: int | None = None,
    standing: Standing,
    has_phone: bool = False,
    is_reminded: bool = False,
    now: datetime,
) -> Foreseen:
    """Return what a notice announces: the rule of ``erase_at_for`` once the calendar has been written.

    ``has_phone`` and ``is_reminded`` are False as long as nobody knows: then the later words are said.
    Works for a hold too, as if it were booked now: ``retention_days`` is None until somebody was told one.
    """
    booked_at = appointment.booked_at or now
    moment = moment_of(standing=standing, has_phone=has_phone and is_reminded)
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


def moment_of(*, standing: Standing, has_phone: bool) -> Moment:
    """Return which of the moments it will be, from how the appointment stands, or will, in the calendar."""
    is_failing = standing.calendar is Calendar.FAILING
    is_cleaned_first = standing.calendar is Calendar.PENDING and not standing.is_reachable_there
    if is_failing or is_cleaned_first:
        return Moment.WITHIN_A_DAY
    return erasure.notice_moment(
        is_calendar_trusted=standing.is_reachable_there, is_phone_given=has_phone
    )


def recompute(
    *,
    appointment: Appointment,
    now: datetime,
    is_moved: bool = False,
    are_notices_gone: bool = False,
    only_earlier: bool = False,
) -> None:
    """Compute ``erase_at`` again after a change and store it with the contact, if there is one.

    By the limit that the person was told; a move is told anew, so that the practice's own of today then
    applies (B-25). ``are_notices_gone``: nothing is left to send about a cancellation (B-24).
    """
    contact = PatientContact.objects.filter(appointment=appointment)
    known = contact.values_list(
        "phone_index", "erase_at", "retention_days", "erasure_asked_at"
    ).first()
    if known is None:
        return
    phone_index, before, days, asked_at = known
    if is_moved:
        days = min(days, practice().retention_days)
    erase_at = erase_at_for(
        appointment=appointment,
        retention_days=days,
        standing=calendar_entries.standing_of(appointment),
        has_phone=phone_index is not None,
        is_erased_by_person=asked_at is not None,
        are_notices_gone=are_notices_gone,
        now=now,
    )
    contact.update(
        erase_at=min(before, erase_at) if only_earlier else erase_at, retention_days=days
    )


def _reminder_of(appointment: Appointment) -> erasure.Reminder:
    """Say what became of the reminder; when none is due, what was sent counts as one (B-23)."""
    if not appointment.has_reminder:
        return erasure.Reminder.NONE
    states = dict(
        OutboxEntry.objects.filter(
            kind__in=kinds.BEFORE_THE_VISIT,
            object_id=appointment.pk,
            version=appointment.sequence,
        )
        .order_by("id")
        .values_list("kind", "state")
    )
    sent, pending = OutboxEntry.State.SENT, OutboxEntry.State.PENDING
    if kinds.REMINDER not in states:
        return erasure.Reminder.DONE if sent in states.values() else erasure.Reminder.PENDING
    if states[kinds.REMINDER] == sent:
        return erasure.Reminder.DONE
    is_pending = states[kinds.REMINDER] == pending
    return erasure.Reminder.PENDING if is_pending else erasure.Reminder.REFUSED


def has_reminder_gone(appointment: Appointment) -> bool:
    """Return whether the reminder of the appointment as it stands has been handed over."""
    return OutboxEntry.objects.filter(
        kind=kinds.REMINDER,
        object_id=appointment.pk,
        version=appointment.sequence,
        state=OutboxEntry.State.SENT,
    ).exists()


def holds_address(appointment: Appointment) -> bool:
    """Return whether a message is still to leave for an address of this person."""
    return OutboxEntry.objects.filter(
        object_id=appointment.pk, kind__in=kinds.HOLDS_ADDRESS, state=OutboxEntry.State.PENDING
    ).exists()
