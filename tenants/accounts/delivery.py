"""The messages of accounts: re-read the truth, build the link, write to the account's own address.

The link is derived when the message is written and stands nowhere else: the outbox carries ids only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from urllib.parse import quote

from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.urls import reverse

from tenants.accounts import kinds
from tenants.accounts.models import EmailChange, Invitation, User
from tenants.accounts.services import addresses
from tenants.accounts.services.invitations import token_of
from tenants.accounts.tokens import ResetTokenGenerator
from tenants.outbox.delivery import Outcome, register
from tenants.outbox.mailing import Letter, send
from tenants.outbox.models import OutboxEntry
from tenants.schema import PUBLIC, Unit

Act = Callable[[], Outcome]
GONE = Outcome(OutboxEntry.State.DROPPED, "gone")
STALE = Outcome(OutboxEntry.State.DROPPED, "too_late")
RESET_VALID_SECONDS = 3600


def _posting(
    template: str, *, entry: OutboxEntry, to: str, path: str, unit: Unit, **said: object
) -> Act:
    return partial(send, Letter(entry, template, to, said, {"link": path}), unit)


class _Handler:
    """A message of this app: nothing follows from its terminal state."""

    def settle(self, entry: OutboxEntry, outcome: Outcome, *, unit: Unit, now: datetime) -> None:
        """Nothing to do: the account does not wait for its message."""


class InvitationLetter(_Handler):
    """The link that opens an account."""

    def prepare(self, entry: OutboxEntry, *, unit: Unit, now: datetime) -> Outcome | Act:
        """Write only while the link opens, and only the newest one."""
        invitation = Invitation.objects.filter(pk=entry.object_id or 0).first()
        if invitation is None or invitation.generation != entry.version:
            return GONE
        if not invitation.is_open(now=now):
            return STALE
        return _posting(
            "account_invitation",
            entry=entry,
            to=invitation.email,
            path=reverse(
                "account_invitation", args=[token_of(invitation)], urlconf=_urlconf_of(unit)
            ),
            unit=unit,
            name=invitation.name,
            until=invitation.expires_at,
        )


class ResetLetter(_Handler):
    """The link that lets the person choose another password."""

    def prepare(self, entry: OutboxEntry, *, unit: Unit, now: datetime) -> Outcome | Act:
        """Derive a link that lives one hour; an hour after the request nobody waits for it."""
        user = User.objects.filter(pk=entry.object_id or 0, is_active=True).first()
        if user is None:
            return GONE
        if (now - entry.created_at).total_seconds() > RESET_VALID_SECONDS:
            return STALE
        key = ResetTokenGenerator().make_token(user)
        path = reverse(
            "account_reset_password_from_key",
            kwargs={"uidb36": user_pk_to_url_str(user), "key": quote(key)},
            urlconf=_urlconf_of(unit),
        )
        return _posting("account_password_reset", entry=entry, to=user.email, path=path, unit=unit)


class ConfirmLetter(_Handler):
    """The link that confirms another address, sent to that address."""

    def prepare(self, entry: OutboxEntry, *, unit: Unit, now: datetime) -> Outcome | Act:
        """Write only while the link changes something; never to somebody else's account."""
        change = EmailChange.objects.select_related("user").filter(pk=entry.object_id or 0).first()
        if change is None or addresses.is_taken(change.new_email, by_other_than=change.user):
            return GONE
        if not change.may_confirm(now=now):
            return STALE
        return _posting(
            "account_email_confirm",
            entry=entry,
            to=change.new_email,
            path=reverse(
                "account_address_confirm",
                args=[addresses.confirm_token(change)],
                urlconf=_urlconf_of(unit),
            ),
            unit=unit,
            until=change.expires_at,
        )


class ChangedLetter(_Handler):
    """Tells the old address that it serves no more, with the link that puts it back."""

    def prepare(self, entry: OutboxEntry, *, unit: Unit, now: datetime) -> Outcome | Act:
        """Write as long as the link undoes something. The new address is not said: it may be a thief's."""
        change = EmailChange.objects.filter(pk=entry.object_id or 0).first()
        if change is None:
            return GONE
        if not change.may_undo(now=now):
            return STALE
        return _posting(
            "account_email_changed",
            entry=entry,
            to=change.old_email,
            path=reverse(
                "account_address_undo",
                args=[addresses.undo_token(change)],
                urlconf=_urlconf_of(unit),
            ),
            unit=unit,
            until=change.undo_until,
        )


@dataclass(frozen=True)
class NoticeLetter(_Handler):
    """Tells the person that a lock of the account has changed."""

    name: str

    def prepare(self, entry: OutboxEntry, *, unit: Unit, now: datetime) -> Outcome | Act:
        """Write to the account's address."""
        user = User.objects.filter(pk=entry.object_id or 0).first()
        if user is None:
            return GONE
        path = reverse("account_reset_password", urlconf=_urlconf_of(unit))
        return _posting(
            self.name, entry=entry, to=user.email, path=path, unit=unit, at=entry.created_at
        )


def register_all() -> None:
    """Make this module responsible for the kinds of this app; called once, when apps are ready."""
    register(kinds.INVITATION, InvitationLetter())
    register(kinds.PASSWORD_RESET, ResetLetter())
    register(kinds.EMAIL_CONFIRM, ConfirmLetter())
    register(kinds.EMAIL_CHANGED, ChangedLetter())
    for kind in sorted(set(kinds.NOTICES.values())):
        register(kind, NoticeLetter(f"account_{kind.rsplit('.', 1)[1]}"))


def _urlconf_of(unit: Unit) -> str:
    return str(settings.PUBLIC_SCHEMA_URLCONF if unit == PUBLIC else settings.ROOT_URLCONF)
