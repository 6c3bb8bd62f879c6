"""What the practitioner's own calendar is to hold: noted in the transaction that decides it, pushed after it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from django.db import connection
from django.db.models import F, Q, QuerySet

from booking import kinds
from booking.erasure import FAILURE_GRACE, Calendar
from booking.event_body import Cleaning, Level
from booking.models import (
    Appointment,
    AppointmentType,
    CalendarEntry,
    CalendarTask,
    GoogleAccount,
)
from tenants.outbox.services import Due, write

# One message, whether or not an account is linked, and however many appointments: every booking pays for it.
_WANT = """
WITH changed AS (
    UPDATE booking_calendarentry
    SET wanted = wanted + 1, has_conflict = false, answer = '',
        state = CASE WHEN state = 'moved' AND NOT %(is_news)s THEN state ELSE 'pending' END,
        wanted_at = CASE WHEN wanted = pushed THEN %(now)s ELSE wanted_at END
    WHERE appointment_id = ANY(%(appointments)s) AND account_id IS NOT NULL
      AND (%(is_news)s OR state <> 'deleted')
    RETURNING appointment_id, account_id, wanted, cleaning
), added AS (
    INSERT INTO booking_calendarentry (appointment_id, account_id, state, wanted, pushed, wanted_at,
        generation, etag, cleaning, is_held_back, has_conflict, answer)
    SELECT visit.id, account.id, 'pending', 1, 0, %(now)s, 0, '',
        CASE WHEN EXISTS (
            SELECT FROM booking_patientcontact contact
            WHERE contact.appointment_id = visit.id AND contact.erasure_asked_at IS NOT NULL
        ) THEN 'anonymise' ELSE 'keep' END, false, false, ''
    FROM booking_appointment visit
    JOIN booking_googleaccount account ON account.practitioner_id = visit.practitioner_id
    WHERE visit.id = ANY(%(appointments)s) AND account.state <> 'leaving'
      AND visit.status IN ('booked', 'fulfilled', 'noshow')
    ON CONFLICT (appointment_id, account_id) DO NOTHING
    RETURNING appointment_id, account_id, wanted, cleaning
)
SELECT found.appointment_id, found.account_id, found.wanted, account.level, account.on_erasure,
    found.cleaning, account.practitioner_id
FROM (SELECT * FROM changed UNION ALL SELECT * FROM added) found
JOIN booking_googleaccount account ON account.id = found.account_id
"""


CANCELLED = (
    Appointment.Status.CANCELLED_BY_PATIENT,
    Appointment.Status.CANCELLED_BY_PRACTITIONER,
)


@dataclass(frozen=True)
class Standing:
    """How an appointment stands in its practitioner's calendar: what decides the erasure (B-21)."""

    calendar: Calendar = Calendar.NONE
    is_reachable_there: bool = False


NOT_THERE = Standing()


@dataclass(frozen=True)
class Wanted:
    """What must be pushed, and how the appointment stands in the calendar until then."""

    due: tuple[Due, ...]
    standing: Standing


def want(*, appointment: Appointment, now: datetime, is_news: bool = True) -> Wanted:
    """Note that the calendar must follow the appointment as its row is now, in one statement.

    The event of an agenda that the appointment has left is noted too. ``is_news``: its times or state
    have changed. Otherwise an event that the practitioner has moved or deleted keeps waiting for a decision;
    the words of a moved one are written all the same, for they may have to say less.
    """
    rows = _note([appointment], now=now, is_news=is_news)
    standing = NOT_THERE
    for row in rows:
        if row.stands_for(appointment):
            standing = _standing_of(row.level, Cleaning(row.on_erasure), is_written=False)
    return Wanted(tuple(_due([appointment], rows, now=now)), standing)


