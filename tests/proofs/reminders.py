"""Proof: each due reminder is sent once, although workers are killed and the broker loses its messages.

Three plans run one after the other. `brevo`: a provider that honours an idempotency key must accept each reminder
exactly once. `smtp`: any relay must accept each reminder at least once; there may be no more copies than reminders
that killed workers were sending. `quiet`: when no worker is killed, a slow relay and frequent sweeps must lead to
no copy. Some reminders must not be sent: those of appointments whose reminder was stopped, of moved and cancelled
appointments, and late ones. Each outbox entry must end in one terminal state, the right one. Only the sweep finds
these reminders, since entries that are not due when they are written send no message to the broker.
"""

from __future__ import annotations

import contextlib
import random
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from dataclasses import replace as changed
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes.brevo import API_KEY, Brevo, running
from tests.fakes.smtp import Fault, SmtpServer
from tests.proofs.broker import ProofBroker, run_broker
from tests.proofs.counter import CaseCounter
from tests.proofs.environment import ProofEnvironment, open_environment
from tests.proofs.guards import Guard, replace, wrap
from tests.proofs.workers import Workers
from tests.proofs.zones import zone_of_day

NOT_SENT = ("stopped", "moved", "cancelled", "late")
PER_AGENDA = 100
BOOT_SECONDS = 120


@dataclass(frozen=True)
class ReminderSize:
    """How much is asked of one run; seconds, except for counts."""

    due: int
    tenants: int
    not_sent: int  # of each kind that must not be sent
    workers: int
    threads: int
    kills: int
    every: float  # between two disruptions
    lease: float
    sweep_every: float
    slow: float  # how long the provider takes to answer
    patience: float  # without progress, at the end
    after: float  # at the end, for what would be sent a second time


FULL = ReminderSize(
    due=2000, tenants=4, not_sent=25, workers=3, threads=4, kills=24, every=2.0, lease=60,
    sweep_every=30, slow=0.3, patience=420, after=75,
)  # fmt: skip
SHORT = ReminderSize(
    due=40, tenants=2, not_sent=2, workers=2, threads=4, kills=2, every=0.5, lease=2,
    sweep_every=0.5, slow=0.1, patience=30, after=2,
)  # fmt: skip
QUIET = ReminderSize(
    due=16, tenants=1, not_sent=2, workers=1, threads=24, kills=0, every=1, lease=8,
    sweep_every=0.15, slow=2.0, patience=20, after=1,
)  # fmt: skip
"""More threads than reminders: while all reminders wait for the relay, a thread is free for the messages that the
next sweep sends for the same entries. With fewer threads these would be handled after the reminders have ended."""


# --- The guards ---------------------------------------------------------------------------------------


def _send_with_a_new_key() -> None:
    from tenants import email_transport

    def submit(call: Any, arguments: Any) -> Any:
        mail = arguments["mail"]
        mail.key = uuid.uuid4()
        mail.tags = [mail.key.hex]
        return call()

    wrap(email_transport, "submit", submit, uses=["mail"])


def _claim_without_condition() -> None:
    from tenants.outbox import delivery
    from tenants.outbox.models import OutboxEntry

    def claim(*, ref: uuid.UUID, now: datetime) -> OutboxEntry | None:
        return OutboxEntry.objects.filter(ref=ref, state="pending").first()

    replace(delivery, "_claim", claim)


def _claim_without_end() -> None:
    from tenants.outbox import delivery

    replace(delivery, "LEASE", timedelta(days=1))


def _sweep_nothing() -> None:
    from tenants.outbox import sweep

    replace(sweep, "due_entries", lambda *, now: [])


def _record_nothing() -> None:
    from tenants.outbox import delivery

    replace(delivery, "_record", lambda entry, outcome, *, now: False)


def _record_before_sending() -> None:
    from tenants.outbox import delivery
    from tenants.outbox.models import OutboxEntry

    def claim(call: Any, arguments: Any) -> Any:
        entry = call()
        OutboxEntry.objects.filter(ref=arguments["ref"]).update(
            state="sent", finished_at=arguments["now"]
        )
        return entry

    wrap(delivery, "_claim", claim, uses=["ref", "now"])


def _trust_the_entry() -> None:
    from booking.notifications import appointment_delivery

    replace(appointment_delivery, "why_not", lambda entry, appointment, *, now: "")


