"""Whose account a link is, as far as lib-rdv knows, and its end with their part in the agenda (S-15).

No address of Google is kept. The trail says for twelve months who has given the consent, by an internal id.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from booking.models import Authorization, GoogleAccount, Practitioner
from booking.services.google.leaving import leave
from tenants.accounts.models import User
from tenants.trail.models import Act
from tenants.trail.services import actor_of

PART_LOST = "part_lost"
"""Why an attempt came to nothing: whoever made it has that part in the agenda no more."""
_GIVEN = ("calendar.connected", "calendar.reconnected")


@dataclass(frozen=True)
class Consent:
    """The last consent of a link: who, as the trail writes it, and when."""

    actor: str
    at: datetime


def consents(accounts: Iterable[GoogleAccount]) -> dict[uuid.UUID, Consent]:
    """Return the last consent of each link by its ref, in one query; the trail may have none any more."""
    refs = {account.ref for account in accounts}
    acts = Act.objects.filter(ref__in=refs, verb__in=_GIVEN).order_by("id")
    return {act.ref: Consent(act.actor, act.at) for act in acts}


@dataclass(frozen=True)
class Giver:
    """Who gave the last consent of a link, by the name that they have here, and when."""

    name: str
    at: datetime


def giver_of(account: GoogleAccount) -> Giver | None:
    """Return who connected an account, as the practice calls them; None once nobody can tell."""
    consent = consents([account]).get(account.ref)
    kind, _colon, key = consent.actor.partition(":") if consent else ("", "", "")
    user = User.objects.filter(pk=int(key)).first() if kind == "user" else None
    return Giver(user.get_full_name(), consent.at) if consent and user else None


def standing() -> QuerySet[GoogleAccount]:
    """Return the links that are not ending, each with its agenda."""
    alive = GoogleAccount.objects.exclude(state=GoogleAccount.State.LEAVING)
    return alive.select_related("practitioner").order_by("practitioner__position", "pk")


def of_agenda(user: User) -> list[GoogleAccount]:
    """Return the link of somebody's own agenda."""
    return list(standing().filter(practitioner__user=user))


def given_elsewhere(user: User) -> list[GoogleAccount]:
    """Return the links that somebody has given to agendas that are not their own."""
    links = list(standing().exclude(practitioner__user=user))
    given = consents(links)
    actor = actor_of(user.pk)
    return [link for link in links if link.ref in given and given[link.ref].actor == actor]


def given_by_others(agenda: Practitioner, *, user: User) -> list[GoogleAccount]:
    """Return the link of an agenda, unless this person has given it."""
    links = list(standing().filter(practitioner=agenda))
    given = consents(links)
    actor = actor_of(user.pk)
    return [link for link in links if link.ref not in given or given[link.ref].actor != actor]


def end(links: Iterable[GoogleAccount], *, actor: str, now: datetime) -> int:
    """End links whose owner has no part in the agenda any more; return how many.

    Our calendar stays as it is: it stands in an account of which nobody here decides.
    """
    ended = 0
    for link in links:
        leave(account=link, on_leaving=GoogleAccount.Leaving.KEEP, actor=actor, now=now)
        ended += 1
    return ended


def give_up_attempts(user: User, *, to_others: bool = False) -> None:
    """Let no consent that somebody has just given become a link; its key goes within the hour.

    ``to_others``: those alone that are for agendas of others.
    """
    open_ = (Authorization.State.ASKED, Authorization.State.EXCHANGING)
    attempts = Authorization.objects.filter(user=user, state__in=open_)
    if to_others:
        attempts = attempts.exclude(practitioner__user=user)
    attempts.update(state=Authorization.State.FAILED, failure=PART_LOST)
