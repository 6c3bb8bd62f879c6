"""Another address to sign in with: confirmed where it arrives, told to the old one, undone from there.

Whoever reads the old mailbox stays stronger than whoever holds a session: for 72 hours one link there
puts everything back, ends every session and asks for another password.
"""

from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db.models import QuerySet

from tenants.accounts import kinds
from tenants.accounts.errors import LinkClosedError
from tenants.accounts.models import EmailChange, User
from tenants.accounts.services.sessions import close_all
from tenants.keyring import services as keyring
from tenants.outbox.services import Due, write
from tenants.refs import new_ref
from tenants.trail.services import SYSTEM, actor_of, record

VALID_FOR = timedelta(hours=24)
UNDO_FOR = timedelta(hours=72)
CONFIRM, UNDO = "accounts.email_confirm", "accounts.email_undo"


def confirm_token(change: EmailChange) -> str:
    """Return the token of the link at the new address: derived again whenever needed."""
    return keyring.link_token(purpose=CONFIRM, ref=change.ref, generation=0)


def undo_token(change: EmailChange) -> str:
    """Return the token of the link at the old address."""
    return keyring.link_token(purpose=UNDO, ref=change.ref, generation=0)


def ask(*, user: User, new_email: str, now: datetime) -> EmailChange:
    """Ask for another address; the one asked before is given up. The password was checked before.

    The answer is the same when somebody else here signs in with it: then no link leaves.
    """
    # One request at a time for an account: two forms sent at once must not both stay open.
    held = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    _open_requests(held).update(closed_at=now)
    change = EmailChange(
        ref=new_ref(),
        user=held,
        old_email=held.email,
        new_email=new_email.strip().lower(),
        asked_at=now,
        expires_at=now + VALID_FOR,
    )
    change.confirm_hash = keyring.token_hash(confirm_token(change))
    change.undo_hash = keyring.token_hash(undo_token(change))
    change.save(force_insert=True)
    due = Due(kinds.EMAIL_CONFIRM, change.pk, due_at=now, expires_at=change.expires_at)
    write(due=[due], now=now)
    record(verb="email.asked", ref=held.ref, actor=actor_of(held.pk), now=now)
    return change


def pending_of(*, user: User, now: datetime) -> EmailChange | None:
    """Return the request that waits for its link to be followed, if there is one."""
    return _open_requests(user).filter(expires_at__gt=now).first()


def give_up(*, user: User, now: datetime) -> None:
    """Close the request that waits: its link changes nothing any more."""
    if _open_requests(user).update(closed_at=now):
        record(verb="email.given_up", ref=user.ref, actor=actor_of(user.pk), now=now)


def find_to_confirm(*, token: str, now: datetime) -> EmailChange | None:
    """Return the request that this token confirms, or None when it confirms nothing any more."""
    found = _found(confirm_hash=keyring.token_hash(token))
    return found if found is not None and _can_confirm(found, now=now) else None


def confirm(*, token: str, now: datetime) -> EmailChange:
    """Change the address, once, and tell the old one. Raises LinkClosedError."""
    change = _locked(confirm_hash=keyring.token_hash(token))
    if change is None or not _can_confirm(change, now=now):
        raise LinkClosedError
    change.confirmed_at, change.undo_until = now, now + UNDO_FOR
    change.save(update_fields=["confirmed_at", "undo_until"])
    _set_address(change.user, change.new_email)
    due = Due(kinds.EMAIL_CHANGED, change.pk, due_at=now, expires_at=change.undo_until)
    write(due=[due], now=now)
    record(verb="email.changed", ref=change.user.ref, actor=actor_of(change.user_id), now=now)
    return change


def find_to_undo(*, token: str, now: datetime) -> EmailChange | None:
    """Return the change that this token undoes, or None when it undoes nothing any more."""
    found = _found(undo_hash=keyring.token_hash(token))
    return found if found is not None and _can_undo(found, now=now) else None


def undo(*, token: str, now: datetime) -> EmailChange:
    """Put the old address back, end all sessions, and send a link there for another password.

    Whoever made the change knew the password, and may have added a passkey or a second factor before: none
    of them opens anything any more, nor do the links of later changes. Raises LinkClosedError.
    """
    change = _locked(undo_hash=keyring.token_hash(token))
    if change is None or not _can_undo(change, now=now):
        raise LinkClosedError
    user = change.user
    user.set_unusable_password()
    user.save(update_fields=["password"])
    _set_address(user, change.old_email)
    EmailChange.objects.filter(user=user, pk__gte=change.pk).update(closed_at=now)
    Authenticator.objects.filter(user=user).delete()
    close_all(user=user, now=now)
    minute = int(now.timestamp()) // 60
    write(due=[Due(kinds.PASSWORD_RESET, user.pk, due_at=now, version=minute)], now=now)
    record(verb="email.restored", ref=user.ref, actor=SYSTEM, now=now)
    return change


def is_taken(address: str, *, by_other_than: User) -> bool:
    """Return whether another account of this host signs in with the address."""
    return User.objects.filter(email=address).exclude(pk=by_other_than.pk).exists()


def _can_confirm(change: EmailChange, *, now: datetime) -> bool:
    user = change.user
    is_current = user.is_active and user.email == change.old_email
    return (
        change.may_confirm(now=now)
        and is_current
        and not is_taken(change.new_email, by_other_than=user)
    )


def _can_undo(change: EmailChange, *, now: datetime) -> bool:
    user = change.user
    return (
        change.may_undo(now=now)
        and user.is_active
        and not is_taken(change.old_email, by_other_than=user)
    )


def _open_requests(user: User) -> QuerySet[EmailChange]:
    return EmailChange.objects.filter(user=user, confirmed_at__isnull=True, closed_at__isnull=True)


def _found(**hashed: bytes) -> EmailChange | None:
    return EmailChange.objects.select_related("user").filter(**hashed).first()


def _locked(**hashed: bytes) -> EmailChange | None:
    """Lock the account, then read the change again: two links of one account wait for each other."""
    found = _found(**hashed)
    if found is None:
        return None
    user = User.objects.select_for_update(of=("self",)).get(pk=found.user_id)
    found.refresh_from_db()
    found.user = user
    return found


def _set_address(user: User, address: str) -> None:
    user.email = address
    user.save(update_fields=["email"])
    EmailAddress.objects.filter(user=user).exclude(email=address).delete()
    EmailAddress.objects.update_or_create(
        user=user, email=address, defaults={"verified": True, "primary": True}
    )
