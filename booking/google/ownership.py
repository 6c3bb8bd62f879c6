"""Ownership of Google accounts: the user that gave the consent; a link ends with that user's role (S-15).

lib-rdv stores no e-mail address of a Google account. For twelve months the audit trail holds the consent with the
internal id of its user.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from booking.google.disconnection import disconnect
from booking.models import Authorization, GoogleAccount, Practitioner
from tenants.accounts.models import User
from tenants.audit.models import AuditEvent
from tenants.audit.services import actor_of

PART_LOST = "part_lost"
"""Failure code of an attempt whose user has lost the role in the agenda."""
_CONSENT_VERBS = ("calendar.connected", "calendar.reconnected")


@dataclass(frozen=True)
class Consent:
    """The last consent of a link; ``actor`` is the actor of the audit event, "user:<id>"."""

    actor: str
    at: datetime


def consents(accounts: Iterable[GoogleAccount]) -> dict[uuid.UUID, Consent]:
    """Return the last consent of each account by the account's ref, in one query.

    An account whose consent the audit trail no longer holds is left out.
    """
    refs = {account.ref for account in accounts}
    events = AuditEvent.objects.filter(ref__in=refs, verb__in=_CONSENT_VERBS).order_by("id")
    return {event.ref: Consent(event.actor, event.at) for event in events}


@dataclass(frozen=True)
class ConsentOwner:
    """The user that gave the last consent of a link: their name in the practice, and the instant."""

    name: str
    at: datetime


def consent_owner_of(account: GoogleAccount) -> ConsentOwner | None:
    """Return the user that connected an account; None when the audit event or the user no longer exists."""
    consent = consents([account]).get(account.ref)
    kind, _colon, key = consent.actor.partition(":") if consent else ("", "", "")
    user = User.objects.filter(pk=int(key)).first() if kind == "user" else None
    return ConsentOwner(user.get_full_name(), consent.at) if consent and user else None


def active_links() -> QuerySet[GoogleAccount]:
    """Return the accounts that are not being disconnected, each with its practitioner."""
    active = GoogleAccount.objects.exclude(state=GoogleAccount.LinkState.DISCONNECTING)
    return active.select_related("practitioner").order_by("practitioner__position", "pk")


def links_of_own_agenda(user: User) -> list[GoogleAccount]:
    """Return the active link of the user's own agenda."""
    return list(active_links().filter(practitioner__user=user))


def links_given_to_other_agendas(user: User) -> list[GoogleAccount]:
    """Return the active links of other agendas to which the user gave the last consent."""
    links = list(active_links().exclude(practitioner__user=user))
    last_consents = consents(links)
    actor = actor_of(user.pk)
    return [
        link
        for link in links
        if link.ref in last_consents and last_consents[link.ref].actor == actor
    ]


def links_given_by_others(agenda: Practitioner, *, user: User) -> list[GoogleAccount]:
    """Return the active link of an agenda, unless the user gave its last consent."""
    links = list(active_links().filter(practitioner=agenda))
    last_consents = consents(links)
    actor = actor_of(user.pk)
    return [
        link
        for link in links
        if link.ref not in last_consents or last_consents[link.ref].actor != actor
    ]


def end_links(links: Iterable[GoogleAccount], *, actor: str, now: datetime) -> int:
    """Disconnect accounts whose owner no longer has a role in the agenda; return how many.

    The calendar "Rendez-vous" stays as it is: it belongs to an account on which the practice does not decide.
    """
    ended = 0
    for link in links:
        disconnect(
            account=link, on_disconnect=GoogleAccount.OnDisconnect.KEEP, actor=actor, now=now
        )
        ended += 1
    return ended


def cancel_attempts(user: User, *, to_others: bool = False) -> None:
    """Fail the user's open attempts, so that no consent becomes a link; their keys are destroyed within an hour.

    ``to_others``: only the attempts for agendas that are not the user's own.
    """
    open_ = (Authorization.AttemptState.ASKED, Authorization.AttemptState.EXCHANGING)
    attempts = Authorization.objects.filter(user=user, state__in=open_)
    if to_others:
        attempts = attempts.exclude(practitioner__user=user)
    attempts.update(state=Authorization.AttemptState.FAILED, failure=PART_LOST)
