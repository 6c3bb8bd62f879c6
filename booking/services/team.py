"""The people of a practice: who comes in by an invitation, and whose agenda it opens."""

from datetime import date, datetime

from django.db import transaction
from django.db.models import Q

from booking.errors import BookingError
from booking.models import Feed, GoogleAccount, Practitioner
from booking.services import feeds
from booking.services.digests import practice_zone
from booking.services.google import holders
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
        has_one = Practitioner.objects.filter(user=accepted.user).exists()
        agenda = None if has_one else free.first()
        if agenda is not None and free.update(user=accepted.user):
            actor = trail.actor_of(accepted.user.pk)
            _end_others(agenda, user=accepted.user, actor=actor, now=now)
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
        _end_given(held.user, actor=actor, now=now)


def revoke(*, membership: Membership, actor: str, on: date, now: datetime) -> None:
    """Take a role back; the person's sessions end and their agenda waits for somebody else.

    Raises LastOwnerError. The agenda itself, its hours and its appointments do not change; its feed is
    closed, since they know its address, and so is the link with a Google account that is theirs.
    """
    memberships.revoke(membership=membership, actor=actor, on=on, now=now)
    _untie(membership.user, actor=actor, now=now)
    _end_given(membership.user, actor=actor, now=now)


def links_of(user: User) -> list[GoogleAccount]:
    """Return the links with Google that may end with the person's part in their agendas."""
    return [*holders.of_agenda(user), *holders.given_elsewhere(user)]


def links_to_take() -> list[GoogleAccount]:
    """Return the links of agendas without an account: they end once somebody else has the agenda."""
    return list(holders.standing().filter(practitioner__user__isnull=True))


def end_after_roles(*, now: datetime, limit: int) -> int:
    """Close what reads an agenda for somebody whose role has ended by its date; return how much.

    Nobody is at the keyboard on that day. The agenda stays theirs, for the role may be prolonged.
    """
    roles = Membership.objects.filter(
        Q(until_on__isnull=True) | Q(until_on__gte=now.astimezone(practice_zone()).date()),
        revoked_at__isnull=True,
    )
    holding = set(roles.filter(role__in=WITH_AGENDA).values_list("user_id", flat=True))
    owners = set(roles.filter(role=Role.OWNER).values_list("user_id", flat=True))
    read = Feed.objects.filter(practitioner__user__isnull=False)
    over = list(read.exclude(practitioner__user__in=holding)[:limit])
    for feed in over:
        feeds.close(feed=feed, actor=trail.SYSTEM, now=now)
    links = _links_after(holding, owners)
    return len(over) + holders.end(links[:limit], actor=trail.SYSTEM, now=now)


def _links_after(holding: set[int], owners: set[int]) -> list[GoogleAccount]:
    """Return the links whose agenda or consent is of somebody who no longer has a role for it."""
    links = list(holders.standing())
    given = holders.consents(links)

    def is_over(link: GoogleAccount) -> bool:
        holder = link.practitioner.user_id
        if holder is not None and holder not in holding:
            return True
        entitled = {trail.actor_of(key) for key in (owners | {holder})}
        return link.ref in given and given[link.ref].actor not in entitled

    return [link for link in links if is_over(link)]


def _tie(user: User, agenda: Practitioner | None, *, actor: str, now: datetime) -> None:
    _let_go(user, actor=actor, now=now)
    if agenda is None:
        return
    if not Practitioner.objects.filter(pk=agenda.pk, user__isnull=True).update(user=user):
        raise AgendaTaken
    _end_others(agenda, user=user, actor=actor, now=now)


def _untie(user: User, *, actor: str, now: datetime) -> None:
    """Free the agenda of somebody who no longer holds a role with one."""
    held = Membership.objects.filter(user=user, revoked_at__isnull=True, role__in=WITH_AGENDA)
    if not held.exists():
        _let_go(user, actor=actor, now=now)


def _let_go(user: User, *, actor: str, now: datetime) -> None:
    """Free the agenda of somebody; what reads it for them, a feed or their Google, reads no more."""
    for feed in Feed.objects.filter(practitioner__user=user):
        feeds.close(feed=feed, actor=actor, now=now)
    holders.give_up_attempts(user)
    holders.end(holders.of_agenda(user), actor=actor, now=now)
    Practitioner.objects.filter(user=user).update(user=None)


def _end_given(user: User, *, actor: str, now: datetime) -> None:
    """End the links that somebody has given to agendas of others, once they manage the practice no more."""
    manages = Membership.objects.filter(user=user, revoked_at__isnull=True, role=Role.OWNER)
    if not manages.exists():
        holders.give_up_attempts(user, to_others=True)
        holders.end(holders.given_elsewhere(user), actor=actor, now=now)


def _end_others(agenda: Practitioner, *, user: User, actor: str, now: datetime) -> None:
    """End the link of an agenda that somebody takes: what is written there is not for another any more."""
    holders.end(holders.given_by_others(agenda, user=user), actor=actor, now=now)


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
