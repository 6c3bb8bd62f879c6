"""Order, fill and open the practices of the demonstration, and print how to sign in."""

import time
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from booking.rules.holidays import territory_of
from config.devtools import demo_billing, demo_data
from config.devtools.demo_billing import DemoClient
from config.devtools.demo_data import PRACTICES, DemoPractice
from tenants.keyring.services import ensure_tenant_key
from tenants.models import Domain, Tenant
from tenants.schema import PUBLIC, inside

BUILD_SECONDS = 60.0
PAUSE_SECONDS = 0.2


class Command(BaseCommand):
    """Creates the demonstration's data; existing practices stay unchanged."""

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """Order all three practices, then fill and open each one once it is built."""
        if not settings.DEMO:
            raise CommandError("Only the demonstration is filled with fictitious practices.")
        now = timezone.now()
        with inside(PUBLIC):
            ensure_tenant_key(now=now)
            demo_data.staff()
        for plan in PRACTICES:
            order(plan, now=now)
        for plan in PRACTICES:
            tenant = wait_until_built(plan)
            with inside(tenant.unit):
                ensure_tenant_key(now=now)
                demo_data.fill(plan, now=now)
            go_live(tenant, now=now)
        fill_billing(now=now)
        self.stdout.write(instructions())


def host_of(plan: DemoPractice) -> str:
    """Return the host name of a practice."""
    return f"{plan.host}.{settings.APEX}"


def order(plan: DemoPractice, *, now: datetime) -> None:
    """Create the tenant in state ORDERED with its domain, once."""
    with inside(PUBLIC):
        if Domain.objects.filter(domain=host_of(plan)).exists():
            return
        tenant = Tenant(
            name=plan.practice["name"],
            profession=plan.practice["profession"],
            time_zone=plan.places[0].get("time_zone", "Europe/Paris"),
            territory=plan.places[0].get("territory", ""),
            owner_email=plan.owner.email,
            owner_name=plan.owner.name,
            created_at=now,
        )
        # Not Tenant.save(): the save() of django-tenants would create the schema in this process.
        (tenant,) = Tenant.objects.bulk_create([tenant])
        Domain.objects.bulk_create([Domain(domain=host_of(plan), tenant=tenant)])


def wait_until_built(plan: DemoPractice) -> Tenant:
    """Return the tenant when the provisioner has built it. Raises CommandError after 60 s."""
    deadline = time.monotonic() + BUILD_SECONDS
    while time.monotonic() < deadline:
        with inside(PUBLIC):
            tenant = Tenant.objects.get(domains__domain=host_of(plan))
        if tenant.state in Tenant.SERVED:
            return tenant
        time.sleep(PAUSE_SECONDS)
    raise CommandError(f"{host_of(plan)} was not built: is the provisioner running?")


def go_live(tenant: Tenant, *, now: datetime) -> None:
    """Set a ready tenant to state LIVE."""
    with inside(PUBLIC):
        Tenant.objects.filter(pk=tenant.pk, state=Tenant.State.READY).update(
            state=Tenant.State.LIVE, live_at=now
        )


def fill_billing(*, now: datetime) -> None:
    """Make the orders and invoices of the three practices, once."""
    with inside(PUBLIC):
        clients = []
        for number, plan in enumerate(PRACTICES):
            tenant = Tenant.objects.get(domains__domain=host_of(plan))
            place = plan.places[0]
            territory = place.get("territory") or territory_of(place["postcode"]) or "FR"
            clients.append(DemoClient(plan, tenant, number, territory))
        demo_billing.fill(clients, now=now)


def instructions() -> str:
    """Return the addresses, logins and password of the demonstration."""
    port = f":{settings.PUBLIC_PORT}" if settings.PUBLIC_PORT else ""
    public = f"http://{settings.APEX}{port}"
    lines = ["Practices (patients book here, the team signs in at /connexion/):"]
    for plan in PRACTICES:
        lines.append(f"  http://{host_of(plan)}{port}/  {plan.practice['name']}")
        lines.extend(f"      {member.email}  {member.role.label}" for member in plan.members)
    lines += [
        f"lib-rdv's staff pages:  {public}/bureau/",
        f"      {demo_data.STAFF_EMAIL}",
        f"Mails, and the staff's one-time code:  {public}/courrier/",
        f"One password for all:  {demo_data.PASSWORD}",
    ]
    return "\n".join(lines)
