"""The door of lib-rdv's desk: staff only, and never by a password alone (S-03)."""

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


class DeskRequest(HttpRequest):
    """A request of a member of lib-rdv's staff who has a second factor."""

    user: User
    now: datetime


View = Callable[Concatenate[DeskRequest, P], HttpResponse]


def staff_only(
    *, methods: Iterable[str] = ("GET", "HEAD", "POST")
) -> Callable[[View[P]], Callable[Concatenate[HttpRequest, P], HttpResponse]]:
    """Open a desk page to staff with a second factor; without one, send to the page that adds it."""
    permitted = tuple(methods)

    def decorator(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @never_cache
        @functools.wraps(view)
        def guarded(plain: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not plain.user.is_authenticated:
                return redirect_to_login(plain.get_full_path())
            request = cast("DeskRequest", plain)
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
    """Return whether sign-in asks this account for more than a password."""
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    return bool(Authenticator.objects.filter(user=user, type__in=kinds).exists())
