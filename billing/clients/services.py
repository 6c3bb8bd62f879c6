"""What staff decide about a client. Services write in ``public`` and enter no tenant: workers do (ADR 16)."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.conf import settings
from django.db import IntegrityError, transaction

from billing.clients.kinds import (
    CHECK,
    INVITE,
    OPENED,
    RESUMED,
    SEED,
    SUSPENDED,
    CheckRequest,
    InvitationChange,
)
from billing.clients.models import Client
from tenants.audit.services import SYSTEM, record
from tenants.models import Domain, Readiness, Tenant
from tenants.outbox.kinds import OutboxKind
from tenants.outbox.payloads import NO_PAYLOAD
from tenants.outbox.services import Due, subject_of, write

P = TypeVar("P")

ATTESTATION_TEXT = "T-4/1"
"""Version of the sentences that the client attested (G-03)."""


class ClientLifecycleError(Exception):
    """Base class of the refusals of these services."""


class NameTakenError(ClientLifecycleError):
    """Another client has this host name."""


class NotAttestedError(ClientLifecycleError):
    """The client has not attested to act as a professional and to be of age (G-03)."""


class WrongStateError(ClientLifecycleError):
    """The state of the tenant does not allow this action (G-10)."""


@dataclass(frozen=True)
class ClientOrder:
    """An order: the practice, its subdomain, its owner and the two attestations of G-03."""

    practice_name: str
    subdomain: str
    profession: str
    time_zone: str
    territory: str
    owner_name: str
    owner_email: str
    is_professional: bool
    is_adult: bool


def order_tenant(
    *, order: ClientOrder, client: Client | None = None, actor: str, now: datetime
) -> Tenant:
    """Create a tenant in state ``ordered``; the provisioner builds the schema, a worker seeds it.

    It is that of ``client``; without one a client is created, whose legal identity staff complete: of its name,
    the order knows the owner's only.
    Raises NotAttestedError or NameTakenError. ``tenants.subdomains`` has checked the subdomain before.
    """
    if not (order.is_professional and order.is_adult):
        raise NotAttestedError
    tenant = Tenant(
        name=order.practice_name,
        profession=order.profession,
        time_zone=order.time_zone,
        territory=order.territory,
        owner_name=order.owner_name,
        owner_email=order.owner_email.lower(),
        professional_attested_at=now,
        adult_attested_at=now,
        attestation_text_version=ATTESTATION_TEXT,
        created_at=now,
    )
    host = f"{order.subdomain}.{settings.APEX}"
    try:
        with transaction.atomic():
            # Not save(): the library's would create the schema in this process.
            Tenant.objects.bulk_create([tenant])
            Domain.objects.bulk_create([Domain(domain=host, tenant=tenant)])
            if client is None:
                _create_client(tenant, now=now)
            else:
                Client.objects.filter(pk=client.pk, tenant__isnull=True).update(tenant=tenant)
    except IntegrityError as error:
        if getattr(error.__cause__, "pgcode", "") != "23505":
            raise
        raise NameTakenError from None
    _enqueue(tenant, SEED, NO_PAYLOAD, now=now)
    record(verb="tenant.ordered", ref=tenant.ref, actor=actor, now=now)
    return tenant


def _create_client(tenant: Tenant, *, now: datetime) -> None:
    Client.objects.create(
        tenant=tenant,
        legal_name=tenant.owner_name,
        trade_name=tenant.name,
        email=tenant.owner_email,
        created_at=now,
    )


@dataclass(frozen=True)
class OrderCorrection:
    """What staff correct of an order: its names, and the address that the owner's invitation goes to."""

    practice_name: str
    owner_name: str
    owner_email: str


def correct_order(
    *, tenant: Tenant, correction: OrderCorrection, actor: str, now: datetime
) -> None:
    """Change the names and the owner's address of a practice; the next link goes to the new address.

    What its site and its accounts say is the practice's own and stays.
    """
    Tenant.objects.filter(pk=tenant.pk).update(
        name=correction.practice_name,
        owner_name=correction.owner_name,
        owner_email=correction.owner_email.lower(),
    )
    record(verb="tenant.corrected", ref=tenant.ref, actor=actor, now=now)


def request_seeding(*, tenant: Tenant, actor: str, now: datetime) -> None:
    """Ask a worker to seed a tenant whose first seeding was given up."""
    _enqueue(tenant, SEED, NO_PAYLOAD, now=now)
    record(verb="tenant.seeding_requested", ref=tenant.ref, actor=actor, now=now)


def request_check(*, tenant: Tenant, actor: str, now: datetime) -> None:
    """Ask a worker to run the go-live checks and to collect the health; the state does not change."""
    _enqueue(tenant, CHECK, CheckRequest(goes_live=False), now=now)
    record(verb="tenant.check_requested", ref=tenant.ref, actor=actor, now=now)


