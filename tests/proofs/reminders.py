"""Due reminders, workers killed with SIGKILL, broker emptied and stopped: each arrives once.

Three worlds, one after the other. `brevo`: a provider that honours an idempotency key must take each
reminder exactly once. `smtp`: any relay must take each at least once; copies are counted, and there
are no more of them than reminders that a killed worker had in hand. `calm`: where nobody is killed, a
slow relay and a hasty sweep make no copy at all. Among them stand reminders that must not leave:
stopped, moved, cancelled, late. Every entry must end in one terminal state, the right one. The
reminders are found by the sweep alone, since nothing rings for what was not due when written.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from config import embedded, processes
from tests.fakes.brevo import API_KEY, Brevo, running
from tests.fakes.smtp import Fault, SmtpServer
from tests.proofs.sabotage import Guard
from tests.proofs.stage import Stage, set_stage
from tests.proofs.tally import Tally
from tests.proofs.workers import Workers

ZONES = ("Europe/Paris", "Indian/Reunion", "America/Martinique", "Pacific/Tahiti", "Pacific/Noumea")
"""At any instant one of them is well inside the hours in which a reminder may leave."""
MUST_NOT_LEAVE = ("stopped", "moved", "cancelled", "late")
PER_AGENDA = 100
BOOT_SECONDS = 120


@dataclass(frozen=True)
class Size:
    """How much is asked of one run; seconds, except for counts."""

    due: int
    tenants: int
    silent: int  # of each kind that must not leave
    workers: int
    threads: int
    kills: int
    every: float  # between two blows
    lease: float
    sweep_every: float
    slow: float  # how long the provider takes to answer
    patience: float  # without progress, at the end
    after: float  # time given at the end to what would leave a second time


FULL = Size(
    due=2000, tenants=4, silent=25, workers=3, threads=4, kills=24, every=2.0, lease=60,
    sweep_every=30, slow=0.3, patience=420, after=75,
)  # fmt: skip
SHORT = Size(
    due=40, tenants=2, silent=2, workers=2, threads=4, kills=2, every=0.5, lease=2,
    sweep_every=0.5, slow=0.1, patience=30, after=2,
)  # fmt: skip
CALM = Size(
    due=16, tenants=1, silent=2, workers=1, threads=24, kills=0, every=1, lease=8,
    sweep_every=0.15, slow=2.0, patience=20, after=1,
)  # fmt: skip
"""More threads than reminders: while the relay takes its two seconds over all of them at once, a hand is free
for what the next sweep rings again. With fewer, a second ring would come when its reminder has ended."""


# --- The guards ---------------------------------------------------------------------------------------


def _module(name: str) -> Any:
    """A module of the product whose names are about to be replaced."""
    return importlib.import_module(name)


def _send_with_a_fresh_key() -> None:
    notices = _module("booking.services.notices")
    hand_over = notices.hand_over

    def forgetful(mail: Any) -> None:
        mail.key = uuid.uuid4()
        mail.tags = [mail.key.hex]
        hand_over(mail)

    notices.hand_over = forgetful


def _claim_without_condition() -> None:
    from tenants.outbox.models import OutboxEntry

    def claim(*, ref: uuid.UUID, now: datetime) -> OutboxEntry | None:
        return OutboxEntry.objects.filter(ref=ref, state="pending").first()

    _module("tenants.outbox.delivery")._claim = claim


def _claim_for_ever() -> None:
    _module("tenants.outbox.delivery").LEASE = timedelta(days=1)


def _sweep_nothing() -> None:
    _module("tenants.outbox.actors").due_entries = lambda *, now: []


def _record_nothing() -> None:
    _module("tenants.outbox.delivery")._record = lambda entry, outcome, *, now: False


def _record_before_the_act() -> None:
    from tenants.outbox.models import OutboxEntry

    delivery = _module("tenants.outbox.delivery")
    claim = delivery._claim

    def hasty(*, ref: uuid.UUID, now: datetime) -> OutboxEntry | None:
        entry: OutboxEntry | None = claim(ref=ref, now=now)
        OutboxEntry.objects.filter(ref=ref).update(state="sent", finished_at=now)
        return entry

    delivery._claim = hasty


def _believe_the_entry() -> None:
    _module("booking.services.notices").why_not = lambda *_entry, **_now: ""


GUARDS = {
    "key": Guard("a retry carries the key of the first attempt", process=_send_with_a_fresh_key),
    "claim": Guard(
        "one conditional UPDATE gives an entry to one worker", process=_claim_without_condition
    ),
    "lease": Guard("a claim ends by itself when its worker dies", process=_claim_for_ever),
    "sweep": Guard(
        "the table is the truth: the sweep finds what nobody rang for", process=_sweep_nothing
    ),
    "ledger": Guard(
        "an entry that was acted upon gets its terminal state", process=_record_nothing
    ),
    "order": Guard(
        "the state is recorded after the act, never before", process=_record_before_the_act
    ),
    "reread": Guard(
        "the appointment is read again before anything is sent", process=_believe_the_entry
    ),
}
SHOWN_WHEN_CALM = {"claim"}
"""What a provider that honours keys would hide, and what blows would excuse."""
SHOWN_BY_BLOWS = {"lease"}
"""What nobody sees while every worker lives."""


# --- The broker -----------------------------------------------------------------------


class Redis:
    """A broker of our own, to be emptied and killed."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}?db=0"
        self._server: processes.Leashed | None = None

    def start(self) -> None:
        """Start it empty; returns when it answers."""
        command = [str(embedded._redis_binary()), "--port", "0", "--unixsocket", str(self.socket)]
        self.socket.unlink(missing_ok=True)
        self._server = processes.Leashed(
            [*command, "--save", "", "--dir", str(self.socket.parent)],
            output=self.socket.with_suffix(".log"),
        )
        if not processes.wait_until(self._answers, seconds=10):
            raise RuntimeError("the broker did not start")

    def flush(self) -> None:
        """FLUSHALL."""
        with self._client() as client:
            client.flushall()

    def kill(self) -> None:
        """SIGKILL; it keeps nothing."""
        with self._client() as client:
            os.kill(client.info()["process_id"], signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """End it."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _answers(self) -> bool:
        import redis

        with contextlib.suppress(redis.RedisError, OSError), self._client() as client:
            return bool(client.ping())
        return False

    def _client(self) -> Any:
        import redis

        return redis.Redis.from_url(self.url)


# --- One world ----------------------------------------------------------------------------------------


@dataclass
class World:
    """Tenants full of due reminders, and what each reminder must become."""

    stage: Stage
    units: list[Any] = field(default_factory=list)
    expected: dict[str, str] = field(default_factory=dict)
    addresses: dict[tuple[str, int], str] = field(default_factory=dict)

    def fill(self, *, size: Size, name: str) -> None:
        """Book everything two days ago, for tomorrow; the reminders fall due this minute."""
        for number in range(size.tenants):
            unit = self.stage.add_tenant(f"{name}-{number}.lib-rdv.localhost")
            self.units.append(unit)
            kinds = ["due"] * (size.due // size.tenants)
            if number == 0:
                kinds += [kind for kind in MUST_NOT_LEAVE for _ in range(size.silent)]
            made = _book(unit, kinds, prefix=f"{name}{number}")
            self.expected |= {address: kind for address, (_pk, kind) in made.items()}
            self.addresses |= {(unit.schema, pk): address for address, (pk, _) in made.items()}
            self._change(unit.schema, made)

    def _change(self, schema: str, made: dict[str, tuple[int, str]]) -> None:
        """Make four kinds of reminders that must not leave, behind the services' back."""
        statements = {
            "stopped": "UPDATE {s}.booking_appointment SET has_reminder = false WHERE id = ANY(%s)",
            "moved": "UPDATE {s}.booking_appointment SET sequence = sequence + 1 WHERE id = ANY(%s)",
            "cancelled": (
                "UPDATE {s}.booking_appointment SET status = 'cancelled_by_practitioner',"
                " cancelled_at = now() WHERE id = ANY(%s)"
            ),
            "late": (
                "UPDATE {s}.outbox_outboxentry SET expires_at = now() - interval '1 minute'"
                " WHERE object_id = ANY(%s)"
            ),
        }
        for kind, statement in statements.items():
            keys = [pk for pk, its_kind in made.values() if its_kind == kind]
            self.stage.owner(statement.format(s=schema), [keys])

    def pending(self) -> int:
        """How many reminders have no terminal state yet."""
        return sum(
            self.stage.owner(
                f"SELECT count(*) FROM {unit.schema}.outbox_outboxentry WHERE state = 'pending'"
            )[0][0]
            for unit in self.units
        )

    def endings(self) -> Iterator[tuple[str, str, str]]:
        """Each reminder's address, state and reason."""
        for unit in self.units:
            for pk, state, reason in self.stage.owner(
                f"SELECT object_id, state, reason FROM {unit.schema}.outbox_outboxentry"
            ):
                yield self.addresses[unit.schema, pk], state, reason


def _zone_of_day(now: datetime) -> ZoneInfo:
    zones = [ZoneInfo(name) for name in ZONES]
    return min(zones, key=lambda zone: abs(now.astimezone(zone).hour - 13))


def _book(unit: Any, kinds: list[str], *, prefix: str) -> dict[str, tuple[int, str]]:
    """Book one appointment of five minutes per kind; return address -> (key, kind)."""
    from booking import kinds as outbox_kinds
    from tenants.outbox.models import OutboxEntry
    from tenants.schema import inside
    from tests import factories

    now = datetime.now(UTC)
    zone = _zone_of_day(now)
    local = now.astimezone(zone)
    first = local.replace(hour=6, minute=0, second=0, microsecond=0) + timedelta(days=1)
    made = {}
    with inside(unit):
        cabinet = factories.Cabinet(reminder_minute=local.hour * 60 + local.minute)
        type(cabinet.location).objects.update(time_zone=zone.key)
        cabinet.type.duration_min = 5
        cabinet.type.save(update_fields=["duration_min"])
        for number, kind in enumerate(kinds):
            agenda, place = divmod(number, PER_AGENDA)
            if place == 0 and agenda:
                cabinet.practitioner = factories.make_practitioner(f"Praticien {agenda}")
                cabinet.type.practitioners.add(cabinet.practitioner)
            address = f"{prefix}-{number}@personne.example"
            booked = factories.make_appointment(
                cabinet,
                (first + timedelta(minutes=5 * place)).astimezone(UTC),
                person=factories.make_person(email=address),
                now=now - timedelta(days=2),
            )
            made[address] = (booked.pk, kind)
        # The confirmations left two days ago.
        OutboxEntry.objects.filter(kind=outbox_kinds.CONFIRMATION).delete()
    return made


class Blows:
    """What happens to workers and broker while the reminders leave."""

    def __init__(self, workers: Workers, broker: Redis, *, size: Size, seed: int) -> None:
        self.workers, self.broker, self.size = workers, broker, size
        self.chosen = random.Random(seed)
        self.flushed = self.stopped = 0
        self.at_takes = set(self.chosen.sample(range(2, size.due // 2), size.kills // 2))
        self.takes = 0
        self._next = time.monotonic() + size.every * 3
        self._left = size.kills - size.kills // 2
        self._lock = threading.Lock()

    def on_taken(self) -> None:
        """The provider has taken a reminder and not yet said so: the worst moment to die."""
        with self._lock:
            self.takes += 1
            now = self.takes in self.at_takes
        if now:
            self.workers.kill(self.chosen, everybody=True)

    def strike(self) -> None:
        """A blow when it is time for one: a worker dies, the broker forgets all, or is gone."""
        if time.monotonic() < self._next or not self._left:
            return
        self._next = time.monotonic() + self.size.every * self.chosen.uniform(0.5, 1.5)
        self._left -= 1
        self.workers.kill(self.chosen)
        if self._left % 3 == 0:
            self.broker.flush()
            self.flushed += 1
        if self._left % 7 == 1 or (self._left == 0 and not self.stopped):
            self.broker.kill()
            self.stopped += 1
            time.sleep(min(self.size.every, 2))
            self.broker.start()


def _ring_the_sweep() -> None:
    """What the clock does every thirty seconds; it survives a broker that is away."""
    from tenants.outbox.actors import sweep

    with contextlib.suppress(Exception):
        sweep.send()


def _play(world: World, blows: Blows, *, size: Size) -> float:
    """Strike and sweep until every reminder has ended, or nothing moves any more."""
    started = time.monotonic()
    swept, left, moved_at, has_started = 0.0, world.pending(), started, False
    while left and time.monotonic() - moved_at < size.patience:
        blows.workers.start()
        blows.strike()
        if time.monotonic() - swept >= size.sweep_every:
            swept = time.monotonic()
            _ring_the_sweep()
            if size is FULL:
                print(f"{left} left, {blows.workers.killed} killed", file=sys.stderr, flush=True)
        time.sleep(0.1)
        before, left = left, world.pending()
        if left != before or not has_started:
            moved_at = time.monotonic()
        has_started = has_started or blows.workers.have_started()
        if not has_started and time.monotonic() - started > BOOT_SECONDS:
            raise RuntimeError("no worker became ready")
    seconds = time.monotonic() - started
    # What was taken just before a blow would leave again when its lease ends: nothing may.
    blows.workers.start()
    deadline = time.monotonic() + size.after
    while time.monotonic() < deadline:
        _ring_the_sweep()
        time.sleep(min(size.sweep_every, size.after))
    return seconds


def _judge(
    world: World, taken: Counter[str], tally: Tally, *, name: str, copies_allowed: int
) -> int:
    """Compare what the provider took and how each entry ended with what had to be."""
    endings: dict[str, list[tuple[str, str]]] = {}
    for address, state, reason in world.endings():
        endings.setdefault(address, []).append((state, reason))
    copies = 0
    for address, kind in world.expected.items():
        times = taken.pop(address, 0)
        ended = endings.get(address, [])
        if kind == "due":
            copies += max(times - 1, 0)
            wrong = times == 0 or (not copies_allowed and times > 1) or not _is(ended, "sent", "")
        else:
            wrong = times > 0 or not _is(ended, "dropped", kind)
        tally.count(f"{name}: {kind}", (address,), failed=wrong, seen=(times, ended))
    tally.count(f"{name}: to nobody else", ("strangers",), failed=bool(taken), seen=dict(taken))
    tally.count(
        f"{name}: copies",
        ("copies",),
        failed=copies > copies_allowed,
        seen=(copies, copies_allowed),
    )
    return copies


def _is(ended: list[tuple[str, str]], state: str, reason: str) -> bool:
    return len(ended) == 1 and ended[0][0] == state and (state == "sent" or ended[0][1] == reason)


def _brevo_world(stage: Stage, broker: Redis, tally: Tally, plan: Plan) -> dict[str, Any]:
    provider = Brevo(delay_answer=plan.size.slow, report_after=3600)
    # Every so often the answer is lost although the mail was taken, or the provider is ill.
    provider.fault_every = {"answer_lost": 9, "error_before": 14}
    with running(provider) as address:
        environment = {"MAIL_PROVIDER": "brevo", "BREVO_API_URL": address, "BREVO_API_KEY": API_KEY}

        def listen(callback: Callable[[], None]) -> None:
            provider.on_taken = callback

        facts = _world(stage, broker, environment, listen, plan)
        taken = Counter(item.body["to"][0]["email"] for item in provider.mails())
        _judge(facts["world"], taken, tally, name=plan.name, copies_allowed=0)
    return _figures(facts) | {"duplicates_refused": len(provider.refusals)}


def _smtp_world(stage: Stage, broker: Redis, tally: Tally, plan: Plan) -> dict[str, Any]:
    callbacks: list[Callable[[], None]] = []
    with SmtpServer(on_delivery=lambda _delivery: callbacks[-1]() if callbacks else None) as relay:
        relay.slow_seconds = plan.size.slow
        relay.fail(Fault.SLOW, times=10**9)
        environment = {"MAIL_PROVIDER": "smtp", "EMAIL_URL": relay.url}
        facts = _world(stage, broker, environment, callbacks.append, plan)
        taken = Counter(address for item in list(relay.deliveries) for address in item.recipients)
        in_hand = facts["workers"].killed * plan.size.threads
        copies = _judge(facts["world"], taken, tally, name=plan.name, copies_allowed=in_hand)
        identifiers = len(relay.copies())
    due = sum(kind == "due" for kind in facts["world"].expected.values())
    tally.count(
        f"{plan.name}: a copy has the identifier of its original",
        ("message-id",),
        failed=identifiers != due,
        seen=(identifiers, due),
    )
    return _figures(facts) | {"copies": copies, "copies_allowed": in_hand}


@dataclass(frozen=True)
class Plan:
    """One world to be played."""

    name: str
    size: Size
    sabotage: str | None

    @property
    def play(self) -> Callable[[Stage, Redis, Tally, Plan], dict[str, Any]]:
        """What plays it."""
        return _brevo_world if self.name == "brevo" else _smtp_world


def _plans(*, short: bool, sabotage: str | None) -> list[Plan]:
    size = SHORT if short else FULL
    if sabotage is None:
        return [Plan("brevo", size, None), Plan("smtp", size, None), Plan("calm", CALM, None)]
    if sabotage in SHOWN_WHEN_CALM:
        return [Plan("calm", CALM, sabotage)]
    # What needs no blow is shown faster without.
    kills = 2 if sabotage in SHOWN_BY_BLOWS else 0
    size = replace(CALM, threads=4, slow=0.1, lease=2, kills=kills, every=0.5, after=2, patience=6)
    return [Plan("brevo", size, sabotage)]


def _world(
    stage: Stage,
    broker: Redis,
    environment: dict[str, str],
    listen: Callable[[Callable[[], None]], None],
    plan: Plan,
) -> dict[str, Any]:
    size = plan.size
    world = World(stage)
    world.fill(size=size, name=plan.name)
    served = {
        **stage.environment,
        **environment,
        "OUTBOX_LEASE_SECONDS": str(size.lease),
        "OUTBOX_BACKOFF_SECONDS": "5" if size is FULL else "0.2",
        "PROOF": "reminders",
        "SABOTAGE": plan.sabotage or "",
    }
    workers = Workers(
        served, stage.logs / f"worker-{plan.name}.log", many=size.workers, threads=size.threads
    )
    blows = Blows(workers, broker, size=size, seed=2026)
    listen(blows.on_taken)
    try:
        seconds = _play(world, blows, size=size)
    finally:
        workers.close()
        listen(lambda: None)
    return {"world": world, "workers": workers, "blows": blows, "seconds": seconds}


def _figures(facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "kills": facts["workers"].killed,
        "broker_emptied": facts["blows"].flushed,
        "broker_killed": facts["blows"].stopped,
        "seconds": round(facts["seconds"], 1),
    }


def run(*, short: bool, sabotage: str | None) -> dict[str, Any]:
    """Play the worlds; with a sabotage only the one that shows it."""
    tally = Tally(sabotage)
    figures: dict[str, Any] = {}
    with _short_folder() as folder:
        broker = Redis(folder)
        broker.start()
        try:
            with set_stage(REDIS_URL=broker.url, BROKER_URL=broker.url) as stage:
                for plan in _plans(short=short, sabotage=sabotage):
                    figures[plan.name] = plan.play(stage, broker, tally, plan)
        finally:
            broker.close()
    return tally.report("reminders", **figures)


@contextlib.contextmanager
def _short_folder() -> Iterator[Path]:
    """A socket's path has little room."""
    with tempfile.TemporaryDirectory(prefix="rdv-") as folder:
        yield Path(folder)
