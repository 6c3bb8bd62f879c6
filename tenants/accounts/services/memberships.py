"""Memberships: grants, changes and revokes roles, and returns a user's access on a day."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Q, QuerySet

from tenants.accounts.errors import LastOwnerError, RoleGoneError
from tenants.accounts.models import Invitation, Membership, MembershipScope, Role, User
from tenants.accounts.permissions import Access, RoleGrant
from tenants.accounts.services.second_factors import delete_factors
from tenants.accounts.services.sessions import close_all
from tenants.audit.services import record


@dataclass(frozen=True)
class Terms:
    """The role, dates and agendas of a membership. Dates are local days, both included.

    ``entrusted`` holds refs of practitioners; a secretary without any reaches every agenda.
    """

    role: Role
    from_on: date | None = None
    until_on: date | None = None
    entrusted: frozenset[uuid.UUID] = frozenset()


def access_of(*, user: User, own: Iterable[uuid.UUID], on: date) -> Access:
    """Return the roles of ``user`` valid on that local day of the practice, in one query.

    ``own`` are the refs of the user's own agendas.
    """
    rows = (
        Membership.objects.filter(user=user, revoked_at__isnull=True)
        .order_by("id")
        .values_list("id", "role", "from_on", "until_on", "scopes__practitioner_ref")
    )
    roles: dict[int, tuple[Role, set[uuid.UUID]]] = {}
    for key, role, from_on, until_on, ref in rows:
        if not Membership(role=role, from_on=from_on, until_on=until_on).is_current(on=on):
            continue
        _role, refs = roles.setdefault(key, (Role(role), set()))
        if ref is not None:
            refs.add(ref)
    grants = tuple(_grant_of(role, frozenset(refs)) for role, refs in roles.values())
    return Access(grants=grants, own=frozenset(own))


def unrevoked() -> QuerySet[Membership]:
    """Return the memberships that are not revoked, with their users and scopes."""
    memberships = Membership.objects.filter(revoked_at__isnull=True)
    return memberships.select_related("user").prefetch_related("scopes")


def has_role(*, user: User, on: date) -> bool:
    """Return whether ``user`` has a valid role on that local day of the practice."""
    memberships = Membership.objects.filter(user=user, revoked_at__isnull=True)
    return any(membership.is_current(on=on) for membership in memberships)


def _grant_of(role: Role, refs: frozenset[uuid.UUID]) -> RoleGrant:
    if role is Role.SECRETARY and not refs:
        return RoleGrant(role=role, entrusted=None)
    return RoleGrant(role=role, entrusted=refs)


def give_role(
    *,
    user: User,
    role: Role,
    actor: str,
    now: datetime,
    from_on: date | None = None,
    until_on: date | None = None,
    practitioner_refs: Iterable[uuid.UUID] = (),
) -> Membership:
    """Create a membership between two local days, both included."""
    membership = Membership.objects.create(
        user=user, role=role, from_on=from_on, until_on=until_on, created_at=now
    )
    _entrust(membership, practitioner_refs)
    record(verb="role.given", ref=membership.ref, actor=actor, now=now)
    return membership


def change(
    *, membership: Membership, terms: Terms, actor: str, on: date, now: datetime
) -> Membership:
    """Replace role, dates and entrusted agendas of a membership; ``on`` is the practice's local day.

    Raises LastOwnerError when the practice would lose its last owner, and RoleGoneError when the membership
    is revoked.
    """
    locked = _lock(membership)
    if locked.revoked_at is not None:
        raise RoleGoneError
    _keep_an_owner(locked, stays_owner=_is_active_owner(terms, on=on), on=on)
    locked.role, locked.from_on, locked.until_on = terms.role, terms.from_on, terms.until_on
    locked.save(update_fields=["role", "from_on", "until_on"])
    locked.scopes.exclude(practitioner_ref__in=terms.entrusted).delete()
    _entrust(locked, terms.entrusted)
    record(verb="role.changed", ref=locked.ref, actor=actor, now=now)
    return locked


def revoke(*, membership: Membership, actor: str, on: date, now: datetime) -> None:
    """Revoke a membership and end the user's sessions, in one transaction.

    Closes the account, and deletes its second factors, when no current or future membership remains; otherwise
    the user signs in again with the remaining roles. Raises LastOwnerError when the practice would lose its last
    owner.
    """
    locked = _lock(membership)
    if locked.revoked_at is not None:
        return
    _keep_an_owner(locked, stays_owner=False, on=on)
    locked.revoked_at = now
    locked.save(update_fields=["revoked_at"])
    # An open invitation would restore the revoked role.
    Invitation.objects.filter(
        email=locked.user.email, accepted_at__isnull=True, revoked_at__isnull=True
    ).update(revoked_at=now)
    remaining = Membership.objects.filter(user_id=locked.user_id, revoked_at__isnull=True)
    if not remaining.filter(Q(until_on__isnull=True) | Q(until_on__gte=on)).exists():
        User.objects.filter(pk=locked.user_id).update(is_active=False)
        delete_factors(user=locked.user)
    close_all(user=locked.user, now=now)
    record(verb="role.revoked", ref=locked.ref, actor=actor, now=now)


def _lock(membership: Membership) -> Membership:
    """Lock the owners' memberships and this one by id, so that two owners cannot revoke each other at once."""
    owners = Q(role=Role.OWNER, revoked_at__isnull=True)
    locked = Membership.objects.select_for_update(of=("self",)).select_related("user")
    rows = list(locked.filter(owners | Q(pk=membership.pk)).order_by("pk"))
    return next(row for row in rows if row.pk == membership.pk)


def _keep_an_owner(membership: Membership, *, stays_owner: bool, on: date) -> None:
    if membership.role != Role.OWNER or stays_owner:
        return
    owners = active_owners(on=on)
    is_active = owners.filter(pk=membership.pk).exists()
    if is_active and not owners.exclude(pk=membership.pk).exists():
        raise LastOwnerError


def active_owners(*, on: date) -> QuerySet[Membership]:
    """Return the owners' memberships that are valid on that day without an end, of active users."""
    return Membership.objects.filter(
        Q(from_on__isnull=True) | Q(from_on__lte=on),
        role=Role.OWNER,
        until_on__isnull=True,
        revoked_at__isnull=True,
        user__is_active=True,
    )


def _is_active_owner(terms: Terms, *, on: date) -> bool:
    has_begun = terms.from_on is None or terms.from_on <= on
    return terms.role is Role.OWNER and has_begun and terms.until_on is None


def _entrust(membership: Membership, refs: Iterable[uuid.UUID]) -> None:
    MembershipScope.objects.bulk_create(
        [MembershipScope(membership=membership, practitioner_ref=ref) for ref in sorted(set(refs))],
        ignore_conflicts=True,
    )
