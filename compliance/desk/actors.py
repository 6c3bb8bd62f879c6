"""Looking at every space, every ten minutes: the desk reads numbers and enters no schema."""

from django.utils import timezone

from compliance.desk import health
from tenants.broker import actor, tenant_actor
from tenants.models import Tenant
from tenants.routing import kept_units, served_units
from tenants.schema import PUBLIC, Unit, inside


@tenant_actor(queue_name="sweep", max_retries=0)
def look(unit: Unit) -> None:
    """Count inside one space, then note it outside."""
    with inside(PUBLIC):
        tenant = Tenant.objects.filter(schema_name=unit.schema).first()
    if tenant is not None:
        look_at(tenant)


def look_at(tenant: Tenant) -> None:
    """Count inside the space of a client, then note it outside; call it outside any unit."""
    now = timezone.now()
    with inside(tenant.unit):
        figures = health.look(zone=tenant.time_zone, now=now)
    with inside(PUBLIC):
        health.note(tenant_id=tenant.pk, figures=figures, now=now)


@actor(queue_name="sweep", max_retries=0)
def look_all() -> None:
    """Enqueue a look at every space.

    A client that has left is served by no worker any more; its erasures are watched all the same.
    """
    served = set(served_units())
    for unit in kept_units():
        if unit in served:
            look.send(unit.schema)
        else:
            look.func(unit)
