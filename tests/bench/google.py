"""Booking while Google answers at once, after five seconds, not at all, or is refused: the same.

A booking is the request that sends the form of a held slot, in a practice whose practitioners are all linked.
Workers push meanwhile, over a line that is cut in turn. The web processes are given another address for Google
than the workers: whoever connects there is counted. As in production mails and Google have workers of their own
that come after the pages, and mails arrive. Where the machine has two cores, the web has one, with what the
database does for it, and the workers and what stands for other machines (the double, its line, the relay, the
patients) have the other: else this would measure what a push takes of the processor, and not whose answer is
waited for.
"""

import contextlib
import itertools
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from config.devtools import processes
from config.devtools.managed_process import ManagedProcess
from tests.bench.booking import _Bookings
from tests.fakes.line import REFUSED, SILENT, THROUGH, Running
from tests.proofs.counter import CaseCounter, print_line
from tests.proofs.environment import open_environment
from tests.proofs.fake_google import FakeGoogle, run_fake_google
from tests.proofs.workers import Workers

NAME = "google"
AT_ONCE, SLOW, REFUSES, HOLE = "0 ms", "5 s", "refused", "black hole"
MODES = (AT_ONCE, SLOW, REFUSES, HOLE)
PUSH_SECONDS = 5.0
THREADS = 4
PER_SECOND = 10
"""Bookings: with mails, pushes, and those who receive them, two cores are then busy a third of the time."""
_WORKERS = {
    "GOOGLE_BACKOFF_SECONDS": "0.1",
    "GOOGLE_LONGEST_WAIT_SECONDS": "1",
    "GOOGLE_BREAKER_SECONDS": "1",
    "GOOGLE_LEASE_SECONDS": "8",
    "OUTBOX_BACKOFF_SECONDS": "0.2",
    "OUTBOX_LEASE_SECONDS": "8",
}


T = TypeVar("T")
_CORES = sorted(os.sched_getaffinity(0))
WEB_CORES, OTHER_CORES = set(_CORES[:1]), set(_CORES[1:2] or _CORES)
WEB, WORKER = "web", "worker"
"""As what each side's connections are known to the database."""
WORKERS_NICE = 10
"""As the units in `docs/systemd` have it."""
OTHER_MACHINE = 19
"""How nice the double, its line and the relay are: on machines of their own they would cost nothing here."""


class Trap:
    """An address at which nobody has any business: it counts who comes."""

    def __init__(self) -> None:
        self.visits = 0
        self._socket = socket.create_server(("127.0.0.2", 0))
        self.base = f"http://127.0.0.2:{self._socket.getsockname()[1]}/"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                visitor, _ = self._socket.accept()
                self.visits += 1
                visitor.close()

    def check(self) -> None:
        """Raise unless a visit is counted; forget it."""
        socket.create_connection(self._socket.getsockname(), timeout=10).close()
        if not processes.wait_until(lambda: self.visits == 1, seconds=10):
            raise RuntimeError("a visit was not counted")
        self.visits = 0

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


