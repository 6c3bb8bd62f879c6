"""Staff pages in tests: a member of staff, rows of clients and their health. All fictitious."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client
from django.urls import reverse

from tenants.heartbeat import Duty
from tenants.models import Domain, Health, Heartbeat, Tenant
from tenants.outbox.models import OutboxEntry
from tenants.provisioning.template import CURRENT_VERSION
from tests.accounts import add_totp, browser, make_user

URLCONF = "config.urls_public"


def staff_browser(public_host: str) -> Client:
    """Return the browser of a member of staff with a second factor, inside the unit ``public``."""
    user = make_user("iban@example.org", is_staff=True, name="Iban Fictif")
    add_totp(user)
    return browser(public_host, user)


def address(name: str, *args: Any) -> str:
    """Return the address of a staff page by the name of its pattern."""
    return reverse(name, args=args, urlconf=URLCONF)


def make_client(state: Tenant.State = Tenant.State.LIVE, name: str = "Anne Calque") -> Tenant:
    """Return a client's row with a host name; no schema belongs to it."""
    tenant = Tenant(name=name, state=state, created_at=datetime(2026, 11, 10, 9, 40, tzinfo=UTC))
    Tenant.objects.bulk_create([tenant])
    Domain.objects.create(tenant=tenant, domain=f"{uuid.uuid4().hex}.lib-rdv.localhost")
    return tenant


def make_healthy(tenant: Tenant, **fields: Any) -> Tenant:
    """Record a good health, collected now, except for these fields; a timedelta is counted from now."""
    now = datetime.now(UTC)
    values = {
        name: now + value if isinstance(value, timedelta) else value
        for name, value in fields.items()
    }
    Health.objects.update_or_create(tenant=tenant, defaults={"checked_at": now, **values})
    Tenant.objects.filter(pk=tenant.pk).update(schema_version=CURRENT_VERSION)
    return tenant


def make_all_healthy() -> None:
    """Record that every tenant is healthy, every duty has just been done, and no entry waits."""
    Health.objects.all().delete()
    OutboxEntry.objects.all().delete()
    for tenant in Tenant.objects.all():
        make_healthy(tenant)
    for duty in Duty:
        Heartbeat.objects.update_or_create(duty=duty, defaults={"at": datetime.now(UTC)})
