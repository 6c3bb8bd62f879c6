"""The ends of a session: 30 minutes after the last request made by the user, 12 hours after its opening (S-04)."""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext_lazy

from tenants.accounts.devices import family_of
from tenants.accounts.services.sessions import (
    OPENED,
    SEEN_AT,
    SessionEnd,
    end_of,
    is_due,
    opening_record,
)

NOT_ACTIVITY = "X-Refresh"
"""Header of automatic requests of a page, which do not count as activity."""
_ENDED = {
    SessionEnd.IDLE: gettext_lazy("Sans activité depuis 30 minutes, votre session a été fermée."),
    SessionEnd.OLD: gettext_lazy(
        "Votre session a été fermée : elle durait depuis 12 heures. Reconnectez-vous."
    ),
}


class IdleTimeout:
    """Middleware that ends idle and old sessions; a request without a session cookie costs no query."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Check the session before the view; store the instant of the request at most once a minute."""
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            self._check(request)
        return self.get_response(request)

    def _check(self, request: HttpRequest) -> None:
        now = timezone.now()
        ended = end_of(request.session, now=now)
        if ended is not None:
            logout(request)
            messages.info(request, str(_ENDED[ended]))
            return
        if OPENED not in request.session:
            open_session(request, now=now)
        elif NOT_ACTIVITY not in request.headers and is_due(request.session, now=now):
            request.session[SEEN_AT] = int(now.timestamp())


def open_session(request: HttpRequest, *, now: datetime) -> None:
    """Record the opening of the session, from which its longest duration is counted."""
    device = family_of(request.headers.get("User-Agent", ""))
    request.session[OPENED] = opening_record(device=device, now=now)
    request.session[SEEN_AT] = int(now.timestamp())
