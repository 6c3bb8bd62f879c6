"""Target state of events in practitioners' calendars: recorded when a transaction decides it, pushed later."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import F, Q, QuerySet

from booking.models import (
    Appointment,
    AppointmentType,
    CalendarEntry,
    CalendarTask,
    GoogleAccount,
)
from booking.rules import kinds
from booking.rules.erasure import FAILURE_GRACE, Calendar, EventCleanup, Level
from booking.rules.kinds import AppointmentVersion, EventPush
from tenants.outbox.services import Due, subject_by_key, subject_of, write

# One statement with or without a linked account and for any number of appointments: every booking runs it.
_SCHEDULE_PUSH = """
WITH changed AS (
    UPDATE booking_calendarentry
    SET version = version + 1, has_conflict = false, answer = '',
        state = CASE WHEN state = 'moved' AND NOT %(is_news)s THEN state ELSE 'pending' END,
        changed_at = CASE WHEN version = pushed THEN %(now)s ELSE changed_at END
    WHERE appointment_id = ANY(%(appointments)s) AND account_id IS NOT NULL
      AND (%(is_news)s OR state <> 'deleted')
    RETURNING appointment_id, account_id, version, cleanup
), added AS (
    INSERT INTO booking_calendarentry (appointment_id, account_id, state, version, pushed, changed_at,
        generation, etag, cleanup, is_held_back, has_conflict, answer)
    SELECT visit.id, account.id, 'pending', 1, 0, %(now)s, 0, '',
        CASE WHEN EXISTS (
            SELECT FROM booking_patientcontact contact
            WHERE contact.appointment_id = visit.id AND contact.erasure_requested_at IS NOT NULL
        ) THEN 'anonymise' ELSE 'keep' END, false, false, ''
    FROM booking_appointment visit
    JOIN booking_googleaccount account ON account.practitioner_id = visit.practitioner_id
    WHERE visit.id = ANY(%(appointments)s) AND account.state <> 'leaving'
      AND visit.status IN ('booked', 'fulfilled', 'noshow')
    ON CONFLICT (appointment_id, account_id) DO NOTHING
    RETURNING appointment_id, account_id, version, cleanup
)
SELECT found.appointment_id, found.account_id, found.version, account.level, account.on_erasure,
    found.cleanup, account.practitioner_id, account.writes_home_address
FROM (SELECT * FROM changed UNION ALL SELECT * FROM added) found
JOIN booking_googleaccount account ON account.id = found.account_id
"""


CANCELLED = (
    Appointment.Status.CANCELLED_BY_PATIENT,
    Appointment.Status.CANCELLED_BY_PRACTITIONER,
)


@dataclass(frozen=True)
class CalendarSyncState:
    """State of an appointment in its practitioner's calendar, on which the erasure deadline depends (B-21).

    ``is_reachable_there``: the event holds the phone number of the person. ``holds_home_address``: the event of
    a home visit holds its address too; without it the practitioner finds the address only here (B-14).
    """

    calendar: Calendar = Calendar.NONE
    is_reachable_there: bool = False
    holds_home_address: bool = False

    def is_enough_for(self, *, is_home_visit: bool) -> bool:
        """Return whether the event lets the practitioner reach the person and, for a home visit, go there."""
        return self.is_reachable_there and (self.holds_home_address or not is_home_visit)


NOT_THERE = CalendarSyncState()


@dataclass(frozen=True)
class ScheduledPush:
    """The outbox entries of a scheduled push, and the state of the appointment in the calendar until then."""

    due: tuple[Due[Any], ...]
    sync_state: CalendarSyncState


def schedule_push(
    *, appointment: Appointment, now: datetime, is_news: bool = True
) -> ScheduledPush:
    """Mark the events of the appointment for a push of its current row, in one statement.

    Includes the event in the calendar of a former practitioner. ``is_news``: times or status of the appointment
    have changed. Otherwise an event that the practitioner has moved or deleted keeps waiting for a decision;
    the words of a moved event are pushed all the same, since the level may be lower now. The caller writes the
    returned outbox entries.
    """
    pending = _mark_pending([appointment], now=now, is_news=is_news)
    sync_state = NOT_THERE
    for event in pending:
        if event.is_current_for(appointment):
            cleanup = EventCleanup(event.on_erasure)
            sync_state = _sync_state_of(
                event.level,
                cleanup,
                holds_home_address=event.writes_home_address,
                is_written=False,
            )
    return ScheduledPush(tuple(_due([appointment], pending, now=now)), sync_state)


class _PendingEvent(NamedTuple):
    """An event of an account that waits for a push: one row that ``_SCHEDULE_PUSH`` returns."""

    appointment_id: int
    account_id: int
    version: int
    level: int
    on_erasure: str
    cleanup: str
    practitioner_id: int
    writes_home_address: bool

    @property
    def final_cleanup(self) -> EventCleanup:
        """The cleanup of the event after the visit."""
        return _stronger(EventCleanup(self.on_erasure), EventCleanup(self.cleanup))

    def is_current_for(self, appointment: Appointment) -> bool:
        """Return whether the event belongs to the appointment's current practitioner and is not cancelled."""
        return self.practitioner_id == appointment.practitioner_id and not appointment.is_cancelled


