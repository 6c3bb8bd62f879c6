"""Writing appointments into the practitioner's calendar: always the present, whatever was lost before.

The entry of the outbox is a doorbell: whoever holds the account writes all that waits for it, one event
after the other. Every identifier of an event is ours, so a call whose answer was lost doubles nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import F

from booking import event_body
from booking.event_body import Cleaning, Level, Visit
from booking.google_calendar import (
    Changed,
    Client,
    Deleted,
    Event,
    Exists,
    Missing,
    Refused,
    Unavailable,
)
from booking.google_oauth import Dead
from booking.models import Appointment, CalendarEntry, CalendarTask, GoogleAccount, Location
from booking.persons import Person
from booking.services import calendar_entries, contacts, deadlines
from booking.services.google.accounts import change_secret, event_key, open_secret
from booking.services.google.leases import FAILURES_TO_BREAK, Busy, Held, hold, jitter
from tenants.outbox.delivery import SENT, Outcome, TryAgain
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit, inside

LONGEST = timedelta(seconds=40)
"""Of one round: shorter than the lease of an outbox entry."""
CLEANED = "B-34 cleaned"
"""Rule of the receipt: the calendar was cleaned, then the person erased here."""
_MOST_TRIES = 8
"""Of reconciling one event: each round follows what Google says stands there."""


@dataclass(frozen=True)
class Job:
    """One event to bring to its wanted state; it lives as long as its writing.

    ``body`` None: it must not stand. ``patch`` is what is changed of an event that stands: then it is in
    ``patched_state`` and says ``patched_level``. A whole ``body``, where none stands, says ``level``.
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
    patched_state: CalendarEntry.State

    @property
    def event_id(self) -> str:
        """The identifier of the event."""
        return event_body.event_id(key=self.key, ref=self.ref, generation=self.generation)


@dataclass(frozen=True)
class Written:
    """What stands in the calendar now; ``level`` is how much its words say, None when it does not stand."""

    state: CalendarEntry.State
    generation: int
    etag: str = ""
    level: Level | None = None


def apply(client: Client, job: Job) -> Written:
    """Bring one event to its wanted state, following what stands there; raises GoogleError."""
    act = _remove if job.body is None else _try
    for _round in range(_MOST_TRIES):
        followed = act(client, job)
        if isinstance(followed, Written):
            return followed
        job = followed
    raise Unavailable("contended")


def _remove(client: Client, job: Job) -> Written | Job:
    """Delete once what we know; a request that comes late may then not delete what was written since.

    What was deleted before may have come back under the next identifier, by an insertion whose answer was
    lost: it is followed until one never was.
    """
    try:
        if not job.etag:
            found = client.get(calendar=job.calendar, event_id=job.event_id)
            return _reconciled(job, found)
        client.delete(calendar=job.calendar, event_id=job.event_id, etag=job.etag)
    except Changed:
        return replace(job, etag="")
    except Deleted:
        return _renamed(job)
    except Missing:
        pass
    return Written(CalendarEntry.State.GONE, job.generation)


def _try(client: Client, job: Job) -> Written | Job:
    """Write once; return what stands now, or the job as what was found there changes it."""
    try:
        event = _write(client, job)
    except Exists:
        found = _standing(client, job)
        # Taken, and yet not there: a tombstone that Google has put away.
        return _reconciled(job, found) if found else _renamed(job)
    except (Changed, Deleted):
        found = _standing(client, job)
        return _reconciled(job, found) if found else replace(job, etag="")
    except Missing:
        if not job.etag:
            raise  # the calendar itself is gone
        return replace(job, etag="")
    except Refused as refusal:
        # A deleted event answers a change by 403, like somebody who may not write: look.
        found = _standing(client, job)
        if found is None or not found.is_cancelled:
            raise refusal from None
        return _reconciled(job, found)
    if job.etag:
        return Written(job.patched_state, job.generation, event.etag, job.patched_level)
    return Written(CalendarEntry.State.WRITTEN, job.generation, event.etag, job.level)


def _standing(client: Client, job: Job) -> Event | None:
    try:
        return client.get(calendar=job.calendar, event_id=job.event_id)
    except Missing:
        return None


def _write(client: Client, job: Job) -> Event:
    assert job.body is not None  # noqa: S101  # the caller has asked
    if not job.etag:
        return client.insert(calendar=job.calendar, event_id=job.event_id, body=job.body)
    return client.patch(calendar=job.calendar, event_id=job.event_id, body=job.patch, etag=job.etag)


