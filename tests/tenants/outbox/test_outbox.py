"""The outbox: claimed by one, done outside the transaction, one terminal state each."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils.functional import SimpleLazyObject

from tenants.outbox import delivery
from tenants.outbox.delivery import (
    LEASE,
    MAX_ATTEMPTS,
    PATIENCE,
    DeliveryCall,
    Handler,
    Outcome,
    TryAgain,
    deliver_entry,
)
from tenants.outbox.kinds import NO_MESSAGE, OutboxKind, Subject
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NO_PAYLOAD, NoPayload, PayloadError
from tenants.outbox.services import (
    Due,
    SubjectError,
    cancel_pending,
    subject_by_key,
    subject_of,
    write,
)
from tenants.outbox.sweep import due_entries
from tenants.schema import PUBLIC, Unit, current_unit, inside

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)


@dataclass(frozen=True)
class Version:
    """The payload of the tests."""

    number: int


KIND = OutboxKind("test.kind", "thing", Version, NO_MESSAGE)
OTHER_KIND = OutboxKind("test.unregistered", "thing", Version, NO_MESSAGE)


class Recorder(Handler[Version]):
    """A handler that delivers as the test says and remembers in which unit it was called."""

    def __init__(self, delivery_call: DeliveryCall) -> None:
        self.delivery_call = delivery_call
        self.units: list[Unit | None] = []
        self.payloads: list[Version] = []
        self.completed: list[Outcome] = []

    def prepare(
        self, entry: OutboxEntry, payload: Version, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        self.payloads.append(payload)

        def deliver() -> Outcome:
            self.units.append(current_unit())
            return self.delivery_call()

        return deliver

    def complete(
        self, entry: OutboxEntry, payload: Version, outcome: Outcome, *, unit: Unit, now: datetime
    ) -> None:
        self.completed.append(outcome)


@pytest.fixture
def handle() -> Iterator[Callable[[DeliveryCall], Recorder]]:
    """Register a handler for the test's kind."""

    def register(delivery_call: DeliveryCall) -> Recorder:
        recorder = Recorder(delivery_call)
        delivery._registrations.pop(KIND, None)
        delivery.register(KIND, recorder)
        return recorder

    yield register
    delivery._registrations.pop(KIND, None)


def item(kind: OutboxKind[Version] = KIND, **fields: Any) -> Due[Version]:
    """Return something that is due now."""
    values: dict[str, Any] = {
        "subject": Subject("thing", 7),
        "payload": Version(3),
        "due_at": NOW,
    } | fields
    return Due(kind, **values)


def due(kind: OutboxKind[Version] = KIND, **fields: Any) -> OutboxEntry:
    """Write an entry and return it as the database has it."""
    write(due=[item(kind, **fields)], now=NOW)
    return OutboxEntry.objects.filter(kind=kind, subject_id=7).latest("id")


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
    assert recorder.completed == [delivery.SENT]


def test_the_delivery_runs_outside_any_unit(committed_tenant, handle) -> None:
    unit = committed_tenant("outbox")
    recorder = handle(sent)
    with inside(unit):
        entry = due()

    deliver(unit, entry.ref)

    assert recorder.units == [None]
    assert recorder.payloads == [Version(3)]
    assert not connection.in_atomic_block


def test_an_entry_that_is_not_due_is_not_claimed(committed_tenant, handle) -> None:
    unit = committed_tenant("outbox")
    recorder = handle(sent)
    with inside(unit):
        entry = due(due_at=NOW + timedelta(seconds=1))

    assert deliver(unit, entry.ref) is None
    assert recorder.units == []


def test_a_claim_excludes_others_until_its_lease_ends(committed_tenant, handle) -> None:
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


def test_an_unavailable_service_is_retried_for_a_day(committed_tenant, handle) -> None:
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
    assert entry.state == OutboxEntry.EntryState.PENDING

    deliver(unit, entry.ref, now=NOW + PATIENCE)
    with inside(unit):
        entry.refresh_from_db()

    assert entry.state == OutboxEntry.EntryState.FAILED
    assert entry.reason == "smtp_451"
    assert recorder.completed == [Outcome(OutboxEntry.EntryState.FAILED, "smtp_451")]


def test_an_expired_entry_is_passed_to_its_handler(committed_tenant, handle) -> None:
    unit = committed_tenant("outbox")

    def away() -> Outcome:
        raise TryAgain("smtp_451")

    handle(away)
    with inside(unit):
        entry = due(expires_at=NOW + timedelta(hours=2))
    deliver(unit, entry.ref, now=NOW + PATIENCE)
    with inside(unit):
        entry.refresh_from_db()

    assert entry.state == OutboxEntry.EntryState.PENDING


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

    assert (entry.state, entry.reason) == (OutboxEntry.EntryState.FAILED, "ZeroDivisionError")
    assert entry.attempts == MAX_ATTEMPTS


