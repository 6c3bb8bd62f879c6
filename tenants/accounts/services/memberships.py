"""Giving a role, taking it back, and reading what somebody may do today."""

import uuid
from collections.abc import Iterable
from datetime import date, datetime

from tenants.accounts.errors import LastOwnerError
from tenants.accounts.models import Membership, MembershipScope, Role, User
from tenants.accounts.permissions import Access, Grant
from tenants.trail.services import record


def access_of(*, user: User, own: Iterable[uuid.UUID], on: date) -> Access:
    """Return the rights of ``user`` on that local day of the practice, in one query."""
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


def has_role(*, user: User, on: date) -> bool:
    """Return whether ``user`` holds any role on that local day of the practice."""
    held = Membership.objects.filter(user=user, revoked_at__isnull=True)
    return any(membership.is_current(on=on) for membership in held)


def _grant_of(role: Role, refs: frozenset[uuid.UUID]) -> Grant:
    if role is Role.SECRETARY and not refs:
        return Grant(role=role, entrusted=None)
    return Grant(role=role, entrusted=refs)


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
    """Give a role between two local days, both included."""
    membership = Membership.objects.create(
        user=user, role=role, from_on=from_on, until_on=until_on, created_at=now
    )
    MembershipScope.objects.bulk_create(
        MembershipScope(membership=membership, practitioner_ref=ref)
        for ref in sorted(set(practitioner_refs))
    )
    record(verb="role.given", ref=membership.ref, actor=actor, now=now)
    return membership


def revoke(*, membership: Membership, actor: str, now: datetime) -> None:
    """Take a role back at once; without any role left the account is closed and its sessions end.

    Raises LastOwnerError rather than leave the practice without an owner.
    """
    held = Membership.objects.select_for_update().get(pk=membership.pk)
    if held.revoked_at is not None:
        return
    others = Membership.objects.filter(revoked_at__isnull=True).exclude(pk=held.pk)
    if held.role == Role.OWNER and not others.filter(role=Role.OWNER).exists():
        raise LastOwnerError
    held.revoked_at = now
    held.save(update_fields=["revoked_at"])
    if not others.filter(user_id=held.user_id).exists():
        User.objects.filter(pk=held.user_id).update(is_active=False)
    record(verb="role.revoked", ref=held.ref, actor=actor, now=now)
