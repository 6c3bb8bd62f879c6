"""Tidying what served to sign in, in every schema, once an hour."""

from django.utils import timezone

from tenants.accounts.services.tidying import SWEEPS
from tenants.broker import actor, tenant_actor
from tenants.routing import served_units
from tenants.schema import PUBLIC, Unit, inside

BATCH = 500


@tenant_actor(queue_name="sweep", max_retries=0)
def tidy(unit: Unit) -> None:
    """Delete in batches, each its own transaction."""
    for sweep in SWEEPS:
        while True:
            with inside(unit):
                swept = sweep(now=timezone.now(), limit=BATCH)
            if swept < BATCH:
                break


@actor(queue_name="sweep", max_retries=0)
def tidy_all() -> None:
    """Enqueue the tidying of every schema, the staff's own included."""
    for unit in [PUBLIC, *served_units()]:
        tidy.send(unit.schema)
