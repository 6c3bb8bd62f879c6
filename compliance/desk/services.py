"""What staff decide about a client's space. Nothing here enters a tenant: workers do that."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction

from compliance.desk.kinds import CHECK, INVITE, RESUMED, SETTLE, SUSPENDED
from compliance.desk.readiness import checks
from tenants.models import Domain, Readiness, Tenant
from tenants.outbox.services import Due, write
from tenants.routing import forget
from tenants.trail.services import record

ATTESTATION_TEXT = "T-4/1"
"""Version of the sentences that the client attested (G-03)."""
GO_LIVE = "go_live"
LOOK = "look"
RESEND, WITHDRAW = "resend", "withdraw"


class DeskError(Exception):
    """Base class of the desk's refusals."""


class NameTakenError(DeskError):
    """Another client already answers under this name."""


class NotAttestedError(DeskError):
    """The client has not attested to act as a professional and to be of age (G-03)."""


class WrongStateError(DeskError):
    """The space is not in a state in which this can be done."""


@dataclass(frozen=True)
class Ordered:
    """A space to make: the practice and its owner, as on the order."""

    practice_name: str
    subdomain: str
    profession: str
    time_zone: str
    territory: str
    owner_name: str
    owner_email: str
    is_professional: bool
    is_adult: bool


def order(*, ordered: Ordered, actor: str, now: datetime) -> Tenant:
    """Order a space: the provisioner builds it, a worker furnishes it and invites the owner.

    Raises NotAttestedError or NameTakenError. The name was checked by ``tenants.subdomains``.
    """
    if not (ordered.is_professional and ordered.is_adult):
        raise NotAttestedError
    tenant = Tenant(
        name=ordered.practice_name,
        profession=ordered.profession,
        time_zone=ordered.time_zone,
        territory=ordered.territory,
        owner_name=ordered.owner_name,
        owner_email=ordered.owner_email.lower(),
        professional_attested_at=now,
        adult_attested_at=now,
        attestation_text_version=ATTESTATION_TEXT,
        created_at=now,
    )
    host = f"{ordered.subdomain}.{settings.APEX}"
    try:
        with transaction.atomic():
            # Not save(): the library's would create the schema in this process.
            Tenant.objects.bulk_create([tenant])
            Domain.objects.bulk_create([Domain(domain=host, tenant=tenant)])
    except IntegrityError as error:
        if getattr(error.__cause__, "pgcode", "") != "23505":
            raise
        raise NameTakenError from None
    forget(host)
    write(due=[Due(SETTLE, tenant.pk, due_at=now)], now=now)
    record(verb="tenant.ordered", ref=tenant.ref, actor=actor, now=now)
    return tenant


def look(*, tenant: Tenant, actor: str, now: datetime) -> None:
    """Ask a worker to look at the checks again."""
    _ask(tenant, LOOK, now=now)
    record(verb="tenant.looked_at", ref=tenant.ref, actor=actor, now=now)


def ask_to_open(*, tenant: Tenant, actor: str, now: datetime) -> None:
    """Ask a worker to look at the checks and to open the space when all of them hold."""
    held = Tenant.objects.select_for_update().get(pk=tenant.pk)
    if held.state != Tenant.State.READY:
        raise WrongStateError
    _ask(held, GO_LIVE, now=now)
    record(verb="tenant.opening_asked", ref=held.ref, actor=actor, now=now)


def settle_again(*, tenant: Tenant, actor: str, now: datetime) -> None:
    """Ask once more to furnish a space whose first try was given up."""
    second = int(now.timestamp())
    write(due=[Due(SETTLE, tenant.pk, due_at=now, version=second)], now=now)
    record(verb="tenant.settling_asked", ref=tenant.ref, actor=actor, now=now)


def invite_again(*, tenant: Tenant, actor: str, now: datetime) -> None:
    """Ask a worker to send the owner a new link; the old one stops."""
    _invite(tenant, RESEND, now=now)
    record(verb="tenant.invited_again", ref=tenant.ref, actor=actor, now=now)


