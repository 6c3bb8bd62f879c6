"""Connecting Google Agenda: there by a button, back by the one address that Google knows (B-30)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from booking.forms.dashboard.google import ConnectForm
from booking.models import Authorization, GoogleAccount, Practitioner
from booking.services.google import authorizing
from booking.services.google.accounts import account_of
from booking.views.dashboard.access import DashboardRequest, practitioner_or_404, requires
from booking.views.dashboard.explained import Explanation
from booking.views.dashboard.google_words import connecting_failed
from booking.views.dashboard.pages import show
from tenants.accounts.permissions import Operation

CONNECT = Operation.CONNECT_CALENDAR
State = Authorization.State


@dataclass(frozen=True)
class Attempt:
    """What became of somebody's last attempt for an agenda, if it still tells something."""

    row: Authorization | None
    now: datetime

    @property
    def state(self) -> str:
        """How far it went."""
        return self.row.state if self.row else ""

    @property
    def is_young(self) -> bool:
        """Whether it may still end, or its end is still news."""
        return self.row is not None and self.row.expires_at > self.now

    @property
    def is_open(self) -> bool:
        """Whether a worker is at it; past the life of the attempt nobody waits any more."""
        return self.state == State.EXCHANGING and self.is_young

    @property
    def is_late(self) -> bool:
        """Whether nobody has ended it in time."""
        return self.state == State.EXCHANGING and not self.is_young

    @property
    def is_news(self) -> bool:
        """Whether somebody waits to read that it has worked."""
        return self.state == State.DONE and self.is_young

    @property
    def failure(self) -> Explanation | None:
        """Why it came to nothing, and what to do."""
        return (
            connecting_failed(self.row.failure) if self.row and self.state == State.FAILED else None
        )


def attempt_of(request: DashboardRequest, who: Practitioner) -> Attempt:
    """Return this person's last attempt for an agenda."""
    row = authorizing.latest(practitioner=who, user=request.user, now=request.now)
    return Attempt(row, request.now)


@requires(CONNECT, methods=("POST",))
def google_connect(request: DashboardRequest, practitioner: uuid.UUID) -> HttpResponse:
    """Send the browser to Google to ask for its owner's consent."""
    who = practitioner_or_404(request, practitioner, CONNECT)
    if not settings.GOOGLE_CLIENT_ID:
        raise Http404
    account = account_of(who)
    if is_leaving(account):
        messages.info(request, _("La déconnexion se termine. Reconnectez ensuite."))
        return redirect("dashboard:google_agenda", who.ref)
    form = connect_form(request)
    form.full_clean()
    begun = authorizing.begin(
        practitioner=who,
        user=request.user,
        session_key=request.session.session_key or "",
        is_instant=form.wants_instant,
        now=request.now,
    )
    return HttpResponse(status=303, headers={"Location": begun.url})


@requires(CONNECT, methods=("GET",))
def google_return(request: DashboardRequest) -> HttpResponse:
    """Take what the browser has brought back from Google, once; a worker exchanges it.

    The one GET that changes something: Google knows no other way back, and the state serves once.
    """
    try:
        # What is not for this person any more is left as it was: the role may have ended meanwhile.
        with transaction.atomic():
            attempt = authorizing.take_back(
                state=request.GET.get("state", ""),
                code=request.GET.get("code", ""),
                user=request.user,
                session_key=request.session.session_key or "",
                now=request.now,
            )
            who = practitioner_or_404(request, attempt.practitioner.ref, CONNECT)
    except authorizing.BadState:
        answer = show_link(request, "google_not_back", {}, status=400)
    else:
        answer = redirect("dashboard:google_agenda", who.ref)
        answer.status_code = 303
    # The address that this answers to holds the code.
    answer["Referrer-Policy"] = "no-referrer"
    return answer


@requires(CONNECT, methods=("GET", "HEAD"))
def google_state(request: DashboardRequest, practitioner: uuid.UUID) -> HttpResponse:
    """Tell a page that waits for a worker to stay (204) or to be loaded again."""
    who = practitioner_or_404(request, practitioner, CONNECT)
    if is_leaving(account_of(who)) or attempt_of(request, who).is_open:
        return HttpResponse(status=204)
    return HttpResponse(headers={"HX-Refresh": "true"}, content_type="text/plain")


def connect_form(request: DashboardRequest) -> ConnectForm:
    """Return the form of the button, with what was ticked."""
    data = request.POST if request.method == "POST" else None
    return ConnectForm(data, has_signals=bool(settings.GOOGLE_SIGNAL_URL))


def is_leaving(account: GoogleAccount | None) -> bool:
    """Whether a worker is ending the link."""
    return account is not None and account.state == GoogleAccount.State.LEAVING


def show_link(
    request: DashboardRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render a page of the link, under the word of the bar that leads there for this person."""
    is_of_settings = request.access.allows(Operation.EDIT_PRACTICE)
    tab = "practice" if is_of_settings else "google"
    return show(request, template, context, tab=tab, status=status)
