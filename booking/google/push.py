"""Pushes of appointments to the practitioner's calendar: each push writes the current state of an appointment.

An outbox entry only wakes a worker. The worker that leases the account writes all waiting events, one after the
other, so a lost outbox entry loses no event. lib-rdv computes the identifier of each event, so a call whose
response was lost can be repeated and creates no second event.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import F

from booking.calendar_sync import calendar_entries
from booking.erasure import deadlines
from booking.google.accounts import (
    change_secret,
    event_key,
    open_secret,
)
from booking.google.calendar_api import (
    Changed,
    Client,
    Deleted,
    Exists,
    GoogleEvent,
    Missing,
    Refused,
    Unavailable,
)
from booking.google.leases import (
    FAILURES_TO_BREAK,
    AccountLease,
    LeaseUnavailable,
    acquire_lease,
    retry_delay,
)
from booking.google.oauth import GrantRevoked
from booking.models import Appointment, CalendarEntry, CalendarTask, GoogleAccount
from booking.patients import contacts
from booking.patients.form_versions import home_address_of
from booking.rules import event_body
from booking.rules.erasure import EventCleanup, Level
from booking.rules.event_body import (
    EventVisit,
)
from booking.rules.kinds import AppointmentVersion, EventPush
from booking.rules.persons import Person
from booking.scheduling.catalogue import practice_zone
from tenants.outbox.delivery import SENT, DeliveryCall, Handler, Outcome, TryAgain, not_sent
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit, inside

LONGEST = timedelta(seconds=40)
"""Time limit of one worker's pushes: shorter than the lease of an outbox entry."""
CLEANED_UP = "B-34 cleaned"
"""Rule of the erasure receipt: the event had its cleanup, then the person was erased here."""
_MOST_TRIES = 8
"""Attempts to bring one event to its target state: each follows the state that Google reports."""


@dataclass(frozen=True)
class PushJob:
    """The target state of one event, in memory only.

    ``body`` is the whole event for an insertion, with the words of ``level``; None means that the event must
    not exist. ``patch`` holds the fields to change in an existing event, which is then in ``patched_state`` and
    has the words of ``patched_level``.
    """

    entry_id: int
    version: int
    calendar: str
    key: bytes
    ref: UUID
    generation: int
    etag: str
    level: Level
    body: dict[str, Any] | None
    patch: dict[str, Any]
    patched_level: Level
    patched_state: CalendarEntry.EventState

    @property
    def event_id(self) -> str:
        """The identifier of the event, computed from the ref of the appointment and ``generation``."""
        return event_body.event_id(key=self.key, ref=self.ref, generation=self.generation)


@dataclass(frozen=True)
class PushResult:
    """The state of an event after its push; ``level`` is the level of its words, None when it does not exist."""

    state: CalendarEntry.EventState
    generation: int
    etag: str = ""
    level: Level | None = None


def push_event(client: Client, job: PushJob) -> PushResult:
    """Bring one event to its target state, whatever its state in Google; raises GoogleError."""
    for _attempt in range(_MOST_TRIES):
        body = job.body
        outcome = _remove(client, job) if body is None else _write_once(client, job, body)
        if isinstance(outcome, PushResult):
            return outcome
        job = outcome
    raise Unavailable("contended")


def _remove(client: Client, job: PushJob) -> PushResult | PushJob:
    """Delete the event of a known etag once, or return the job of the next attempt.

    The etag keeps a late request from deleting a newer version. An insertion whose response was lost may have
    created the event again under the next identifier, so the identifiers are tried until one never existed.
    """
    try:
        if not job.etag:
            found = client.get(calendar=job.calendar, event_id=job.event_id)
            return _reconcile(job, found)
        client.delete(calendar=job.calendar, event_id=job.event_id, etag=job.etag)
    except Changed:
        return replace(job, etag="")
    except Deleted:
        return _next_generation(job)
    except Missing:
        pass
    return PushResult(CalendarEntry.EventState.GONE, job.generation)


