"""The users of a practice: accepting invitations, changing and revoking roles, assigning agendas to accounts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from booking.feeds import publication
from booking.google import ownership
from booking.models import Feed, GoogleAccount, Practitioner, Replacement
from booking.practice import replacements
from booking.rules.errors import BookingError
from booking.scheduling.catalogue import practice_zone
from tenants.accounts.models import Membership, Role, User
from tenants.accounts.services import invitations, memberships, opened_access
from tenants.accounts.services.invitations import Accepted
from tenants.accounts.services.memberships import Terms
from tenants.accounts.services.opened_access import OpenedAccess
from tenants.audit import services as audit

WITH_AGENDA = frozenset({Role.OWNER, Role.PRACTITIONER})
"""The roles to which an agenda can be assigned: they receive patients."""


class AgendaTaken(BookingError):  # named after what happened
    """The agenda is already assigned to another account."""


def join(*, token: str, password: str, name: str, now: datetime) -> Accepted:
    """Accept an invitation and assign its agenda to the new account.

    Raises InvitationClosedError. An agenda that is already assigned keeps its account.
    """
    accepted = invitations.accept(token=token, password=password, name=name, now=now)
    if accepted.practitioner_ref and Role(accepted.membership.role) in WITH_AGENDA:
        free = Practitioner.objects.filter(ref=accepted.practitioner_ref, user__isnull=True)
        has_one = Practitioner.objects.filter(user=accepted.user).exists()
        agenda = None if has_one else free.first()
        if agenda is not None and free.update(user=accepted.user):
            actor = audit.actor_of(accepted.user.pk)
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
    """Change the role of a user and the agenda that is assigned to them.

    Raises LastOwnerError, RoleGoneError or AgendaTaken.
    """
    with transaction.atomic():
        changed = memberships.change(
            membership=membership, terms=terms, actor=actor, on=on, now=now
        )
        if terms.role not in WITH_AGENDA:
            _untie(changed.user, actor=actor, now=now)
        elif agenda is None or agenda.user_id != changed.user_id:
            _tie(changed.user, agenda, actor=actor, now=now)
        _end_given(changed.user, actor=actor, now=now)
        _end_opened(changed.user, actor=actor, on=on, now=now)


def revoke(*, membership: Membership, actor: str, on: date, now: datetime) -> None:
    """Revoke a membership; the sessions of the user end and their agenda can be assigned to another account.

    Raises LastOwnerError. The agenda, its hours and its appointments do not change. Its feed is closed, because
    the user knows the address, and so is its link with the user's Google account. Replacements and invitations
    that the user opened end too.
    """
    memberships.revoke(membership=membership, actor=actor, on=on, now=now)
    _untie(membership.user, actor=actor, now=now)
    _end_given(membership.user, actor=actor, now=now)
    _end_opened(membership.user, actor=actor, on=on, now=now)


@dataclass(frozen=True)
class Ending:
    """What ends and what stays when a membership is revoked."""

    access: OpenedAccess
    announced: list[Replacement]
    links: list[GoogleAccount]


def ending_with(membership: Membership, *, on: date) -> Ending:
    """Return what ``revoke`` of this membership ends besides, on that local day."""
    user = membership.user
    roles = opened_access.roles_left(user, on=on, without=membership)
    has_agenda_role = bool(roles & WITH_AGENDA)
    return Ending(
        access=opened_access.opened_by(user, roles=roles),
        announced=[] if has_agenda_role else list(replacements.announced_by(user, on=on)),
        links=links_of(user),
    )


def links_of(user: User) -> list[GoogleAccount]:
    """Return the Google links that end when the user loses their agenda or the right to manage others."""
    return [*ownership.links_of_own_agenda(user), *ownership.links_given_to_other_agendas(user)]


def links_to_take() -> list[GoogleAccount]:
    """Return the Google links of agendas without an account; they end when the agenda is assigned again."""
    return list(ownership.active_links().filter(practitioner__user__isnull=True))


def end_after_roles(*, now: datetime, limit: int) -> int:
    """Close feeds and Google links of users whose role has ended by its last date; return their number.

    A job calls it. The agenda stays assigned to the user, because the role may be prolonged.
    """
    roles = Membership.objects.filter(
        Q(until_on__isnull=True) | Q(until_on__gte=now.astimezone(practice_zone()).date()),
        revoked_at__isnull=True,
    )
    holding = set(roles.filter(role__in=WITH_AGENDA).values_list("user_id", flat=True))
    owners = set(roles.filter(role=Role.OWNER).values_list("user_id", flat=True))
    read = Feed.objects.filter(practitioner__user__isnull=False)
    expired = list(read.exclude(practitioner__user__in=holding)[:limit])
    for feed in expired:
        publication.close(feed=feed, actor=audit.SYSTEM, now=now)
    links = _links_after(holding, owners)
    return len(expired) + ownership.end_links(links[:limit], actor=audit.SYSTEM, now=now)


def end_opened_after_roles(*, now: datetime, limit: int) -> int:
    """End what users opened for others whose own roles have ended by their last date; return how many users.

    A job calls it.
    """
    on = now.astimezone(practice_zone()).date()
    users = User.objects.filter(
        Q(pk__in=opened_access.openers().values("pk")) | Q(pk__in=replacements.announcers(on=on))
    )
    count = 0
    for user in users:
        count += bool(_end_opened(user, actor=audit.SYSTEM, on=on, now=now))
        if count == limit:
            break
    return count


def _end_opened(user: User, *, actor: str, on: date, now: datetime) -> int:
    """End the replacements and invitations that stood on a right which ``user`` has no more."""
    roles = opened_access.roles_left(user, on=on)
    count = opened_access.end_opened(user, roles=roles, actor=actor, on=on, now=now)
    if not roles & WITH_AGENDA:
        count += replacements.end_announced(user, actor=actor, on=on, now=now)
    return count


def _links_after(holding: set[int], owners: set[int]) -> list[GoogleAccount]:
    """Return the Google links whose agenda or consent belongs to a user without a role for it any more."""
    links = list(ownership.active_links())
    given = ownership.consents(links)

    def is_over(link: GoogleAccount) -> bool:
        holder = link.practitioner.user_id
        if holder is not None and holder not in holding:
            return True
        entitled = {audit.actor_of(key) for key in (owners | {holder})}
        return link.ref in given and given[link.ref].actor not in entitled

    return [link for link in links if is_over(link)]


def _tie(user: User, agenda: Practitioner | None, *, actor: str, now: datetime) -> None:
    _release_agenda(user, actor=actor, now=now)
    if agenda is None:
        return
    if not Practitioner.objects.filter(pk=agenda.pk, user__isnull=True).update(user=user):
        raise AgendaTaken
    _end_others(agenda, user=user, actor=actor, now=now)


def _untie(user: User, *, actor: str, now: datetime) -> None:
    """Release the agenda of a user without a role to which an agenda can be assigned."""
    memberships = Membership.objects.filter(
        user=user, revoked_at__isnull=True, role__in=WITH_AGENDA
    )
    if not memberships.exists():
        _release_agenda(user, actor=actor, now=now)


def _release_agenda(user: User, *, actor: str, now: datetime) -> None:
    """Release the agenda of a user; close its feed and the link with their Google account."""
    for feed in Feed.objects.filter(practitioner__user=user):
        publication.close(feed=feed, actor=actor, now=now)
    ownership.cancel_attempts(user)
    ownership.end_links(ownership.links_of_own_agenda(user), actor=actor, now=now)
    Practitioner.objects.filter(user=user).update(user=None)


def _end_given(user: User, *, actor: str, now: datetime) -> None:
    """End the Google links that a user gave to agendas of others, when they no longer manage the practice."""
    manages = Membership.objects.filter(user=user, revoked_at__isnull=True, role=Role.OWNER)
    if not manages.exists():
        ownership.cancel_attempts(user, to_others=True)
        ownership.end_links(ownership.links_given_to_other_agendas(user), actor=actor, now=now)


def _end_others(agenda: Practitioner, *, user: User, actor: str, now: datetime) -> None:
    """End the Google links that other users gave to an agenda: its appointments are not for their calendars."""
    ownership.end_links(ownership.links_given_by_others(agenda, user=user), actor=actor, now=now)


def agendas() -> list[Practitioner]:
    """Return every agenda with its account, in the practice's order."""
    return list(Practitioner.objects.select_related("user"))


def agenda_of(user: User) -> Practitioner | None:
    """Return the agenda that is assigned to an account, or None."""
    return Practitioner.objects.filter(user=user).first()


def assignable_agendas(user: User | None) -> QuerySet[Practitioner]:
    """Return the active agendas without an account, and the one assigned to ``user``."""
    free = Q(user__isnull=True) if user is None else Q(user__isnull=True) | Q(user=user)
    own = Q() if user is None else Q(user=user)
    return Practitioner.objects.filter(free).filter(Q(is_active=True) | own)


def entrustable_agendas(entrusted: Collection[UUID]) -> QuerySet[Practitioner]:
    """Return the active agendas, and those with these refs, which a member was entrusted with before."""
    return Practitioner.objects.filter(Q(is_active=True) | Q(ref__in=entrusted))


def save_agenda(
    *, practitioner: Practitioner | None, name: str, title: str, actor: str, now: datetime
) -> Practitioner:
    """Add an agenda after the others, or change its name and title."""
    if practitioner is None:
        practitioner = Practitioner(position=Practitioner.objects.count())
    practitioner.name, practitioner.title = name, title
    practitioner.save()
    audit.record(verb="agenda.saved", ref=practitioner.ref, actor=actor, now=now)
    return practitioner