def request_opening(*, tenant: Tenant, actor: str, now: datetime) -> None:
    """Ask a worker to run the go-live checks and to open the site when all are met.

    Raises WrongStateError unless the tenant is ``ready``.
    """
    locked = _locked(tenant, Tenant.State.READY)
    _enqueue(locked, CHECK, CheckRequest(goes_live=True), now=now)
    record(verb="tenant.opening_requested", ref=locked.ref, actor=actor, now=now)


def request_invitation(*, tenant: Tenant, actor: str, now: datetime) -> None:
    """Ask a worker to send the owner a new link and to close the old one.

    Raises WrongStateError when the tenant is not served.
    """
    _check_served(tenant)
    _enqueue(tenant, INVITE, InvitationChange(is_withdrawal=False), now=now)
    record(verb="tenant.invitation_requested", ref=tenant.ref, actor=actor, now=now)


def request_withdrawal(*, tenant: Tenant, actor: str, now: datetime) -> None:
    """Ask a worker to close the owner's link. Raises WrongStateError when the tenant is not served."""
    _check_served(tenant)
    _enqueue(tenant, INVITE, InvitationChange(is_withdrawal=True), now=now)
    record(verb="tenant.invitation_withdrawn", ref=tenant.ref, actor=actor, now=now)


def record_results(
    *, tenant_id: int, results: dict[str, bool], goes_live: bool, now: datetime
) -> bool:
    """Record the results of the go-live checks; open a ready tenant when ``goes_live`` and all are met.

    The owner is e-mailed once the site is open. Returns whether the tenant has been opened.
    """
    Readiness.objects.bulk_create(
        [
            Readiness(tenant_id=tenant_id, name=name, is_met=is_met, checked_at=now)
            for name, is_met in results.items()
        ],
        update_conflicts=True,
        unique_fields=["tenant", "name"],
        update_fields=["is_met", "checked_at"],
    )
    Readiness.objects.filter(tenant_id=tenant_id).exclude(name__in=results).delete()
    if not goes_live or not all(results.values()):
        return False
    opened = Tenant.objects.filter(pk=tenant_id, state=Tenant.State.READY).update(
        state=Tenant.State.LIVE, live_at=now
    )
    if opened:
        tenant = Tenant.objects.get(pk=tenant_id)
        _enqueue(tenant, OPENED, NO_PAYLOAD, now=now)
        record(verb="tenant.opened", ref=tenant.ref, actor=SYSTEM, now=now)
    return bool(opened)


def suspend(*, tenant: Tenant, reason: str, actor: str, now: datetime) -> None:
    """Stop new bookings and e-mail the owner the reason; existing appointments and erasures go on.

    Raises WrongStateError unless the tenant is ``live``.
    """
    locked = _locked(tenant, Tenant.State.LIVE)
    locked.state, locked.suspended_reason = Tenant.State.SUSPENDED, reason
    locked.suspended_at = now
    _save_suspension(locked)
    _enqueue(locked, SUSPENDED, NO_PAYLOAD, now=now)
    record(verb="tenant.suspended", ref=locked.ref, actor=actor, now=now)


def resume(*, tenant: Tenant, actor: str, now: datetime) -> None:
    """Take bookings again and e-mail the owner. Raises WrongStateError unless the tenant is ``suspended``."""
    locked = _locked(tenant, Tenant.State.SUSPENDED)
    locked.state, locked.suspended_reason = Tenant.State.LIVE, ""
    locked.suspended_at = None
    _save_suspension(locked)
    _enqueue(locked, RESUMED, NO_PAYLOAD, now=now)
    record(verb="tenant.resumed", ref=locked.ref, actor=actor, now=now)


def _locked(tenant: Tenant, state: Tenant.State) -> Tenant:
    locked = Tenant.objects.select_for_update().get(pk=tenant.pk)
    if locked.state != state:
        raise WrongStateError
    return locked


def _check_served(tenant: Tenant) -> None:
    if tenant.state not in Tenant.SERVED:
        raise WrongStateError


def _enqueue(tenant: Tenant, kind: OutboxKind[P], payload: P, *, now: datetime) -> None:
    # Two requests of the same second are one entry.
    second = str(int(now.timestamp()))
    write(due=[Due(kind, subject_of(tenant), payload, now, repeat=second)], now=now)


def _save_suspension(tenant: Tenant) -> None:
    Tenant.objects.filter(pk=tenant.pk).update(
        state=tenant.state,
        suspended_reason=tenant.suspended_reason,
        suspended_at=tenant.suspended_at,
    )