def _write_once(client: Client, job: PushJob, body: dict[str, Any]) -> PushResult | PushJob:
    """Insert or patch the event once; return the result, or the job of the next attempt."""
    try:
        event = _write(client, job, body)
    except Exists:
        found = _find_event(client, job)
        # The identifier is taken and the event is missing: Google no longer returns a deleted event.
        return _reconcile(job, found) if found else _next_generation(job)
    except (Changed, Deleted):
        found = _find_event(client, job)
        return _reconcile(job, found) if found else replace(job, etag="")
    except Missing:
        if not job.etag:
            raise  # the calendar itself is deleted
        return replace(job, etag="")
    except Refused as refusal:
        # Google answers the change of a deleted event by 403, as it does without a permission: read the event.
        found = _find_event(client, job)
        if found is None or not found.is_cancelled:
            raise refusal from None
        return _reconcile(job, found)
    if job.etag:
        return PushResult(job.patched_state, job.generation, event.etag, job.patched_level)
    return PushResult(CalendarEntry.EventState.WRITTEN, job.generation, event.etag, job.level)


def _find_event(client: Client, job: PushJob) -> GoogleEvent | None:
    try:
        return client.get(calendar=job.calendar, event_id=job.event_id)
    except Missing:
        return None


def _write(client: Client, job: PushJob, body: dict[str, Any]) -> GoogleEvent:
    if not job.etag:
        return client.insert(calendar=job.calendar, event_id=job.event_id, body=body)
    return client.patch(calendar=job.calendar, event_id=job.event_id, body=job.patch, etag=job.etag)


def _reconcile(job: PushJob, found: GoogleEvent) -> PushJob:
    """Return the job with the etag that Google reports; a deleted event gets another identifier."""
    return _next_generation(job) if found.is_cancelled else replace(job, etag=found.etag)


def _next_generation(job: PushJob) -> PushJob:
    """Return the job with the next identifier, for an insertion."""
    return replace(job, generation=job.generation + 1, etag="")


@dataclass
class _Round:
    """State of one ``drain``: the entries to leave for later, and whether the calendar was created again."""

    skipped: set[int] = field(default_factory=set)
    has_new_calendar: bool = False


def drain(lease: AccountLease, *, until: datetime) -> int:
    """Push all waiting events of the account until ``until``; return how many were skipped for now.

    Raises GrantRevoked, LeaseUnavailable when another worker has the lease, and Unavailable when further requests
    would fail as well.
    """
    round_ = _Round()
    last: tuple[PushJob, PushResult] | None = None
    while True:
        with inside(lease.unit):
            lease.check_ours()
            if last is not None:
                _record(*last, now=lease.clock())
            job = _next(lease.account_id, round_.skipped, now=lease.clock())
        if job is None or lease.clock() >= until:
            return len(round_.skipped)
        if job.calendar:
            last = _push_job(lease, job, round_)
        else:
            # A new account: the first worker creates the calendar.
            make_calendar(lease)
            last = None


def _push_job(
    lease: AccountLease, job: PushJob, round_: _Round
) -> tuple[PushJob, PushResult] | None:
    """Push one event; None when it could not be pushed, after the failure was handled.

    Raises Unavailable when further requests would fail as well.
    """
    try:
        return job, lease.call(partial(push_event, job=job))
    except Missing:
        if round_.has_new_calendar:
            raise Unavailable("calendar_missing") from None
        make_calendar_again(lease, job.calendar)
        round_.has_new_calendar = True
    except Refused as error:
        _mark_refused(lease, job, code=error.code)
    except Unavailable as error:
        round_.skipped.add(job.entry_id)
        # ``after`` means that a limit is reached, which holds for every request of the account.
        if error.after is not None or lease.failures >= FAILURES_TO_BREAK:
            raise
    return None


