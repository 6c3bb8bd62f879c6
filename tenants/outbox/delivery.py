"""Delivering an outbox entry: claim, act outside any transaction, record one terminal state.

A handler is registered per kind. The claim is one conditional UPDATE that pushes ``due_at``: whoever
changed the row owns it until the lease ends. A worker killed between act and record leaves the row
pending: it is done again with the same idempotency key (the entry's ref).
"""

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from django.conf import settings
from django.db.models import F

from tenants import metrics
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit, inside

LEASE = timedelta(seconds=settings.OUTBOX_LEASE_SECONDS)
MAX_ATTEMPTS = 8
"""Of an entry whose handler fails: the fault is ours, and trying longer would not mend it."""
PATIENCE = timedelta(hours=24)
"""With an outside that is away, for an entry that has no instant of its own at which it expires."""
log = structlog.get_logger("outbox")


@dataclass(frozen=True)
class Outcome:
    """How an entry ended; ``reason`` is a code, never a text about a person."""

    state: OutboxEntry.State
    reason: str = ""


SENT = Outcome(OutboxEntry.State.SENT)


class TryAgain(Exception):  # reads as what it asks for
    """The outside did not answer or asked to wait: keep the entry pending and back off.

    ``after`` is how long, when who raises it knows better than the back-off of the outbox.
    """

    def __init__(self, reason: str, *, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class Handler(Protocol):
    """What a kind of entry does, in three steps."""

    def prepare(
        self, entry: OutboxEntry, *, unit: Unit, now: datetime
    ) -> "Outcome | Callable[[], Outcome]":
        """Inside the unit: re-read the truth; return an outcome, or the act to do outside.

        The act runs outside any transaction and may raise TryAgain.
        """

    def settle(self, entry: OutboxEntry, outcome: Outcome, *, unit: Unit, now: datetime) -> None:
        """Inside the transaction that records the terminal state: what follows from it."""


_handlers: dict[str, Handler] = {}
_slow: set[str] = set()


def register(kind: str, handler: Handler, *, is_slow: bool = False) -> None:
    """Make ``handler`` responsible for ``kind``; one handler per kind.

    ``is_slow``: its outside may take long or hang; it has workers of its own, so that no mail waits for it.
    """
    if kind in _handlers:
        raise ValueError(kind)
    _handlers[kind] = handler
    if is_slow:
        _slow.add(kind)


def is_slow(kind: str) -> bool:
    """Return whether this kind is delivered by the workers of slow outsides."""
    return kind in _slow


def deliver_entry(
    *, unit: Unit, ref: uuid.UUID, now: datetime, clock: Callable[[], datetime]
) -> Outcome | None:
    """Deliver one entry if it is due and nobody else has it; return its outcome, or None.

    ``clock`` gives the instants after the act, which may have been slow. An entry whose handler fails
    backs off like one whose outside does not answer, and ends as FAILED: it never stops the others.
    An outside that does not answer is asked again until the entry expires, or for a day.
    """
    # The claim has a transaction of its own: a handler that fails must not take its attempt back.
    with inside(unit):
        entry = _claim(ref=ref, now=now)
    if entry is None:
        return None
    try:
        return _deliver(unit=unit, entry=entry, now=now, clock=clock)
    except TryAgain as refusal:
        reason, after = refusal.reason, refusal.after
        is_hopeless = _has_waited_enough(entry, now=clock())
    except Exception as error:  # one poisoned entry may not stop the others
        reason, after = type(error).__name__, None
        is_hopeless = entry.attempts >= MAX_ATTEMPTS
        log.exception("outbox_error", schema=unit.schema, entry=entry.ref.hex, kind=entry.kind)
    if is_hopeless:
        return _give_up(unit=unit, entry=entry, reason=reason[:40], now=clock())
    wait = _jitter(entry) if after is None else after
    _back_off(unit=unit, entry=entry, reason=reason[:40], due_at=clock() + wait)
    return None


def _deliver(
    *, unit: Unit, entry: OutboxEntry, now: datetime, clock: Callable[[], datetime]
) -> Outcome | None:
    handler = _handlers[entry.kind]
    with inside(unit):
        prepared = handler.prepare(entry, unit=unit, now=now)
    outcome = prepared if isinstance(prepared, Outcome) else prepared()
    with inside(unit):
        won = _record(entry, outcome, now=clock())
        if won:
            handler.settle(entry, outcome, unit=unit, now=now)
    if won:
        metrics.FINISHED.labels(entry.kind, outcome.state.value).inc()
    log.info("outbox_done", schema=unit.schema, entry=entry.ref.hex, kind=entry.kind)
    return outcome if won else None


def _claim(*, ref: uuid.UUID, now: datetime) -> OutboxEntry | None:
    mine = OutboxEntry.objects.filter(
        ref=ref, state=OutboxEntry.State.PENDING, due_at__lte=now
    ).update(due_at=now + LEASE, attempts=F("attempts") + 1)
    return OutboxEntry.objects.get(ref=ref) if mine else None


def _has_waited_enough(entry: OutboxEntry, *, now: datetime) -> bool:
    # What expires is dropped by its own handler, which knows why it came too late.
    return entry.expires_at is None and now >= entry.created_at + PATIENCE


def _jitter(entry: OutboxEntry) -> timedelta:
    # Full jitter: many entries that failed together do not come back together.
    first = settings.OUTBOX_BACKOFF_SECONDS
    longest = min(300, first * 2 ** min(entry.attempts, 10))
    return timedelta(seconds=random.uniform(first / 2, longest))  # noqa: S311


def _back_off(*, unit: Unit, entry: OutboxEntry, reason: str, due_at: datetime) -> None:
    with inside(unit):
        OutboxEntry.objects.filter(ref=entry.ref, state=OutboxEntry.State.PENDING).update(
            due_at=due_at, reason=reason
        )
    metrics.RETRIED.labels(entry.kind).inc()
    log.info("outbox_retry", schema=unit.schema, entry=entry.ref.hex, kind=entry.kind)


def _give_up(*, unit: Unit, entry: OutboxEntry, reason: str, now: datetime) -> Outcome:
    failed = Outcome(OutboxEntry.State.FAILED, reason)
    with inside(unit):
        won = _record(entry, failed, now=now)
    if won:
        metrics.FINISHED.labels(entry.kind, failed.state.value).inc()
    handler = _handlers.get(entry.kind)
    if won and handler is not None:
        with inside(unit):
            handler.settle(entry, failed, unit=unit, now=now)
    return failed


def _record(entry: OutboxEntry, outcome: Outcome, *, now: datetime) -> bool:
    """Write the one terminal state; False when somebody else has written one."""
    pending = OutboxEntry.objects.filter(ref=entry.ref, state=OutboxEntry.State.PENDING)
    return bool(pending.update(state=outcome.state, reason=outcome.reason, finished_at=now))