class _Noted(NamedTuple):
    """What one statement notes: an event of an account that waits to be written."""

    appointment_id: int
    account_id: int
    version: int
    level: int
    on_erasure: str
    cleaning: str
    practitioner_id: int

    @property
    def ends_as(self) -> Cleaning:
        """What happens to the event once the visit is over."""
        return _stronger(Cleaning(self.on_erasure), Cleaning(self.cleaning))

    def stands_for(self, appointment: Appointment) -> bool:
        """Whether this is the agenda in which the appointment stands."""
        return self.practitioner_id == appointment.practitioner_id and not appointment.is_cancelled


def _note(appointments: Iterable[Appointment], *, now: datetime, is_news: bool) -> list[_Noted]:
    with connection.cursor() as cursor:
        cursor.execute(
            _WANT,
            {"appointments": [one.pk for one in appointments], "is_news": is_news, "now": now},
        )
        return [_Noted(*row) for row in cursor.fetchall()]


def _due(
    appointments: Iterable[Appointment], rows: Iterable[_Noted], *, now: datetime
) -> Iterator[Due]:
    by_id = {one.pk: one for one in appointments}
    for row in rows:
        appointment = by_id[row.appointment_id]
        yield _push(row.appointment_id, row.account_id, row.version, now)
        if row.stands_for(appointment):
            # Again with each change: the cleaning that was noted before belongs to another time.
            yield from _cleaning(appointment, row.ends_as, now)


def standing_of(appointment: Appointment) -> Standing:
    """Return how the appointment stands in its practitioner's calendar now, in one query."""
    entry = (
        CalendarEntry.objects.select_related("account")
        .filter(appointment=appointment, account__practitioner=appointment.practitioner_id)
        .first()
    )
    if entry is None or entry.account is None:
        return NOT_THERE
    if entry.account.state == GoogleAccount.State.LEAVING:
        return NOT_THERE
    cleaning = Cleaning(entry.account.on_erasure)
    is_written = entry.pushed == entry.wanted and entry.state == CalendarEntry.State.WRITTEN
    # What the event says counts, not what it is to say: both must name the person.
    level = min(entry.account.level, entry.account.level if entry.level is None else entry.level)
    if is_written:
        return _standing_of(level, cleaning, is_written=True)
    is_connected = entry.account.state == GoogleAccount.State.CONNECTED
    return standing_to_be(level=level, cleaning=cleaning, is_connected=is_connected)


def standing_to_be(*, level: int, cleaning: Cleaning, is_connected: bool) -> Standing:
    """Return how an appointment that is not written yet stands in such a calendar."""
    standing = _standing_of(level, cleaning, is_written=False)
    if standing.calendar is Calendar.PENDING and not is_connected:
        return replace(standing, calendar=Calendar.FAILING)
    return standing


def _standing_of(level: int, cleaning: Cleaning, *, is_written: bool) -> Standing:
    """At L0 and L1 nobody is reached there, so the anchor is the end of the appointment (B-33).

    A calendar that is cleaned after the visit is cleaned before the erasure here: until then it counts
    as not taken, which keeps the person until the visit is over and a day more at most.
    """
    if cleaning is not Cleaning.KEEP and level > Level.REFERENCE:
        return Standing(Calendar.PENDING)
    if level != Level.NAMED:
        return NOT_THERE
    calendar = Calendar.CONFIRMED if is_written else Calendar.PENDING
    return Standing(calendar, is_reachable_there=True)


def cleaning_of(entry: CalendarEntry, account: GoogleAccount) -> Cleaning:
    """Return what happens to the event in the end: the stronger of the account's choice and the person's."""
    return _stronger(Cleaning(account.on_erasure), Cleaning(entry.cleaning))


def _stronger(one: Cleaning, other: Cleaning) -> Cleaning:
    return max(one, other, key=list(Cleaning).index)


