"""Connection of a Google account: to Google by a button, back by the one address registered there (B-30)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from booking.google import authorization
from booking.google.accounts import account_of
from booking.models import Authorization, GoogleAccount, Practitioner
from booking.web.dashboard.access import (
    DashboardRequest,
    practitioner_or_404,
    reach,
    requires,
)
from booking.web.dashboard.google.forms import ConnectForm
from booking.web.dashboard.google.labels import Explanation, connecting_failed
from booking.web.dashboard.pages import show
from tenants.accounts.permissions import Operation
from tenants.query_parameters import parameters_of

CONNECT = Operation.CONNECT_CALENDAR
State = Authorization.AttemptState


@dataclass(frozen=True)
class Attempt:
    """The user's last attempt to connect an agenda, for the page; ``row`` is None without a recent one."""

    row: Authorization | None
    now: datetime

    @property
    def state(self) -> str:
        """The state of the attempt, or "" without one."""
        return self.row.state if self.row else ""

    @property
    def is_young(self) -> bool:
        """Whether the attempt is within its ten minutes."""
        return self.row is not None and self.row.expires_at > self.now

    @property
    def is_open(self) -> bool:
        """Whether a worker exchanges the code; the page waits for it until the attempt expires."""
        return self.state == State.EXCHANGING and self.is_young

    @property
    def is_late(self) -> bool:
        """Whether the attempt has expired during the exchange."""
        return self.state == State.EXCHANGING and not self.is_young

    @property
    def is_news(self) -> bool:
        """Whether the page shows that the connection succeeded."""
        return self.state == State.DONE and self.is_young

    @property
    def failure(self) -> Explanation | None:
        """The explanation of a failed attempt."""
        return (
            connecting_failed(self.row.failure) if self.row and self.state == State.FAILED else None
        )


def attempt_of(request: DashboardRequest, practitioner: Practitioner) -> Attempt:
    """Return the user's last attempt for an agenda."""
    row = authorization.latest_attempt(
        practitioner=practitioner, user=request.user, now=request.now
    )
    return Attempt(row, request.now)


@requires(CONNECT, methods=("POST",))
def google_connect(request: DashboardRequest, practitioner_ref: uuid.UUID) -> HttpResponse:
    """Redirect the browser to Google's consent page."""
    practitioner = practitioner_or_404(request, practitioner_ref, CONNECT)
    if not settings.GOOGLE_CLIENT_ID:
        raise Http404
    account = account_of(practitioner)
    if is_disconnecting(account):
        messages.info(request, _("La déconnexion se termine. Reconnectez ensuite."))
        return redirect("dashboard:google_agenda", practitioner.ref)
    form = connect_form(request)
    form.full_clean()
    consent = authorization.begin(
        practitioner=practitioner,
        user=request.user,
        session_key=request.session.session_key or "",
        is_instant=form.is_instant_wanted,
        now=request.now,
    )
    return HttpResponse(status=303, headers={"Location": consent.url})


@requires(CONNECT, methods=("GET",))
def google_return(request: DashboardRequest) -> HttpResponse:
    """Accept the code with which the browser returns from Google, once; a worker exchanges it.

    The only GET that changes data: Google redirects by GET, and a state can be used once.
    """
    sent = parameters_of(request, most_characters=authorization.MOST_CHARACTERS)
    try:
        attempt = authorization.receive_return(
            state=sent.get("state", ""),
            code=sent.get("code", ""),
            user=request.user,
            session_key=request.session.session_key or "",
            practitioner_ids=[practitioner.pk for practitioner in reach(request, CONNECT)],
            now=request.now,
        )
    except authorization.BadState:
        response = show_link(request, "google/not_back", {}, status=400)
    except authorization.NotPermitted:
        raise Http404 from None
    else:
        response = redirect("dashboard:google_agenda", attempt.practitioner.ref)
        response.status_code = 303
    # The address of this request holds the code.
    response["Referrer-Policy"] = "no-referrer"
    return response


@requires(CONNECT, methods=("GET", "HEAD"))
def google_state(request: DashboardRequest, practitioner_ref: uuid.UUID) -> HttpResponse:
    """Answer a page that waits for a worker: 204 to keep waiting, otherwise a reload of the page."""
    practitioner = practitioner_or_404(request, practitioner_ref, CONNECT)
    if is_disconnecting(account_of(practitioner)) or attempt_of(request, practitioner).is_open:
        return HttpResponse(status=204)
    return HttpResponse(headers={"HX-Refresh": "true"}, content_type="text/plain; charset=utf-8")


def connect_form(request: DashboardRequest) -> ConnectForm:
    """Return the form of the connect button, bound to a POST."""
    data = request.POST if request.method == "POST" else None
    return ConnectForm(data, has_signals=bool(settings.GOOGLE_SIGNAL_URL))


def is_disconnecting(account: GoogleAccount | None) -> bool:
    """Return whether the account is being disconnected."""
    return account is not None and account.state == GoogleAccount.LinkState.DISCONNECTING


def show_link(
    request: DashboardRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render a page about the link, with the tab of the navigation that leads there for the user."""
    is_of_settings = request.access.allows(Operation.EDIT_PRACTICE)
    tab = "practice" if is_of_settings else "google"
    return show(request, template, context, tab=tab, status=status)