def _next(account_id: int, skipped: set[int], *, now: datetime) -> PushJob | None:
    """Return the job of the event that waits longest, with its current target state; None when none waits."""
    entry = (
        CalendarEntry.objects.select_related(
            "appointment__practitioner",
            "appointment__location",
            "appointment__appointment_type",
            "account__data_key",
        )
        .filter(account_id=account_id, version__gt=F("pushed"), is_held_back=False)
        .exclude(pk__in=skipped)
        .order_by("changed_at", "pk")
        .first()
    )
    if entry is None or entry.account is None:
        return None
    appointment, account = entry.appointment, entry.account
    contact = contacts.contact_of(appointment)
    person = contacts.open_contact(contact) if contact else None
    is_cleanup = entry.cleanup_at is not None and entry.cleanup_at <= now
    visit = visit_of(appointment, person)
    if account.writes_home_address and person and appointment.location.is_home:
        visit = replace(visit, home_address=home_address_of(person))
    body = _body(entry, account, visit, is_cleanup=is_cleanup)
    level = Level(account.level) if person and not is_cleanup else Level.REFERENCE
    current_level = Level(entry.level or 0)
    # After the erasure of the person the words of the event stay as they are, unless the level is now lower.
    has_words = (
        person is not None or is_cleanup or account.level < current_level or not current_level
    )
    is_moved = entry.state == CalendarEntry.EventState.MOVED and not is_cleanup
    return PushJob(
        entry_id=entry.pk,
        version=entry.version,
        calendar=open_secret(account).calendar,
        key=event_key(),
        ref=appointment.ref,
        generation=entry.generation,
        etag=entry.etag,
        level=level,
        body=body,
        patch=event_body.part_of(body or {}, words=has_words, frame=not is_moved),
        patched_level=level if has_words else current_level,
        patched_state=CalendarEntry.EventState.MOVED
        if is_moved
        else CalendarEntry.EventState.WRITTEN,
    )


def _body(
    entry: CalendarEntry, account: GoogleAccount, visit: EventVisit, *, is_cleanup: bool
) -> dict[str, Any] | None:
    """Return the whole event, or None when it must not exist."""
    appointment = entry.appointment
    if appointment.is_cancelled or appointment.practitioner_id != account.practitioner_id:
        return None
    if is_cleanup:
        is_deleted = calendar_entries.cleanup_of(entry, account) is EventCleanup.DELETE
        return None if is_deleted else event_body.anonymous_body(visit, version=entry.version)
    return event_body.body_of(visit, level=Level(account.level), version=entry.version)


def visit_of(appointment: Appointment, person: Person | None) -> EventVisit:
    """Return the facts of an appointment from which an event is written."""
    appointment_type = appointment.appointment_type
    known = person or Person()
    return EventVisit(
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        zone=appointment.location.time_zone,
        spoken_ref=appointment.spoken_ref,
        label=appointment_type.label,
        colour=appointment_type.colour,
        first_name=known.relative or known.first_name,
        last_name=known.last_name,
        phone=known.phone,
        is_named=bool(person),
    )


def _record(job: PushJob, written: PushResult, *, now: datetime) -> None:
    """Store the result of a push and apply its consequence for the erasure here (B-21, B-34)."""
    entry = CalendarEntry.objects.select_related("appointment", "account").get(pk=job.entry_id)
    entry.pushed, entry.pushed_at = job.version, now
    entry.generation, entry.etag = written.generation, written.etag
    entry.level = written.level
    if entry.version == job.version:
        entry.state = written.state
    entry.save(update_fields=["pushed", "pushed_at", "generation", "etag", "level", "state"])
    if not written.level:
        calendar_entries.complete_erasure_task(appointment_id=entry.appointment_id, now=now)
    appointment = Appointment.objects.select_related("practitioner", "location").get(
        pk=entry.appointment_id
    )
    if entry.cleanup_at is not None and entry.version == job.version:
        contact = contacts.contact_of(appointment)
        if contact is not None:
            contacts.erase(contact=contact, rule=CLEANED_UP, now=now)
        return
    if not appointment.is_cancelled:
        # A push never moves the erasure deadline, of which the person was notified, to a later instant.
        deadlines.recompute(appointment=appointment, only_earlier=True, now=now)
        contacts.erase_if_due(appointment=appointment, now=now)


