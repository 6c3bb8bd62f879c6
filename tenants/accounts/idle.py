"""The idle timeout of signed-in pages: 30 minutes without a request made by the user (S-04)."""

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _

from tenants.accounts.devices import family_of
from tenants.accounts.services.sessions import IDLE_SECONDS, OPENED, SEEN_AT, opening_record

WRITE_EVERY_SECONDS = 60
NOT_ACTIVITY = "X-Refresh"
"""Header of automatic requests of a page, which do not count as activity."""


class IdleTimeout:
    """Middleware that ends idle sessions; a request without a session cookie costs no query."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Check the session before the view; store the instant of the request at most once a minute."""
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            self._check(request)
        return self.get_response(request)

    def _check(self, request: HttpRequest) -> None:
        at = timezone.now()
        now = int(at.timestamp())
        seen = request.session.get(SEEN_AT)
        if seen is not None and now - int(seen) > IDLE_SECONDS:
            logout(request)
            messages.info(
                request, _("Sans activité depuis 30 minutes, votre session a été fermée.")
            )
        elif NOT_ACTIVITY not in request.headers and (
            seen is None or now - int(seen) >= WRITE_EVERY_SECONDS
        ):
            request.session[SEEN_AT] = now
            if OPENED not in request.session:
                device = family_of(request.headers.get("User-Agent", ""))
                request.session[OPENED] = opening_record(device=device, now=at)
