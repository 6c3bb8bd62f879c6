"""Delivery of an outbox entry: claim it, deliver outside any transaction, record one terminal state.

One handler is registered per kind. The claim is one conditional UPDATE that moves ``due_at`` forward: the worker
that changed the row owns it until the lease ends. A worker killed between delivery and record leaves the row
pending: it is delivered again with the same idempotency key, the entry's ref.
"""

import random
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import structlog
from django.conf import settings
from django.db.models import F

from tenants import metrics
from tenants.outbox.kinds import OutboxKind
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import PayloadError
from tenants.schema import Unit, inside

LEASE = timedelta(seconds=settings.OUTBOX_LEASE_SECONDS)
MAX_ATTEMPTS = 8
"""The limit for an entry whose handler raises: further attempts would not correct a programming error."""
PATIENCE = timedelta(hours=24)
"""How long an entry without ``expires_at`` is retried while its external service is unavailable."""
log = structlog.get_logger("outbox")

P = TypeVar("P")
P_contra = TypeVar("P_contra", contravariant=True)


@dataclass(frozen=True)
class Outcome:
    """The terminal state of an entry; ``reason`` is a code, never a text about a person."""

    state: OutboxEntry.EntryState
    reason: str = ""


SENT = Outcome(OutboxEntry.EntryState.SENT)

DeliveryCall = Callable[[], Outcome]
"""The delivery itself, called outside any transaction. May raise TryAgain."""


def not_sent(reason: str) -> Outcome:
    """Return the outcome of an entry whose delivery is no longer needed or possible."""
    return Outcome(OutboxEntry.EntryState.NOT_SENT, reason)


class TryAgain(Exception):
    """The external service did not respond or asked to wait: the entry stays pending and is retried.

    ``after`` replaces the back-off of the outbox when the handler knows the time to wait.
    """

    def __init__(self, reason: str, *, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class Handler(ABC, Generic[P_contra]):
    """Delivers the entries of a kind whose payload is ``P_contra``: prepare, deliver, complete."""

    @abstractmethod
    def prepare(
        self, entry: OutboxEntry, payload: P_contra, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Read the rows again, inside the unit. Return an outcome, or the delivery to make outside it."""

    def complete(
        self, entry: OutboxEntry, payload: P_contra, outcome: Outcome, *, unit: Unit, now: datetime
    ) -> None:
        """Do the follow-up work in the transaction that records the terminal state; by default none."""


@dataclass(frozen=True)
class _Registration:
    """A kind and its handler."""

    kind: OutboxKind[Any]
    handler: Handler[Any]
    is_slow: bool


_registrations: dict[str, _Registration] = {}


def register(kind: OutboxKind[P], handler: Handler[P], *, is_slow: bool = False) -> None:
    """Register ``handler`` for ``kind``. Raises ValueError when ``kind`` has a handler.

    ``is_slow``: the external service may take long or hang. Separate workers deliver this kind, so that no
    e-mail waits for it.
    """
    if kind in _registrations:
        raise ValueError(kind)
    _registrations[kind] = _Registration(kind, handler, is_slow)


def is_slow(kind: str) -> bool:
    """Return whether this kind is delivered by the workers of slow services."""
    return kind in _registrations and _registrations[kind].is_slow


def registered_kinds() -> list[OutboxKind[Any]]:
    """Return every kind that has a handler."""
    return [registration.kind for registration in _registrations.values()]


def deliver_entry(
    *, unit: Unit, ref: uuid.UUID, now: datetime, clock: Callable[[], datetime]
) -> Outcome | None:
    """Deliver one entry if it is due and not claimed by another worker; return its outcome, or None.

    ``clock`` returns the instant after the delivery, which may be slow. An entry whose handler raises is
    retried at most ``MAX_ATTEMPTS`` times and then FAILED; it does not affect other entries. An entry whose
    service does not respond is retried until it expires, or for ``PATIENCE``.
    """
    # The claim has a separate transaction, so that a failing handler does not roll back the attempt.
    with inside(unit):
        entry = _claim(ref=ref, now=now)
    if entry is None:
        return None
    try:
        return _deliver(unit=unit, entry=entry, now=now, clock=clock)
    except TryAgain as refusal:
        reason, after = refusal.reason, refusal.after
        is_hopeless = _has_waited_enough(entry, now=clock())
    except Exception as error:  # an entry that always fails must not stop the others
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
    registration = _registrations[entry.kind]
    payload = registration.kind.read(entry.payload)
    with inside(unit):
        prepared = registration.handler.prepare(entry, payload, unit=unit, now=now)
    outcome = prepared if isinstance(prepared, Outcome) else prepared()
    with inside(unit):
        is_ours = _record(entry, outcome, now=clock())
        if is_ours:
            registration.handler.complete(entry, payload, outcome, unit=unit, now=now)
    if is_ours:
        metrics.FINISHED.labels(entry.kind, outcome.state.value).inc()
    log.info("outbox_done", schema=unit.schema, entry=entry.ref.hex, kind=entry.kind)
    return outcome if is_ours else None


def _claim(*, ref: uuid.UUID, now: datetime) -> OutboxEntry | None:
    mine = OutboxEntry.objects.filter(
        ref=ref, state=OutboxEntry.EntryState.PENDING, due_at__lte=now
    ).update(due_at=now + LEASE, attempts=F("attempts") + 1)
    return OutboxEntry.objects.get(ref=ref) if mine else None


def _has_waited_enough(entry: OutboxEntry, *, now: datetime) -> bool:
    # The handler of an expired entry ends it as not sent, with its reason.
    return entry.expires_at is None and now >= entry.created_at + PATIENCE


def _jitter(entry: OutboxEntry) -> timedelta:
    # Full jitter: entries that failed together are not retried together.
    first = settings.OUTBOX_BACKOFF_SECONDS
    longest = min(300, first * 2 ** min(entry.attempts, 10))
    return timedelta(seconds=random.SystemRandom().uniform(first / 2, longest))


def _back_off(*, unit: Unit, entry: OutboxEntry, reason: str, due_at: datetime) -> None:
    with inside(unit):
        OutboxEntry.objects.filter(ref=entry.ref, state=OutboxEntry.EntryState.PENDING).update(
            due_at=due_at, reason=reason
        )
    metrics.RETRIED.labels(entry.kind).inc()
    log.info("outbox_retry", schema=unit.schema, entry=entry.ref.hex, kind=entry.kind)


def _give_up(*, unit: Unit, entry: OutboxEntry, reason: str, now: datetime) -> Outcome:
    failed = Outcome(OutboxEntry.EntryState.FAILED, reason)
    with inside(unit):
        is_ours = _record(entry, failed, now=now)
    if is_ours:
        metrics.FINISHED.labels(entry.kind, failed.state.value).inc()
        _complete_failed(unit=unit, entry=entry, failed=failed, now=now)
    return failed


def _complete_failed(*, unit: Unit, entry: OutboxEntry, failed: Outcome, now: datetime) -> None:
    registration = _registrations.get(entry.kind)
    if registration is None:
        return
    try:
        payload = registration.kind.read(entry.payload)
    except PayloadError:
        return
    with inside(unit):
        registration.handler.complete(entry, payload, failed, unit=unit, now=now)


def _record(entry: OutboxEntry, outcome: Outcome, *, now: datetime) -> bool:
    """Write the one terminal state; False when another worker has written one."""
    pending = OutboxEntry.objects.filter(ref=entry.ref, state=OutboxEntry.EntryState.PENDING)
    return bool(pending.update(state=outcome.state, reason=outcome.reason, finished_at=now))
