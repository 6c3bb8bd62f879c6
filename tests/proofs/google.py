"""Appointments reach Google Agenda once, as they are, whatever the line, the workers and Google do.

Patients book, move and cancel over HTTP in practices that are linked with the double of Google, a process of
its own. Meanwhile requests and answers are lost, cut, garbled, refused or late, Google falls silent, tokens
end, and worker processes are killed with SIGKILL and started again. Then the faults stop, the queue drains,
and each calendar is set beside the database: every booked appointment stands exactly once with its times and
the words of its level, and nothing else does. Before that, requests cross by script; after it, a calendar
whose token Google has forgotten is read whole.
"""

from __future__ import annotations

import importlib
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.fakes.smtp import SmtpServer
from tests.proofs import double as doubles
from tests.proofs.double import Double
from tests.proofs.sabotage import Guard
from tests.proofs.stage import Stage, set_stage
from tests.proofs.tally import Tally
from tests.proofs.workers import Workers

STORM, RESYNC = "storm", "resync"
CROSSINGS = ("late", "unanswered", "reborn", "meanwhile", "twice")
"""The scripts of what crosses (tests.proofs.google_crossings)."""
HEALTHY_SECONDS = 5.0
"""From the commit to Google's answer, for 95 of 100, while all is well (google-agenda, section 8)."""
GIVES_UP = 1.0
"""Seconds after which a worker waits no longer (GOOGLE_TIMEOUT_SECONDS)."""
KINDS = (
    "drop_before", "drop_after", "cut", "not_json", "html", "403 rateLimitExceeded",
    "403 userRateLimitExceeded", "429", "500", "503", "slow",
)  # fmt: skip
"""What strikes at random; what is slow comes after it was given up."""


@dataclass(frozen=True)
class Size:
    """How much is asked of one run; seconds, except for counts."""

    lives: int
    faults: int  # at least
    rate: float  # the share of calls that go wrong
    practices: int
    agendas: int  # of each practice
    patients: int  # at a time
    workers: int
    threads: int
    kill_every: float
    silent_every: float  # how often Google falls silent
    silent: float
    tokens_every: float  # how often access tokens end
    sweep_every: float
    lease: float
    drain: float
    patience: float  # with the storm itself
    calm: int  # bookings while all is well
    crossing: int  # agendas
    events: int  # of the calendar that is read whole
    edits: int  # of each kind


FULL = Size(
    lives=10_000, faults=10_000, rate=0.28, practices=4, agendas=12, patients=8, workers=3, threads=4,
    kill_every=25, silent_every=60, silent=5, tokens_every=60, sweep_every=8, lease=10, drain=300,
    patience=2_700, calm=100, crossing=6, events=2_000, edits=40,
)  # fmt: skip
SHORT = Size(
    lives=60, faults=60, rate=0.4, practices=1, agendas=4, patients=4, workers=2, threads=4, kill_every=3,
    silent_every=5, silent=1, tokens_every=2, sweep_every=0.5, lease=3, drain=60, patience=120, calm=15,
    crossing=2, events=50, edits=5,
)  # fmt: skip


# --- The guards ---------------------------------------------------------------------------------------


def _module(name: str) -> Any:
    """A module of the product whose names are about to be replaced."""
    return importlib.import_module(name)


def _let_google_name_events() -> None:
    client = _module("booking.google_calendar").Client
    insert = client._event

    def nameless(self: Any, scenario: str, ask: Callable[[Any], Any], *, etag: str = "") -> Any:
        def asked(api: Any) -> Any:
            request = ask(api)
            if scenario == "insert":
                request.body = request.body.replace('"id"', '"iCalUID"', 1)
            return request

        return insert(self, scenario, asked, etag=etag)

    client._event = nameless


def _believe_what_stands() -> None:
    writing = _module("booking.services.google.writing")
    written = _module("booking.models").CalendarEntry.State.WRITTEN
    writing._reconciled = lambda job, found: writing.Written(written, job.generation, found.etag)