def test_an_entry_without_a_handler_is_kept_and_finally_fails(committed_tenant) -> None:
    unit = committed_tenant("outbox")
    with inside(unit):
        entry = due(OTHER_KIND)
    now = NOW
    for _attempt in range(MAX_ATTEMPTS):
        deliver(unit, entry.ref, now=now)
        now += timedelta(minutes=10)
    with inside(unit):
        entry.refresh_from_db()

    assert entry.state == OutboxEntry.EntryState.FAILED


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({}, 1),
        ({"payload": Version(4)}, 2),
        ({"repeat": "20261110"}, 2),
        ({"subject": Subject("thing", 8)}, 2),
        ({"due_at": NOW + timedelta(hours=1)}, 1),
    ],
    ids=["the same", "another payload", "a repetition", "another subject", "another instant"],
)
def test_writing_an_entry_twice_stores_it_once(
    tenant: Unit, fields: dict[str, Any], count: int
) -> None:
    due()
    write(due=[item(**fields)], now=NOW)

    assert OutboxEntry.objects.filter(kind=KIND).count() == count


def test_the_database_holds_an_entry_once(tenant: Unit) -> None:
    entry = due()
    entry.pk, entry.ref = None, uuid.uuid4()

    with pytest.raises(IntegrityError), transaction.atomic():
        entry.save(force_insert=True)


def test_all_entries_of_an_operation_are_one_statement(tenant: Unit) -> None:
    with CaptureQueriesContext(connection) as captured:
        write(due=[item(payload=Version(number)) for number in range(5)], now=NOW)

    assert len(captured) == 1


def test_a_payload_of_another_class_is_refused(tenant: Unit) -> None:
    with pytest.raises(PayloadError):
        write(due=[item(payload=NO_PAYLOAD)], now=NOW)


def test_a_subject_of_another_type_is_refused(tenant: Unit) -> None:
    entry = due()

    with pytest.raises(SubjectError):
        write(due=[item(subject=subject_of(entry))], now=NOW)


def test_a_subject_is_named_after_its_model() -> None:
    entry = OutboxEntry(pk=3)
    lazy = cast("Any", SimpleLazyObject(lambda: entry))
    named = Subject("outbox_entry", 3)

    assert subject_by_key(OutboxEntry, 3) == subject_of(entry) == subject_of(lazy) == named


def test_a_stored_payload_that_cannot_be_read_ends_as_failed(committed_tenant, handle) -> None:
    unit = committed_tenant("outbox")
    recorder = handle(sent)
    with inside(unit):
        entry = due()
        OutboxEntry.objects.filter(pk=entry.pk).update(payload={"text": "Camille"})
    now = NOW
    for _attempt in range(MAX_ATTEMPTS):
        deliver(unit, entry.ref, now=now)
        now += timedelta(minutes=10)
    with inside(unit):
        entry.refresh_from_db()

    assert (entry.state, entry.reason) == (OutboxEntry.EntryState.FAILED, "PayloadError")
    assert (recorder.payloads, recorder.completed) == ([], [])


def test_a_kind_has_one_handler(handle: Callable[[DeliveryCall], Recorder]) -> None:
    handle(sent)

    with pytest.raises(ValueError, match=KIND):
        delivery.register(KIND, Recorder(sent))


def test_a_handler_of_a_kind_without_a_payload_needs_no_completion() -> None:
    class Silent(Handler[NoPayload]):
        def prepare(
            self, entry: OutboxEntry, payload: NoPayload, *, unit: Unit, now: datetime
        ) -> Outcome:
            return delivery.SENT

    entry = OutboxEntry()

    Silent().complete(entry, NO_PAYLOAD, delivery.SENT, unit=PUBLIC, now=NOW)


def test_cancelling_ends_only_what_is_pending(tenant: Unit) -> None:
    entry = due()
    cancel_pending(subject_ids=[7], kinds=[KIND], reason="moved", now=NOW)
    again = cancel_pending(subject_ids=[7], kinds=[KIND], reason="erased", now=NOW)
    entry.refresh_from_db()

    assert (entry.state, entry.reason, again) == (OutboxEntry.EntryState.NOT_SENT, "moved", 0)


def test_a_terminal_state_needs_its_instant(tenant: Unit) -> None:
    entry = due()

    with pytest.raises(IntegrityError), transaction.atomic():
        OutboxEntry.objects.filter(pk=entry.pk).update(state=OutboxEntry.EntryState.SENT)


def test_the_sweep_finds_what_was_not_enqueued_in_every_schema(committed_tenant, handle) -> None:
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