def clean_when_over(*, appointment: Appointment, now: datetime) -> None:
    """Have the event anonymised at least, once the visit is over: the person asked to be erased (B-34)."""
    entries = CalendarEntry.objects.filter(appointment=appointment)
    kept = entries.filter(account__isnull=False, cleaning=Cleaning.KEEP.value)
    if kept.update(cleaning=Cleaning.ANONYMISE.value):
        write(due=_cleaning(appointment, Cleaning.ANONYMISE, now), now=now)
    if entries.filter(account__isnull=True).exists():
        ask(appointment_id=appointment.pk, kind=CalendarTask.Kind.ERASE, now=now)


def ask_where_unreached(*, appointment: Appointment, now: datetime) -> None:
    """The person of a cancelled visit is erased here: where a calendar is out of reach, leave the task.

    Where it is reached, the push of the cancellation takes the event away, or leaves the task itself.
    """
    unreached = Q(account__isnull=True) | Q(account__state=GoogleAccount.State.RECONNECT)
    if _saying_something().filter(unreached, appointment=appointment).exists():
        ask(appointment_id=appointment.pk, kind=CalendarTask.Kind.ERASE, now=now)


def outlive(*, account: GoogleAccount, is_all_gone: bool, now: datetime) -> None:
    """Forget the events of an account that is reached no more, but for those that say something of somebody.

    These are remembered without the account: whoever asks to be erased later is the practitioner's to
    erase there, and whoever has asked already is so at once (B-34). ``is_all_gone``: none stands.
    """
    entries = CalendarEntry.objects.filter(account=account)
    if not is_all_gone:
        standing = _saying_something().filter(account=account)
        owed = standing.filter(
            ~Q(cleaning=Cleaning.KEEP.value)
            | Q(cleans_at__isnull=False, wanted__gt=F("pushed"))
            | Q(appointment__status__in=CANCELLED, appointment__erased_at__isnull=False)
        )
        kind = CalendarTask.Kind.ERASE
        tasks = [
            CalendarTask(appointment_id=key, kind=kind, created_at=now)
            for key in owed.values_list("appointment_id", flat=True)
        ]
        CalendarTask.objects.bulk_create(tasks, ignore_conflicts=True)
        standing.update(account=None)
    entries.delete()


def tick_if_clean(*, appointment_id: int, now: datetime) -> None:
    """Nothing that stands says anything of the person any more: what was left to erase is done."""
    if not _saying_something().filter(appointment_id=appointment_id).exists():
        done(appointment_id=appointment_id, kind=CalendarTask.Kind.ERASE, now=now)


def _saying_something() -> QuerySet[CalendarEntry]:
    """Return the entries whose event stands and says more than a reference."""
    return CalendarEntry.objects.filter(level__gt=Level.REFERENCE).exclude(
        state=CalendarEntry.State.GONE
    )


def hold_back_to_tell(*, appointment: Appointment, now: datetime) -> list[Due]:
    """Keep the event of a cancelled appointment until its person is told: only it still knows whom (B-28).

    Returns what a worker has to do; nothing when the calendar does not name the person either.
    """
    if not _naming(appointment).update(is_held_back=True):
        return []
    return [Due(kinds.CALENDAR_TELL, appointment.pk, now, version=appointment.sequence)]


def can_tell(appointment: Appointment) -> bool:
    """Return whether nobody is known here any more and the calendar says whom to tell; one query then."""
    return appointment.erased_at is not None and _naming(appointment).exists()


def _naming(appointment: Appointment) -> QuerySet[CalendarEntry]:
    """Return the entry whose event names the person who was erased here, if there is one.

    Also where lib-rdv cannot read it now: the practitioner can, and has to call (B-28).
    """
    entries = _saying_something().filter(
        appointment=appointment, level=Level.NAMED, cleans_at__isnull=True
    )
    return entries if appointment.erased_at is not None else entries.none()