def _mark_pending(
    appointments: Iterable[Appointment], *, now: datetime, is_news: bool
) -> list[_PendingEvent]:
    with connection.cursor() as cursor:
        cursor.execute(
            _SCHEDULE_PUSH,
            {
                "appointments": [appointment.pk for appointment in appointments],
                "is_news": is_news,
                "now": now,
            },
        )
        return [_PendingEvent(*row) for row in cursor.fetchall()]


def _due(
    appointments: Iterable[Appointment], pending: Iterable[_PendingEvent], *, now: datetime
) -> Iterator[Due[Any]]:
    by_id = {appointment.pk: appointment for appointment in appointments}
    for event in pending:
        appointment = by_id[event.appointment_id]
        yield _push(event.appointment_id, event.account_id, event.version, now)
        if event.is_current_for(appointment):
            # With each change: an earlier outbox entry for the cleanup belongs to the former time.
            yield from _cleanup_due(appointment, event.final_cleanup, now)


def sync_state_of(appointment: Appointment) -> CalendarSyncState:
    """Return the current state of the appointment in its practitioner's calendar, in one query."""
    entry = (
        CalendarEntry.objects.select_related("account")
        .filter(appointment=appointment, account__practitioner=appointment.practitioner_id)
        .first()
    )
    if entry is None or entry.account is None:
        return NOT_THERE
    if entry.account.state == GoogleAccount.LinkState.DISCONNECTING:
        return NOT_THERE
    cleanup = EventCleanup(entry.account.on_erasure)
    is_written = entry.pushed == entry.version and entry.state == CalendarEntry.EventState.WRITTEN
    # The level of the written words counts as well as the target level: both must name the person.
    level = min(entry.account.level, entry.account.level if entry.level is None else entry.level)
    has_address = entry.account.writes_home_address
    if is_written:
        return _sync_state_of(level, cleanup, holds_home_address=has_address, is_written=True)
    is_connected = entry.account.state == GoogleAccount.LinkState.CONNECTED
    return pending_sync_state(
        level=level, cleanup=cleanup, holds_home_address=has_address, is_connected=is_connected
    )


def pending_sync_state(
    *, level: int, cleanup: EventCleanup, holds_home_address: bool, is_connected: bool
) -> CalendarSyncState:
    """Return the state of an appointment whose event waits for a push in a calendar with these settings."""
    sync_state = _sync_state_of(
        level, cleanup, holds_home_address=holds_home_address, is_written=False
    )
    if sync_state.calendar is Calendar.PENDING and not is_connected:
        return replace(sync_state, calendar=Calendar.FAILING)
    return sync_state


def _sync_state_of(
    level: int, cleanup: EventCleanup, *, holds_home_address: bool, is_written: bool
) -> CalendarSyncState:
    """Return the state for a level and a cleanup (B-33).

    At L0 and L1 the event holds no phone number, so the end of the appointment decides the erasure. With a cleanup
    the event is cleaned up before the erasure here: until then the state is PENDING, which keeps the person until
    the visit is over and one day more at most.
    """
    if cleanup is not EventCleanup.KEEP and level > Level.REFERENCE:
        return CalendarSyncState(Calendar.PENDING)
    if level != Level.NAMED:
        return NOT_THERE
    calendar = Calendar.CONFIRMED if is_written else Calendar.PENDING
    return CalendarSyncState(
        calendar, is_reachable_there=True, holds_home_address=holds_home_address
    )


def cleanup_of(entry: CalendarEntry, account: GoogleAccount) -> EventCleanup:
    """Return the cleanup of an event: the stronger of the account's setting and the person's request."""
    return _stronger(EventCleanup(account.on_erasure), EventCleanup(entry.cleanup))