def _change_whatever_stands() -> None:
    client = _module("booking.google_calendar").Client
    call = client._call

    def unconditional(
        self: Any, scenario: str, ask: Callable[[Any], Any], *, etag: str = ""
    ) -> Any:
        return call(self, scenario, ask)

    client._call = unconditional


def _share_accounts() -> None:
    from booking.models import GoogleAccount
    from tenants.schema import inside

    leases = _module("booking.services.google.leases")

    @contextmanager
    def shared(
        *, unit: Any, account_id: int, clock: Any, state: str = "connected"
    ) -> Iterator[Any]:
        with inside(unit):
            account = GoogleAccount.objects.get(pk=account_id)
        yield leases.Held(unit, account, uuid.uuid4(), clock)

    leases.Held.check_ours = lambda _held: None
    for name in ("writing", "polling", "authorizing", "leaving", "differences", "telling"):
        _module(f"booking.services.google.{name}").hold = shared


def _record_before_the_answer() -> None:
    from django.db.models import F

    from booking.models import CalendarEntry

    writing = _module("booking.services.google.writing")
    find = writing._next

    def hasty(account_id: int, skipped: set[int], *, now: Any) -> Any:
        job = find(account_id, skipped, now=now)
        if job is not None:
            CalendarEntry.objects.filter(pk=job.entry_id).update(pushed=F("wanted"))
        return job

    writing._next = hasty


def _record_what_is_wanted_by_now() -> None:
    from booking.models import CalendarEntry

    writing = _module("booking.services.google.writing")
    record = writing._record

    def generous(job: Any, written: Any, *, now: Any) -> None:
        wanted = CalendarEntry.objects.get(pk=job.entry_id).wanted
        record(replace(job, version=wanted), written, now=now)

    writing._record = generous


def _stop_at_the_first() -> None:
    writing = _module("booking.services.google.writing")
    gone = _module("booking.models").CalendarEntry.State.GONE
    remove = writing._remove

    def short(client: Any, job: Any) -> Any:
        followed = remove(client, job)
        is_next = followed.generation > job.generation
        return writing.Written(gone, job.generation) if is_next else followed

    writing._remove = short


def _never_look_again() -> None:
    _module("booking.services.google.reading")._compare = lambda _account_id, _events, **_now: 0


def _miss_what_is_missing() -> None:
    reading = _module("booking.services.google.reading")
    reading._note_missing = lambda _account_id, _standing, *, now: 0


GUARDS = {
    "ids": Guard(
        "the identifiers of events are ours, so that a second insertion doubles nothing",
        (STORM,),
        process=_let_google_name_events,
    ),
    "reconcile": Guard(
        "what stands under our identifier is looked at, and changed to what is wanted",
        ("unanswered",),
        process=_believe_what_stands,
    ),
    "record": Guard(
        "a push is recorded after Google's answer, never before",
        (STORM,),
        process=_record_before_the_answer,
    ),
    "etag": Guard(
        "a change and a deletion name the state that they change, so that a late one is refused",
        ("late",),
        process=_change_whatever_stands,
    ),
    "chain": Guard(
        "a deletion is followed to the identifier that was written next",
        ("reborn",),
        process=_stop_at_the_first,
    ),
    "lease": Guard(
        "one worker at a time speaks for an account", ("twice",), process=_share_accounts
    ),
    "version": Guard(
        "what is recorded is the version that was written, not the one wanted by then",
        ("meanwhile",),
        process=_record_what_is_wanted_by_now,
    ),
    "read": Guard(
        "our own calendar is read, and what must not stand is taken away again",
        ("late",),
        process=_never_look_again,
    ),
    "whole": Guard(
        "read whole, a calendar is searched for what is missing in it",
        (RESYNC,),
        process=_miss_what_is_missing,
    ),
}


