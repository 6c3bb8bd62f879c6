"""Proof: each booked appointment is in Google Agenda exactly once, as it is, whatever connections and workers do.

Patients book, move and cancel over HTTP in practices that are linked with the fake Google server, a process of
its own. Meanwhile requests and answers are lost, cut, garbled, refused or late, Google stops answering, tokens
expire, and worker processes are killed with SIGKILL and started again. Then the faults stop, the queue is worked
off, and each calendar is compared with the database: each booked appointment has exactly one event, with its
times and the words of its level, and there is no other event. Before that, requests cross in scripted ways; after
that, a calendar whose sync token Google has expired is read as a whole.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

from tests.fakes.smtp import SmtpServer
from tests.proofs.counter import CaseCounter
from tests.proofs.environment import ProofEnvironment, open_environment
from tests.proofs.fake_google import FakeGoogle, run_fake_google
from tests.proofs.guards import Guard, replace, wrap
from tests.proofs.workers import Workers

LOAD, RESYNC = "load", "resync"
CROSSINGS = ("late", "unanswered", "reborn", "meanwhile", "twice")
"""The scripts in which requests cross (tests.proofs.google_crossings)."""
HEALTHY_SECONDS = 5.0
"""From the commit to Google's answer, for 95 of 100, while all is well (design section 11)."""
TIMEOUT_SECONDS = 1.0
"""How long a worker waits for an answer (GOOGLE_TIMEOUT_SECONDS)."""
KINDS = (
    "drop_before", "drop_after", "cut", "not_json", "html", "403 rateLimitExceeded",
    "403 userRateLimitExceeded", "429", "500", "503", "slow",
)  # fmt: skip
"""The random faults; a slow request is applied after the worker has given it up."""


@dataclass(frozen=True)
class GoogleSize:
    """How much is asked of one run; seconds, except for counts."""

    appointments: int
    faults: int  # at least
    rate: float  # the share of requests that fail
    practices: int
    agendas: int  # of each practice
    patients: int  # at a time
    workers: int
    threads: int
    kill_every: float
    silent_every: float  # how often Google stops answering
    silent: float
    tokens_every: float  # how often access tokens expire
    sweep_every: float
    lease: float
    drain: float
    patience: float  # for the load itself
    quiet: int  # bookings without faults
    crossing: int  # agendas
    events: int  # of the calendar that is read as a whole
    edits: int  # of each kind


FULL = GoogleSize(
    appointments=10_000, faults=10_000, rate=0.28, practices=4, agendas=12, patients=8, workers=3, threads=4,
    kill_every=25, silent_every=60, silent=5, tokens_every=60, sweep_every=8, lease=10, drain=300,
    patience=2_700, quiet=100, crossing=6, events=2_000, edits=40,
)  # fmt: skip
SHORT = GoogleSize(
    appointments=60, faults=60, rate=0.4, practices=1, agendas=4, patients=4, workers=2, threads=4, kill_every=3,
    silent_every=5, silent=1, tokens_every=2, sweep_every=0.5, lease=3, drain=60, patience=120, quiet=15,
    crossing=2, events=50, edits=5,
)  # fmt: skip


# --- The guards ---------------------------------------------------------------------------------------


def _let_google_name_events() -> None:
    from booking.google.calendar_api import Client

    def event(call: Any, arguments: Any) -> Any:
        build_request = arguments["build_request"]

        def without_id(api: Any) -> Any:
            request = build_request(api)
            if arguments["scenario"] == "insert":
                request.body = request.body.replace('"id"', '"iCalUID"', 1)
            return request

        return call(build_request=without_id)

    wrap(Client, "_event", event, uses=["scenario", "build_request"])


def _accept_any_existing_event() -> None:
    from booking.google import push
    from booking.models import CalendarEntry

    def reconcile(job: Any, found: Any) -> Any:
        return push.PushResult(CalendarEntry.EventState.WRITTEN, job.generation, found.etag)

    replace(push, "_reconcile", reconcile)


