"""The people of a practice: who comes in by an invitation, and whose agenda it opens."""

from datetime import date, datetime

from django.db import transaction

from booking.errors import BookingError
from booking.models import Feed, Practitioner
from booking.services import feeds
from tenants.accounts.models import Membership, Role, User
from tenants.accounts.services import invitations, memberships
from tenants.accounts.services.invitations import Accepted
from tenants.accounts.services.memberships import Terms
from tenants.trail import services as trail

WITH_AGENDA = frozenset({Role.OWNER, Role.PRACTITIONER})
"""Roles that receive patients: an agenda can be their own."""


class AgendaTaken(BookingError):  # named after what happened
    """Another account already has this agenda."""


def join(*, token: str, password: str, name: str, now: datetime) -> Accepted:
    """Accept an invitation and tie the account to its agenda, once.

    Raises InvitationClosedError. An agenda that already has an account keeps it.
    """
    accepted = invitations.accept(token=token, password=password, name=name, now=now)
    if accepted.practitioner_ref and Role(accepted.membership.role) in WITH_AGENDA:
        free = Practitioner.objects.filter(ref=accepted.practitioner_ref, user__isnull=True)
        if not Practitioner.objects.filter(user=accepted.user).exists():
            free.update(user=accepted.user)
    return accepted


def change(
    *,
    membership: Membership,
    terms: Terms,
    agenda: Practitioner | None,
    actor: str,
    on: date,
    now: datetime,
) -> None:
    """Change what somebody may do, and which agenda is their own.

    Raises LastOwnerError, RoleGoneError or AgendaTaken.
    """
    with transaction.atomic():
        held = memberships.change(membership=membership, terms=terms, actor=actor, on=on, now=now)
        if terms.role not in WITH_AGENDA:
            _untie(held.user, actor=actor, now=now)
        elif agenda is None or agenda.user_id != held.user_id:
            _tie(held.user, agenda, actor=actor, now=now)


def revoke(*, membership: Membership, actor: str, on: date, now: datetime) -> None:
    """Take a role back; the person's sessions end and their agenda waits for somebody else.

    Raises LastOwnerError. The agenda itself, its hours and its appointments do not change; its feed is
    closed, since they know its address.
    """
    memberships.revoke(membership=membership, actor=actor, on=on, now=now)
    _untie(membership.user, actor=actor, now=now)


def _tie(user: User, agenda: Practitioner | None, *, actor: str, now: datetime) -> None:
    _let_go(user, actor=actor, now=now)
    if agenda is None:
        return
    if not Practitioner.objects.filter(pk=agenda.pk, user__isnull=True).update(user=user):
        raise AgendaTaken


def _untie(user: User, *, actor: str, now: datetime) -> None:
    """Free the agenda of somebody who no longer holds a role with one."""
    held = Membership.objects.filter(user=user, revoked_at__isnull=True, role__in=WITH_AGENDA)
    if not held.exists():
        _let_go(user, actor=actor, now=now)


def _let_go(user: User, *, actor: str, now: datetime) -> None:
    """Free the agenda of somebody; what reads it by an address that they know reads no more."""
    for feed in Feed.objects.filter(practitioner__user=user):
        feeds.close(feed=feed, actor=actor, now=now)
    Practitioner.objects.filter(user=user).update(user=None)


def save_agenda(
    *, practitioner: Practitioner | None, name: str, title: str, actor: str, now: datetime
) -> Practitioner:
    """Add an agenda after the others, or change its name and title."""
    if practitioner is None:
        practitioner = Practitioner(position=Practitioner.objects.count())
    practitioner.name, practitioner.title = name, title
    practitioner.save()
    trail.record(verb="agenda.saved", ref=practitioner.ref, actor=actor, now=now)
    return practitioner
