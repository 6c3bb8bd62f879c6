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
from django.db.models import F

from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit, inside

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 8
log = structlog.get_logger("outbox")


@dataclass(frozen=True)
class Outcome:
    """How an entry ended; ``reason`` is a code, never a text about a person."""

    state: OutboxEntry.State
    reason: str = ""


SENT = Outcome(OutboxEntry.State.SENT)


class TryAgain(Exception):  # reads as what it asks for
    """The outside did not answer or asked to wait: keep the entry pending and back off."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


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


def register(kind: str, handler: Handler) -> None:
    """Make ``handler`` responsible for ``kind``; one handler per kind."""
    if kind in _handlers:
        raise ValueError(kind)
    _handlers[kind] = handler


def deliver_entry(
    *, unit: Unit, ref: uuid.UUID, now: datetime, clock: Callable[[], datetime]
) -> Outcome | None:
    """Deliver one entry if it is due and nobody else has it; return its outcome, or None.

    ``clock`` gives the instants after the act, which may have been slow.
    """
    with inside(unit):
        entry = _claim(ref=ref, now=now)
        if entry is None:
            return None
        handler = _handlers[entry.kind]
        prepared = handler.prepare(entry, unit=unit, now=now)
    outcome = prepared
    if not isinstance(outcome, Outcome):
        try:
            outcome = outcome()
        except TryAgain as reason:
            return _back_off(
                unit=unit, entry=entry, reason=reason.reason, handler=handler, now=clock()
            )
    return _finish(unit=unit, entry=entry, outcome=outcome, handler=handler, now=clock())


def _claim(*, ref: uuid.UUID, now: datetime) -> OutboxEntry | None:
    mine = OutboxEntry.objects.filter(
        ref=ref, state=OutboxEntry.State.PENDING, due_at__lte=now
    ).update(due_at=now + LEASE, attempts=F("attempts") + 1)
    return OutboxEntry.objects.get(ref=ref) if mine else None


def _back_off(
    *, unit: Unit, entry: OutboxEntry, reason: str, handler: Handler, now: datetime
) -> Outcome | None:
    if entry.attempts >= MAX_ATTEMPTS:
        failed = Outcome(OutboxEntry.State.FAILED, reason)
        return _finish(unit=unit, entry=entry, outcome=failed, handler=handler, now=now)
    # Full jitter: many entries that failed together do not come back together.
    wait = timedelta(seconds=random.uniform(2, min(300, 5 * 2**entry.attempts)))  # noqa: S311
    with inside(unit):
        OutboxEntry.objects.filter(ref=entry.ref, state=OutboxEntry.State.PENDING).update(
            due_at=now + wait, reason=reason
        )
    log.info(
        "outbox_retry", schema=unit.schema, entry=entry.ref.hex, kind=entry.kind, reason=reason
    )
    return None


def _finish(
    *, unit: Unit, entry: OutboxEntry, outcome: Outcome, handler: Handler, now: datetime
) -> Outcome | None:
    with inside(unit):
        won = OutboxEntry.objects.filter(ref=entry.ref, state=OutboxEntry.State.PENDING).update(
            state=outcome.state, reason=outcome.reason, finished_at=now
        )
        if not won:
            return None
        handler.settle(entry, outcome, unit=unit, now=now)
    log.info(
        "outbox_done", schema=unit.schema, entry=entry.ref.hex, kind=entry.kind, state=outcome.state
    )
    return outcome
