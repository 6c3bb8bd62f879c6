"""The adapters of allauth: access check, redirects, and e-mails through the outbox."""

import math
from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from axes.utils import reset as delete_failures
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenants.accounts import kinds, network_tries
from tenants.accounts.days import local_today
from tenants.accounts.idle import open_session
from tenants.accounts.models import User
from tenants.accounts.sealing import open_text, seal_text
from tenants.accounts.services import codes, password_links
from tenants.accounts.services.memberships import has_role
from tenants.accounts.sign_in import ways_of
from tenants.busy import mark_limited
from tenants.client_address import client_ip
from tenants.outbox.services import once_a_minute, subject_of, write
from tenants.schema import PUBLIC, current_unit

log = structlog.get_logger("accounts")


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is only partly typed
    """Accounts by invitation only; a request writes outbox entries and sends nothing itself."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False: an invitation opens each account."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the client's address behind the trusted proxies."""
        return client_ip(request)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Check a password, unless the network has failed too often over all hosts (see ``network_tries``).

        Called for sign-in, and for each form that asks for the current password.
        """
        try:
            with network_tries.counted(request, now=timezone.now()) as attempt:
                user: User | None = super().authenticate(request, **credentials)
                if user is not None:
                    attempt.succeeded()
                return user
        except network_tries.TooManyTriesError as error:
            mark_limited(request, seconds=error.seconds)
            raise ValidationError(_too_many(error.seconds), code="too_many_tries") from None

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse | None:
        """Refuse a user without a role today: a replacement outside its dates, a closed account (B-15)."""
        response: HttpResponse | None = super().pre_login(request, user, **kwargs)
        if response is not None or _has_access(request, user):
            return response
        messages.error(request, _("Votre accès n’est pas ouvert aujourd’hui."))
        return HttpResponseRedirect(reverse("account_login"))

    def login(self, request: HttpRequest, user: User) -> None:
        """Open the session and record when: its longest duration begins here."""
        super().login(request, user)
        open_session(request, now=timezone.now())
        log.info("signed_in", user=user.pk, kind=ways_of(request, user))

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Return the start page of staff on the public host, of practices elsewhere."""
        return reverse(settings.DESK_HOME if current_unit() == PUBLIC else "dashboard:today")

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        """Return the sign-in page."""
        return reverse("account_login")

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Return the security page of the account."""
        return reverse("mfa_index")

    def set_password(self, user: User, password: str) -> None:
        """Set the password and delete the recorded failures: the user has proved the address (S-04)."""
        super().set_password(user, password)
        delete_failures(username=user.email)

    def request_password_link(self, request: HttpRequest, email: str) -> None:
        """Request a link to a new password; whether an account has the address changes neither work nor answer."""
        now = timezone.now()
        is_allowed = network_tries.may_request_link(request, email=email, now=now)
        password_links.request_link(email=email, is_allowed=is_allowed, now=now)

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Write the outbox entry of a security e-mail; templates outside SECURITY_EMAILS send none."""
        kind = kinds.SECURITY_EMAILS.get(template_prefix)
        if kind is None:
            return
        now = timezone.now()
        write(due=[once_a_minute(kind, subject_of(user), now=now)], now=now)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Raise NotImplementedError: allauth sends no other message."""
        raise NotImplementedError(template_prefix)


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors, sealed by the tenant's key."""

    def encrypt(self, text: str) -> str:
        """Seal a TOTP secret or the seed of recovery codes."""
        return seal_text(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Return the plaintext of a sealed secret."""
        return open_text(encrypted_text)

    def use_code(self, request: HttpRequest, user: User, code: str) -> Authenticator:
        """Use up a code of the second step and return its factor. Raises ValidationError."""
        try:
            used = codes.use_code(user=user, code=code, now=timezone.now())
        except codes.TooManyCodesError as error:
            mark_limited(request, seconds=error.seconds)
            log.warning("code_refused", user=user.pk, reason="too_many")
            raise ValidationError(_too_many(error.seconds), code="too_many_codes") from None
        if used is None:
            log.warning("code_refused", user=user.pk, reason="wrong")
            raise self.validation_error("incorrect_code")
        return used


def _too_many(seconds: int) -> str:
    minutes = max(1, math.ceil(seconds / 60))
    return ngettext(
        "Trop d’essais refusés. Recommencez dans une minute.",
        "Trop d’essais refusés. Recommencez dans %(minutes)s minutes.",
        minutes,
    ) % {"minutes": minutes}


def _has_access(request: HttpRequest, user: User) -> bool:
    if current_unit() == PUBLIC:
        return user.is_staff
    return has_role(user=user, on=local_today(request, now=timezone.now()))
