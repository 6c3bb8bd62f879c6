"""Outbox handlers of clients: they enter a tenant, which no page of the public host may (ADR 16)."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.conf import settings
from django.urls import reverse

from billing.clients import health, kinds, owner
from billing.clients.files.statements import StatedIdentity, record_statement
from billing.clients.kinds import CheckRequest, InvitationChange
from billing.clients.readiness import run_checks
from billing.clients.services import record_results
from billing.clients.tenant_seed import TenantSeed, seed_tenant
from booking.rules.kinds import IDENTITY_STATED, OPENING
from booking.scheduling.catalogue import practice_or_default
from tenants.models import Tenant
from tenants.outbox.delivery import (
    SENT,
    DeliveryCall,
    Handler,
    Outcome,
    TryAgain,
    not_sent,
    register,
)
from tenants.outbox.emails import Email, send
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NoPayload
from tenants.schema import PUBLIC, Unit, inside

GONE = not_sent("gone")


class SeedTenant(Handler[NoPayload]):
    """Seeds a tenant that the provisioner has built; the seed invites its owner."""

    def prepare(
        self, entry: OutboxEntry, payload: NoPayload, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Return the seeding, which raises TryAgain while the tenant is not built yet."""
        tenant = Tenant.objects.filter(pk=entry.subject_id).first()
        if tenant is None:
            return GONE
        seed = TenantSeed.of(tenant)

        def deliver() -> Outcome:
            if tenant.state not in Tenant.SERVED:
                raise TryAgain("not_built_yet")
            with inside(tenant.unit):
                seed_tenant(seed, now=now)
            return SENT

        return deliver


class CheckReadiness(Handler[CheckRequest]):
    """Runs the go-live checks, collects the health, and opens the site when that was requested."""

    def prepare(
        self, entry: OutboxEntry, payload: CheckRequest, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Return the checks, which read inside the tenant and record in ``public``."""
        tenant = _served_tenant(entry)
        if tenant is None:
            return GONE

        def deliver() -> Outcome:
            with inside(tenant.unit):
                results = run_checks(now=now)
                figures = health.collect_health(zone=tenant.time_zone, now=now)
            with inside(PUBLIC):
                record_results(
                    tenant_id=tenant.pk, results=results, goes_live=payload.goes_live, now=now
                )
                health.record_health(tenant_id=tenant.pk, figures=figures, now=now)
            return SENT

        return deliver


class OpenPractice(Handler[NoPayload]):
    """Runs the go-live checks when the practice asks for it; opens its site when all are met (G-10)."""

    def prepare(
        self, entry: OutboxEntry, payload: NoPayload, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Return the checks, which are read in the tenant's unit before ``public`` is entered."""
        results = run_checks(now=now)

        def deliver() -> Outcome:
            with inside(PUBLIC):
                tenant = Tenant.objects.filter(schema_name=unit.schema).first()
                if tenant is None or tenant.state not in Tenant.SERVED:
                    return GONE
                record_results(tenant_id=tenant.pk, results=results, goes_live=True, now=now)
            return SENT

        return deliver


class StateIdentity(Handler[NoPayload]):
    """Carries what a practice states of its identity to the staff pages (G-04)."""

    def prepare(
        self, entry: OutboxEntry, payload: NoPayload, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Return the recording; the statement is read in the tenant's unit before ``public`` is entered."""
        practice = practice_or_default()
        stated = StatedIdentity(
            legal_name=practice.legal_name,
            legal_form=practice.legal_form,
            siren=practice.siren,
            vat_number=practice.vat_number,
            street=practice.street,
            postcode=practice.postcode,
            town=practice.legal_town,
        )

        def deliver() -> Outcome:
            with inside(PUBLIC):
                tenant = Tenant.objects.filter(schema_name=unit.schema).first()
                if tenant is None:
                    return GONE
                record_statement(tenant=tenant, stated=stated, now=now)
            return SENT

        return deliver


class InviteOwner(Handler[InvitationChange]):
    """Sends the owner a new link, or withdraws the one that was sent."""

    def prepare(
        self, entry: OutboxEntry, payload: InvitationChange, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Return the change of the invitation; its new state is recorded in ``public`` with the health."""
        tenant = _served_tenant(entry)
        if tenant is None:
            return GONE

        def deliver() -> Outcome:
            with inside(tenant.unit):
                if payload.is_withdrawal:
                    owner.withdraw_invitation(now=now)
                else:
                    owner.resend_invitation(TenantSeed.of(tenant), now=now)
                figures = health.collect_health(zone=tenant.time_zone, now=now)
            with inside(PUBLIC):
                health.record_health(tenant_id=tenant.pk, figures=figures, now=now)
            return SENT

        return deliver


@dataclass(frozen=True)
class StateEmail(Handler[NoPayload]):
    """E-mails the owner that the site is open, suspended (with the reason) or takes bookings again."""

    template: str
    state: Tenant.State

    def prepare(
        self, entry: OutboxEntry, payload: NoPayload, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Return the sending; GONE when the state has changed since or the owner has no address."""
        tenant = Tenant.objects.filter(pk=entry.subject_id, state=self.state).first()
        if tenant is None or not tenant.owner_email:
            return GONE
        path = reverse("dashboard:today", urlconf=settings.ROOT_URLCONF)
        context = {"reason": tenant.suspended_reason}
        email = Email(entry, self.template, tenant.owner_email, context, {"link": path})
        return partial(send, email, tenant.unit)


def register_all() -> None:
    """Register the handlers of this app; called once, when apps are ready."""
    register(kinds.SEED, SeedTenant())
    register(kinds.CHECK, CheckReadiness())
    register(kinds.INVITE, InviteOwner())
    register(OPENING, OpenPractice())
    register(IDENTITY_STATED, StateIdentity())
    register(kinds.OPENED, StateEmail("client_opened", Tenant.State.LIVE))
    register(kinds.SUSPENDED, StateEmail("client_suspended", Tenant.State.SUSPENDED))
    register(kinds.RESUMED, StateEmail("client_resumed", Tenant.State.LIVE))


def _served_tenant(entry: OutboxEntry) -> Tenant | None:
    return Tenant.objects.filter(pk=entry.subject_id, state__in=Tenant.SERVED).first()
