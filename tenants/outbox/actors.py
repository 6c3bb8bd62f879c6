"""The doorbell's worker side, and the sweep that finds what nobody rang for."""

import uuid

from django.utils import timezone

from tenants.broker import actor, tenant_actor
from tenants.heartbeat import Duty, beat
from tenants.outbox.delivery import deliver_entry
from tenants.outbox.sweep import due_entries
from tenants.schema import Unit


@tenant_actor(queue_name="outbox", max_retries=0)
def deliver(unit: Unit, ref: str) -> None:
    """Deliver one entry; what fails is found again by the sweep when its lease has ended."""
    deliver_entry(unit=unit, ref=uuid.UUID(hex=ref), now=timezone.now(), clock=timezone.now)


@actor(queue_name="sweep", max_retries=0)
def sweep() -> None:
    """Ring for every entry that is due in any schema: the table is the truth."""
    for schema, ref in due_entries(now=timezone.now()):
        deliver.send(schema, ref.hex)
    beat(duty=Duty.SWEEP, now=timezone.now())
