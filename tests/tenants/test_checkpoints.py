"""Twelve months of trail: what is older goes, what stays verifies, and a cut is noticed at either end (B-27)."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import uuid4

import psycopg2
import pytest
from django.core.management import CommandError, call_command

from tenants.provisioning.pruning import prune_all
from tenants.schema import Unit, inside
from tenants.trail import actors, chain, checkpoints, receipts
from tenants.trail.models import Act, ActSeal, Checkpoint, Receipt
from tenants.trail.services import record
from tests.conftest import owner_cursor

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
OLD = NOW - timedelta(days=366)
YOUNG = NOW - timedelta(days=100)


def write(at: datetime, count: int = 3) -> None:
    for _number in range(count):
        record(verb="test.act", ref=uuid4(), actor="user:1", now=at)
    chain.seal_acts()
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
        return {"acts": chain.verify_acts(), "receipts": receipts.verify()}


def test_what_is_older_than_a_year_goes_and_the_rest_verifies(unit: Unit) -> None:
    with inside(unit):
        assert checkpoints.sign_past(now=NOW) == 2
        assert checkpoints.sign_past(now=NOW) == 0
    before = verdicts(unit)

    assert prune() == 9

    with inside(unit):
        assert (Act.objects.count(), ActSeal.objects.count(), Receipt.objects.count()) == (3, 3, 3)
        assert not Act.objects.filter(at__lt=NOW - timedelta(days=365)).exists()
    after = verdicts(unit)
    assert after == before
    assert {found.links for found in after.values()} == {6}
    assert prune() == 0


def test_what_is_not_signed_stays(unit: Unit) -> None:
    assert prune() == 0


def test_a_chain_that_went_whole_goes_on_from_its_checkpoint(unit: Unit) -> None:
    later = NOW + timedelta(days=400)
    with inside(unit):
        checkpoints.sign_past(now=later)
    prune(later)
    with inside(unit):
        assert not Receipt.objects.exists()
        write(later)

    assert all(found.is_intact and found.links == 9 for found in verdicts(unit).values())


@pytest.mark.parametrize("table", ["trail_receipt", "trail_actseal"])
def test_a_beginning_that_nobody_signed_away_is_noticed(unit: Unit, table: str) -> None:
    with owner_cursor() as cursor:
        first = f"(SELECT min(id) FROM {unit.schema}.{table})"
        cursor.execute(f"DELETE FROM {unit.schema}.{table} WHERE id = {first}")

    assert not all(found.is_intact for found in verdicts(unit).values())


def test_a_checkpoint_that_was_forged_signs_nothing(unit: Unit) -> None:
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
        cursor.execute(f"DELETE FROM {unit.schema}.trail_receipt WHERE id <= %s", [second.pk])

    assert not verdicts(unit)["receipts"].is_intact


@pytest.mark.parametrize("name", ["acts", "receipts"])
def test_an_end_that_was_cut_off_is_noticed_from_outside(unit: Unit, name: str) -> None:
    actors.close_day.func(unit)
    call_command("verify_receipts", stdout=StringIO())
    table = {"acts": "trail_actseal", "receipts": "trail_receipt"}[name]
    with owner_cursor() as cursor:
        last = f"(SELECT max(id) FROM {unit.schema}.{table})"
        cursor.execute(f"DELETE FROM {unit.schema}.{table} WHERE id = {last}")
    # By itself the chain does not know how long it was.
    assert verdicts(unit)[name].is_intact

    said = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_receipts", stdout=said)
    assert f"{unit.schema} {name}: 5 links, CUT: 6 links were seen" in said.getvalue()


def test_a_practice_may_neither_change_nor_delete_a_checkpoint(unit: Unit) -> None:
    from django.db import DatabaseError

    with inside(unit):
        checkpoints.sign_past(now=NOW)
    with pytest.raises(DatabaseError), inside(unit):
        Checkpoint.objects.all().delete()
    with pytest.raises(DatabaseError), inside(unit):
        Checkpoint.objects.update(links=1)


def test_a_schema_that_is_behind_stops_nobody(
    unit: Unit, committed_tenant: Callable[[str], Unit]
) -> None:
    behind = committed_tenant("behind")
    with owner_cursor() as cursor:
        cursor.execute(f"DROP TABLE {behind.schema}.trail_checkpoint")
    with inside(unit):
        checkpoints.sign_past(now=NOW)

    assert prune() == 9
