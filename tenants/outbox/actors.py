"""The doorbell's worker side, and the sweep that finds what nobody rang for."""

import uuid

from django.utils import timezone

from tenants.broker import TenantActor, actor, tenant_actor
from tenants.heartbeat import Duty, beat
from tenants.outbox.delivery import deliver_entry, is_slow
from tenants.outbox.sweep import due_entries
from tenants.schema import Unit


@tenant_actor(queue_name="outbox", max_retries=0)
def deliver(unit: Unit, ref: str) -> None:
    """Deliver one entry; what fails is found again by the sweep when its lease has ended."""
    deliver_entry(unit=unit, ref=uuid.UUID(hex=ref), now=timezone.now(), clock=timezone.now)


@tenant_actor(queue_name="slow", max_retries=0)
def deliver_slowly(unit: Unit, ref: str) -> None:
    """Deliver one entry whose outside may hang, where no mail waits behind it."""
    deliver_entry(unit=unit, ref=uuid.UUID(hex=ref), now=timezone.now(), clock=timezone.now)


def actor_for(kind: str) -> TenantActor:
    """Return the actor that delivers entries of this kind."""
    return deliver_slowly if is_slow(kind) else deliver


@actor(queue_name="sweep", max_retries=0)
def sweep() -> None:
    """Ring for every entry that is due in any schema: the table is the truth."""
    for schema, ref, kind in due_entries(now=timezone.now()):
        actor_for(kind).send(schema, ref.hex)
    beat(duty=Duty.SWEEP, now=timezone.now())
