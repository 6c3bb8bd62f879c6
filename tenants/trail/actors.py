"""Sealing the trail of every schema, once a minute."""

from django.utils import timezone

from tenants.broker import actor, tenant_actor
from tenants.heartbeat import Duty, beat
from tenants.routing import served_units
from tenants.schema import PUBLIC, Unit, inside
from tenants.trail.chain import seal_acts


@tenant_actor(queue_name="sweep", max_retries=0)
def seal(unit: Unit) -> None:
    """Seal the new acts of one schema."""
    with inside(unit):
        seal_acts()


@actor(queue_name="sweep", max_retries=0)
def seal_all() -> None:
    """Enqueue the sealing of every schema."""
    for unit in [PUBLIC, *served_units()]:
        seal.send(unit.schema)
    beat(duty=Duty.SEAL, now=timezone.now())
