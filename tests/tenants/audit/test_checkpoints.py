"""Pruning of audit trails after twelve months: the rest verifies, a cut at either end is detected (B-27)."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import uuid4

import psycopg2
import pytest
from django.core.management import CommandError, call_command

from tenants.audit import (
    actors,
    chain,
    checkpoints,
    receipts,
)
from tenants.audit.models import (
    AuditEvent,
    AuditSeal,
    Checkpoint,
    Receipt,
)
from tenants.audit.services import record
from tenants.provisioning.audit_pruning import prune_all
from tenants.schema import Unit, inside
from tests.conftest import owner_cursor

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
OLD = NOW - timedelta(days=366)
YOUNG = NOW - timedelta(days=100)


def write(at: datetime, count: int = 3) -> None:
    for _number in range(count):
        record(verb="test.act", ref=uuid4(), actor="user:1", now=at)
    chain.seal_events()
    receipts.write_many(
        subjects=[(uuid4(), "f")] * count, kind="test", rule="test", fields="x", now=at
    )


def prune(now: datetime = NOW) -> int:
    connection = psycopg2.connect(os.environ["OWNER_DATABASE_URL"])
    try:
        return prune_all(connection, now=now)
    finally:
        connection.close()


@pytest.fixture
def unit(committed_tenant: Callable[[str], Unit]) -> Unit:
    made = committed_tenant("pruned")
    with inside(made):
        write(OLD)
        write(YOUNG)
    return made


def verdicts(unit: Unit) -> dict[str, chain.Verdict]:
    with inside(unit):
        return {"events": chain.verify_events(), "receipts": receipts.verify()}


def test_links_older_than_a_year_are_pruned_and_the_rest_verifies(unit: Unit) -> None:
    with inside(unit):
        assert checkpoints.sign_past(now=NOW) == 2
        assert checkpoints.sign_past(now=NOW) == 0
    before = verdicts(unit)

    assert prune() == 9

    with inside(unit):
        assert (AuditEvent.objects.count(), AuditSeal.objects.count(), Receipt.objects.count()) == (
            3,
            3,
            3,
        )
        assert not AuditEvent.objects.filter(at__lt=NOW - timedelta(days=365)).exists()
    after = verdicts(unit)
    assert after == before
    assert {found.links for found in after.values()} == {6}
    assert prune() == 0


def test_unsigned_links_are_not_pruned(unit: Unit) -> None:
    assert prune() == 0


def test_a_fully_pruned_chain_continues_from_its_checkpoint(unit: Unit) -> None:
    later = NOW + timedelta(days=400)
    with inside(unit):
        checkpoints.sign_past(now=later)
    prune(later)
    with inside(unit):
        assert not Receipt.objects.exists()
        write(later)

    assert all(found.is_intact and found.links == 9 for found in verdicts(unit).values())


@pytest.mark.parametrize("table", ["audit_receipt", "audit_auditseal"])
def test_removed_first_links_without_a_checkpoint_are_detected(unit: Unit, table: str) -> None:
    with owner_cursor() as cursor:
        first = f"(SELECT min(id) FROM {unit.schema}.{table})"
        cursor.execute(f"DELETE FROM {unit.schema}.{table} WHERE id = {first}")

    assert not all(found.is_intact for found in verdicts(unit).values())


def test_a_forged_checkpoint_is_not_authentic(unit: Unit) -> None:
    with inside(unit):
        second = Receipt.objects.order_by("id")[1]
        Checkpoint.objects.create(
            chain="receipts",
            last_id=second.pk,
            last_hash=second.hash,
            links=2,
            at=NOW,
            signature=bytes(32),
        )
    with owner_cursor() as cursor:
        cursor.execute(f"DELETE FROM {unit.schema}.audit_receipt WHERE id <= %s", [second.pk])

    assert not verdicts(unit)["receipts"].is_intact


@pytest.mark.parametrize("name", ["events", "receipts"])
def test_a_truncated_chain_is_detected_by_its_recorded_head(unit: Unit, name: str) -> None:
    actors.sign_checkpoints.func(unit)
    call_command("verify_receipts", stdout=StringIO())
    table = {"events": "audit_auditseal", "receipts": "audit_receipt"}[name]
    with owner_cursor() as cursor:
        last = f"(SELECT max(id) FROM {unit.schema}.{table})"
        cursor.execute(f"DELETE FROM {unit.schema}.{table} WHERE id = {last}")
    # The chain itself does not show that its last link is missing.
    assert verdicts(unit)[name].is_intact

    output = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_receipts", stdout=output)
    assert f"{unit.schema} {name}: 5 links, CUT: 6 links were recorded" in output.getvalue()


def test_a_practice_may_neither_change_nor_delete_a_checkpoint(unit: Unit) -> None:
    from django.db import DatabaseError

    with inside(unit):
        checkpoints.sign_past(now=NOW)
    with pytest.raises(DatabaseError), inside(unit):
        Checkpoint.objects.all().delete()
    with pytest.raises(DatabaseError), inside(unit):
        Checkpoint.objects.update(links=1)


def test_an_outdated_schema_does_not_stop_the_pruning_of_others(
    unit: Unit, committed_tenant: Callable[[str], Unit]
) -> None:
    behind = committed_tenant("behind")
    with owner_cursor() as cursor:
        cursor.execute(f"DROP TABLE {behind.schema}.audit_checkpoint")
    with inside(unit):
        checkpoints.sign_past(now=NOW)

    assert prune() == 9
