"""The audit trail: append-only for the tenant's role; a changed row breaks its chain."""

import uuid
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from tenants.audit.chain import seal_events, verify_events
from tenants.audit.models import AuditEvent, AuditSeal
from tenants.audit.services import record
from tenants.schema import Unit, inside
from tests.conftest import owner_cursor

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)


def events(count: int) -> None:
    for _number in range(count):
        record(verb="test.act", ref=uuid.uuid4(), actor="system", now=NOW)


def test_sealing_chains_every_event_once(tenant: Unit) -> None:
    events(3)

    assert (seal_events(), seal_events()) == (3, 0)
    assert verify_events().is_intact
    assert verify_events().links == 3


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE {}.audit_auditevent SET verb = 'other' WHERE id = %s",
        "UPDATE {}.audit_auditevent SET at = at + interval '1 second' WHERE id = %s",
        "DELETE FROM {}.audit_auditevent WHERE id = %s",
        "DELETE FROM {}.audit_auditseal WHERE event_id = %s",
    ],
)
def test_a_changed_event_breaks_the_chain(committed_tenant, tampering: str) -> None:
    unit = committed_tenant("trail")
    with inside(unit):
        events(3)
        seal_events()
        second = AuditEvent.objects.order_by("pk")[1].pk

    with owner_cursor() as cursor:
        cursor.execute(tampering.format(unit.schema), [second])

    with inside(unit):
        assert not verify_events().is_intact


def test_the_chain_cannot_fork(tenant: Unit) -> None:
    events(1)
    seal_events()

    with pytest.raises(IntegrityError), transaction.atomic():
        AuditSeal.objects.create(event_id=10**9, prev_hash=bytes(32), hash=bytes(32))