def _change_without_etag() -> None:
    from booking.google.calendar_api import Client

    wrap(Client, "_call", lambda call, arguments: call(etag=""), uses=["etag"])


def _share_accounts() -> None:
    from booking.google import leases
    from booking.models import GoogleAccount
    from tenants.schema import inside

    @contextmanager
    def acquire_lease(
        *, unit: Any, account_id: int, clock: Any, state: str = "connected"
    ) -> Iterator[Any]:
        with inside(unit):
            account = GoogleAccount.objects.get(pk=account_id)
        yield leases.AccountLease(unit, account, uuid.uuid4(), clock)

    replace(leases.AccountLease, "check_ours", lambda self: None)
    replace(leases, "acquire_lease", acquire_lease)


def _record_before_the_answer() -> None:
    from django.db.models import F

    from booking.google import push
    from booking.models import CalendarEntry

    def find_next(call: Any, arguments: Any) -> Any:
        job = call()
        if job is not None:
            CalendarEntry.objects.filter(pk=job.entry_id).update(pushed=F("version"))
        return job

    wrap(push, "_next", find_next)


def _record_the_newest_version() -> None:
    from booking.google import push
    from booking.models import CalendarEntry

    def record(call: Any, arguments: Any) -> Any:
        job = arguments["job"]
        version = CalendarEntry.objects.get(pk=job.entry_id).version
        return call(job=changed(job, version=version))

    wrap(push, "_record", record, uses=["job"])


def _delete_one_identifier_only() -> None:
    from booking.google import push
    from booking.models import CalendarEntry

    def remove(call: Any, arguments: Any) -> Any:
        outcome, generation = call(), arguments["job"].generation
        is_next = outcome.generation > generation
        return push.PushResult(CalendarEntry.EventState.GONE, generation) if is_next else outcome

    wrap(push, "_remove", remove, uses=["job"])


def _compare_nothing() -> None:
    from booking.google import pull

    replace(pull, "_compare", lambda account_id, events, *, now: 0)


def _miss_what_is_missing() -> None:
    from booking.google import pull

    replace(pull, "_mark_missing", lambda account_id, event_ids, *, now: 0)


GUARDS = {
    "ids": Guard(
        "the product chooses the identifiers of events, so that a second insertion adds none",
        # Each answer of the section is lost; under load it is a matter of chance whether one is.
        ("unanswered",),
        process=_let_google_name_events,
    ),
    "reconcile": Guard(
        "an event that exists under the identifier is read, and changed to its target state",
        ("unanswered",),
        process=_accept_any_existing_event,
    ),
    "record": Guard(
        "a push is recorded after Google's answer, never before",
        (LOAD,),
        process=_record_before_the_answer,
    ),
    "etag": Guard(
        "a change and a deletion carry the etag of the state that they change",
        ("late",),
        process=_change_without_etag,
    ),
    "chain": Guard(
        "a deletion is followed to the identifier that was written next",
        ("reborn",),
        process=_delete_one_identifier_only,
    ),
    "lease": Guard("one worker at a time uses an account", ("twice",), process=_share_accounts),
    "version": Guard(
        "the recorded version is the one that was written, not the newest one",
        ("meanwhile",),
        process=_record_the_newest_version,
    ),
    "read": Guard(
        "the calendar is read, and events that must not exist are deleted again",
        ("late",),
        process=_compare_nothing,
    ),
    "whole": Guard(
        "after a full read, events that are missing in the calendar are noted",
        (RESYNC,),
        process=_miss_what_is_missing,
    ),
}


# --- The state of the run ----------------------------------------------------------------------------------------


