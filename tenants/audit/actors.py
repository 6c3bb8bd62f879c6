"""Jobs of the audit trail: seal events every minute, sign checkpoints once a day, in every schema."""

from django.utils import timezone

from tenants.audit import (
    chain,
    chain_heads,
    checkpoints,
    receipts,
)
from tenants.audit.chain import seal_events
from tenants.broker import actor, tenant_actor
from tenants.heartbeat import Duty, beat
from tenants.routing import served_units
from tenants.schema import PUBLIC, Unit, inside


@tenant_actor(queue_name="sweep", max_retries=0)
def seal(unit: Unit) -> None:
    """Append the new events of one schema to its chain."""
    with inside(unit):
        seal_events()


@tenant_actor(queue_name="sweep", max_retries=0)
def sign_checkpoints(unit: Unit) -> None:
    """Sign the links of one schema that may be pruned, and record its chain heads outside the database.

    Pruning deletes signed links that are older than twelve months (B-27).
    """
    with inside(unit):
        checkpoints.sign_past(now=timezone.now())
        verdicts = {"receipts": receipts.verify(), "events": chain.verify_events()}
    # A broken chain keeps its earlier record: the file holds the last heads that were verified.
    if all(verdict.is_intact for verdict in verdicts.values()):
        found = {name: (verdict.links, verdict.head.hex()) for name, verdict in verdicts.items()}
        chain_heads.record(schema=unit.schema, chain_heads=found)


@actor(queue_name="sweep", max_retries=0)
def sign_all_checkpoints() -> None:
    """Enqueue ``sign_checkpoints`` for every schema."""
    for unit in [PUBLIC, *served_units()]:
        sign_checkpoints.send(unit.schema)


@actor(queue_name="sweep", max_retries=0)
def seal_all() -> None:
    """Enqueue ``seal`` for every schema."""
    for unit in [PUBLIC, *served_units()]:
        seal.send(unit.schema)
    beat(duty=Duty.SEAL, now=timezone.now())