GUARDS = {
    "key": Guard("a retry carries the key of the first attempt", process=_send_with_a_new_key),
    "claim": Guard(
        "one conditional UPDATE gives an entry to one worker", process=_claim_without_condition
    ),
    "lease": Guard("a claim ends by itself when its worker dies", process=_claim_without_end),
    "sweep": Guard(
        "the sweep finds due entries without a message in the broker", process=_sweep_nothing
    ),
    "ledger": Guard(
        "an entry whose mail was sent gets its terminal state", process=_record_nothing
    ),
    "order": Guard(
        "the state is recorded after sending, never before", process=_record_before_sending
    ),
    "reread": Guard(
        "the appointment is read again before its reminder is sent", process=_trust_the_entry
    ),
}
SHOWN_WHEN_QUIET = {"claim"}
"""Guards whose absence a provider with keys would hide, and killed workers would excuse."""
SHOWN_BY_KILLS = {"lease"}
"""Guards whose absence shows only when a worker is killed."""


# --- The dataset ----------------------------------------------------------------------------------------


@dataclass
class ReminderDataset:
    """Tenants with due reminders, and the expected end of each reminder."""

    environment: ProofEnvironment
    units: list[Any] = field(default_factory=list)
    expected: dict[str, str] = field(default_factory=dict)
    addresses: dict[tuple[str, int], str] = field(default_factory=dict)

    def fill(self, *, size: ReminderSize, name: str) -> None:
        """Book appointments two days ago, for tomorrow; their reminders are due this minute."""
        for number in range(size.tenants):
            unit = self.environment.add_tenant(f"{name}-{number}.lib-rdv.localhost")
            self.units.append(unit)
            kinds = ["due"] * (size.due // size.tenants)
            if number == 0:
                kinds += [kind for kind in NOT_SENT for _ in range(size.not_sent)]
            made = _book(unit, kinds, prefix=f"{name}{number}")
            self.expected |= {address: kind for address, (_pk, kind) in made.items()}
            self.addresses |= {(unit.schema, pk): address for address, (pk, _) in made.items()}
            self._change(unit.schema, made)

    def _change(self, schema: str, made: dict[str, tuple[int, str]]) -> None:
        """Change the rows of the four kinds of reminders that must not be sent."""
        statements = {
            "stopped": "UPDATE {s}.booking_appointment SET has_reminder = false WHERE id = ANY(%s)",
            "moved": "UPDATE {s}.booking_appointment SET sequence = sequence + 1 WHERE id = ANY(%s)",
            "cancelled": (
                "UPDATE {s}.booking_appointment SET status = 'cancelled_by_practitioner',"
                " cancelled_at = now() WHERE id = ANY(%s)"
            ),
            "late": (
                "UPDATE {s}.outbox_outboxentry SET expires_at = now() - interval '1 minute'"
                " WHERE subject_id = ANY(%s)"
            ),
        }
        for kind, statement in statements.items():
            keys = [pk for pk, its_kind in made.values() if its_kind == kind]
            self.environment.owner(statement.format(s=schema), [keys])

    def pending(self) -> int:
        """Return the number of reminders without a terminal state."""
        return sum(
            self.environment.owner(
                f"SELECT count(*) FROM {unit.schema}.outbox_outboxentry WHERE state = 'pending'"
            )[0][0]
            for unit in self.units
        )

    def endings(self) -> Iterator[tuple[str, str, str]]:
        """Yield the address, state and reason of each reminder."""
        for unit in self.units:
            for pk, state, reason in self.environment.owner(
                f"SELECT subject_id, state, reason FROM {unit.schema}.outbox_outboxentry"
            ):
                yield self.addresses[unit.schema, pk], state, reason


def _book(unit: Any, kinds: list[str], *, prefix: str) -> dict[str, tuple[int, str]]:
    """Book one appointment of five minutes for each item of ``kinds``; return address -> (key, kind)."""
    from booking.rules import kinds as outbox_kinds
    from tenants.outbox.models import OutboxEntry
    from tenants.schema import inside
    from tests import factories

    now = datetime.now(UTC)
    zone = zone_of_day(now)
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


class ReminderDisruptions:
    """What happens to the workers and the broker while reminders are sent."""

    def __init__(
        self, workers: Workers, broker: ProofBroker, *, size: ReminderSize, seed: int
    ) -> None:
        self.workers, self.broker, self.size = workers, broker, size
        self.lot = random.Random(seed)
        self.flushed = self.stopped = 0
        self.at_takes = set(self.lot.sample(range(2, size.due // 2), size.kills // 2))
        self.takes = 0
        self._next = time.monotonic() + size.every * 3
        self._left = size.kills - size.kills // 2
        self._lock = threading.Lock()

    def on_taken(self) -> None:
        """Kill all workers while the provider has accepted a reminder and not yet answered; a few times."""
        with self._lock:
            self.takes += 1
            now = self.takes in self.at_takes
        if now:
            self.workers.kill_all()

    def apply_due(self) -> None:
        """When it is time, kill a worker; sometimes empty the broker, or kill it and start it again."""
        if time.monotonic() < self._next or not self._left:
            return
        self._next = time.monotonic() + self.size.every * self.lot.uniform(0.5, 1.5)
        self._left -= 1
        self.workers.kill_one(self.lot)
        if self._left % 3 == 0:
            self.broker.flush()
            self.flushed += 1
        if self._left % 7 == 1 or (self._left == 0 and not self.stopped):
            self.broker.kill()
            self.stopped += 1
            time.sleep(min(self.size.every, 2))
            self.broker.start()


def _enqueue_sweep() -> None:
    """Enqueue the sweep, as the clock does every thirty seconds; without a broker nothing happens."""
    from tenants.outbox.actors import sweep

    with contextlib.suppress(Exception):
        sweep.send()


def _play(
    dataset: ReminderDataset, disruptions: ReminderDisruptions, *, size: ReminderSize
) -> float:
    """Disrupt and sweep until each reminder has ended or nothing changes; return the seconds."""
    started = time.monotonic()
    swept, left, moved_at, has_started = 0.0, dataset.pending(), started, False
    while left and time.monotonic() - moved_at < size.patience:
        disruptions.workers.start()
        disruptions.apply_due()
        if time.monotonic() - swept >= size.sweep_every:
            swept = time.monotonic()
            _enqueue_sweep()
            if size is FULL:
                print(
                    f"{left} left, {disruptions.workers.killed} killed", file=sys.stderr, flush=True
                )
        time.sleep(0.1)
        before, left = left, dataset.pending()
        if left != before or not has_started:
            moved_at = time.monotonic()
        has_started = has_started or disruptions.workers.have_started()
        if not has_started and time.monotonic() - started > BOOT_SECONDS:
            raise RuntimeError("no worker became ready")
    seconds = time.monotonic() - started
    # A reminder that was accepted just before a kill would be sent again when its lease ends.
    disruptions.workers.start()
    deadline = time.monotonic() + size.after
    while time.monotonic() < deadline:
        _enqueue_sweep()
        time.sleep(min(size.sweep_every, size.after))
    return seconds


def _judge(
    dataset: ReminderDataset,
    taken: Counter[str],
    counter: CaseCounter,
    *,
    name: str,
    copies_allowed: int,
) -> int:
    """Compare what the provider accepted, and how each entry ended, with what is expected; return the copies."""
    endings: dict[str, list[tuple[str, str]]] = {}
    for address, state, reason in dataset.endings():
        endings.setdefault(address, []).append((state, reason))
    copies = 0
    for address, kind in dataset.expected.items():
        times = taken.pop(address, 0)
        ended = endings.get(address, [])
        if kind == "due":
            copies += max(times - 1, 0)
            wrong = times == 0 or (not copies_allowed and times > 1) or not _is(ended, "sent", "")
        else:
            wrong = times > 0 or not _is(ended, "not_sent", kind)
        counter.count(f"{name}: {kind}", (address,), failed=wrong, seen=(times, ended))
    counter.count(f"{name}: to no other address", ("others",), failed=bool(taken), seen=dict(taken))
    counter.count(
        f"{name}: copies",
        ("copies",),
        failed=copies > copies_allowed,
        seen=(copies, copies_allowed),
    )
    return copies


def _is(ended: list[tuple[str, str]], state: str, reason: str) -> bool:
    return len(ended) == 1 and ended[0][0] == state and (state == "sent" or ended[0][1] == reason)


def _run_brevo(
    environment: ProofEnvironment, broker: ProofBroker, counter: CaseCounter, plan: ReminderPlan
) -> dict[str, Any]:
    provider = Brevo(delay_answer=plan.size.slow, report_after=3600)
    # Some answers are lost although the mail was accepted, and some requests fail before that.
    provider.fault_every = {"answer_lost": 9, "error_before": 14}
    with running(provider) as address:
        variables = {"MAIL_PROVIDER": "brevo", "BREVO_API_URL": address, "BREVO_API_KEY": API_KEY}

        def listen(callback: Callable[[], None]) -> None:
            provider.on_taken = callback

        facts = _run_plan(environment, broker, variables, listen, plan)
        taken = Counter(item.body["to"][0]["email"] for item in provider.mails())
        _judge(facts["dataset"], taken, counter, name=plan.name, copies_allowed=0)
    return _figures(facts) | {"duplicates_refused": len(provider.refusals)}


def _run_smtp(
    environment: ProofEnvironment, broker: ProofBroker, counter: CaseCounter, plan: ReminderPlan
) -> dict[str, Any]:
    callbacks: list[Callable[[], None]] = []
    with SmtpServer(on_delivery=lambda _delivery: callbacks[-1]() if callbacks else None) as relay:
        relay.slow_seconds = plan.size.slow
        relay.fail(Fault.SLOW, times=10**9)
        variables = {"MAIL_PROVIDER": "smtp", "EMAIL_URL": relay.url}
        facts = _run_plan(environment, broker, variables, callbacks.append, plan)
        taken = Counter(address for item in list(relay.deliveries) for address in item.recipients)
        in_hand = facts["workers"].killed * plan.size.threads
        copies = _judge(facts["dataset"], taken, counter, name=plan.name, copies_allowed=in_hand)
        identifiers = len(relay.copies())
    due = sum(kind == "due" for kind in facts["dataset"].expected.values())
    counter.count(
        f"{plan.name}: a copy has the identifier of its original",
        ("message-id",),
        failed=identifiers != due,
        seen=(identifiers, due),
    )
    return _figures(facts) | {"copies": copies, "copies_allowed": in_hand}


@dataclass(frozen=True)
class ReminderPlan:
    """One of the runs of the proof."""

    name: str
    size: ReminderSize

    @property
    def runner(
        self,
    ) -> Callable[[ProofEnvironment, ProofBroker, CaseCounter, ReminderPlan], dict[str, Any]]:
        """The function that runs it."""
        return _run_brevo if self.name == "brevo" else _run_smtp


def _plans(*, short: bool, sabotage: str | None) -> list[ReminderPlan]:
    size = SHORT if short else FULL
    if sabotage is None:
        return [
            ReminderPlan("brevo", size),
            ReminderPlan("smtp", size),
            ReminderPlan("quiet", QUIET),
        ]
    if sabotage in SHOWN_WHEN_QUIET:
        return [ReminderPlan("quiet", QUIET)]
    # Most guards show without a killed worker, and faster.
    kills = 2 if sabotage in SHOWN_BY_KILLS else 0
    size = changed(QUIET, threads=4, slow=0.1, lease=2, kills=kills, every=0.5, after=2, patience=6)
    return [ReminderPlan("brevo", size)]


def _run_plan(
    environment: ProofEnvironment,
    broker: ProofBroker,
    variables: dict[str, str],
    listen: Callable[[Callable[[], None]], None],
    plan: ReminderPlan,
) -> dict[str, Any]:
    size = plan.size
    dataset = ReminderDataset(environment)
    dataset.fill(size=size, name=plan.name)
    of_workers = {
        **environment.variables,
        **variables,
        "OUTBOX_LEASE_SECONDS": str(size.lease),
        "OUTBOX_BACKOFF_SECONDS": "5" if size is FULL else "0.2",
    }
    workers = Workers(
        of_workers,
        environment.logs / f"worker-{plan.name}.log",
        many=size.workers,
        threads=size.threads,
    )
    disruptions = ReminderDisruptions(workers, broker, size=size, seed=2026)
    listen(disruptions.on_taken)
    try:
        seconds = _play(dataset, disruptions, size=size)
    finally:
        workers.close()
        listen(lambda: None)
    return {"dataset": dataset, "workers": workers, "disruptions": disruptions, "seconds": seconds}


def _figures(facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "kills": facts["workers"].killed,
        "broker_emptied": facts["disruptions"].flushed,
        "broker_killed": facts["disruptions"].stopped,
        "seconds": round(facts["seconds"], 1),
    }


def run(*, short: bool, sabotage: str | None) -> dict[str, Any]:
    """Run the plans; with ``sabotage`` only the plan that shows the guard."""
    counter = CaseCounter(GUARDS[sabotage] if sabotage else None)
    figures: dict[str, Any] = {}
    with (
        run_broker() as broker,
        open_environment(
            proof="reminders", sabotage=sabotage, REDIS_URL=broker.url, BROKER_URL=broker.url
        ) as environment,
    ):
        for plan in _plans(short=short, sabotage=sabotage):
            figures[plan.name] = plan.runner(environment, broker, counter, plan)
    return counter.report("reminders", **figures)
