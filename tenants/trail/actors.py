"""Sealing the trail of every schema, once a minute."""

from django.utils import timezone

from tenants.broker import actor, tenant_actor
from tenants.heartbeat import Duty, beat
from tenants.routing import served_units
from tenants.schema import PUBLIC, Unit, inside
from tenants.trail import chain, checkpoints, heads, receipts
from tenants.trail.chain import seal_acts


@tenant_actor(queue_name="sweep", max_retries=0)
def seal(unit: Unit) -> None:
    """Seal the new acts of one schema."""
    with inside(unit):
        seal_acts()


@tenant_actor(queue_name="sweep", max_retries=0)
def close_day(unit: Unit) -> None:
    """Sign what may go after twelve months, and note outside how far the chains have come."""
    with inside(unit):
        checkpoints.sign_past(now=timezone.now())
        verdicts = {"receipts": receipts.verify(), "acts": chain.verify_acts()}
    # A broken chain keeps its earlier note: what is said outside is what was last seen whole.
    if all(verdict.is_intact for verdict in verdicts.values()):
        found = {name: (verdict.links, verdict.head.hex()) for name, verdict in verdicts.items()}
        heads.note(schema=unit.schema, heads=found)


@actor(queue_name="sweep", max_retries=0)
def close_days() -> None:
    """Enqueue it for every schema."""
    for unit in [PUBLIC, *served_units()]:
        close_day.send(unit.schema)


@actor(queue_name="sweep", max_retries=0)
def seal_all() -> None:
    """Enqueue the sealing of every schema."""
    for unit in [PUBLIC, *served_units()]:
        seal.send(unit.schema)
    beat(duty=Duty.SEAL, now=timezone.now())
