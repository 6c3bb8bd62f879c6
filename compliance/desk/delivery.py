"""What workers do for the desk: enter a client's schema, which no page of the public host may."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.conf import settings
from django.urls import reverse

from compliance.desk import health, owner
from compliance.desk.furnishing import Furniture, furnish
from compliance.desk.kinds import CHECK, INVITE, RESUMED, SETTLE, SUSPENDED
from compliance.desk.readiness import results
from compliance.desk.services import GO_LIVE, WITHDRAW, note_results
from tenants.models import Tenant
from tenants.outbox.delivery import SENT, Outcome, TryAgain
from tenants.outbox.mailing import Letter, send
from tenants.outbox.models import OutboxEntry
from tenants.schema import PUBLIC, Unit, inside

__all__ = [
    "CHECK",
    "INVITE",
    "RESUMED",
    "SETTLE",
    "SUSPENDED",
    "CheckReadiness",
    "InviteOwner",
    "Settle",
    "StateLetter",
]

Act = Callable[[], Outcome]
GONE = Outcome(OutboxEntry.State.DROPPED, "gone")


class _Handler:
    def settle(self, entry: OutboxEntry, outcome: Outcome, *, unit: Unit, now: datetime) -> None:
        """Nothing follows: the act wrote what it found."""


class Settle(_Handler):
    """Furnish a space that has just been built, and invite its owner."""

    def prepare(self, entry: OutboxEntry, *, unit: Unit, now: datetime) -> Outcome | Act:
        """Wait for the provisioner; then make the first rows, once."""
        tenant = Tenant.objects.filter(pk=entry.object_id or 0).first()
        if tenant is None:
            return GONE
        furniture = Furniture.of(tenant)

        def act() -> Outcome:
            if tenant.state not in Tenant.SERVED:
                raise TryAgain("not_built_yet")
            with inside(tenant.unit):
                furnish(furniture, now=now)
            return SENT

        return act


class CheckReadiness(_Handler):
    """Look whether a space can open, and open it when that was asked."""

    def prepare(self, entry: OutboxEntry, *, unit: Unit, now: datetime) -> Outcome | Act:
        """Ask every check inside the tenant, then note the answers outside it."""
        tenant = Tenant.objects.filter(pk=entry.object_id or 0).first()
        if tenant is None or tenant.state not in Tenant.SERVED:
            return GONE
        opens = entry.audience == GO_LIVE

        def act() -> Outcome:
            with inside(tenant.unit):
                found = results(now=now)
                figures = health.look(zone=tenant.time_zone, now=now)
            with inside(PUBLIC):
                note_results(tenant_id=tenant.pk, found=found, opens=opens, now=now)
                health.note(tenant_id=tenant.pk, figures=figures, now=now)
            return SENT

        return act


class InviteOwner(_Handler):
    """Sends the owner a new link, or withdraws the one that is out."""

    def prepare(self, entry: OutboxEntry, *, unit: Unit, now: datetime) -> Outcome | Act:
        """Act inside the tenant, then note where the invitation stands."""
        tenant = Tenant.objects.filter(pk=entry.object_id or 0).first()
        if tenant is None or tenant.state not in Tenant.SERVED:
            return GONE
        is_withdrawn = entry.audience == WITHDRAW

        def act() -> Outcome:
            with inside(tenant.unit):
                if is_withdrawn:
                    owner.withdraw(now=now)
                else:
                    owner.invite_again(Furniture.of(tenant), now=now)
                figures = health.look(zone=tenant.time_zone, now=now)
            with inside(PUBLIC):
                health.note(tenant_id=tenant.pk, figures=figures, now=now)
            return SENT

        return act


@dataclass(frozen=True)
class StateLetter(_Handler):
    """Tells the owner that new bookings stop, with the reason, or that they start again."""

    name: str
    state: str

    def prepare(self, entry: OutboxEntry, *, unit: Unit, now: datetime) -> Outcome | Act:
        """Say nothing of a state that has changed since."""
        tenant = Tenant.objects.filter(pk=entry.object_id or 0, state=self.state).first()
        if tenant is None or not tenant.owner_email:
            return GONE
        path = reverse("dashboard:today", urlconf=settings.ROOT_URLCONF)
        said = {"reason": tenant.suspended_reason}
        letter = Letter(entry, self.name, tenant.owner_email, said, {"link": path})
        return partial(send, letter, tenant.unit)
