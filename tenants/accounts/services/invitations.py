"""Inviting somebody, and letting them in by the link: single use, with an end, no password sent."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from allauth.account.models import EmailAddress

from tenants.accounts import kinds
from tenants.accounts.errors import InvitationClosedError
from tenants.accounts.models import Invitation, Membership, Role, User
from tenants.accounts.services.memberships import give_role
from tenants.keyring import services as keyring
from tenants.outbox.services import Due, write
from tenants.refs import new_ref
from tenants.trail.services import actor_of, record

VALID_FOR = timedelta(days=7)
PURPOSE = "accounts.invitation"


@dataclass(frozen=True)
class Invited:
    """Whom to invite, as what. Dates are local days, both included."""

    email: str
    role: Role
    name: str = ""
    from_on: date | None = None
    until_on: date | None = None
    practitioner_ref: uuid.UUID | None = None
    """The person's own agenda, or the one that a replacement keeps."""
    entrusted: frozenset[uuid.UUID] = frozenset()


@dataclass(frozen=True)
class Accepted:
    """Who came in, and in which role."""

    user: User
    membership: Membership
    practitioner_ref: uuid.UUID | None


def token_of(invitation: Invitation) -> str:
    """Return the token of the link: derived again whenever needed, stored nowhere."""
    return keyring.link_token(purpose=PURPOSE, ref=invitation.ref, generation=invitation.generation)


def invite(*, invited: Invited, invited_by: User | None, actor: str, now: datetime) -> Invitation:
    """Write an invitation that opens for seven days and the message that carries its link."""
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
    """Make a new link for seven days; the old one stops. Raises when it was used or revoked."""
    held = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation.pk)
    if held.accepted_at is not None or held.revoked_at is not None:
        raise InvitationClosedError
    held.generation += 1
    held.expires_at = now + VALID_FOR
    held.token_hash = keyring.token_hash(token_of(held))
    held.save(update_fields=["generation", "expires_at", "token_hash"])
    _send(held, now=now)
    record(verb="invitation.sent", ref=held.ref, actor=actor, now=now)
    return held


def revoke_invitation(*, invitation: Invitation, actor: str, now: datetime) -> None:
    """Close a link that has not been used."""
    closed = Invitation.objects.filter(
        pk=invitation.pk, accepted_at__isnull=True, revoked_at__isnull=True
    ).update(revoked_at=now)
    if closed:
        record(verb="invitation.revoked", ref=invitation.ref, actor=actor, now=now)


def find_open(*, token: str, now: datetime) -> Invitation | None:
    """Return the invitation of a token, or None when the link opens nothing any more."""
    found = Invitation.objects.filter(token_hash=keyring.token_hash(token)).first()
    return found if found is not None and found.is_open(now=now) else None


def accept(*, token: str, password: str, name: str, now: datetime) -> Accepted:
    """Open the account, once. The password was validated by the form.

    An existing account of that address gets the role and keeps its own password: the link proves
    the address, not more. Raises InvitationClosedError when the link opens nothing.
    """
    held = (
        Invitation.objects.select_for_update(of=("self",))
        .filter(token_hash=keyring.token_hash(token))
        .first()
    )
    if held is None or not held.is_open(now=now):
        raise InvitationClosedError
    user = _user_for(held, password=password, name=name)
    membership = give_role(
        user=user,
        role=Role(held.role),
        actor=actor_of(user.pk),
        now=now,
        from_on=held.from_on,
        until_on=held.until_on,
        practitioner_refs=_entrusted(held),
    )
    held.accepted_at = now
    held.save(update_fields=["accepted_at"])
    record(verb="invitation.accepted", ref=held.ref, actor=actor_of(user.pk), now=now)
    return Accepted(user=user, membership=membership, practitioner_ref=held.practitioner_ref)


def has_account(invitation: Invitation) -> bool:
    """Return whether the invited address already signs in here with a password of its own.

    A closed account does not: it chooses a new password when it is invited again.
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
        invitation.pk,
        due_at=now,
        version=invitation.generation,
        expires_at=invitation.expires_at,
    )
    write(due=[due], now=now)