@dataclass
class GoogleProof:
    """The environment, the servers and the figures of the run."""

    environment: ProofEnvironment
    fake_google: FakeGoogle
    port: int
    workers: Workers
    counter: CaseCounter
    size: GoogleSize
    figures: dict[str, Any] = field(default_factory=dict)

    def patients(self, practices: Sequence[Any]) -> Any:
        """Return patients who use these practices."""
        from tests.proofs.google_load import PatientLoad
        from tests.proofs.raw_http import RawHttpClient

        return PatientLoad(RawHttpClient(self.port, timeout=60), practices, random.Random(2026))

    def queue(self, practices: Sequence[Any], *, sweep_every: float = 0.5) -> Any:
        """Return the queues of these practices."""
        from tests.proofs.google_queue import CalendarQueue

        schemas = [practice.unit.schema for practice in practices]
        return CalendarQueue(
            self.environment, self.workers, schemas, sweep_every, patience=self.size.drain
        )

    def judge(
        self, practices: Sequence[Any], appointments: Sequence[Any], name: str
    ) -> dict[str, int]:
        """Compare the calendars with the database, and the database with the acknowledged requests."""
        from tests.proofs.google_practice import CalendarDifferences, compare

        total = CalendarDifferences()
        for practice in practices:
            names = _names(practice, appointments, self.counter)
            seen = compare(practice, self.fake_google, names, self.counter, name=name)
            for word, count in seen.as_dict().items():
                setattr(total, word, getattr(total, word) + count)
        return total.as_dict()


def _names(
    practice: Any, appointments: Sequence[Any], counter: CaseCounter
) -> Mapping[uuid.UUID, tuple[str, str, str]]:
    """Return the typed names and phones by appointment; count acknowledged appointments that are lost."""
    from booking.models import Appointment
    from tenants.schema import inside

    with inside(practice.unit):
        rows = Appointment.objects.exclude(manage_hash=None).values_list("manage_hash", "ref")
        refs = {bytes(digest or b""): ref for digest, ref in rows}
        mine = {
            appointment.digest: appointment
            for appointment in appointments
            if appointment.practice is practice
        }
    case = (practice.host, "acknowledged")
    counter.count("database", case, failed=set(refs) != set(mine), seen=(len(refs), len(mine)))
    return {
        refs[digest]: appointment.typed for digest, appointment in mine.items() if digest in refs
    }


# --- The three parts ----------------------------------------------------------------------------------


def _cross(proof: GoogleProof, scripts: Sequence[str]) -> None:
    """Let requests cross by script, on agendas without other requests."""
    from tests.proofs.google_crossings import CrossingScripts
    from tests.proofs.google_practice import open_practice

    levels = [2] * proof.size.crossing
    practice = open_practice(
        proof.environment,
        proof.fake_google,
        "crossing.lib-rdv.localhost",
        levels=levels,
        unlinked=1,
    )
    proof.workers.start()
    queue, patients = proof.queue([practice]), proof.patients([practice])
    CrossingScripts(practice, proof.fake_google, patients, queue).play(scripts)
    polled = queue.let_ten_minutes_pass()
    proof.counter.count("crossings", ("polled again",), failed=not polled)
    proof.figures["crossings"] = proof.judge([practice], patients.appointments, "crossings")


def _run_load(proof: GoogleProof) -> None:
    """Run the load with faults; then end the faults, work off the queue and compare."""
    from tests.proofs.google_practice import open_practice

    size = proof.size
    practices = [
        open_practice(
            proof.environment, proof.fake_google, f"load{number}.lib-rdv.localhost",
            levels=[place % 3 for place in range(size.agendas)],
        )
        for number in range(size.practices)
    ]  # fmt: skip
    proof.workers.start()
    queue = proof.queue(practices, sweep_every=size.sweep_every)
    patients = proof.patients(practices)
    started = time.monotonic()
    _apply_load(proof, queue, patients)
    took = time.monotonic() - started
    proof.fake_google.command("clear-faults")
    faults = proof.fake_google.injected()
    drained = queue.drain()
    polled = queue.let_ten_minutes_pass()
    proof.counter.count("load", ("drained",), failed=drained > size.drain, seen=drained)
    proof.counter.count("load", ("polled again",), failed=not polled)
    enough = sum(faults.values()) >= size.faults
    proof.counter.control(("enough faults",), failed=not enough, seen=sum(faults.values()))
    acted = len(patients.appointments)
    proof.counter.control(("enough appointments",), failed=acted < size.appointments, seen=acted)
    _all_connected(proof, practices)
    compared = proof.judge(practices, patients.appointments, LOAD)
    proof.figures[LOAD] = {
        "appointments": len(patients.appointments),
        "steps_over_http": dict(sorted(patients.steps.items())),
        "refused_over_http": dict(patients.refused),
        "faults": sum(faults.values()),
        "faults_by_kind": dict(sorted(faults.items())),
        "calls": sum(proof.fake_google.read("counters")["calls"].values()),
        "kills": proof.workers.killed,
        "load_s": round(took, 1),
        "drain_s": round(drained, 1),
        **compared,
    }
    if not proof.counter.failed:
        _measure_when_quiet(proof, queue, practices)