def _reconciled(job: Job, found: Event) -> Job:
    """Take what stands there for what we change; what was deleted comes back under another identifier."""
    return _renamed(job) if found.is_cancelled else replace(job, etag=found.etag)


def _renamed(job: Job) -> Job:
    """Go on under the next identifier."""
    return replace(job, generation=job.generation + 1, etag="")


@dataclass
class _Round:
    """What one round has met: events to leave for later, and whether the calendar was made again."""

    skipped: set[int] = field(default_factory=set)
    has_made_again: bool = False


def drain(held: Held, *, until: datetime) -> int:
    """Write all that waits for the account; return how many could not be written for now.

    Raises Dead, Busy when the lease was lost, and Unavailable when nothing works any more.
    """
    round_ = _Round()
    last: tuple[Job, Written] | None = None
    while True:
        with inside(held.unit):
            held.check_ours()
            if last is not None:
                _record(*last, now=held.clock())
            job = _next(held.account_id, round_.skipped, now=held.clock())
        if job is None or held.clock() >= until:
            return len(round_.skipped)
        if job.calendar:
            last = _written(held, job, round_)
        else:
            # A link that is new: whoever comes first makes the calendar.
            make_calendar(held)
            last = None


def _written(held: Held, job: Job, round_: _Round) -> tuple[Job, Written] | None:
    """Write one event; None when it could not be, and what follows from that is done."""
    try:
        return job, held.call(partial(apply, job=job))
    except Missing:
        if round_.has_made_again:
            raise Unavailable("calendar_missing") from None
        make_calendar_again(held, job.calendar)
        round_.has_made_again = True
    except Refused as error:
        _park(held, job, code=error.code)
    except Unavailable as error:
        round_.skipped.add(job.entry_id)
        # With an instant of its own a limit is reached: nothing gets through before it.
        if error.after is not None or held.failures >= FAILURES_TO_BREAK:
            raise
    return None


def _next(account_id: int, skipped: set[int], *, now: datetime) -> Job | None:
    """Return the oldest event that waits, with what it is to say now."""
    entry = (
        CalendarEntry.objects.select_related(
            "appointment__practitioner",
            "appointment__location",
            "appointment__appointment_type",
            "account__data_key",
        )
        .filter(account_id=account_id, wanted__gt=F("pushed"), is_held_back=False)
        .exclude(pk__in=skipped)
        .order_by("wanted_at", "pk")
        .first()
    )
    if entry is None or entry.account is None:
        return None
    appointment, account = entry.appointment, entry.account
    contact = contacts.contact_of(appointment)
    person = contacts.open_contact(contact) if contact else None
    is_cleaned = entry.cleans_at is not None and entry.cleans_at <= now
    body = _body(entry, account, visit_of(appointment, person), is_cleaned=is_cleaned)
    level = Level(account.level) if person and not is_cleaned else Level.REFERENCE
    kept = Level(entry.level or 0)
    # Where nobody is known here any more, the words that stand stay, unless they are to say less.
    has_words = person is not None or is_cleaned or account.level < kept or not kept
    is_moved = entry.state == CalendarEntry.State.MOVED and not is_cleaned
    return Job(
        entry_id=entry.pk,
        version=entry.wanted,
        calendar=open_secret(account).calendar,
        key=event_key(),
        ref=appointment.ref,
        generation=entry.generation,
        etag=entry.etag,
        level=level,
        body=body,
        patch=event_body.part_of(body or {}, words=has_words, frame=not is_moved),
        patched_level=level if has_words else kept,
        patched_state=CalendarEntry.State.MOVED if is_moved else CalendarEntry.State.WRITTEN,
    )


def _body(
    entry: CalendarEntry, account: GoogleAccount, visit: Visit, *, is_cleaned: bool
) -> dict[str, Any] | None:
    """Return the whole event, or None when it must not stand."""
    appointment = entry.appointment
    if appointment.is_cancelled or appointment.practitioner_id != account.practitioner_id:
        return None
    if is_cleaned:
        is_deleted = calendar_entries.cleaning_of(entry, account) is Cleaning.DELETE
        return None if is_deleted else event_body.anonymous_body(visit, version=entry.wanted)
    return event_body.body_of(visit, level=Level(account.level), version=entry.wanted)


def visit_of(appointment: Appointment, person: Person | None) -> Visit:
    """Return what an event may say of an appointment."""
    motif = appointment.appointment_type
    known = person or Person()
    return Visit(
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        zone=appointment.location.time_zone,
        spoken_ref=appointment.spoken_ref,
        label=motif.label,
        colour=motif.colour,
        first_name=known.relative or known.first_name,
        last_name=known.last_name,
        phone=known.phone,
        is_named=bool(person),
    )


