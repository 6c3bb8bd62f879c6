"""Accesses that a person opened for others, and which of them end with the person's own access.

Replacements and unanswered invitations end: they depend on the right of the person who opened them, and may belong
to the same person under another address. Memberships of the team stay; the page that closes an access lists them.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db.models import Q, QuerySet

from tenants.accounts.models import Invitation, Membership, Role, User
from tenants.accounts.services import invitations, memberships

MAY_REPLACE: Final = frozenset({Role.OWNER, Role.PRACTITIONER})
"""The roles that announce replacements."""


@dataclass(frozen=True)
class OpenedAccess:
    """What a person opened: the replacements and invitations that end, and the memberships that stay."""

    replacements: tuple[Membership, ...]
    invitations: tuple[Invitation, ...]
    kept: tuple[Membership, ...]


def roles_left(user: User, *, on: date, without: Membership | None = None) -> frozenset[Role]:
    """Return the current and future roles of ``user`` on that local day, ``without`` aside."""
    found = Membership.objects.filter(
        Q(until_on__isnull=True) | Q(until_on__gte=on), user=user, revoked_at__isnull=True
    )
    if without is not None:
        found = found.exclude(pk=without.pk)
    return frozenset(Role(role) for role in found.values_list("role", flat=True))


def opened_by(user: User, *, roles: Iterable[Role]) -> OpenedAccess:
    """Return what ``user`` opened, judged by the roles that they will still hold."""
    left = frozenset(roles)
    opened = memberships.unrevoked().filter(opened_by=user).exclude(user=user).order_by("id")
    replacements = opened.filter(role=Role.REPLACEMENT) if not left & MAY_REPLACE else opened.none()
    kept = opened.exclude(pk__in=replacements.values("pk"))
    return OpenedAccess(
        replacements=tuple(replacements),
        invitations=tuple(_ending_invitations(user, left)),
        kept=tuple(kept),
    )


def end_opened(user: User, *, roles: Iterable[Role], actor: str, on: date, now: datetime) -> int:
    """End the replacements and invitations that ``opened_by`` returns; return how many."""
    opened = opened_by(user, roles=roles)
    for invitation in opened.invitations:
        invitations.revoke_invitation(invitation=invitation, actor=actor, now=now)
    for membership in opened.replacements:
        memberships.revoke(membership=membership, actor=actor, on=on, now=now)
    return len(opened.invitations) + len(opened.replacements)


def end_replacement(
    *, practitioner_ref: uuid.UUID, dates: tuple[date, date], actor: str, on: date, now: datetime
) -> None:
    """End the replacement of an agenda between two local days: its memberships and unanswered invitations."""
    first, last = dates
    same_days = {"role": Role.REPLACEMENT, "from_on": first, "until_on": last}
    for membership in memberships.unrevoked().filter(
        **same_days, scopes__practitioner_ref=practitioner_ref
    ):
        memberships.revoke(membership=membership, actor=actor, on=on, now=now)
    for invitation in invitations.pending().filter(**same_days, practitioner_ref=practitioner_ref):
        invitations.revoke_invitation(invitation=invitation, actor=actor, now=now)


def openers() -> QuerySet[User]:
    """Return the users who opened a replacement or sent an invitation that has not ended."""
    replacements = memberships.unrevoked().filter(role=Role.REPLACEMENT, opened_by__isnull=False)
    sent = invitations.pending().filter(invited_by__isnull=False)
    return User.objects.filter(
        Q(pk__in=replacements.order_by().values("opened_by"))
        | Q(pk__in=sent.order_by().values("invited_by"))
    )


def _ending_invitations(user: User, left: frozenset[Role]) -> QuerySet[Invitation]:
    sent = invitations.pending().filter(invited_by=user)
    if Role.OWNER in left:
        return sent.none()
    return sent.exclude(role=Role.REPLACEMENT) if left & MAY_REPLACE else sent
