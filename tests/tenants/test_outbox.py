"""The outbox: claimed by one, done outside the transaction, one terminal state each."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from tenants.outbox import delivery
from tenants.outbox.delivery import (
    LEASE,
    MAX_ATTEMPTS,
    PATIENCE,
    Outcome,
    TryAgain,
    deliver_entry,
)
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import Due, settle_pending, write
from tenants.outbox.sweep import due_entries
from tenants.schema import Unit, current_unit, inside

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
KIND = "test.kind"


class Recorder:
    """A handler that does what the test says and remembers in which unit it was called."""

    def __init__(self, act: Callable[[], Outcome]) -> None:
        self.act = act
        self.acts: list[Unit | None] = []
        self.settled: list[Outcome] = []

    def prepare(
        self, entry: OutboxEntry, *, unit: Unit, now: datetime
    ) -> Outcome | Callable[[], Outcome]:
        def do() -> Outcome:
            self.acts.append(current_unit())
            return self.act()

        return do

    def settle(self, entry: OutboxEntry, outcome: Outcome, *, unit: Unit, now: datetime) -> None:
        self.settled.append(outcome)


@pytest.fixture
def handle() -> Iterator[Callable[[Callable[[], Outcome]], Recorder]]:
    """Register a handler for the test's kind."""

    def register(act: Callable[[], Outcome]) -> Recorder:
        recorder = Recorder(act)
        delivery._handlers[KIND] = recorder
        return recorder

    yield register
    delivery._handlers.pop(KIND, None)


def due(**fields: object) -> OutboxEntry:
    values: dict[str, object] = {"kind": KIND, "object_id": 7, "due_at": NOW} | fields
    written = write(due=[Due(**values)], now=NOW)[0]  # type: ignore[arg-type]  # fields of the test
    return OutboxEntry.objects.get(kind=written.kind, object_id=7)


def deliver(unit: Unit, ref: uuid.UUID, *, now: datetime = NOW) -> Outcome | None:
    return deliver_entry(unit=unit, ref=ref, now=now, clock=lambda: now)


def sent() -> Outcome:
    return delivery.SENT


def test_an_entry_is_delivered_once(committed_tenant, handle) -> None:
    unit = committed_tenant("outbox")
    recorder = handle(sent)
    with inside(unit):
        entry = due()

    first, second = deliver(unit, entry.ref), deliver(unit, entry.ref)

    assert first == delivery.SENT
    assert second is None
    assert recorder.settled == [delivery.SENT]


def test_the_act_runs_outside_any_unit(committed_tenant, handle) -> None:
    unit = committed_tenant("outbox")
    recorder = handle(sent)
    with inside(unit):
        entry = due()

    deliver(unit, entry.ref)

    assert recorder.acts == [None]
    assert not connection.in_atomic_block


def test_an_entry_that_is_not_due_is_left(committed_tenant, handle) -> None:
    unit = committed_tenant("outbox")
    recorder = handle(sent)
    with inside(unit):
        entry = due(due_at=NOW + timedelta(seconds=1))

    assert deliver(unit, entry.ref) is None
    assert recorder.acts == []


def test_a_claim_keeps_others_away_until_the_lease_ends(committed_tenant, handle) -> None:
    unit = committed_tenant("outbox")

    def crash() -> Outcome:
        raise KeyboardInterrupt

    handle(crash)
    with inside(unit):
        entry = due()
    with pytest.raises(KeyboardInterrupt):
        deliver(unit, entry.ref)

    handle(sent)

    assert deliver(unit, entry.ref, now=NOW + LEASE - timedelta(seconds=1)) is None
    assert deliver(unit, entry.ref, now=NOW + LEASE) == delivery.SENT