def let_go(*, appointment: Appointment, now: datetime) -> None:
    """The person was told: the event goes, and the task is done."""
    held = CalendarEntry.objects.filter(appointment=appointment, is_held_back=True)
    due = []
    for entry in held.select_for_update():
        entry.is_held_back, entry.wanted, entry.wanted_at = False, entry.wanted + 1, now
        entry.save(update_fields=["is_held_back", "wanted", "wanted_at"])
        if entry.account_id is not None:
            due.append(_push(appointment.pk, entry.account_id, entry.wanted, now))
    write(due=due, now=now)
    done(appointment_id=appointment.pk, kind=CalendarTask.Kind.CALL, now=now)


def done(*, appointment_id: int, kind: CalendarTask.Kind, now: datetime) -> None:
    """Tick a task."""
    open_ = CalendarTask.objects.filter(
        appointment_id=appointment_id, kind=kind, done_at__isnull=True
    )
    open_.update(done_at=now)


def push_all(*, account: GoogleAccount, since: datetime, now: datetime) -> int:
    """Note every coming appointment of the agenda for its calendar; return how many.

    For an account just linked, reconnected, or whose level has changed. What the practitioner moved or
    deleted there keeps waiting for a decision.
    """
    return _push_these(
        Appointment.objects.filter(
            practitioner=account.practitioner_id,
            status=Appointment.Status.BOOKED,
            ends_at__gt=since,
        ),
        now=now,
    )


def push_missing(*, account: GoogleAccount, now: datetime) -> int:
    """Note the coming appointments of which the calendar knows nothing: none that was noted once."""
    unknown = Appointment.objects.filter(
        practitioner=account.practitioner_id, status=Appointment.Status.BOOKED, ends_at__gt=now
    ).exclude(pk__in=CalendarEntry.objects.filter(account=account).values("appointment"))
    return _push_these(unknown, now=now)


def push_motif(*, motif: AppointmentType, now: datetime) -> int:
    """Note every coming event of a motif again: its name or its colour has changed; return how many."""
    coming = Appointment.objects.filter(
        appointment_type=motif, status=Appointment.Status.BOOKED, ends_at__gt=now
    )
    return _push_these(coming.filter(calendar_entries__account__isnull=False).distinct(), now=now)


def _push_these(appointments: QuerySet[Appointment], *, now: datetime) -> int:
    """Three statements, however many there are."""
    coming = list(appointments.order_by("starts_at", "pk"))
    due = list(_due(coming, _note(coming, now=now, is_news=False), now=now)) if coming else []
    write(due=due, now=now)
    return sum(one.kind == kinds.CALENDAR_PUSH for one in due)


def push_again(*, entry: CalendarEntry, now: datetime) -> None:
    """Write the event again as lib-rdv has it: the practitioner's answer to a difference."""
    CalendarEntry.objects.filter(pk=entry.pk).update(
        wanted=F("wanted") + 1, wanted_at=now, state=CalendarEntry.State.PENDING, answer=""
    )
    entry.refresh_from_db()
    write(due=[_push(entry.appointment_id, entry.account_id or 0, entry.wanted, now)], now=now)


def ask(*, appointment_id: int, kind: CalendarTask.Kind, now: datetime) -> None:
    """Leave the practitioner a task, once."""
    task = CalendarTask(appointment_id=appointment_id, kind=kind, created_at=now)
    CalendarTask.objects.bulk_create([task], ignore_conflicts=True)


def _push(appointment_id: int, account_id: int, version: int, now: datetime) -> Due:
    return Due(kinds.CALENDAR_PUSH, appointment_id, now, version=version, audience=str(account_id))


def _cleaning(appointment: Appointment, cleaning: Cleaning, now: datetime) -> Iterable[Due]:
    if cleaning is Cleaning.KEEP:
        return []
    when = max(now, appointment.ends_at)
    return [
        Due(
            kinds.CALENDAR_CLEAN,
            appointment.pk,
            due_at=when,
            version=appointment.sequence,
            expires_at=when + FAILURE_GRACE,
        )
    ]
