"""Giving a role, changing it, taking it back, and reading what somebody may do today."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Q, QuerySet

from tenants.accounts.errors import LastOwnerError, RoleGoneError
from tenants.accounts.models import Invitation, Membership, MembershipScope, Role, User
from tenants.accounts.permissions import Access, Grant
from tenants.accounts.services.sessions import close_all
from tenants.trail.services import record


@dataclass(frozen=True)
class Terms:
    """What a role is held for: between two local days, both included, on which agendas.

    A secretary without ``entrusted`` reaches every agenda.
    """

    role: Role
    from_on: date | None = None
    until_on: date | None = None
    entrusted: frozenset[uuid.UUID] = frozenset()


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
    _entrust(membership, practitioner_refs)
    record(verb="role.given", ref=membership.ref, actor=actor, now=now)
    return membership


def change(
    *, membership: Membership, terms: Terms, actor: str, on: date, now: datetime
) -> Membership:
    """Change a role, its dates and the agendas entrusted, at once; ``on`` is the practice's local day.

    Raises LastOwnerError rather than leave the practice without an owner, and RoleGoneError when the
    role was revoked meanwhile.
    """
    held = _lock(membership)
    if held.revoked_at is not None:
        raise RoleGoneError
    _keep_an_owner(held, stays=_stands(terms, on=on), on=on)
    held.role, held.from_on, held.until_on = terms.role, terms.from_on, terms.until_on
    held.save(update_fields=["role", "from_on", "until_on"])
    held.scopes.exclude(practitioner_ref__in=terms.entrusted).delete()
    _entrust(held, terms.entrusted)
    record(verb="role.changed", ref=held.ref, actor=actor, now=now)
    return held


def revoke(*, membership: Membership, actor: str, on: date, now: datetime) -> None:
    """Take a role back and end the person's sessions, in this very transaction.

    Without any role left, now or later, the account is closed. With another one the person signs in
    again with what is left. Raises LastOwnerError rather than leave the practice without an owner.
    """
    held = _lock(membership)
    if held.revoked_at is not None:
        return
    _keep_an_owner(held, stays=False, on=on)
    held.revoked_at = now
    held.save(update_fields=["revoked_at"])
    # A link that is still open would bring back what is taken here.
    Invitation.objects.filter(
        email=held.user.email, accepted_at__isnull=True, revoked_at__isnull=True
    ).update(revoked_at=now)
    left = Membership.objects.filter(user_id=held.user_id, revoked_at__isnull=True)
    if not left.filter(Q(until_on__isnull=True) | Q(until_on__gte=on)).exists():
        User.objects.filter(pk=held.user_id).update(is_active=False)
    close_all(user=held.user, now=now)
    record(verb="role.revoked", ref=held.ref, actor=actor, now=now)


def _lock(membership: Membership) -> Membership:
    """Lock the owners' roles and this one, in one order, so that two owners do not close each other."""
    owners = Q(role=Role.OWNER, revoked_at__isnull=True)
    locked = Membership.objects.select_for_update(of=("self",)).select_related("user")
    rows = list(locked.filter(owners | Q(pk=membership.pk)).order_by("pk"))
    return next(row for row in rows if row.pk == membership.pk)


def _keep_an_owner(held: Membership, *, stays: bool, on: date) -> None:
    if held.role != Role.OWNER or stays:
        return
    standing = standing_owners(on=on)
    if standing.filter(pk=held.pk).exists() and not standing.exclude(pk=held.pk).exists():
        raise LastOwnerError


def standing_owners(*, on: date) -> QuerySet[Membership]:
    """Return the owners who manage the practice today and whose role has no end."""
    return Membership.objects.filter(
        Q(from_on__isnull=True) | Q(from_on__lte=on),
        role=Role.OWNER,
        until_on__isnull=True,
        revoked_at__isnull=True,
        user__is_active=True,
    )


def _stands(terms: Terms, *, on: date) -> bool:
    has_begun = terms.from_on is None or terms.from_on <= on
    return terms.role is Role.OWNER and has_begun and terms.until_on is None


def _entrust(membership: Membership, refs: Iterable[uuid.UUID]) -> None:
    MembershipScope.objects.bulk_create(
        [MembershipScope(membership=membership, practitioner_ref=ref) for ref in sorted(set(refs))],
        ignore_conflicts=True,
    )
