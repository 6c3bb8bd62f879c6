"""Reads of a calendar by a worker: busy times without their titles, and changes of lib-rdv's own events.

Of the busy times only intervals are stored, for one day at most (B-32). No page waits for a read.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from django.db.models import F, Max, Q

from booking.google.accounts import change_secret, event_key
from booking.google.calendar_api import (
    Client,
    Deleted,
    GoogleEvent,
    Missing,
    Page,
    Refused,
    Unavailable,
)
from booking.google.leases import AccountLease
from booking.models import (
    Appointment,
    AppointmentType,
    BusyInterval,
    CalendarEntry,
    GoogleAccount,
)
from booking.models.google import BUSY_KEPT
from booking.rules import event_body, kinds
from booking.rules.opening_hours import (
    Interval,
    merge,
    subtract,
)
from tenants.outbox.services import Due, subject_of, write
from tenants.schema import inside

MAIN = "primary"
POLL_EVERY = timedelta(minutes=10)

_Instants = tuple[datetime, datetime]


def read(lease: AccountLease) -> bool:
    """Read busy times and changes of lib-rdv's own events; raises as ``AccountLease.call`` does.

    False when only the busy times could not be read. This stops nothing else, and sync health shows it.
    """
    is_read = _try_busy(lease)
    own = lease.secret().calendar
    if own:
        read_own(lease, own=own)
    return is_read


def _try_busy(lease: AccountLease) -> bool:
    try:
        find_conflicts(lease)
    except (Refused, Unavailable):
        return False
    return True


def find_conflicts(lease: AccountLease) -> None:
    """Read the busy times and mark conflicts, when the account has the permission; raises as ``call`` does."""
    with inside(lease.unit):
        account = GoogleAccount.objects.get(pk=lease.account_id)
        horizon = _horizon(account)
    if account.can_read_busy:
        read_busy(lease, own=lease.secret().calendar, until=lease.clock() + horizon)


def read_busy(lease: AccountLease, *, own: str, until: datetime) -> None:
    """Replace the busy times of the account by those that Google returns, and mark conflicts.

    Busy times of the calendar ``own`` count too, without the events of lib-rdv: the practitioner may add events
    there.
    """
    now = lease.clock()
    calendars = [MAIN, *([own] if own else [])]
    found = lease.call(partial(_busy_of, calendars=calendars, starts_at=now, ends_at=until))
    with inside(lease.unit):
        lease.check_ours()
        account = GoogleAccount.objects.select_related("practitioner").get(pk=lease.account_id)
        ours = _ours(account, since=now)
        elsewhere = subtract(_intervals(found.get(own, ())), ours)
        busy = merge([*_intervals(found[MAIN]), *elsewhere])
        _replace(account, busy, now=now)
        _note_conflicts(account, _intervals(found[MAIN]), now=now)
        GoogleAccount.objects.filter(pk=account.pk).update(busy_at=now)


def _busy_of(
    client: Client, *, calendars: Sequence[str], starts_at: datetime, ends_at: datetime
) -> dict[str, list[_Instants]]:
    """Return the busy times by calendar; raises Refused with the code "busy_unreadable", which no push uses."""
    try:
        found = client.busy(calendars=calendars, starts_at=starts_at, ends_at=ends_at)
    except (Refused, Missing):
        raise Refused("busy_unreadable") from None
    if MAIN not in found:
        raise Refused("busy_unreadable")
    return found


def read_own(lease: AccountLease, *, own: str, whole: bool = False) -> int:
    """Mark the events of the calendar ``own`` that the practitioner has moved or deleted since the last read.

    ``whole``: compare all events of the calendar with all expected ones. Returns how many events differ.
    """
    page, is_whole = _changes(lease, own, whole=whole)
    with inside(lease.unit):
        lease.check_ours()
        differing = _compare(lease.account_id, page.events, now=lease.clock())
        if is_whole:
            event_ids = {event.id for event in page.events}
            differing += _mark_missing(lease.account_id, event_ids, now=lease.clock())
        change_secret(account_id=lease.account_id, sync_token=page.sync_token)
    return differing


def _changes(lease: AccountLease, own: str, *, whole: bool) -> tuple[Page, bool]:
    token = "" if whole else lease.secret().sync_token
    try:
        page = lease.call(lambda client: client.changes(calendar=own, sync_token=token))
    except Deleted:
        # Google no longer accepts the sync token: read the whole calendar.
        return lease.call(lambda client: client.changes(calendar=own)), True
    return page, not token


def _compare(account_id: int, events: Sequence[GoogleEvent], *, now: datetime) -> int:
    """Compare the entries of an account with the events of Google; return how many differ.

    One query reads all entries, for any number of events.
    """
    if not events:
        return 0
    by_id = dict(_entries_by_event(account_id))
    differing = 0
    for event in events:
        entry = by_id.get(event.id)
        # An entry that waits for a push will overwrite the event.
        if entry is None or entry.version != entry.pushed:
            continue
        if entry.state == CalendarEntry.EventState.GONE and not event.is_cancelled:
            # A deletion whose response was lost, or a deletion undone in Google: delete the event again.
            differing += 1
            unchanged = CalendarEntry.objects.filter(pk=entry.pk, version=entry.version)
            unchanged.update(version=entry.version + 1, changed_at=now)
            continue
        if entry.etag == event.etag:
            continue  # the last change of the event is a push of lib-rdv
        state = _state_of(entry, event)
        differing += state in CalendarEntry.DIFFERENT
        CalendarEntry.objects.filter(pk=entry.pk, version=entry.version).update(
            state=state, etag=event.etag, answer=""
        )
    return differing


def _mark_missing(account_id: int, event_ids: Collection[str], *, now: datetime) -> int:
    """Mark coming events that the calendar no longer holds: a whole read returns no deleted events."""
    gone = [
        entry.pk
        for event_id, entry in _entries_by_event(account_id)
        if event_id not in event_ids
        and entry.version == entry.pushed
        and entry.state in {CalendarEntry.EventState.WRITTEN, CalendarEntry.EventState.MOVED}
        and entry.appointment.ends_at > now
    ]
    # An entry that has changed here meanwhile is pushed again and needs no decision of the practitioner.
    unchanged = CalendarEntry.objects.filter(pk__in=gone, version=F("pushed"))
    unchanged.update(state=CalendarEntry.EventState.DELETED, answer="")
    return len(gone)


def _state_of(entry: CalendarEntry, event: GoogleEvent) -> CalendarEntry.EventState:
    if entry.state == CalendarEntry.EventState.GONE:
        return CalendarEntry.EventState.GONE
    if event.is_cancelled:
        return CalendarEntry.EventState.DELETED
    appointment = entry.appointment
    is_there = (event.starts_at, event.ends_at) == (appointment.starts_at, appointment.ends_at)
    return CalendarEntry.EventState.WRITTEN if is_there else CalendarEntry.EventState.MOVED


def _entries_by_event(account_id: int) -> Iterable[tuple[str, CalendarEntry]]:
    key = event_key()
    rows = CalendarEntry.objects.select_related("appointment").filter(account_id=account_id)
    for entry in rows:
        ref, generation = entry.appointment.ref, entry.generation
        yield event_body.event_id(key=key, ref=ref, generation=generation), entry


def _horizon(account: GoogleAccount) -> timedelta:
    """Return how far ahead appointments of this practitioner can be booked, plus one day."""
    appointment_types = AppointmentType.objects.filter(
        is_active=True, practitioners=account.practitioner_id
    ).aggregate(days=Max("horizon_days"))
    return timedelta(days=(appointment_types["days"] or 0) + 1)


def _ours(account: GoogleAccount, *, since: datetime) -> list[Interval]:
    """Return the times of lib-rdv's own events: the current ones, and those whose deletion waits for a push.

    A busy time of the own calendar outside these intervals is an event of the practitioner.
    """
    is_current = Q(
        appointment__status=Appointment.Status.BOOKED,
        appointment__practitioner=account.practitioner_id,
    )
    is_waiting = Q(version__gt=F("pushed"))
    rows = CalendarEntry.objects.filter(
        is_current | is_waiting, account=account, appointment__ends_at__gt=since
    ).values_list("appointment__starts_at", "appointment__ends_at")
    return _intervals(rows)


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
    """Mark coming appointments that overlap an event of the main calendar; enqueue one e-mail for each.

    The patient gets no message: only the practitioner knows which of the two is to change.
    """
    entries = CalendarEntry.objects.select_related("appointment").filter(
        account=account,
        appointment__status=Appointment.Status.BOOKED,
        appointment__practitioner=account.practitioner_id,
        appointment__starts_at__gt=now,
    )
    due = []
    for entry in entries:
        appointment = entry.appointment
        has_conflict = any(
            start < appointment.ends_at.timestamp() and end > appointment.starts_at.timestamp()
            for start, end in busy
        )
        if has_conflict == entry.has_conflict:
            continue
        CalendarEntry.objects.filter(pk=entry.pk).update(has_conflict=has_conflict)
        if has_conflict:
            version = kinds.AppointmentVersion(appointment.sequence)
            due.append(Due(kinds.CALENDAR_CONFLICT, subject_of(appointment), version, now))
    write(due=due, now=now)


def delete_old(*, now: datetime, limit: int = 500) -> int:
    """Delete busy times past their ``expires_at`` (B-32); return how many."""
    old = BusyInterval.objects.filter(expires_at__lte=now).values_list("pk", flat=True)
    return BusyInterval.objects.filter(pk__in=list(old[:limit])).delete()[0]


def _intervals(instants: Iterable[_Instants]) -> list[Interval]:
    """Return the intervals in whole seconds since the epoch, rounded outwards."""
    return [(int(start.timestamp()), -int(-end.timestamp() // 1)) for start, end in instants]


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