def _record(job: Job, written: Written, *, now: datetime) -> None:
    """Note what stands in the calendar, and draw the consequence for the erasure here (B-21, B-34)."""
    entry = CalendarEntry.objects.select_related("appointment", "account").get(pk=job.entry_id)
    entry.pushed, entry.pushed_at = job.version, now
    entry.generation, entry.etag = written.generation, written.etag
    entry.level = written.level
    if entry.wanted == job.version:
        entry.state = written.state
    entry.save(update_fields=["pushed", "pushed_at", "generation", "etag", "level", "state"])
    if not written.level:
        calendar_entries.tick_if_clean(appointment_id=entry.appointment_id, now=now)
    appointment = Appointment.objects.select_related("practitioner", "location").get(
        pk=entry.appointment_id
    )
    if entry.cleans_at is not None and entry.wanted == job.version:
        contact = contacts.contact_of(appointment)
        if contact is not None:
            contacts.erase(contact=contact, rule=CLEANED, now=now)
        return
    if not appointment.is_cancelled:
        # Nothing that happens in a calendar keeps a person longer than they were told.
        deadlines.recompute(appointment=appointment, only_earlier=True, now=now)
        contacts.erase_if_due(appointment=appointment, now=now)


def _park(held: Held, job: Job, *, code: str) -> None:
    """Google will never take this one: it is shown, and the others go on.

    An event that had to go, or to forget its person, is the practitioner's to do (B-34).
    """
    with inside(held.unit):
        held.check_ours()
        entry = CalendarEntry.objects.select_related("appointment").get(pk=job.entry_id)
        is_owed = job.body is None or entry.cleans_at is not None
        if is_owed and entry.level:
            kind = CalendarTask.Kind.ERASE
            calendar_entries.ask(appointment_id=entry.appointment_id, kind=kind, now=held.clock())
        CalendarEntry.objects.filter(pk=job.entry_id, wanted=job.version).update(
            pushed=job.version, state=CalendarEntry.State.REFUSED
        )
        GoogleAccount.objects.filter(pk=held.account_id).update(
            last_error=code, last_error_at=held.clock()
        )


def make_calendar_again(held: Held, lost: str) -> None:
    """The practitioner has deleted our calendar: make it again and have everything written into it."""
    if held.secret().calendar == lost:
        make_calendar(held)
    with inside(held.unit):
        CalendarEntry.objects.filter(account=held.account_id).update(
            generation=0, etag="", level=None
        )
        account = GoogleAccount.objects.get(pk=held.account_id)
        now = held.clock()
        calendar_entries.push_all(account=account, since=now, now=now)
        past = CalendarEntry.objects.filter(account=account, appointment__ends_at__lte=now)
        past.update(pushed=F("wanted"), state=CalendarEntry.State.GONE)


def make_calendar(held: Held) -> None:
    """Make our own calendar in the account and remember it."""
    with inside(held.unit):
        zone = _zone()
    calendar = held.call(lambda client: client.create_calendar(zone=zone))
    with inside(held.unit):
        held.check_ours()
        change_secret(account_id=held.account_id, calendar=calendar, sync_token="")


def _zone() -> str:
    place = Location.objects.filter(is_active=True).order_by("position", "id").first()
    return place.time_zone if place else "Europe/Paris"


class Push:
    """Delivers what rang for one appointment and one account."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def prepare(
        self, entry: OutboxEntry, *, unit: Unit, now: datetime
    ) -> Outcome | Callable[[], Outcome]:
        """Say whether it is written already; else write all that waits for the account."""
        wanted = _wanted(entry)
        if wanted is None or wanted.account is None:
            return Outcome(OutboxEntry.State.DROPPED, "gone")
        if wanted.pushed >= entry.version or wanted.is_held_back:
            return SENT
        if wanted.account.state != GoogleAccount.State.CONNECTED:
            # It waits in the calendar's own list until the account is reconnected.
            return Outcome(OutboxEntry.State.DROPPED, wanted.account.state)
        return partial(_push, entry, wanted.account.pk, unit=unit, clock=self._clock)

    def settle(self, entry: OutboxEntry, outcome: Outcome, *, unit: Unit, now: datetime) -> None:
        """A person who was erased and whose event could not be: the practitioner's to do."""
        if outcome.state == OutboxEntry.State.SENT:
            return
        wanted = _wanted(entry)
        if wanted is None or not wanted.level:
            return
        appointment = wanted.appointment
        if appointment.is_cancelled and appointment.erased_at is not None:
            kind = CalendarTask.Kind.ERASE
            calendar_entries.ask(appointment_id=appointment.pk, kind=kind, now=now)