@dataclass
class Rounds:
    """The same bookings while Google is in each of its moods, by turns."""

    race: Any
    work: _Bookings
    fake_google: FakeGoogle
    line: Running
    queue: Any
    p95: dict[str, list[float]] = field(default_factory=lambda: {mode: [] for mode in MODES})
    waiting: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MODES, 0))
    pushes: list[float] = field(default_factory=list)
    failures: int = 0

    def play(self, rounds: int, *, many: int) -> None:
        """Alternate; each round begins with another mood."""
        for number in range(rounds):
            turn = number % len(MODES)
            for mode in MODES[turn:] + MODES[:turn]:
                self._measure(mode, many)

    def _measure(self, mode: str, many: int) -> None:
        self.work.hold(many)
        forms, self.work.forms = self.work.forms[:many], self.work.forms[many:]
        self.line.change({REFUSES: REFUSED, HOLE: SILENT}.get(mode, THROUGH))
        self.fake_google.command("latency", seconds=5 if mode == SLOW else 0)
        ((since,),) = self.race.environment.owner("SELECT clock_timestamp()")
        self._set_apart()
        seconds = self._book(forms)
        self.p95[mode].append(_p95(seconds))
        self.waiting[mode] += self.queue.waiting()
        self.fake_google.command("clear-faults")
        self.line.change(THROUGH)
        if self.queue.drain() == float("inf"):
            raise RuntimeError(f"what waited could not be written after {mode}: {self._left()}")
        if mode == AT_ONCE:
            self.pushes += self._pushed_since(since)

    def _left(self) -> list[Any]:
        """Return what waits, by account, and in which state that is."""
        rows: list[Any] = self.race.environment.owner(
            "SELECT account.state, account.last_error, account.poll_at - now(), count(*),"
            " min(entry.changed_at) - now()"
            f' FROM "{self.race.schema}".booking_calendarentry entry'
            f' JOIN "{self.race.schema}".booking_googleaccount account ON account.id = entry.account_id'
            " WHERE entry.version > entry.pushed GROUP BY account.id"
        )
        return rows

    def _book(self, forms: list[dict[str, str]]) -> list[float]:
        """Send the forms at their instants, whoever is still waiting for an answer."""
        start = time.perf_counter() + 0.1

        def send(numbered: tuple[int, dict[str, str]]) -> float:
            number, form = numbered
            time.sleep(max(0.0, start + number / PER_SECOND - time.perf_counter()))
            sent = time.perf_counter()
            answer = self.race.post("book", "/reserver/confirmer/", form)
            self.failures += answer.status != 302
            return time.perf_counter() - sent

        with ThreadPoolExecutor(
            THREADS, initializer=os.sched_setaffinity, initargs=(0, OTHER_CORES)
        ) as pool:
            return list(pool.map(send, enumerate(forms)))

    def _set_apart(self) -> None:
        """Have the database serve each side on that side's cores."""
        rows = self.race.environment.owner("SELECT pid, application_name FROM pg_stat_activity")
        for pid, name in rows:
            if name in {WEB, WORKER}:
                with contextlib.suppress(OSError):  # ended meanwhile, or a server that is not ours
                    os.sched_setaffinity(pid, WEB_CORES if name == WEB else OTHER_CORES)

    def _pushed_since(self, since: Any) -> list[float]:
        rows = self.race.environment.owner(
            "SELECT extract(epoch FROM pushed_at - changed_at)::float"
            f' FROM "{self.race.schema}".booking_calendarentry WHERE changed_at > %s',
            [since],
        )
        return [seconds for (seconds,) in rows]


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


@contextmanager
def _relaying(folder: Path) -> Iterator[str]:
    """Deliver the confirmations of the bookings, in a process of its own; yield what `EMAIL_URL` takes."""
    port = processes.free_port()
    command = [sys.executable, "-m", "tests.fakes.smtp", "--port", str(port)]
    command += ["--spool", str(folder / "mail")]
    relay = ManagedProcess(command, output=folder / "relay.log")
    try:
        if not processes.wait_until(lambda: processes.answers(port), seconds=30):
            raise RuntimeError("the relay did not come up")
        yield f"smtp://127.0.0.1:{port}"
    finally:
        relay.close()


def _neighbours(folder: Path, stack: contextlib.ExitStack) -> tuple[FakeGoogle, Running, str]:
    """Start what lives on other machines: the fake Google server, the proxy to it, and the relay."""
    fake_google = stack.enter_context(run_fake_google(folder))
    line = Running(fake_google.port, folder / "line.log")
    stack.callback(line.close)
    return fake_google, line, stack.enter_context(_relaying(folder))


def _start(
    start: Callable[[], T], stack: contextlib.ExitStack, *, cores: set[int], nice: int = 0
) -> T:
    """Start processes on some cores: a thread of theirs sets the affinity and lives until the stack is closed."""

    def set_aside() -> T:
        os.sched_setaffinity(0, cores)
        os.nice(nice)
        return start()

    pool = ThreadPoolExecutor(1)
    stack.callback(pool.shutdown)
    return pool.submit(set_aside).result()


def _link_everybody(race: Any, fake_google: FakeGoogle) -> None:
    from tests.proofs.google_practice import link

    for number, person in enumerate(race.people):
        link(fake_google, race.unit, person, address=f"agenda{number}@bench.example", level=2)


