"""Account pages beside those of allauth: name, sign-in address, sessions."""

import uuid
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, cast

import structlog
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.views import PasswordResetFromKeyView, password_reset_from_key
from allauth.mfa.totp.views import ActivateTOTPView
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenants.accounts.days import zone_of
from tenants.accounts.errors import LinkClosedError, MessageLimitError
from tenants.accounts.forms import AddressForm, NameForm
from tenants.accounts.models import EmailChange, User
from tenants.accounts.services import addresses
from tenants.accounts.services.codes import use_up_first_code
from tenants.accounts.services.profile import rename
from tenants.accounts.services.sessions import close_all, close_one, close_others, open_sessions
from tenants.accounts.sign_in import ways_of
from tenants.link_pages import behind_a_link, keep_private

log = structlog.get_logger("accounts")
read_or_send = require_http_methods(["GET", "HEAD", "POST"])


def _user(request: HttpRequest) -> User:
    # ``login_required`` guarantees a User.
    return cast("User", request.user)


def _show(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    with timezone.override(zone_of(request)):
        return render(request, f"account/{template}.html", context, status=status)


def confirming(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Wrap a page that confirms who uses the session: once it has, the session gets another key."""

    @wraps(view)
    def confirm(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        before = get_authentication_records(request, request.user)
        answer = view(request, *args, **kwargs)
        if get_authentication_records(request, request.user) != before:
            request.session.cycle_key()
            log.info(
                "identity_confirmed", user=request.user.pk, kind=ways_of(request, _user(request))
            )
        return answer

    return confirm


class ActivateCodesView(ActivateTOTPView):  # type: ignore[misc]
    """Adds an authenticator app; the code that proves it works for nothing else."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Activate the factor and use its first code up."""
        answer: HttpResponse = super().form_valid(form)
        use_up_first_code(
            user=_user(self.request), code=form.cleaned_data["code"], now=timezone.now()
        )
        return answer


@never_cache
@read_or_send
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """Change the name of the user's account."""
    user = _user(request)
    form = NameForm(
        request.POST if request.method == "POST" else None,
        subject=user,
        stored=lambda: {"name": user.name},
    )
    if form.is_valid():
        rename(user=user, name=form.cleaned_data["name"], now=timezone.now())
        messages.success(request, _("Votre nom est enregistré."))
        return redirect("mfa_index")
    return _show(request, "profile", {"form": form}, status=form.status)


@never_cache
@read_or_send
@login_required
def address(request: HttpRequest) -> HttpResponse:
    """Request another sign-in address with the password; a link is sent to that address."""
    user, now = _user(request), timezone.now()
    form = AddressForm(request.POST if request.method == "POST" else None, user=user)
    if form.is_valid() and _is_requested(user, form, now):
        messages.success(
            request,
            _(
                "Un lien part à la nouvelle adresse. Rien ne change tant que vous ne l’avez pas suivi."
            ),
        )
        return redirect("account_address")
    context = {"form": form, "pending": addresses.pending_of(user=user, now=now)}
    return _show(request, "address", context, status=422 if form.is_bound else 200)


def _is_requested(user: User, form: AddressForm, now: datetime) -> bool:
    try:
        addresses.request_change(user=user, new_email=form.cleaned_data["email"], now=now)
    except MessageLimitError:
        form.add_error(
            "email", _("Assez de liens sont partis aujourd’hui. Recommencez dans 24 heures.")
        )
        return False
    return True


@require_POST
@login_required
def give_up_address(request: HttpRequest) -> HttpResponse:
    """Cancel the open change of address."""
    addresses.give_up(user=_user(request), now=timezone.now())
    messages.success(request, _("C’est abandonné. Votre adresse ne change pas."))
    return redirect("account_address")


@behind_a_link
@read_or_send
def confirm_address(request: HttpRequest, token: str) -> HttpResponse:
    """Show the link sent to the new address; only its button (POST) confirms the change."""
    now = timezone.now()
    shown = addresses.find_to_confirm(token=token, now=now)
    if request.method != "POST":
        return _link_page(request, "address_confirm", shown)
    change = _follow(addresses.confirm, token, now)
    if change is None:
        return _link_page(request, "address_confirm", None)
    messages.success(
        request, _("Votre adresse est changée. Connectez-vous désormais avec celle-ci.")
    )
    return redirect("mfa_index")


@behind_a_link
@read_or_send
def undo_address(request: HttpRequest, token: str) -> HttpResponse:
    """Show the link sent to the old address; only its button (POST) undoes the change."""
    now = timezone.now()
    shown = addresses.find_to_undo(token=token, now=now)
    if request.method != "POST":
        return _link_page(request, "address_undo", shown)
    change = _follow(addresses.undo, token, now)
    if change is None:
        return _link_page(request, "address_undo", None)
    if request.user.is_authenticated and request.user.pk == change.user_id:
        logout(request)
    return _show(request, "address_restored", {"change": change})


def choose_password(request: HttpRequest, uidb36: str, key: str) -> HttpResponse:
    """Redirect from the link to a form whose address holds no token; show that form."""
    answer: HttpResponse = password_reset_from_key(request, uidb36=uidb36, key=key)
    keep_private(answer)
    if key == PasswordResetFromKeyView.reset_url_key:
        # The form is sent with Origin, which the CSRF check needs; there is no token to pass on.
        del answer.headers["Referrer-Policy"]
    return answer


def _follow(service: Callable[..., EmailChange], token: str, now: datetime) -> EmailChange | None:
    try:
        return service(token=token, now=now)
    except LinkClosedError:
        return None


def _link_page(request: HttpRequest, template: str, change: EmailChange | None) -> HttpResponse:
    if change is None:
        return _show(request, "address_closed", {}, status=410)
    return _show(request, template, {"change": change})


@never_cache
@require_safe
@login_required
def sessions(request: HttpRequest) -> HttpResponse:
    """List the user's open sessions."""
    key = request.session.session_key or ""
    found = open_sessions(user=_user(request), current=key, now=timezone.now())
    return _show(request, "sessions", {"sessions": found})


@require_POST
@login_required
def close_session(request: HttpRequest, ref: uuid.UUID) -> HttpResponse:
    """End one of the user's sessions."""
    if close_one(user=_user(request), ref=ref, now=timezone.now()):
        messages.success(request, _("Cette session est fermée."))
    else:
        messages.info(request, _("Cette session était déjà fermée."))
    return redirect("account_sessions")


@require_POST
@login_required
def close_sessions(request: HttpRequest) -> HttpResponse:
    """End the user's other sessions, or all of them with the field ``partout``."""
    user, now = _user(request), timezone.now()
    if request.POST.get("everywhere"):
        close_all(user=user, now=now)
        logout(request)
        messages.success(request, _("Vous êtes déconnecté partout, ici aussi."))
        return redirect("account_login")
    if close_others(user=user, keep=request.session.session_key or "", now=now):
        messages.success(request, _("Vos autres sessions sont fermées."))
    else:
        messages.success(request, _("Aucune autre session n’était ouverte."))
    return redirect("account_sessions")
