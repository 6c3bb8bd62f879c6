"""Invitations: single-use links with an expiry, by which invited persons open their accounts."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from allauth.account.models import EmailAddress
from django.db.models import QuerySet

from tenants.accounts import kinds
from tenants.accounts.errors import InvitationClosedError, MessageLimitError
from tenants.accounts.models import Invitation, Membership, Role, User
from tenants.accounts.services.memberships import give_role
from tenants.audit.services import SYSTEM, actor_of, record
from tenants.keyring import services as keyring
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import Due, subject_of, write
from tenants.refs import new_ref

VALID_FOR = timedelta(days=7)
MOST_A_DAY = 40
"""Invitations of a practice within 24 hours, new links included."""
MOST_A_DAY_TO_ONE = 4
PURPOSE = "accounts.invitation"


@dataclass(frozen=True)
class Invited:
    """The recipient and the role of an invitation. Dates are local days, both included."""

    email: str
    role: Role
    name: str = ""
    from_on: date | None = None
    until_on: date | None = None
    practitioner_ref: uuid.UUID | None = None
    """The invited practitioner's own agenda, or the agenda of the replaced practitioner."""
    entrusted: frozenset[uuid.UUID] = frozenset()


@dataclass(frozen=True)
class Accepted:
    """The account and the membership that an accepted invitation created."""

    user: User
    membership: Membership
    practitioner_ref: uuid.UUID | None


def token_of(invitation: Invitation) -> str:
    """Return the token of the link; the keyring derives it at each call and it is never stored."""
    return keyring.link_token(purpose=PURPOSE, ref=invitation.ref, generation=invitation.generation)


def invite(*, invited: Invited, invited_by: User | None, actor: str, now: datetime) -> Invitation:
    """Write an invitation, valid for seven days, and the e-mail with its link. Raises MessageLimitError."""
    check_limits(email=invited.email, actor=actor, now=now)
    invitation = Invitation(
        ref=new_ref(),
        email=invited.email.strip().lower(),
        name=invited.name.strip(),
        role=invited.role,
        from_on=invited.from_on,
        until_on=invited.until_on,
        practitioner_ref=invited.practitioner_ref,
        entrusted=sorted(invited.entrusted),
        invited_by=invited_by,
        created_at=now,
        expires_at=now + VALID_FOR,
    )
    invitation.token_hash = keyring.token_hash(token_of(invitation))
    invitation.save(force_insert=True)
    _send(invitation, now=now)
    record(verb="invitation.sent", ref=invitation.ref, actor=actor, now=now)
    return invitation


def renew(*, invitation: Invitation, actor: str, now: datetime) -> Invitation:
    """Replace the link by a new one for seven days. Raises InvitationClosedError once accepted or revoked.

    Raises MessageLimitError.
    """
    renewed = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation.pk)
    if renewed.accepted_at is not None or renewed.revoked_at is not None:
        raise InvitationClosedError
    check_limits(email=renewed.email, actor=actor, now=now)
    renewed.generation += 1
    renewed.expires_at = now + VALID_FOR
    renewed.token_hash = keyring.token_hash(token_of(renewed))
    renewed.save(update_fields=["generation", "expires_at", "token_hash"])
    _send(renewed, now=now)
    record(verb="invitation.sent", ref=renewed.ref, actor=actor, now=now)
    return renewed


def check_limits(*, email: str, actor: str, now: datetime) -> None:
    """Raise MessageLimitError when the practice, or the address, has received enough invitations within a day.

    lib-rdv's staff, who act as SYSTEM, are not limited.
    """
    if actor == SYSTEM:
        return
    sent = OutboxEntry.objects.filter(kind=kinds.INVITATION, created_at__gt=now - timedelta(days=1))
    to_one = Invitation.objects.filter(email=email.strip().lower()).order_by().values("pk")
    if (
        sent.count() >= MOST_A_DAY
        or sent.filter(subject_id__in=to_one).count() >= MOST_A_DAY_TO_ONE
    ):
        raise MessageLimitError


def revoke_invitation(*, invitation: Invitation, actor: str, now: datetime) -> None:
    """Revoke an invitation that was not accepted; otherwise do nothing."""
    closed = Invitation.objects.filter(
        pk=invitation.pk, accepted_at__isnull=True, revoked_at__isnull=True
    ).update(revoked_at=now)
    if closed:
        record(verb="invitation.revoked", ref=invitation.ref, actor=actor, now=now)


def pending() -> QuerySet[Invitation]:
    """Return the invitations that were neither accepted nor revoked; they may have expired."""
    return Invitation.objects.filter(accepted_at__isnull=True, revoked_at__isnull=True)


def find_open(*, token: str, now: datetime) -> Invitation | None:
    """Return the open invitation of a token, or None."""
    found = Invitation.objects.filter(token_hash=keyring.token_hash(token)).first()
    return found if found is not None and found.is_open(now=now) else None


def accept(*, token: str, password: str, name: str, now: datetime) -> Accepted:
    """Create the account or reopen it, once. The form has validated the password.

    An open account of the address gets the role and keeps its password, because the link proves the address
    only. Raises InvitationClosedError when the invitation is not open.
    """
    invitation = (
        Invitation.objects.select_for_update(of=("self",))
        .filter(token_hash=keyring.token_hash(token))
        .first()
    )
    if invitation is None or not invitation.is_open(now=now):
        raise InvitationClosedError
    user = _user_for(invitation, password=password, name=name)
    membership = give_role(
        user=user,
        role=Role(invitation.role),
        actor=actor_of(user.pk),
        now=now,
        from_on=invitation.from_on,
        until_on=invitation.until_on,
        practitioner_refs=_entrusted(invitation),
    )
    membership.opened_by = invitation.invited_by
    membership.save(update_fields=["opened_by"])
    invitation.accepted_at = now
    invitation.save(update_fields=["accepted_at"])
    record(verb="invitation.accepted", ref=invitation.ref, actor=actor_of(user.pk), now=now)
    return Accepted(user=user, membership=membership, practitioner_ref=invitation.practitioner_ref)


def has_account(invitation: Invitation) -> bool:
    """Return whether the invited address has an open account with a password in this schema.

    A closed account has none: it chooses a new password with the invitation.
    """
    user = User.objects.filter(email=invitation.email).first()
    return user is not None and _is_open(user)


def _user_for(invitation: Invitation, *, password: str, name: str) -> User:
    user = User.objects.filter(email=invitation.email).first()
    if user is None:
        user = User.objects.create_user(invitation.email, password, name=name or invitation.name)
    elif not _is_open(user):
        user.is_active = True
        user.set_password(password)
        user.save(update_fields=["is_active", "password"])
    EmailAddress.objects.update_or_create(
        user=user, email=user.email, defaults={"verified": True, "primary": True}
    )
    return user


def _is_open(user: User) -> bool:
    return user.is_active and user.has_usable_password()


def _entrusted(invitation: Invitation) -> Iterable[uuid.UUID]:
    refs = set(invitation.entrusted)
    scoped = {Role.SECRETARY, Role.REPLACEMENT}
    if invitation.practitioner_ref is not None and Role(invitation.role) in scoped:
        refs.add(invitation.practitioner_ref)
    return refs


def _send(invitation: Invitation, *, now: datetime) -> None:
    due = Due(
        kinds.INVITATION,
        subject_of(invitation),
        kinds.InvitationLink(invitation.generation),
        due_at=now,
        expires_at=invitation.expires_at,
    )
    write(due=[due], now=now)