def _mark_refused(lease: AccountLease, job: PushJob, *, code: str) -> None:
    """Put the entry of an event that Google refuses for good into the state REFUSED; other events are pushed.

    The practitioner gets a task when the refused push was a deletion or a cleanup (B-34).
    """
    with inside(lease.unit):
        lease.check_ours()
        entry = CalendarEntry.objects.select_related("appointment").get(pk=job.entry_id)
        is_erasure = job.body is None or entry.cleanup_at is not None
        if is_erasure and entry.level:
            kind = CalendarTask.TaskKind.ERASE
            calendar_entries.create_task(
                appointment_id=entry.appointment_id, kind=kind, now=lease.clock()
            )
        CalendarEntry.objects.filter(pk=job.entry_id, version=job.version).update(
            pushed=job.version, state=CalendarEntry.EventState.REFUSED
        )
        GoogleAccount.objects.filter(pk=lease.account_id).update(
            last_error=code, last_error_at=lease.clock()
        )


def make_calendar_again(lease: AccountLease, lost: str) -> None:
    """Create the calendar that the practitioner has deleted again, and schedule a push of all coming events."""
    if lease.secret().calendar == lost:
        make_calendar(lease)
    with inside(lease.unit):
        CalendarEntry.objects.filter(account=lease.account_id).update(
            generation=0, etag="", level=None
        )
        account = GoogleAccount.objects.get(pk=lease.account_id)
        now = lease.clock()
        calendar_entries.push_all(account=account, since=now, now=now)
        past = CalendarEntry.objects.filter(account=account, appointment__ends_at__lte=now)
        past.update(pushed=F("version"), state=CalendarEntry.EventState.GONE)


def make_calendar(lease: AccountLease) -> None:
    """Create the calendar "Rendez-vous" in the account and store its identifier."""
    with inside(lease.unit):
        zone = practice_zone().key
    calendar = lease.call(lambda client: client.create_calendar(zone=zone))
    with inside(lease.unit):
        lease.check_ours()
        change_secret(account_id=lease.account_id, calendar=calendar, sync_token="")


class EventPushHandler(Handler[EventPush]):
    """Pushes all waiting events of one account, because one appointment has changed."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def prepare(
        self, entry: OutboxEntry, payload: EventPush, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Return the call that pushes the waiting events; sent already when this version was pushed."""
        calendar_entry = _calendar_entry(entry, payload)
        if calendar_entry is None or calendar_entry.account is None:
            return not_sent("gone")
        if calendar_entry.pushed >= payload.version or calendar_entry.is_held_back:
            return SENT
        if calendar_entry.account.state != GoogleAccount.LinkState.CONNECTED:
            # The event waits in CalendarEntry until the account is reconnected.
            return not_sent(calendar_entry.account.state)
        return partial(_push, entry, calendar_entry.account.pk, unit=unit, clock=self._clock)

    def complete(
        self,
        entry: OutboxEntry,
        payload: EventPush,
        outcome: Outcome,
        *,
        unit: Unit,
        now: datetime,
    ) -> None:
        """Create a task when the event of a cancelled appointment still names an erased person."""
        if outcome.state == OutboxEntry.EntryState.SENT:
            return
        calendar_entry = _calendar_entry(entry, payload)
        if calendar_entry is None or not calendar_entry.level:
            return
        appointment = calendar_entry.appointment
        if appointment.is_cancelled and appointment.erased_at is not None:
            kind = CalendarTask.TaskKind.ERASE
            calendar_entries.create_task(appointment_id=appointment.pk, kind=kind, now=now)