class Clean:
    """Anonymises or deletes the event once the visit is over, then erases the person here."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def prepare(
        self, entry: OutboxEntry, *, unit: Unit, now: datetime
    ) -> Outcome | Callable[[], Outcome]:
        """Have the event cleaned; past the day of grace the purge has gone ahead without it."""
        rows = CalendarEntry.objects.select_related("account", "appointment").filter(
            # An appointment that changed hands may still have an event to go in the other's calendar.
            appointment_id=entry.object_id or 0,
            account__practitioner=F("appointment__practitioner"),
        )
        cleaned = rows.filter(appointment__sequence=entry.version).first()
        if cleaned is None or cleaned.account is None:
            return Outcome(OutboxEntry.State.DROPPED, "gone")
        account = cleaned.account
        if calendar_entries.cleaning_of(cleaned, account) is Cleaning.KEEP:
            return Outcome(OutboxEntry.State.DROPPED, "kept")
        if cleaned.appointment.ends_at > now:
            return Outcome(OutboxEntry.State.DROPPED, "moved")
        if cleaned.cleans_at is None:
            CalendarEntry.objects.filter(pk=cleaned.pk).update(
                cleans_at=now, wanted=F("wanted") + 1, wanted_at=now
            )
            cleaned.refresh_from_db()
        if cleaned.pushed == cleaned.wanted:
            return SENT
        if entry.expires_at is not None and now > entry.expires_at:
            return Outcome(OutboxEntry.State.FAILED, "not_cleaned")
        if account.state != GoogleAccount.State.CONNECTED:
            raise TryAgain("reconnect", after=timedelta(hours=1))
        return partial(_push, entry, account.pk, unit=unit, clock=self._clock)

    def settle(self, entry: OutboxEntry, outcome: Outcome, *, unit: Unit, now: datetime) -> None:
        """What could not be cleaned is the practitioner's to do."""
        if outcome.state == OutboxEntry.State.FAILED and entry.object_id:
            kind = CalendarTask.Kind.ERASE
            calendar_entries.ask(appointment_id=entry.object_id, kind=kind, now=now)


def _wanted(entry: OutboxEntry) -> CalendarEntry | None:
    return (
        CalendarEntry.objects.select_related("account", "appointment")
        .filter(appointment_id=entry.object_id or 0, account_id=int(entry.audience or 0))
        .first()
    )


def _push(
    entry: OutboxEntry, account_id: int, *, unit: Unit, clock: Callable[[], datetime]
) -> Outcome:
    write_all(unit=unit, account_id=account_id, clock=clock, attempts=entry.attempts)
    with inside(unit):
        left = CalendarEntry.objects.filter(
            appointment_id=entry.object_id or 0, account_id=account_id, wanted__gt=F("pushed")
        )
        if left.filter(is_held_back=False).exists():
            raise TryAgain("waiting", after=jitter(entry.attempts))
    return SENT


def write_all(
    *, unit: Unit, account_id: int, clock: Callable[[], datetime], attempts: int = 1
) -> None:
    """Write all that waits for the account.

    Raises TryAgain when somebody else is at it, or Google does not answer. A grant that is gone is noted.
    """
    until = clock() + LONGEST
    try:
        while clock() < until:
            with hold(unit=unit, account_id=account_id, clock=clock) as held:
                left = drain(held, until=until)
                if not left:
                    _ask_again(held)
            # What was noted between the last look and the release found us busy: look again.
            if left or not _is_waiting(unit, account_id):
                return
    except Busy:
        raise TryAgain("busy", after=timedelta(seconds=1)) from None
    except Unavailable as error:
        raise TryAgain(error.code, after=error.after or jitter(attempts)) from None
    except Refused as error:
        # Not of one event, which would be put aside: the calendar itself may not be made.
        raise TryAgain(error.code, after=jitter(attempts)) from None
    except Dead:
        return


def _ask_again(held: Held) -> None:
    """Have what is busy read once more: something may have been noted there meanwhile (section 7).

    By the next beat, once for all that was written until then: a reading of the whole horizon takes several
    requests, too many for each event.
    """
    reading_it = GoogleAccount.objects.filter(
        pk=held.account_id, state=GoogleAccount.State.CONNECTED, can_read_busy=True
    )
    with inside(held.unit):
        reading_it.update(poll_at=held.clock())


def _is_waiting(unit: Unit, account_id: int) -> bool:
    with inside(unit):
        return CalendarEntry.objects.filter(
            account=account_id, wanted__gt=F("pushed"), is_held_back=False
        ).exists()
