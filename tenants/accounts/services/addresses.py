"""Changes of the sign-in address: a link to the new address confirms, a link to the old address undoes.

Access to the old mailbox outranks access to a session: for 72 hours the undo link restores the old address,
ends every session and requires a new password.
"""

from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.db.models import QuerySet

from tenants.accounts import kinds
from tenants.accounts.errors import LinkClosedError, MessageLimitError
from tenants.accounts.models import EmailChange, User
from tenants.accounts.services.second_factors import delete_factors
from tenants.accounts.services.sessions import close_all
from tenants.audit.services import (
    SYSTEM,
    actor_of,
    record,
)
from tenants.keyring import services as keyring
from tenants.outbox.payloads import NO_PAYLOAD
from tenants.outbox.services import Due, once_a_minute, subject_of, write
from tenants.refs import new_ref

VALID_FOR = timedelta(hours=24)
UNDO_FOR = timedelta(hours=72)
MOST_A_DAY = 5
"""Requests of an account within 24 hours: each sends an e-mail to an address that the user names."""
MOST_A_DAY_TO_ONE = 3
CONFIRM, UNDO = "accounts.email_confirm", "accounts.email_undo"


def confirm_token(change: EmailChange) -> str:
    """Return the token of the link to the new address; the keyring derives it at each call."""
    return keyring.link_token(purpose=CONFIRM, ref=change.ref, generation=0)


def undo_token(change: EmailChange) -> str:
    """Return the token of the link to the old address; the keyring derives it at each call."""
    return keyring.link_token(purpose=UNDO, ref=change.ref, generation=0)


def request_change(*, user: User, new_email: str, now: datetime) -> EmailChange:
    """Write a change request with its confirmation e-mail and close the account's open request.

    The form has checked the password. The result is the same when another account of this host has the
    address; the handler then sends no link. Raises MessageLimitError.
    """
    # One request at a time per account: of two concurrent forms only one request may stay open.
    account = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    recent = EmailChange.objects.filter(asked_at__gt=now - timedelta(days=1))
    to_one = recent.filter(new_email=new_email.strip().lower()).count()
    if recent.filter(user=account).count() >= MOST_A_DAY or to_one >= MOST_A_DAY_TO_ONE:
        raise MessageLimitError
    _open_requests(account).update(closed_at=now)
    change = EmailChange(
        ref=new_ref(),
        user=account,
        old_email=account.email,
        new_email=new_email.strip().lower(),
        asked_at=now,
        expires_at=now + VALID_FOR,
    )
    change.confirm_hash = keyring.token_hash(confirm_token(change))
    change.undo_hash = keyring.token_hash(undo_token(change))
    change.save(force_insert=True)
    due = Due(
        kinds.EMAIL_CONFIRM, subject_of(change), NO_PAYLOAD, now, expires_at=change.expires_at
    )
    write(due=[due], now=now)
    record(verb="email.change_requested", ref=account.ref, actor=actor_of(account.pk), now=now)
    return change


def pending_of(*, user: User, now: datetime) -> EmailChange | None:
    """Return the account's open request, or None."""
    return _open_requests(user).filter(expires_at__gt=now).first()


def give_up(*, user: User, now: datetime) -> None:
    """Close the account's open request and with it its link."""
    if _open_requests(user).update(closed_at=now):
        record(verb="email.given_up", ref=user.ref, actor=actor_of(user.pk), now=now)


def find_to_confirm(*, token: str, now: datetime) -> EmailChange | None:
    """Return the request that this token confirms, or None when the link is closed."""
    found = _found(confirm_hash=keyring.token_hash(token))
    return found if found is not None and _can_confirm(found, now=now) else None


def confirm(*, token: str, now: datetime) -> EmailChange:
    """Change the address, once, and write the e-mail to the old one. Raises LinkClosedError."""
    change = _locked(confirm_hash=keyring.token_hash(token))
    if change is None or not _can_confirm(change, now=now):
        raise LinkClosedError
    change.confirmed_at, change.undo_until = now, now + UNDO_FOR
    change.save(update_fields=["confirmed_at", "undo_until"])
    _set_address(change.user, change.new_email)
    due = Due(
        kinds.EMAIL_CHANGED, subject_of(change), NO_PAYLOAD, now, expires_at=change.undo_until
    )
    write(due=[due], now=now)
    record(verb="email.changed", ref=change.user.ref, actor=actor_of(change.user_id), now=now)
    return change


def find_to_undo(*, token: str, now: datetime) -> EmailChange | None:
    """Return the change that this token undoes, or None when the link is closed."""
    found = _found(undo_hash=keyring.token_hash(token))
    return found if found is not None and _can_undo(found, now=now) else None


def undo(*, token: str, now: datetime) -> EmailChange:
    """Restore the old address, end all sessions and send a link for a new password to it.

    The author of the change knew the password and may have added a passkey or a second factor: password and
    factors are deleted, and later changes are closed. Raises LinkClosedError.
    """
    change = _locked(undo_hash=keyring.token_hash(token))
    if change is None or not _can_undo(change, now=now):
        raise LinkClosedError
    user = change.user
    user.set_unusable_password()
    user.save(update_fields=["password"])
    _set_address(user, change.old_email)
    EmailChange.objects.filter(user=user, pk__gte=change.pk).update(closed_at=now)
    delete_factors(user=user)
    close_all(user=user, now=now)
    write(due=[once_a_minute(kinds.PASSWORD_RESET, subject_of(user), now=now)], now=now)
    record(verb="email.restored", ref=user.ref, actor=SYSTEM, now=now)
    return change


def is_taken(address: str, *, by_other_than: User) -> bool:
    """Return whether another account of this host has the address."""
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
    """Lock the account, then reload the change: concurrent links of one account run one after the other."""
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