# --- The world ----------------------------------------------------------------------------------------


@dataclass
class World:
    """Everything that runs."""

    stage: Stage
    double: Double
    port: int
    workers: Workers
    tally: Tally
    size: Size
    figures: dict[str, Any] = field(default_factory=dict)

    def patients(self, practices: Sequence[Any]) -> Any:
        """Return a crowd for some practices."""
        from tests.proofs.google_load import Patients
        from tests.proofs.wire import Wire

        return Patients(Wire(self.port, timeout=60), practices, random.Random(2026))

    def queue(self, practices: Sequence[Any], *, sweep_every: float = 0.5) -> Any:
        """Return the queues of some practices."""
        from tests.proofs.google_queue import Queue

        schemas = [one.unit.schema for one in practices]
        return Queue(self.stage, self.workers, schemas, sweep_every, patience=self.size.drain)

    def judge(self, practices: Sequence[Any], lives: Sequence[Any], name: str) -> dict[str, int]:
        """Set the calendars beside the database, and the database beside what was answered."""
        from tests.proofs.google_practice import Compared, compare

        total = Compared()
        for practice in practices:
            names = _names(practice, lives, self.tally)
            seen = compare(practice, self.double, names, self.tally, name=name)
            for word, count in seen.as_dict().items():
                setattr(total, word, getattr(total, word) + count)
        return total.as_dict()


def _names(
    practice: Any, lives: Sequence[Any], tally: Tally
) -> Mapping[uuid.UUID, tuple[str, str, str]]:
    """Return what was typed, by appointment; an acknowledged one that is not there has failed."""
    from booking.models import Appointment
    from tenants.schema import inside

    with inside(practice.unit):
        rows = Appointment.objects.exclude(manage_hash=None).values_list("manage_hash", "ref")
        refs = {bytes(digest or b""): ref for digest, ref in rows}
        mine = {life.digest: life for life in lives if life.practice is practice}
    case = (practice.host, "acknowledged")
    tally.count("database", case, failed=set(refs) != set(mine), seen=(len(refs), len(mine)))
    return {refs[digest]: life.typed for digest, life in mine.items() if digest in refs}


# --- The three parts ----------------------------------------------------------------------------------


def _cross(world: World, scripts: Sequence[str]) -> None:
    """Let requests cross by script, on agendas that nobody else uses."""
    from tests.proofs.google_crossings import Crossings
    from tests.proofs.google_practice import open_practice

    levels = [2] * world.size.crossing
    practice = open_practice(
        world.stage, world.double, "crossing.lib-rdv.localhost", levels=levels, strangers=1
    )
    world.workers.start()
    queue, patients = world.queue([practice]), world.patients([practice])
    Crossings(practice, world.double, patients, queue).play(scripts)
    looked = queue.let_ten_minutes_pass()
    world.tally.count("crossings", ("looked at again",), failed=not looked)
    world.figures["crossings"] = world.judge([practice], patients.lives, "crossings")


def _storm(world: World) -> None:
    """Let patients come while everything goes wrong; then let it end, and compare."""
    from tests.proofs.google_practice import open_practice

    size = world.size
    practices = [
        open_practice(
            world.stage, world.double, f"storm{number}.lib-rdv.localhost",
            levels=[place % 3 for place in range(size.agendas)],
        )
        for number in range(size.practices)
    ]  # fmt: skip
    world.workers.start()
    queue = world.queue(practices, sweep_every=size.sweep_every)
    patients = world.patients(practices)
    started = time.monotonic()
    _rage(world, queue, patients)
    raged = time.monotonic() - started
    world.double.order("calm")
    faults = world.double.injected()
    drained = queue.drain()
    looked = queue.let_ten_minutes_pass()
    world.tally.count("storm", ("drained",), failed=drained > size.drain, seen=drained)
    world.tally.count("storm", ("looked at again",), failed=not looked)
    enough = sum(faults.values()) >= size.faults
    world.tally.control(("enough faults",), failed=not enough, seen=sum(faults.values()))
    acted = len(patients.lives)
    world.tally.control(("enough appointments",), failed=acted < size.lives, seen=acted)
    _all_connected(world, practices)
    compared = world.judge(practices, patients.lives, STORM)
    world.figures[STORM] = {
        "appointments": len(patients.lives),
        "acts_over_http": dict(sorted(patients.acts.items())),
        "refused_over_http": dict(patients.refused),
        "faults": sum(faults.values()),
        "faults_by_kind": dict(sorted(faults.items())),
        "calls": sum(world.double.read("counters")["calls"].values()),
        "kills": world.workers.killed,
        "storm_s": round(raged, 1),
        "drain_s": round(drained, 1),
        **compared,
    }
    if not world.tally.failed:
        _be_calm(world, queue, practices)


