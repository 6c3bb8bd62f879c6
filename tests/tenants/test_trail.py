"""The trail: append-only by right, and a chain that shows when a row was touched."""

import uuid
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from tenants.schema import Unit, inside
from tenants.trail.chain import seal_acts, verify_acts
from tenants.trail.models import Act, ActSeal
from tenants.trail.services import record
from tests.conftest import owner_cursor

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)


def acts(count: int) -> None:
    for _number in range(count):
        record(verb="test.act", ref=uuid.uuid4(), actor="system", now=NOW)


def test_sealing_chains_every_act_once(tenant: Unit) -> None:
    acts(3)

    assert (seal_acts(), seal_acts()) == (3, 0)
    assert verify_acts().is_intact
    assert verify_acts().links == 3


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE {}.trail_act SET verb = 'other' WHERE id = %s",
        "UPDATE {}.trail_act SET at = at + interval '1 second' WHERE id = %s",
        "DELETE FROM {}.trail_act WHERE id = %s",
        "DELETE FROM {}.trail_actseal WHERE act_id = %s",
    ],
)
def test_touching_an_act_breaks_the_chain(committed_tenant, tampering: str) -> None:
    unit = committed_tenant("trail")
    with inside(unit):
        acts(3)
        seal_acts()
        second = Act.objects.order_by("pk")[1].pk

    with owner_cursor() as cursor:
        cursor.execute(tampering.format(unit.schema), [second])

    with inside(unit):
        assert not verify_acts().is_intact


def test_the_chain_cannot_fork(tenant: Unit) -> None:
    acts(1)
    seal_acts()

    with pytest.raises(IntegrityError), transaction.atomic():
        ActSeal.objects.create(act_id=10**9, prev_hash=bytes(32), hash=bytes(32))
