"""The outbox handlers of the accounts' e-mails: reload the rows, derive the link, compose the e-mail.

Links are derived when an e-mail is sent and are never stored; the outbox carries keys only.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from urllib.parse import quote

from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.urls import reverse

from tenants.accounts import kinds
from tenants.accounts.kinds import InvitationLink
from tenants.accounts.models import EmailChange, Invitation, User
from tenants.accounts.services import addresses
from tenants.accounts.services.invitations import token_of
from tenants.accounts.tokens import ResetTokenGenerator
from tenants.outbox.delivery import DeliveryCall, Handler, Outcome, not_sent, register
from tenants.outbox.emails import Email, send
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NoPayload
from tenants.schema import PUBLIC, Unit

GONE = not_sent("gone")
STALE = not_sent("too_late")
RESET_VALID_SECONDS = 3600


def _delivery(
    template: str, *, entry: OutboxEntry, to: str, path: str, unit: Unit, **context: object
) -> DeliveryCall:
    return partial(send, Email(entry, template, to, context, {"link": path}), unit)


class InvitationEmail(Handler[InvitationLink]):
    """Sends the link of an invitation."""

    def prepare(
        self, entry: OutboxEntry, payload: InvitationLink, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Send the newest link only, while the invitation is open."""
        invitation = Invitation.objects.filter(pk=entry.subject_id).first()
        if invitation is None or invitation.generation != payload.generation:
            return GONE
        if not invitation.is_open(now=now):
            return STALE
        return _delivery(
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


class PasswordResetEmail(Handler[NoPayload]):
    """Sends the link to choose a new password."""

    def prepare(
        self, entry: OutboxEntry, payload: NoPayload, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Derive a link that is valid for one hour; send nothing later than one hour after the request."""
        user = User.objects.filter(pk=entry.subject_id, is_active=True).first()
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
        # Somebody who never had a password has asked for nothing: the account was just opened.
        name = "account_password_reset" if user.has_usable_password() else "account_opened"
        return _delivery(name, entry=entry, to=user.email, path=path, unit=unit)


class AddressConfirmationEmail(Handler[NoPayload]):
    """Sends the link that confirms a new sign-in address, to that address."""

    def prepare(
        self, entry: OutboxEntry, payload: NoPayload, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Send while the request is open; never to the address of another account."""
        change = EmailChange.objects.select_related("user").filter(pk=entry.subject_id).first()
        if change is None or addresses.is_taken(change.new_email, by_other_than=change.user):
            return GONE
        if not change.may_confirm(now=now):
            return STALE
        return _delivery(
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


class AddressChangedEmail(Handler[NoPayload]):
    """Notifies the old address that it was replaced, with the link that undoes the change."""

    def prepare(
        self, entry: OutboxEntry, payload: NoPayload, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Send while the change can be undone, without the new address, which may be an attacker's."""
        change = EmailChange.objects.filter(pk=entry.subject_id).first()
        if change is None:
            return GONE
        if not change.may_undo(now=now):
            return STALE
        return _delivery(
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
class SecurityEmail(Handler[NoPayload]):
    """Notifies the person that the password or a second factor of the account has changed."""

    template: str

    def prepare(
        self, entry: OutboxEntry, payload: NoPayload, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Send to the account's address."""
        user = User.objects.filter(pk=entry.subject_id).first()
        if user is None:
            return GONE
        path = reverse("account_reset_password", urlconf=_urlconf_of(unit))
        return _delivery(
            self.template, entry=entry, to=user.email, path=path, unit=unit, at=entry.created_at
        )


def register_all() -> None:
    """Register the handlers of this app; called once, when apps are ready."""
    register(kinds.INVITATION, InvitationEmail())
    register(kinds.PASSWORD_RESET, PasswordResetEmail())
    register(kinds.EMAIL_CONFIRM, AddressConfirmationEmail())
    register(kinds.EMAIL_CHANGED, AddressChangedEmail())
    register(kinds.PASSWORD_CHANGED, SecurityEmail("account_password_changed"))
    register(kinds.MFA_ADDED, SecurityEmail("account_mfa_added"))
    register(kinds.MFA_REMOVED, SecurityEmail("account_mfa_removed"))
    register(kinds.CODES_RENEWED, SecurityEmail("account_codes_renewed"))


def _urlconf_of(unit: Unit) -> str:
    return str(settings.PUBLIC_SCHEMA_URLCONF if unit == PUBLIC else settings.ROOT_URLCONF)
