"""What allauth asks of us: who may enter, where to go next, and mail through the outbox."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from axes.utils import reset as forget_failures
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from tenants.accounts import kinds
from tenants.accounts.client import client_ip
from tenants.accounts.days import local_today
from tenants.accounts.models import User
from tenants.accounts.sealing import open_text, seal_text
from tenants.accounts.services.memberships import has_role
from tenants.outbox.services import Due, write
from tenants.schema import PUBLIC, current_unit


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is only partly typed
    """Sign-in by invitation only; nothing is sent while a page is served."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up: accounts are opened by an invitation."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the client's address as counted from our own proxies."""
        return client_ip(request)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Leave wrong passwords to axes, which keeps count across a rollback (see ``limits``).

        allauth's own limit stays for the codes of the second step, which axes does not see.
        """

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse | None:
        """Refuse who holds no role today: a replacement outside its dates, a closed account (B-15)."""
        response: HttpResponse | None = super().pre_login(request, user, **kwargs)
        if response is not None or _may_enter(request, user):
            return response
        messages.error(request, _("Votre accès n’est pas ouvert aujourd’hui."))
        return HttpResponseRedirect(reverse("account_login"))

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Return the landing page of whoever signs in on this host."""
        return reverse("desk:clients" if current_unit() == PUBLIC else "dashboard:today")

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        """Return to the sign-in page."""
        return reverse("account_login")

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Return to the page of the account."""
        return reverse("mfa_index")

    def set_password(self, user: User, password: str) -> None:
        """Set it, and forget the wrong ones: who proved the address is not kept out (S-04)."""
        super().set_password(user, password)
        forget_failures(username=user.email)

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """Record that a link is wanted: the worker derives it and writes to the account's address."""
        now = timezone.now()
        minute = int(now.timestamp()) // 60
        write(due=[Due(kinds.PASSWORD_RESET, user.pk, due_at=now, version=minute)], now=now)

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Record that the person must be told; what is not in the list is not worth a message."""
        kind = kinds.NOTICES.get(template_prefix)
        if kind is None:
            return
        now = timezone.now()
        minute = int(now.timestamp()) // 60
        write(due=[Due(kind, user.pk, due_at=now, version=minute)], now=now)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Refuse any other message: a library never writes to anybody while a page is served."""
        raise NotImplementedError(template_prefix)


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors, sealed under the tenant's key and named after the practice's host."""

    def encrypt(self, text: str) -> str:
        """Seal a TOTP secret or the seed of recovery codes."""
        return seal_text(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Open it again."""
        return open_text(encrypted_text)


def _may_enter(request: HttpRequest, user: User) -> bool:
    if current_unit() == PUBLIC:
        return user.is_staff
    return has_role(user=user, on=local_today(request, now=timezone.now()))