def run(*, short: bool = False) -> dict[str, Any]:
    """Measure; return the line of the bench."""
    rounds, many = (2, 20) if short else (10, 60)
    trap = Trap()
    trap.check()
    with (
        tempfile.TemporaryDirectory(prefix="fake-google-") as name,
        contextlib.ExitStack() as stack,
    ):
        fake_google, line, relay = _start(
            lambda: _neighbours(Path(name), stack), stack, cores=OTHER_CORES, nice=OTHER_MACHINE
        )
        environment = stack.enter_context(
            open_environment(
                **fake_google.variables(), **_WORKERS, MAIL_PROVIDER="smtp", EMAIL_URL=relay
            )
        )
        to_the_line = f"http://127.0.0.1:{line.port}/"
        variables = {
            **environment.variables, "GOOGLE_API_URL": to_the_line, "GOOGLE_OAUTH_URL": to_the_line,
            "PGAPPNAME": WORKER,
        }  # fmt: skip
        # As in production: no mail waits behind a Google that hangs, nor is it fewer meanwhile.
        quick, slow = (
            Workers(
                variables, environment.logs / f"{queues[0]}.log", many=1, threads=4, queues=queues
            )
            for queues in (processes.QUICK_QUEUES, processes.SLOW_QUEUES)
        )
        for workers in (quick, slow):
            stack.callback(workers.close)
            _start(workers.start, stack, cores=OTHER_CORES, nice=WORKERS_NICE)
        environment.variables |= {
            "GOOGLE_API_URL": trap.base, "GOOGLE_OAUTH_URL": trap.base, "PGAPPNAME": WEB,
        }  # fmt: skip
        serving = environment.serve(workers=2, threads=THREADS // 2)
        served = _start(lambda: stack.enter_context(serving), stack, cores=WEB_CORES)
        played = _play(environment, served, fake_google, line, slow, rounds=rounds, many=many)
    trap.close()
    return _line(played, trap, rounds)


def _play(
    environment: Any,
    served: Any,
    fake_google: FakeGoogle,
    line: Running,
    workers: Workers,
    **size: int,
) -> Rounds:
    from tests.proofs.google_queue import CalendarQueue
    from tests.proofs.race_rounds import RaceRun

    race = RaceRun(environment, CaseCounter(), served)
    _link_everybody(race, fake_google)
    work = _Bookings(race, size["many"])
    queue = CalendarQueue(environment, workers, [race.schema], sweep_every=0.5)
    played = Rounds(race, work, fake_google, line, queue)
    played.play(1, many=20)  # warm
    played = Rounds(race, work, fake_google, line, queue)
    played.play(size["rounds"], many=size["many"])
    for raw in work.raw:
        raw.close()
    return played


def _line(played: Rounds, trap: Trap, rounds: int) -> dict[str, Any]:
    medians = {mode: statistics.median(values) for mode, values in played.p95.items()}
    spread = statistics.mean(_spread(values) for values in played.p95.values())
    difference = max(
        abs(median - other) for median, other in itertools.combinations(medians.values(), 2)
    )
    push = _p95(played.pushes)
    is_equal = difference < spread
    # While it is refused or silent nothing arrives: else the moods would show nothing.
    bites = min(played.waiting[REFUSES], played.waiting[HOLE]) > played.waiting[AT_ONCE]
    return {
        "bench": NAME,
        "p95_ms": {mode: round(value * 1000, 2) for mode, value in medians.items()},
        "p95_ms_by_round": {
            mode: [round(value * 1000, 2) for value in values]
            for mode, values in played.p95.items()
        },
        "difference_ms": round(difference * 1000, 2),
        "spread_ms": round(spread * 1000, 2),
        "sockets_of_the_web": trap.visits,
        "waiting_at_the_end": played.waiting,
        "push_p95_s": round(push, 3),
        "pushes": len(played.pushes),
        "failures": played.failures,
        "rounds": rounds,
        "ok": is_equal
        and bites
        and trap.visits == 0
        and push < PUSH_SECONDS
        and played.failures == 0,
    }


def _spread(values: list[float]) -> float:
    """Return how far the middle half of the rounds reaches."""
    low, _middle, high = statistics.quantiles(values, n=4)
    return high - low


if __name__ == "__main__":
    sys.exit(print_line(run(short="--short" in sys.argv)))
