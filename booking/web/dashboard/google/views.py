"""Pages of a Google account: sync health, settings of events, disconnection (B-30 to B-36).

No page waits for Google: a worker calls Google, and the page reloads until the worker has finished.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from booking.actors import enqueue_poll
from booking.google.accounts import account_of, accounts_of
from booking.google.choices import NotInstructed, choose
from booking.google.disconnection import disconnect
from booking.google.ownership import consent_owner_of
from booking.google.resync import resync
from booking.google.sync_health import (
    SyncHealth,
    health_of,
    healths_of,
)
from booking.models import GoogleAccount, Location, Practitioner
from booking.rules.erasure import Level
from booking.scheduling.catalogue import active_location_kinds
from booking.web.dashboard.access import (
    DashboardRequest,
    actor,
    practitioner_or_404,
    reach,
    requires,
)
from booking.web.dashboard.google.connection import (
    CONNECT,
    attempt_of,
    connect_form,
    is_disconnecting,
    show_link,
)
from booking.web.dashboard.google.differences import differences_of, tasks_of
from booking.web.dashboard.google.examples import examples
from booking.web.dashboard.google.forms import (
    ADDENDUM_MISSING,
    ChoicesForm,
    DisconnectForm,
)
from booking.web.dashboard.google.labels import (
    BADGES,
    error_sentence,
    status_label,
    status_sentence,
)
from tenants.audit.queries import last_recorded_at


@dataclass(frozen=True)
class GoogleLink:
    """A link for its pages: the status with label, icon and sentence, and the last error."""

    practitioner: Practitioner
    account: GoogleAccount | None
    health: SyncHealth | None

    @property
    def status(self) -> str:
        """The CSS class of the status."""
        return self.health.status.value if self.health else ""

    @property
    def icon(self) -> str:
        """The icon of the status."""
        return BADGES[self.health.status] if self.health else ""

    @property
    def label(self) -> str:
        """The status in one or two words."""
        return status_label(self.health.status) if self.health else ""

    @property
    def sentence(self) -> str:
        """The reason of the status."""
        return status_sentence(self.health) if self.health else ""

    @property
    def error(self) -> str:
        """The explanation of the last error, or ""."""
        code = self.account.last_error if self.account else ""
        return error_sentence(code) if code else ""

    @property
    def to_decide(self) -> int:
        """The number of appointments that differ or have a conflict."""
        return self.health.different + self.health.conflicts if self.health else 0


@requires(CONNECT, methods=("GET", "HEAD"))
def google(request: DashboardRequest) -> HttpResponse:
    """Show the page of the only permitted agenda, or a list with the status of each."""
    practitioners = reach(request, CONNECT)
    if len(practitioners) == 1:
        return _agenda(request, practitioners[0])
    healths = healths_of(accounts=accounts_of(practitioners), now=request.now)
    by_practitioner = {health.account.practitioner_id: health for health in healths}
    links = [
        _link_of(practitioner, by_practitioner.get(practitioner.pk))
        for practitioner in practitioners
    ]
    return show_link(
        request, "google/index", {"links": links, "is_offered": bool(settings.GOOGLE_CLIENT_ID)}
    )


@requires(CONNECT)
def google_agenda(request: DashboardRequest, practitioner_ref: uuid.UUID) -> HttpResponse:
    """Show the link of one agenda; a POST changes level and cleanup of its events."""
    practitioner = practitioner_or_404(request, practitioner_ref, CONNECT)
    if request.method != "POST":
        return _agenda(request, practitioner)
    account = _account_or_404(practitioner)
    form = ChoicesForm(request.POST, account=account, has_home_visits=_has_home_visits())
    if not form.is_valid() or not _save_choices(request, account, form):
        return _agenda(request, practitioner, form=form)
    messages.success(request, _("C’est enregistré. Les rendez-vous à venir sont réécrits."))
    return redirect("dashboard:google_agenda", practitioner.ref)


def _has_home_visits() -> bool:
    return Location.LocationKind.HOME in active_location_kinds()


def _save_choices(request: DashboardRequest, account: GoogleAccount, form: ChoicesForm) -> bool:
    """Store the settings; False, with an error in the form, when the instruction is missing."""
    try:
        choose(account=account, chosen=form.chosen, actor=actor(request), now=request.now)
    except NotInstructed:
        form.add_error(form.instruction or "level", ADDENDUM_MISSING)
        return False
    return True


@requires(CONNECT, methods=("POST",))
def google_resync(request: DashboardRequest, practitioner_ref: uuid.UUID) -> HttpResponse:
    """Schedule a push of every coming appointment and enqueue a poll."""
    practitioner = practitioner_or_404(request, practitioner_ref, CONNECT)
    account = _account_or_404(practitioner)
    if account.state != GoogleAccount.LinkState.CONNECTED:
        messages.error(request, _("Reconnectez d’abord ce compte."))
    else:
        count = resync(account=account, actor=actor(request), now=request.now)
        enqueue_poll(account.ref)
        text = _("Resynchronisation lancée\u00a0: %(count)d rendez-vous sont réécrits.")
        messages.success(request, text % {"count": count})
    return redirect("dashboard:google_agenda", practitioner.ref)


@requires(CONNECT)
def google_disconnect(request: DashboardRequest, practitioner_ref: uuid.UUID) -> HttpResponse:
    """Show the consequences and ask what happens to the calendar; a POST disconnects the account."""
    practitioner = practitioner_or_404(request, practitioner_ref, CONNECT)
    account = _account_or_404(practitioner)
    form = DisconnectForm(
        request.POST if request.method == "POST" else None,
        # Without access lib-rdv can neither empty nor delete the calendar, so the form does not offer it.
        is_reachable=account.state == GoogleAccount.LinkState.CONNECTED,
    )
    if form.is_valid():
        disconnect(
            account=account,
            on_disconnect=form.cleaned_data["on_disconnect"],
            actor=actor(request),
            now=request.now,
        )
        messages.success(request, _("Plus rien n’est lu ni écrit dans ce compte."))
        return redirect("dashboard:google_agenda", practitioner.ref)
    context = {"form": form, "practitioner": practitioner, "account": account}
    return show_link(request, "google/disconnect", context, status=422 if form.is_bound else 200)


def _agenda(
    request: DashboardRequest, practitioner: Practitioner, *, form: ChoicesForm | None = None
) -> HttpResponse:
    account = account_of(practitioner)
    attempt = attempt_of(request, practitioner)
    health = health_of(account=account, now=request.now) if account else None
    context: dict[str, Any] = {
        "practitioner": practitioner,
        "link": _link_of(practitioner, health),
        "is_offered": bool(settings.GOOGLE_CLIENT_ID),
        "is_alone": len(reach(request, CONNECT)) == 1,
        "is_disconnecting": is_disconnecting(account),
        "is_connecting": attempt.is_open,
        "attempt": attempt,
        "connect_form": connect_form(request),
        "tasks": tasks_of(request, practitioner),
    }
    if account is not None and not is_disconnecting(account):
        context |= {
            "form": form or ChoicesForm(account=account, has_home_visits=_has_home_visits()),
            "examples": examples(),
            "instructed_at": _instructed_at(account),
            "consent_owner": consent_owner_of(account),
            "differences": differences_of(request, practitioner),
        }
    page = show_link(request, "google/agenda", context, status=form.status if form else 200)
    return _may_lead_to_google(request, page)


def _may_lead_to_google(request: DashboardRequest, page: HttpResponse) -> HttpResponse:
    """Allow the forms of this page to redirect to Google's consent page (CSP ``form-action``)."""
    parts = urlsplit(settings.GOOGLE_CONSENT_URL)
    allow = csp_update({"form-action": [f"{parts.scheme}://{parts.netloc}"]})
    allow(lambda _request: page)(request)
    return page


def _link_of(practitioner: Practitioner, health: SyncHealth | None) -> GoogleLink:
    return GoogleLink(practitioner, health.account if health else None, health)


def _account_or_404(practitioner: Practitioner) -> GoogleAccount:
    account = account_of(practitioner)
    if account is None or is_disconnecting(account):
        raise Http404
    return account


def _instructed_at(account: GoogleAccount) -> datetime | None:
    """Return the instant of the last instruction of names in the audit trail, or None (B-33)."""
    if account.level != Level.NAMED:
        return None
    return last_recorded_at(verbs=[f"calendar.level.{Level.NAMED.value}"], ref=account.ref)