def _rage(world: World, queue: Any, patients: Any) -> None:
    size, double = world.size, world.double
    double.order("forget")
    double.order("random-faults", rate=size.rate, seed=2026, kinds=KINDS, seconds=GIVES_UP * 1.3)
    patients.start(threads=size.patients, lives=size.lives)
    blows = Blows(world)
    until = time.monotonic() + size.patience
    while time.monotonic() < until:
        queue.beat()
        blows.strike(queue)
        time.sleep(0.1)
        if not patients.are_done:
            continue
        # Some lose their slot to another's click: what counts is what was acknowledged.
        missing = size.lives - len(patients.lives)
        if missing > 0:
            patients.start(threads=size.patients, lives=missing)
        elif blows.injected >= size.faults:
            break
        elif not queue.waiting():
            patients.start(threads=size.patients, lives=max(10, size.lives // 20))
    patients.stop()


class Blows:
    """What happens beside the random faults: silence, tokens that end, workers that die."""

    def __init__(self, world: World) -> None:
        self.world, self.chosen = world, random.Random(2026)
        self.injected = 0
        self._next = dict.fromkeys(("kill", "silent", "tokens", "look", "tell"), time.monotonic())
        for name in self._next:
            self._is_time(name)
        self._speaks_again = float("inf")

    def strike(self, queue: Any) -> None:
        """Do what it is time for."""
        double = self.world.double
        if self._is_time("kill"):
            self.world.workers.kill(self.chosen)
        if self._is_time("silent"):
            double.order("black-hole", open=True)
            self._speaks_again = time.monotonic() + self.world.size.silent
        if time.monotonic() > self._speaks_again:
            double.order("black-hole", open=False)
            self._speaks_again = float("inf")
        if self._is_time("tokens"):
            double.order("access-tokens/expire")
            queue.make_due()
        if self._is_time("look"):
            self.injected = sum(double.injected().values())
        if self.world.size is FULL and self._is_time("tell"):
            print(f"{queue.waiting()} wait, {self.injected} faults", file=sys.stderr, flush=True)

    def _is_time(self, name: str) -> bool:
        now, size = time.monotonic(), self.world.size
        every = {
            "kill": size.kill_every,
            "silent": size.silent_every,
            "tokens": size.tokens_every,
            "look": 0.5,
            "tell": 10,
        }[name]
        if now < self._next[name]:
            return False
        self._next[name] = now + every * self.chosen.uniform(0.7, 1.3)
        return True


def _all_connected(world: World, practices: Sequence[Any]) -> None:
    """No fault may end a link: nobody has revoked anything."""
    for practice in practices:
        states = world.stage.owner(
            f'SELECT id, state FROM "{practice.unit.schema}".booking_googleaccount'
        )
        for pk, state in states:
            case = (practice.host, pk)
            world.tally.count("still connected", case, failed=state != "connected", seen=state)


def _be_calm(world: World, queue: Any, practices: Sequence[Any]) -> None:
    """While all is well: how long from the commit until the event stands."""
    patients = world.patients(practices)
    ((since,),) = world.stage.owner("SELECT clock_timestamp()")
    for number in range(world.size.calm):
        life = patients.new(practices[number % len(practices)], ("book",))
        patients.act(life)
        queue.beat()
        time.sleep(0.1)
    queue.drain()
    seconds = [
        seconds
        for practice in practices
        for (seconds,) in world.stage.owner(
            "SELECT extract(epoch FROM pushed_at - wanted_at)::float"
            f' FROM "{practice.unit.schema}".booking_calendarentry WHERE wanted_at > %s',
            [since],
        )
    ]
    p95 = statistics.quantiles(seconds, n=20)[-1]
    world.tally.count("healthy", ("p95 after the commit",), failed=p95 >= HEALTHY_SECONDS, seen=p95)
    world.figures["healthy"] = {"pushes": len(seconds), "p95_s": round(p95, 3)}


def _resync(world: World) -> None:
    """Have a big calendar read whole, by this process: with workers its quota would take minutes."""
    from booking.services.google import limits
    from tests.proofs.google_practice import open_practice
    from tests.proofs.google_resync import Resync

    world.workers.close()
    world.double.order("calm")
    limits.PER_ACCOUNT = limits.PER_PROJECT = 10**6
    practice = open_practice(world.stage, world.double, "resync.lib-rdv.localhost", levels=[2])
    resync = Resync(practice, world.double, world.tally)
    started = time.monotonic()
    figures = resync.play(events=world.size.events, edits=world.size.edits)
    world.figures[RESYNC] = figures | {"seconds": round(time.monotonic() - started, 1)}


# --- The run ------------------------------------------------------------------------------------------


def _environment(size: Size) -> dict[str, str]:
    """Return what makes workers hurry: the same code, in seconds instead of minutes."""
    return {
        "GOOGLE_TIMEOUT_SECONDS": str(GIVES_UP),
        "GOOGLE_BACKOFF_SECONDS": "0.2",
        "GOOGLE_LONGEST_WAIT_SECONDS": "5",
        "GOOGLE_BREAKER_SECONDS": "1",
        "GOOGLE_LEASE_SECONDS": str(size.lease),
        "OUTBOX_LEASE_SECONDS": str(size.lease),
        "OUTBOX_BACKOFF_SECONDS": "0.2",
        "MAIL_PROVIDER": "smtp",
    }


def run(*, short: bool, sabotage: str | None) -> dict[str, Any]:
    """Play the three parts; with a sabotage only the one that shows it."""
    size, tally = (SHORT if short else FULL), Tally(sabotage)
    if sabotage:
        # Whatever has not struck by then would not have to: enough has.
        size = replace(size, faults=0)
    sections = GUARDS[sabotage].sections if sabotage else (*CROSSINGS, STORM, RESYNC)
    scripts = [name for name in sections if name in CROSSINGS]
    with (
        tempfile.TemporaryDirectory(prefix="double-") as folder,
        doubles.running(Path(folder)) as double,
        SmtpServer() as relay,
        set_stage(**double.environment(), **_environment(size), EMAIL_URL=relay.url) as stage,
    ):
        environment = {**stage.environment, "PROOF": "google", "SABOTAGE": sabotage or ""}
        workers = Workers(
            environment, stage.logs / "worker.log", many=size.workers, threads=size.threads
        )
        if sabotage and RESYNC in sections:
            GUARDS[sabotage].remove_from_process()
        with stage.serve(proof="google", sabotage=sabotage) as served:
            world = World(stage, double, served.port, workers, tally, size)
            try:
                if scripts:
                    _cross(world, scripts)
                if STORM in sections:
                    _storm(world)
                served.check()
                if RESYNC in sections:
                    _resync(world)
            finally:
                workers.close()
        if tally.failed:
            stage.show_logs()
    return tally.report("google", **world.figures)