def withdraw_invitation(*, tenant: Tenant, actor: str, now: datetime) -> None:
    """Ask a worker to close the owner's link."""
    _invite(tenant, WITHDRAW, now=now)
    record(verb="tenant.invitation_withdrawn", ref=tenant.ref, actor=actor, now=now)


def note_results(*, tenant_id: int, found: dict[str, bool], opens: bool, now: datetime) -> bool:
    """Keep what the checks found; open the space when that was asked and all hold. True: open now."""
    Readiness.objects.bulk_create(
        [
            Readiness(tenant_id=tenant_id, name=name, is_met=is_met, checked_at=now)
            for name, is_met in found.items()
        ],
        update_conflicts=True,
        unique_fields=["tenant", "name"],
        update_fields=["is_met", "checked_at"],
    )
    Readiness.objects.filter(tenant_id=tenant_id).exclude(name__in=found).delete()
    if not opens or not all(found.values()):
        return False
    opened = Tenant.objects.filter(pk=tenant_id, state=Tenant.State.READY).update(
        state=Tenant.State.LIVE, live_at=now
    )
    if opened:
        tenant = Tenant.objects.get(pk=tenant_id)
        _forget_hosts(tenant)
        record(verb="tenant.opened", ref=tenant.ref, actor="system", now=now)
    return bool(opened)


def suspend(*, tenant: Tenant, reason: str, actor: str, now: datetime) -> None:
    """Stop new bookings; people still see, move and cancel theirs, and data are still erased."""
    held = Tenant.objects.select_for_update().get(pk=tenant.pk)
    if held.state != Tenant.State.LIVE:
        raise WrongStateError
    held.state, held.suspended_reason, held.suspended_at = Tenant.State.SUSPENDED, reason, now
    _change(held, ["state", "suspended_reason", "suspended_at"])
    _tell(held, SUSPENDED, now=now)
    record(verb="tenant.suspended", ref=held.ref, actor=actor, now=now)


def resume(*, tenant: Tenant, actor: str, now: datetime) -> None:
    """Take bookings again."""
    held = Tenant.objects.select_for_update().get(pk=tenant.pk)
    if held.state != Tenant.State.SUSPENDED:
        raise WrongStateError
    held.state, held.suspended_reason, held.suspended_at = Tenant.State.LIVE, "", None
    _change(held, ["state", "suspended_reason", "suspended_at"])
    _tell(held, RESUMED, now=now)
    record(verb="tenant.resumed", ref=held.ref, actor=actor, now=now)


def known_checks(tenant: Tenant) -> list[tuple[str, bool | None]]:
    """Return each check with its last result; None when it was never asked."""
    found = {one.name: one.is_met for one in tenant.readiness.all()}
    return [(str(check.label), found.get(check.name)) for check in checks()]


def _invite(tenant: Tenant, audience: str, *, now: datetime) -> None:
    if tenant.state not in Tenant.SERVED:
        raise WrongStateError
    second = int(now.timestamp())
    due = Due(INVITE, tenant.pk, due_at=now, version=second, audience=audience)
    write(due=[due], now=now)


def _ask(tenant: Tenant, audience: str, *, now: datetime) -> None:
    second = int(now.timestamp())
    write(due=[Due(CHECK, tenant.pk, due_at=now, version=second, audience=audience)], now=now)


def _tell(tenant: Tenant, kind: str, *, now: datetime) -> None:
    write(due=[Due(kind, tenant.pk, due_at=now, version=int(now.timestamp()))], now=now)


def _change(tenant: Tenant, fields: list[str]) -> None:
    Tenant.objects.filter(pk=tenant.pk).update(**{name: getattr(tenant, name) for name in fields})
    _forget_hosts(tenant)


def _forget_hosts(tenant: Tenant) -> None:
    for host in tenant.domains.values_list("domain", flat=True):
        forget(host)