def test_an_outside_that_is_away_is_asked_again_for_a_day(committed_tenant, handle) -> None:
    unit = committed_tenant("outbox")

    def away() -> Outcome:
        raise TryAgain("smtp_451")

    recorder = handle(away)
    with inside(unit):
        entry = due()
    deliver(unit, entry.ref, now=NOW)
    deliver(unit, entry.ref, now=NOW + PATIENCE - timedelta(minutes=10))
    with inside(unit):
        entry.refresh_from_db()
    assert entry.state == OutboxEntry.State.PENDING

    deliver(unit, entry.ref, now=NOW + PATIENCE)
    with inside(unit):
        entry.refresh_from_db()

    assert entry.state == OutboxEntry.State.FAILED
    assert entry.reason == "smtp_451"
    assert recorder.settled == [Outcome(OutboxEntry.State.FAILED, "smtp_451")]


def test_what_expires_is_left_to_its_handler_to_drop(committed_tenant, handle) -> None:
    unit = committed_tenant("outbox")

    def away() -> Outcome:
        raise TryAgain("smtp_451")

    handle(away)
    with inside(unit):
        entry = due(expires_at=NOW + timedelta(hours=2))
    deliver(unit, entry.ref, now=NOW + PATIENCE)
    with inside(unit):
        entry.refresh_from_db()

    assert entry.state == OutboxEntry.State.PENDING


def test_a_poisoned_entry_ends_as_failed(committed_tenant, handle) -> None:
    unit = committed_tenant("outbox")

    def broken() -> Outcome:
        raise ZeroDivisionError

    handle(broken)
    with inside(unit):
        entry = due()
    now = NOW
    for _attempt in range(MAX_ATTEMPTS):
        deliver(unit, entry.ref, now=now)
        now += timedelta(minutes=10)
    with inside(unit):
        entry.refresh_from_db()

    assert (entry.state, entry.reason) == (OutboxEntry.State.FAILED, "ZeroDivisionError")
    assert entry.attempts == MAX_ATTEMPTS


def test_an_entry_that_nobody_handles_is_kept_and_in_the_end_failed(committed_tenant) -> None:
    unit = committed_tenant("outbox")
    with inside(unit):
        entry = due(kind="test.unknown")
    now = NOW
    for _attempt in range(MAX_ATTEMPTS):
        deliver(unit, entry.ref, now=now)
        now += timedelta(minutes=10)
    with inside(unit):
        entry.refresh_from_db()

    assert entry.state == OutboxEntry.State.FAILED


def test_writing_twice_is_writing_once(tenant: Unit) -> None:
    due()
    due()

    assert OutboxEntry.objects.filter(kind=KIND).count() == 1


def test_settling_ends_only_what_is_pending(tenant: Unit) -> None:
    entry = due()
    settle_pending(object_id=7, kinds=[KIND], reason="moved", now=NOW)
    again = settle_pending(object_id=7, kinds=[KIND], reason="erased", now=NOW)
    entry.refresh_from_db()

    assert (entry.state, entry.reason, again) == (OutboxEntry.State.DROPPED, "moved", 0)


def test_a_terminal_state_needs_its_instant(tenant: Unit) -> None:
    entry = due()

    with pytest.raises(IntegrityError), transaction.atomic():
        OutboxEntry.objects.filter(pk=entry.pk).update(state=OutboxEntry.State.SENT)


def test_the_sweep_finds_what_nobody_rang_for_in_every_schema(committed_tenant, handle) -> None:
    units = [committed_tenant("sweepa"), committed_tenant("sweepb")]
    refs = []
    for unit in units:
        with inside(unit):
            entry = due()
            refs.append((unit.schema, entry.ref, entry.kind))

    found = due_entries(now=NOW)

    assert set(refs) <= set(found)


def test_the_sweep_reads_all_schemas_in_two_statements(committed_tenant, handle) -> None:
    committed_tenant("sweepa")
    committed_tenant("sweepb")

    with CaptureQueriesContext(connection) as captured:
        due_entries(now=NOW)

    selects = [query["sql"] for query in captured if query["sql"].startswith("SELECT")]
    assert len(selects) == 2