class EventCleanupHandler(Handler[AppointmentVersion]):
    """Anonymises or deletes the event once the visit is over, then erases the person here."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def prepare(
        self, entry: OutboxEntry, payload: AppointmentVersion, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Schedule the cleanup and return the call that pushes it.

        Failed once ``entry.expires_at`` has passed: the person is then erased here without the cleanup.
        """
        current_entries = CalendarEntry.objects.select_related("account", "appointment").filter(
            # After a change of practitioner the former calendar may still hold an event to delete.
            appointment_id=entry.subject_id,
            account__practitioner=F("appointment__practitioner"),
        )
        calendar_entry = current_entries.filter(appointment__sequence=payload.sequence).first()
        if calendar_entry is None or calendar_entry.account is None:
            return not_sent("gone")
        account = calendar_entry.account
        if calendar_entries.cleanup_of(calendar_entry, account) is EventCleanup.KEEP:
            return not_sent("kept")
        if calendar_entry.appointment.ends_at > now:
            return not_sent("moved")
        if calendar_entry.cleanup_at is None:
            CalendarEntry.objects.filter(pk=calendar_entry.pk).update(
                cleanup_at=now, version=F("version") + 1, changed_at=now
            )
            calendar_entry.refresh_from_db()
        if calendar_entry.pushed == calendar_entry.version:
            return SENT
        if entry.expires_at is not None and now > entry.expires_at:
            return Outcome(OutboxEntry.EntryState.FAILED, "not_cleaned")
        if account.state != GoogleAccount.LinkState.CONNECTED:
            raise TryAgain("reconnect", after=timedelta(hours=1))
        return partial(_push, entry, account.pk, unit=unit, clock=self._clock)

    def complete(
        self,
        entry: OutboxEntry,
        payload: AppointmentVersion,
        outcome: Outcome,
        *,
        unit: Unit,
        now: datetime,
    ) -> None:
        """Create a task when the cleanup failed."""
        if outcome.state == OutboxEntry.EntryState.FAILED:
            kind = CalendarTask.TaskKind.ERASE
            calendar_entries.create_task(appointment_id=entry.subject_id, kind=kind, now=now)


def _calendar_entry(entry: OutboxEntry, payload: EventPush) -> CalendarEntry | None:
    return (
        CalendarEntry.objects.select_related("account", "appointment")
        .filter(appointment_id=entry.subject_id, account_id=payload.account_id)
        .first()
    )


def _push(
    entry: OutboxEntry, account_id: int, *, unit: Unit, clock: Callable[[], datetime]
) -> Outcome:
    write_all(unit=unit, account_id=account_id, clock=clock, attempts=entry.attempts)
    with inside(unit):
        left = CalendarEntry.objects.filter(
            appointment_id=entry.subject_id, account_id=account_id, version__gt=F("pushed")
        )
        if left.filter(is_held_back=False).exists():
            raise TryAgain("waiting", after=retry_delay(entry.attempts))
    return SENT


def write_all(
    *, unit: Unit, account_id: int, clock: Callable[[], datetime], attempts: int = 1
) -> None:
    """Push all waiting events of the account, for ``LONGEST`` at most.

    Raises TryAgain when another worker has the lease or Google does not respond. Returns when the grant is
    revoked: the account then waits to be reconnected.
    """
    until = clock() + LONGEST
    try:
        while clock() < until:
            with acquire_lease(unit=unit, account_id=account_id, clock=clock) as lease:
                left = drain(lease, until=until)
                if not left:
                    _request_busy_read(lease)
            # A change between the last read and the release of the lease found the lease taken: read again.
            if left or not _is_waiting(unit, account_id):
                return
    except LeaseUnavailable:
        raise TryAgain("busy", after=timedelta(seconds=1)) from None
    except Unavailable as error:
        raise TryAgain(error.code, after=error.after or retry_delay(attempts)) from None
    except Refused as error:
        # A refused event raises nothing (``_mark_refused``), so Google refuses to create the calendar.
        raise TryAgain(error.code, after=retry_delay(attempts)) from None
    except GrantRevoked:
        return


def _request_busy_read(lease: AccountLease) -> None:
    """Make the account due for a poll, which reads the busy times again (design section 11).

    The practitioner may have added an event at the time of a pushed one. One poll for all pushed events is enough:
    reading the whole horizon takes several requests, too many for each event.
    """
    reading = GoogleAccount.objects.filter(
        pk=lease.account_id, state=GoogleAccount.LinkState.CONNECTED, can_read_busy=True
    )
    with inside(lease.unit):
        reading.update(poll_at=lease.clock())


def _is_waiting(unit: Unit, account_id: int) -> bool:
    with inside(unit):
        return CalendarEntry.objects.filter(
            account=account_id, version__gt=F("pushed"), is_held_back=False
        ).exists()
