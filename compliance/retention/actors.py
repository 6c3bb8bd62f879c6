"""Jobs of retention: erase due persons and check for overdue erasures every 5 minutes, expire rows every hour."""

import structlog
from django.utils import timezone

from compliance.retention import alerts, expiry
from compliance.retention.due import backlog
from tenants import metrics
from tenants.broker import actor, tenant_actor
from tenants.clock import not_ahead
from tenants.heartbeat import Duty, beat
from tenants.routing import served_units
from tenants.schema import Unit

log = structlog.get_logger("retention")


@tenant_actor(queue_name="sweep", max_retries=0)
def erase_due(unit: Unit) -> None:
    """Erase the due persons of one schema."""
    erased = expiry.erase_due(unit, now=not_ahead(timezone.now()))
    metrics.ERASED.inc(erased)
    log.info("persons_erased", schema=unit.schema, count=erased)


@actor(queue_name="sweep", max_retries=0)
def erase_all_due() -> None:
    """Enqueue ``erase_due`` for every served schema with due persons.

    Workers refuse messages of tenants that are no longer served; their patients are erased here.
    """
    now = not_ahead(timezone.now())
    served = set(served_units())
    for entry in backlog(until=now):
        if entry.unit in served:
            erase_due.send(entry.unit.schema)
        else:
            metrics.ERASED.inc(expiry.erase_due(entry.unit, now=now))
    beat(duty=Duty.EXPIRY, now=now)


@tenant_actor(queue_name="sweep", max_retries=0)
def delete_expired(unit: Unit) -> None:
    """Delete the expired rows of one schema."""
    expiry.delete_expired(unit, now=not_ahead(timezone.now()))


@actor(queue_name="sweep", max_retries=0)
def delete_all_expired() -> None:
    """Enqueue ``delete_expired`` for every served schema."""
    for unit in served_units():
        delete_expired.send(unit.schema)


@actor(queue_name="sweep", max_retries=0)
def watch() -> None:
    """Alert the staff when an erasure is overdue (B-27)."""
    late = alerts.raise_alert(now=timezone.now())
    if late:
        log.error("erasures_overdue", count=late)