def _stronger(first: EventCleanup, second: EventCleanup) -> EventCleanup:
    return max(first, second, key=list(EventCleanup).index)


def schedule_cleanup(*, appointment: Appointment, now: datetime) -> None:
    """Schedule the anonymisation of the event after the visit, because the person requested the erasure (B-34).

    An event without an account becomes a task of the practitioner.
    """
    entries = CalendarEntry.objects.filter(appointment=appointment)
    kept = entries.filter(account__isnull=False, cleanup=EventCleanup.KEEP.value)
    if kept.update(cleanup=EventCleanup.ANONYMISE.value):
        write(due=_cleanup_due(appointment, EventCleanup.ANONYMISE, now), now=now)
    if entries.filter(account__isnull=True).exists():
        create_task(appointment_id=appointment.pk, kind=CalendarTask.TaskKind.ERASE, now=now)


def create_task_where_unreachable(*, appointment: Appointment, now: datetime) -> None:
    """Create a task for the event of a cancelled visit of an erased person, in a calendar without access.

    In a connected calendar the push of the cancellation deletes the event, or creates the task when it fails.
    """
    unreached = Q(account__isnull=True) | Q(account__state=GoogleAccount.LinkState.RECONNECT)
    if _entries_with_person().filter(unreached, appointment=appointment).exists():
        create_task(appointment_id=appointment.pk, kind=CalendarTask.TaskKind.ERASE, now=now)


def detach_events(*, account: GoogleAccount, is_all_gone: bool, now: datetime) -> None:
    """Delete the entries of an account without access; events that name a person keep an entry without account.

    The practitioner gets a task for each such event whose person has requested the erasure, at once; for the
    others when the request comes (B-34). ``is_all_gone``: the calendar holds no event any more.
    """
    entries = CalendarEntry.objects.filter(account=account)
    if not is_all_gone:
        with_person = _entries_with_person().filter(account=account)
        to_erase = with_person.filter(
            ~Q(cleanup=EventCleanup.KEEP.value)
            | Q(cleanup_at__isnull=False, version__gt=F("pushed"))
            | Q(appointment__status__in=CANCELLED, appointment__erased_at__isnull=False)
        )
        kind = CalendarTask.TaskKind.ERASE
        tasks = [
            CalendarTask(appointment_id=key, kind=kind, created_at=now)
            for key in to_erase.values_list("appointment_id", flat=True)
        ]
        CalendarTask.objects.bulk_create(tasks, ignore_conflicts=True)
        with_person.update(account=None)
    entries.delete()


def complete_erasure_task(*, appointment_id: int, now: datetime) -> None:
    """Complete the erasure task of an appointment once no event names its person any more."""
    if not _entries_with_person().filter(appointment_id=appointment_id).exists():
        complete_task(appointment_id=appointment_id, kind=CalendarTask.TaskKind.ERASE, now=now)


def _entries_with_person() -> QuerySet[CalendarEntry]:
    """Return the entries whose event exists and has the initials or the name of a person."""
    return CalendarEntry.objects.filter(level__gt=Level.REFERENCE).exclude(
        state=CalendarEntry.EventState.GONE
    )


def keep_event_until_notified(*, appointment: Appointment, now: datetime) -> list[Due[Any]]:
    """Keep the event of a cancelled appointment until its person is notified: only it holds the name (B-28).

    Returns the outbox entries; none when the person is not erased here, or the event does not name the person.
    """
    if not _entries_with_name(appointment).update(is_held_back=True):
        return []
    version = AppointmentVersion(appointment.sequence)
    return [Due(kinds.CALENDAR_NOTIFY, subject_of(appointment), version, now)]


def can_notify(appointment: Appointment) -> bool:
    """Return whether the person is erased here and named by an event; one query for an erased person only."""
    return appointment.erased_at is not None and _entries_with_name(appointment).exists()


def _entries_with_name(appointment: Appointment) -> QuerySet[CalendarEntry]:
    """Return the entries whose event names a person that is erased here.

    Includes events to which lib-rdv has no access now: the practitioner can read the number and has to call
    (B-28).
    """
    entries = _entries_with_person().filter(
        appointment=appointment, level=Level.NAMED, cleanup_at__isnull=True
    )
    return entries if appointment.erased_at is not None else entries.none()


