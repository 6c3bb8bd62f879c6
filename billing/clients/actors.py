"""Collecting the health of every tenant every ten minutes, so that staff pages enter no schema (ADR 16)."""

from django.utils import timezone

from billing.clients import health
from tenants.broker import actor, tenant_actor
from tenants.models import Tenant
from tenants.routing import kept_units, served_units
from tenants.schema import PUBLIC, Unit, inside


@tenant_actor(queue_name="sweep", max_retries=0)
def collect(unit: Unit) -> None:
    """Collect the health of one tenant; do nothing when its row is gone."""
    with inside(PUBLIC):
        tenant = Tenant.objects.filter(schema_name=unit.schema).first()
    if tenant is not None:
        collect_tenant(tenant)


def collect_tenant(tenant: Tenant) -> None:
    """Collect the health of a tenant inside its unit, then record it in ``public``; call it outside any unit."""
    now = timezone.now()
    with inside(tenant.unit):
        figures = health.collect_health(zone=tenant.time_zone, now=now)
    with inside(PUBLIC):
        health.record_health(tenant_id=tenant.pk, figures=figures, now=now)


@actor(queue_name="sweep", max_retries=0)
def collect_all() -> None:
    """Enqueue ``collect`` for every tenant.

    Workers refuse a terminated tenant, whose erasures are still due: its health is collected here.
    """
    served = set(served_units())
    for unit in kept_units():
        if unit in served:
            collect.send(unit.schema)
        else:
            collect.func(unit)
