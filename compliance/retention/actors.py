"""The purge every five minutes, the tidying every hour, and the watchdog of both."""

import structlog
from django.utils import timezone

from compliance.retention import alerts
from compliance.retention import purge as sweeping
from compliance.retention.due import backlog
from tenants import metrics
from tenants.broker import actor, tenant_actor
from tenants.heartbeat import Duty, beat
from tenants.routing import served_units
from tenants.schema import Unit

log = structlog.get_logger("retention")


@tenant_actor(queue_name="sweep", max_retries=0)
def purge(unit: Unit) -> None:
    """Erase the people of one schema whose date has come."""
    erased = sweeping.purge(unit, now=timezone.now())
    metrics.ERASED.inc(erased)
    log.info("purged", schema=unit.schema, count=erased)


@actor(queue_name="sweep", max_retries=0)
def purge_all() -> None:
    """Enqueue the purge of every schema that has something to erase.

    A client that has left is served by no worker any more; its patients are erased on time all the same.
    """
    now = timezone.now()
    served = set(served_units())
    for entry in backlog(until=now):
        if entry.unit in served:
            purge.send(entry.unit.schema)
        else:
            metrics.ERASED.inc(sweeping.purge(entry.unit, now=now))
    beat(duty=Duty.PURGE, now=timezone.now())


@tenant_actor(queue_name="sweep", max_retries=0)
def tidy(unit: Unit) -> None:
    """Clear the leftovers of one schema."""
    sweeping.tidy(unit, now=timezone.now())


@actor(queue_name="sweep", max_retries=0)
def tidy_all() -> None:
    """Enqueue the tidying of every schema."""
    for unit in served_units():
        tidy.send(unit.schema)


@actor(queue_name="sweep", max_retries=0)
def watch() -> None:
    """Raise an alert when an erasure is overdue (B-27)."""
    late = alerts.raise_alert(now=timezone.now())
    if late:
        log.error("erasures_overdue", count=late)