def release_event(*, appointment: Appointment, now: datetime) -> None:
    """Schedule the deletion of a kept event after its person was notified, and complete the task to call."""
    held_back = CalendarEntry.objects.filter(appointment=appointment, is_held_back=True)
    due = []
    for entry in held_back.select_for_update():
        entry.is_held_back, entry.version, entry.changed_at = False, entry.version + 1, now
        entry.save(update_fields=["is_held_back", "version", "changed_at"])
        if entry.account_id is not None:
            due.append(_push(appointment.pk, entry.account_id, entry.version, now))
    write(due=due, now=now)
    complete_task(appointment_id=appointment.pk, kind=CalendarTask.TaskKind.CALL, now=now)


def complete_task(*, appointment_id: int, kind: CalendarTask.TaskKind, now: datetime) -> None:
    """Complete an open task of an appointment; without one nothing happens."""
    open_tasks = CalendarTask.objects.filter(
        appointment_id=appointment_id, kind=kind, completed_at__isnull=True
    )
    open_tasks.update(completed_at=now)


def push_all(*, account: GoogleAccount, since: datetime, now: datetime) -> int:
    """Schedule a push of every coming appointment of the account's practitioner; return how many.

    For an account that is new, reconnected or has another level. An event that the practitioner has moved or
    deleted keeps waiting for a decision.
    """
    return _push_appointments(
        Appointment.objects.filter(
            practitioner=account.practitioner_id,
            status=Appointment.Status.BOOKED,
            ends_at__gt=since,
        ),
        now=now,
    )


def push_missing(*, account: GoogleAccount, now: datetime) -> int:
    """Schedule a push of the coming appointments without an entry in this account; return how many."""
    missing = Appointment.objects.filter(
        practitioner=account.practitioner_id, status=Appointment.Status.BOOKED, ends_at__gt=now
    ).exclude(pk__in=CalendarEntry.objects.filter(account=account).values("appointment"))
    return _push_appointments(missing, now=now)


def push_appointment_type(*, appointment_type: AppointmentType, now: datetime) -> int:
    """Schedule a push of every coming event of an appointment type with a new name or colour; return how many."""
    coming = Appointment.objects.filter(
        appointment_type=appointment_type, status=Appointment.Status.BOOKED, ends_at__gt=now
    )
    return _push_appointments(
        coming.filter(calendar_entries__account__isnull=False).distinct(), now=now
    )


def _push_appointments(appointments: QuerySet[Appointment], *, now: datetime) -> int:
    """Schedule pushes with three statements for any number of appointments; return how many."""
    coming = list(appointments.order_by("starts_at", "pk"))
    due = (
        list(_due(coming, _mark_pending(coming, now=now, is_news=False), now=now)) if coming else []
    )
    write(due=due, now=now)
    return sum(due_entry.kind == kinds.CALENDAR_PUSH for due_entry in due)


def push_again(*, entry: CalendarEntry, now: datetime) -> None:
    """Schedule a push of one event as lib-rdv has it, because the practitioner resolved a difference that way."""
    CalendarEntry.objects.filter(pk=entry.pk).update(
        version=F("version") + 1, changed_at=now, state=CalendarEntry.EventState.PENDING, answer=""
    )
    entry.refresh_from_db()
    write(due=[_push(entry.appointment_id, entry.account_id or 0, entry.version, now)], now=now)


def create_task(*, appointment_id: int, kind: CalendarTask.TaskKind, now: datetime) -> None:
    """Create a task of the practitioner; an appointment has one task of each kind at most."""
    task = CalendarTask(appointment_id=appointment_id, kind=kind, created_at=now)
    CalendarTask.objects.bulk_create([task], ignore_conflicts=True)


def _push(appointment_id: int, account_id: int, version: int, now: datetime) -> Due[EventPush]:
    subject = subject_by_key(Appointment, appointment_id)
    return Due(kinds.CALENDAR_PUSH, subject, EventPush(account_id, version), now)


def _cleanup_due(
    appointment: Appointment, cleanup: EventCleanup, now: datetime
) -> Iterable[Due[AppointmentVersion]]:
    if cleanup is EventCleanup.KEEP:
        return []
    when = max(now, appointment.ends_at)
    return [
        Due(
            kinds.CALENDAR_CLEANUP,
            subject_of(appointment),
            AppointmentVersion(appointment.sequence),
            due_at=when,
            expires_at=when + FAILURE_GRACE,
        )
    ]