def _apply_load(proof: GoogleProof, queue: Any, patients: Any) -> None:
    size, fake_google = proof.size, proof.fake_google
    fake_google.command("reset")
    fake_google.command(
        "random-faults", rate=size.rate, seed=2026, kinds=KINDS, seconds=TIMEOUT_SECONDS * 1.3
    )
    patients.start(threads=size.patients, appointments=size.appointments)
    disruptions = GoogleDisruptions(proof)
    until = time.monotonic() + size.patience
    while time.monotonic() < until:
        queue.beat()
        disruptions.apply_due(queue)
        time.sleep(0.1)
        if not patients.are_done:
            continue
        # Some slots are lost to another request: acknowledged appointments count.
        missing = size.appointments - len(patients.appointments)
        if missing > 0:
            patients.start(threads=size.patients, appointments=missing)
        elif disruptions.injected >= size.faults:
            break
        elif not queue.waiting():
            patients.start(threads=size.patients, appointments=max(10, size.appointments // 20))
    patients.stop()


class GoogleDisruptions:
    """Disruptions beside the random faults: Google stops answering, tokens expire, workers are killed."""

    def __init__(self, proof: GoogleProof) -> None:
        self.proof, self.lot = proof, random.Random(2026)
        self.injected = 0
        self._next = dict.fromkeys(("kill", "silent", "tokens", "count", "print"), time.monotonic())
        for name in self._next:
            self._is_time(name)
        self._answers_at = float("inf")

    def apply_due(self, queue: Any) -> None:
        """Apply the disruptions that are due."""
        fake_google = self.proof.fake_google
        if self._is_time("kill"):
            self.proof.workers.kill_one(self.lot)
        if self._is_time("silent"):
            fake_google.command("black-hole", open=True)
            self._answers_at = time.monotonic() + self.proof.size.silent
        if time.monotonic() > self._answers_at:
            fake_google.command("black-hole", open=False)
            self._answers_at = float("inf")
        if self._is_time("tokens"):
            fake_google.command("access-tokens/expire")
            queue.make_due()
        if self._is_time("count"):
            self.injected = sum(fake_google.injected().values())
        if self.proof.size is FULL and self._is_time("print"):
            print(f"{queue.waiting()} wait, {self.injected} faults", file=sys.stderr, flush=True)

    def _is_time(self, name: str) -> bool:
        now, size = time.monotonic(), self.proof.size
        every = {
            "kill": size.kill_every,
            "silent": size.silent_every,
            "tokens": size.tokens_every,
            "count": 0.5,
            "print": 10,
        }[name]
        if now < self._next[name]:
            return False
        self._next[name] = now + every * self.lot.uniform(0.7, 1.3)
        return True


def _all_connected(proof: GoogleProof, practices: Sequence[Any]) -> None:
    """Count the accounts that are still connected: no fault may disconnect one."""
    for practice in practices:
        states = proof.environment.owner(
            f'SELECT id, state FROM "{practice.unit.schema}".booking_googleaccount'
        )
        for pk, state in states:
            case = (practice.host, pk)
            proof.counter.count("still connected", case, failed=state != "connected", seen=state)


def _measure_when_quiet(proof: GoogleProof, queue: Any, practices: Sequence[Any]) -> None:
    """Measure the time from the commit to Google's answer, without faults."""
    patients = proof.patients(practices)
    ((since,),) = proof.environment.owner("SELECT clock_timestamp()")
    for number in range(proof.size.quiet):
        appointment = patients.new(practices[number % len(practices)], ("book",))
        patients.step(appointment)
        queue.beat()
        time.sleep(0.1)
    queue.drain()
    seconds = [
        seconds
        for practice in practices
        for (seconds,) in proof.environment.owner(
            "SELECT extract(epoch FROM pushed_at - changed_at)::float"
            f' FROM "{practice.unit.schema}".booking_calendarentry WHERE changed_at > %s',
            [since],
        )
    ]
    p95 = statistics.quantiles(seconds, n=20)[-1]
    proof.counter.count(
        "healthy", ("p95 after the commit",), failed=p95 >= HEALTHY_SECONDS, seen=p95
    )
    proof.figures["healthy"] = {"pushes": len(seconds), "p95_s": round(p95, 3)}


def _resync(proof: GoogleProof) -> None:
    """Read a big calendar as a whole, in this process: workers would wait minutes for its quota."""
    from booking.google import limits
    from tests.proofs.google_practice import open_practice
    from tests.proofs.google_resync import FullRead

    proof.workers.close()
    proof.fake_google.command("clear-faults")
    limits.PER_ACCOUNT = limits.PER_PROJECT = 10**6
    practice = open_practice(
        proof.environment, proof.fake_google, "resync.lib-rdv.localhost", levels=[2]
    )
    resync = FullRead(practice, proof.fake_google, proof.counter)
    started = time.monotonic()
    figures = resync.play(events=proof.size.events, edits=proof.size.edits)
    proof.figures[RESYNC] = figures | {"seconds": round(time.monotonic() - started, 1)}


# --- The run ------------------------------------------------------------------------------------------


def _variables(size: GoogleSize) -> dict[str, str]:
    """Return variables that shorten the waits of workers from minutes to seconds."""
    return {
        "GOOGLE_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
        "GOOGLE_BACKOFF_SECONDS": "0.2",
        "GOOGLE_LONGEST_WAIT_SECONDS": "5",
        "GOOGLE_BREAKER_SECONDS": "1",
        "GOOGLE_LEASE_SECONDS": str(size.lease),
        "OUTBOX_LEASE_SECONDS": str(size.lease),
        "OUTBOX_BACKOFF_SECONDS": "0.2",
        "MAIL_PROVIDER": "smtp",
    }


def run(*, short: bool, sabotage: str | None) -> dict[str, Any]:
    """Run the three parts; with ``sabotage`` only the sections of that guard."""
    guard = GUARDS[sabotage] if sabotage else None
    size, counter = (SHORT if short else FULL), CaseCounter(guard)
    sections = guard.sections if guard is not None else (*CROSSINGS, LOAD, RESYNC)
    scripts = [name for name in sections if name in CROSSINGS]
    with (
        tempfile.TemporaryDirectory(prefix="fake-google-") as folder,
        run_fake_google(Path(folder)) as fake_google,
        SmtpServer() as relay,
        open_environment(
            proof="google",
            sabotage=sabotage,
            **fake_google.variables(),
            **_variables(size),
            EMAIL_URL=relay.url,
        ) as environment,
    ):
        workers = Workers(
            environment.variables,
            environment.logs / "worker.log",
            many=size.workers,
            threads=size.threads,
        )
        if guard is not None and RESYNC in sections:
            guard.remove_from_process()
        with environment.serve() as web:
            proof = GoogleProof(environment, fake_google, web.port, workers, counter, size)
            try:
                if scripts:
                    _cross(proof, scripts)
                if LOAD in sections:
                    _run_load(proof)
                web.check()
                if RESYNC in sections:
                    _resync(proof)
            finally:
                workers.close()
        if counter.failed:
            environment.show_logs()
    return counter.report("google", **proof.figures)
