"""Actors of the outbox: delivery of one entry, and the sweep that finds every entry that is due."""

import uuid
from collections.abc import Iterable

from django.utils import timezone

from tenants.broker import TenantActor, actor, tenant_actor
from tenants.clock import not_ahead
from tenants.heartbeat import Duty, beat
from tenants.outbox.delivery import deliver_entry, is_slow
from tenants.outbox.sweep import due_entries
from tenants.schema import Unit


@tenant_actor(queue_name="outbox", max_retries=0)
def deliver(unit: Unit, ref: str) -> None:
    """Deliver one entry; the sweep finds a failed one again when its lease has ended."""
    deliver_entry(unit=unit, ref=uuid.UUID(hex=ref), now=timezone.now(), clock=timezone.now)


@tenant_actor(queue_name="slow", max_retries=0)
def deliver_slowly(unit: Unit, ref: str) -> None:
    """Deliver one entry of a slow external service, in a queue without e-mails."""
    deliver_entry(unit=unit, ref=uuid.UUID(hex=ref), now=timezone.now(), clock=timezone.now)


def actor_for(kind: str) -> TenantActor:
    """Return the actor that delivers entries of this kind."""
    return deliver_slowly if is_slow(kind) else deliver


def enqueue(schema: str, entries: Iterable[tuple[str, str]]) -> None:
    """Enqueue entries of one schema, given as (kind, ref in hexadecimal)."""
    for kind, ref in entries:
        actor_for(kind).send(schema, ref)


@actor(queue_name="sweep", max_retries=0)
def sweep() -> None:
    """Enqueue every due entry of all schemas: the table is authoritative, not the broker."""
    now = not_ahead(timezone.now())
    for schema, ref, kind in due_entries(now=now):
        actor_for(kind).send(schema, ref.hex)
    beat(duty=Duty.SWEEP, now=now)
