"""Access to lib-rdv's staff pages: members of staff only, and never with a password alone (S-03)."""

import functools
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Concatenate, ParamSpec, cast

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from tenants.accounts.models import User

P = ParamSpec("P")


class StaffRequest(HttpRequest):
    """A request of a member of lib-rdv's staff with a second factor; ``now`` is its instant, in UTC."""

    user: User
    now: datetime


StaffView = Callable[Concatenate[StaffRequest, P], HttpResponse]


def staff_only(
    *, methods: Iterable[str] = ("GET", "HEAD", "POST")
) -> Callable[[StaffView[P]], Callable[Concatenate[HttpRequest, P], HttpResponse]]:
    """Restrict a view to members of staff with a second factor and to these methods.

    Responses: without a session a redirect to the sign-in page, without ``is_staff`` a 403, without a second
    factor a redirect to the page that adds one, with another method a 405.
    """
    permitted = tuple(methods)

    def decorator(view: StaffView[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @never_cache
        @functools.wraps(view)
        def guarded(plain: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not plain.user.is_authenticated:
                return redirect_to_login(plain.get_full_path())
            request = cast("StaffRequest", plain)
            if not request.user.is_staff:
                return render(plain, "desk/refused.html", status=403)
            if not has_second_factor(request.user):
                messages.warning(
                    plain, _("Le bureau demande une deuxième étape\u00a0: ajoutez-la d’abord.")
                )
                return redirect("mfa_index")
            if plain.method not in permitted:
                return HttpResponseNotAllowed(permitted)
            request.now = timezone.now()
            return view(request, *args, **kwargs)

        return guarded

    return decorator


def has_second_factor(user: User) -> bool:
    """Return whether the account has a TOTP or WebAuthn factor."""
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    return bool(Authenticator.objects.filter(user=user, type__in=kinds).exists())
