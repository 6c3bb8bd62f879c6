"""Reading a calendar: busy times without a word of what they are, and what became of our own events.

Always by a worker, never while a page is served. Nothing is kept but intervals, for a day at most (B-32).
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from django.db.models import F, Max, Q

from booking import event_body, kinds
from booking.google_calendar import Client, Deleted, Event, Missing, Page, Refused, Unavailable
from booking.intervals import Interval, merge, subtract
from booking.models import (
    Appointment,
    AppointmentType,
    BusyInterval,
    CalendarEntry,
    GoogleAccount,
)
from booking.models.google import BUSY_KEPT
from booking.services.google.accounts import change_secret, event_key
from booking.services.google.leases import Held
from tenants.outbox.services import Due, write
from tenants.schema import inside

MAIN = "primary"
POLL_EVERY = timedelta(minutes=10)

_Instants = tuple[datetime, datetime]


def read(held: Held) -> bool:
    """Read busy times and what changed in our own calendar; raises as ``Held.call`` does.

    False when busy times alone could not be read, which stops nothing else: the light says so.
    """
    is_read = _try_busy(held)
    own = held.secret().calendar
    if own:
        read_own(held, own=own)
    return is_read


def _try_busy(held: Held) -> bool:
    try:
        look_for_conflicts(held)
    except (Refused, Unavailable):
        return False
    return True


def look_for_conflicts(held: Held) -> None:
    """Read what is busy, where the account may: what was written a moment ago may meet something there."""
    with inside(held.unit):
        account = GoogleAccount.objects.get(pk=held.account_id)
        horizon = _horizon(account)
    if account.can_read_busy:
        read_busy(held, own=held.secret().calendar, until=held.clock() + horizon)


def read_busy(held: Held, *, own: str, until: datetime) -> None:
    """Replace the busy times of the account by what its calendars say now, and look for conflicts.

    Of our own calendar counts what we did not write: there too the practitioner may note something.
    """
    now = held.clock()
    calendars = [MAIN, *([own] if own else [])]
    found = held.call(partial(_busy_of, calendars=calendars, starts_at=now, ends_at=until))
    with inside(held.unit):
        held.check_ours()
        account = GoogleAccount.objects.select_related("practitioner").get(pk=held.account_id)
        ours = _ours(account, since=now)
        elsewhere = subtract(_numbers(found.get(own, ())), ours)
        busy = merge([*_numbers(found[MAIN]), *elsewhere])
        _replace(account, busy, now=now)
        _note_conflicts(account, _numbers(found[MAIN]), now=now)
        GoogleAccount.objects.filter(pk=account.pk).update(busy_at=now)


def _busy_of(
    client: Client, *, calendars: Sequence[str], starts_at: datetime, ends_at: datetime
) -> dict[str, list[_Instants]]:
    """Return what each calendar says; every refusal has the same word, which no refused writing has."""
    try:
        found = client.busy(calendars=calendars, starts_at=starts_at, ends_at=ends_at)
    except (Refused, Missing):
        raise Refused("busy_unreadable") from None
    if MAIN not in found:
        raise Refused("busy_unreadable")
    return found


def read_own(held: Held, *, own: str, whole: bool = False) -> int:
    """Note what the practitioner has moved or deleted in our calendar since the last look.

    ``whole``: set everything that stands there beside everything that should. Returns how many coming
    events differ.
    """
    page, is_whole = _changes(held, own, whole=whole)
    with inside(held.unit):
        held.check_ours()
        differing = _compare(held.account_id, page.events, now=held.clock())
        if is_whole:
            standing = {event.id for event in page.events}
            differing += _note_missing(held.account_id, standing, now=held.clock())
        change_secret(account_id=held.account_id, sync_token=page.sync_token)
    return differing


def _changes(held: Held, own: str, *, whole: bool) -> tuple[Page, bool]:
    token = "" if whole else held.secret().sync_token
    try:
        page = held.call(lambda client: client.changes(calendar=own, sync_token=token))
    except Deleted:
        # Google has forgotten the token: everything is read again.
        return held.call(lambda client: client.changes(calendar=own)), True
    return page, not token


def _compare(account_id: int, events: Sequence[Event], *, now: datetime) -> int:
    """Set our entries beside what was read; return how many differ. One query, whatever was read."""
    if not events:
        return 0
    by_id = dict(_entries_by_event(account_id))
    differing = 0
    for event in events:
        entry = by_id.get(event.id)
        # What still waits to be written is ours to change.
        if entry is None or entry.wanted != entry.pushed:
            continue
        if entry.state == CalendarEntry.State.GONE and not event.is_cancelled:
            # A deletion whose answer was lost, or one that somebody took back: it must not stand.
            differing += 1
            standing = CalendarEntry.objects.filter(pk=entry.pk, wanted=entry.wanted)
            standing.update(wanted=entry.wanted + 1, wanted_at=now)
            continue
        if entry.etag == event.etag:
            continue  # our own writing is no news
        state = _state_of(entry, event)
        differing += state in CalendarEntry.DIFFERENT
        CalendarEntry.objects.filter(pk=entry.pk, wanted=entry.wanted).update(
            state=state, etag=event.etag, answer=""
        )
    return differing


def _note_missing(account_id: int, standing: Collection[str], *, now: datetime) -> int:
    """Mark coming events that stand no longer: what is read whole says nothing of what was deleted."""
    gone = [
        entry.pk
        for event_id, entry in _entries_by_event(account_id)
        if event_id not in standing
        and entry.wanted == entry.pushed
        and entry.state in {CalendarEntry.State.WRITTEN, CalendarEntry.State.MOVED}
        and entry.appointment.ends_at > now
    ]
    # What is changed here meanwhile is written again, and waits for nobody's decision.
    settled = CalendarEntry.objects.filter(pk__in=gone, wanted=F("pushed"))
    settled.update(state=CalendarEntry.State.DELETED, answer="")
    return len(gone)


def _state_of(entry: CalendarEntry, event: Event) -> CalendarEntry.State:
    if entry.state == CalendarEntry.State.GONE:
        return CalendarEntry.State.GONE
    if event.is_cancelled:
        return CalendarEntry.State.DELETED
    appointment = entry.appointment
    is_there = (event.starts_at, event.ends_at) == (appointment.starts_at, appointment.ends_at)
    return CalendarEntry.State.WRITTEN if is_there else CalendarEntry.State.MOVED


def _entries_by_event(account_id: int) -> Iterable[tuple[str, CalendarEntry]]:
    key = event_key()
    rows = CalendarEntry.objects.select_related("appointment").filter(account_id=account_id)
    for entry in rows:
        ref, generation = entry.appointment.ref, entry.generation
        yield event_body.event_id(key=key, ref=ref, generation=generation), entry


def _horizon(account: GoogleAccount) -> timedelta:
    """Return how far ahead anything is offered in this agenda."""
    motifs = AppointmentType.objects.filter(
        is_active=True, practitioners=account.practitioner_id
    ).aggregate(days=Max("horizon_days"))
    return timedelta(days=(motifs["days"] or 0) + 1)


def _ours(account: GoogleAccount, *, since: datetime) -> list[Interval]:
    """Return the times of our own events: those that are to stand, and those that are still to go.

    Where one has gone, what is busy in our calendar is the practitioner's own.
    """
    stands = Q(
        appointment__status=Appointment.Status.BOOKED,
        appointment__practitioner=account.practitioner_id,
    )
    waits = Q(wanted__gt=F("pushed"))
    rows = CalendarEntry.objects.filter(
        stands | waits, account=account, appointment__ends_at__gt=since
    ).values_list("appointment__starts_at", "appointment__ends_at")
    return _numbers(rows)


def _replace(account: GoogleAccount, busy: Sequence[Interval], *, now: datetime) -> None:
    BusyInterval.objects.filter(account=account).delete()
    BusyInterval.objects.bulk_create(
        BusyInterval(
            practitioner_id=account.practitioner_id,
            account=account,
            starts_at=_instant(start),
            ends_at=_instant(end),
            fetched_at=now,
            expires_at=now + BUSY_KEPT,
        )
        for start, end in busy
    )


def _note_conflicts(account: GoogleAccount, busy: Sequence[Interval], *, now: datetime) -> None:
    """Mark appointments that the practitioner's own calendar has something at; one mail for each.

    The patient is left alone: only the practitioner knows which of the two gives way.
    """
    entries = CalendarEntry.objects.select_related("appointment").filter(
        account=account,
        appointment__status=Appointment.Status.BOOKED,
        appointment__practitioner=account.practitioner_id,
        appointment__starts_at__gt=now,
    )
    due = []
    for entry in entries:
        visit = entry.appointment
        meets = any(
            start < visit.ends_at.timestamp() and end > visit.starts_at.timestamp()
            for start, end in busy
        )
        if meets == entry.has_conflict:
            continue
        CalendarEntry.objects.filter(pk=entry.pk).update(has_conflict=meets)
        if meets:
            due.append(Due(kinds.CALENDAR_CONFLICT, visit.pk, now, version=visit.sequence))
    write(due=due, now=now)


def drop_old(*, now: datetime, limit: int = 500) -> int:
    """Delete busy times whose day is over: nothing read of a calendar stays longer (B-32)."""
    old = BusyInterval.objects.filter(expires_at__lte=now).values_list("pk", flat=True)
    return BusyInterval.objects.filter(pk__in=list(old[:limit])).delete()[0]


def _numbers(instants: Iterable[_Instants]) -> list[Interval]:
    """Return whole seconds, rounded outwards."""
    return [(int(start.timestamp()), -int(-end.timestamp() // 1)) for start, end in instants]


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
