"""The shared parts of dashboard pages: the navigation bar, permissions, the requested day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from booking.practice.first_day import progress
from booking.web.dashboard.access import DashboardRequest
from tenants.accounts.permissions import Operation
from tenants.models import Tenant
from tenants.query_parameters import parameters_of


@dataclass(frozen=True)
class Tab:
    """One link of the navigation bar."""

    name: str
    label: str
    operation: Operation
    unless: Operation | None = None
    """The link is left out for users with this permission: another link of their bar leads there."""

    @property
    def url(self) -> str:
        """Where it leads."""
        return reverse(f"dashboard:{self.name}")


def tabs() -> tuple[Tab, ...]:
    """Return the links of the bar, seven at most for any user (ui.md section 6)."""
    return (
        Tab("today", _("Aujourd’hui"), Operation.SEE_AGENDA),
        Tab("week", _("Agenda"), Operation.SEE_AGENDA),
        Tab("hours", _("Horaires"), Operation.BLOCK_TIME),
        Tab("appointment_types", _("Motifs et lieux"), Operation.EDIT_APPOINTMENT_TYPES),
        Tab("messages", _("Messages"), Operation.SEE_AGENDA),
        Tab("team", _("Équipe"), Operation.EDIT_TEAM),
        Tab("practice", _("Réglages"), Operation.EDIT_PRACTICE),
        Tab("site", _("Mon site"), Operation.EDIT_SITE, unless=Operation.EDIT_PRACTICE),
        Tab(
            "google",
            _("Google Agenda"),
            Operation.CONNECT_CALENDAR,
            unless=Operation.EDIT_PRACTICE,
        ),
    )


def show(
    request: DashboardRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    tab: str,
    status: int = 200,
) -> HttpResponse:
    """Render a page with its navigation bar, which holds the links that this user may open."""
    access = request.access
    state = state_of_site(request)
    is_prepared = state == Tenant.State.READY and access.allows_somewhere(Operation.EDIT_PRACTICE)
    shared = {
        "practice": request.practice,
        "site_state": state,
        "left_to_open": progress().missing if is_prepared else [],
        "tabs": [
            tab_of_bar
            for tab_of_bar in tabs()
            if access.allows_somewhere(tab_of_bar.operation)
            and not (tab_of_bar.unless and access.allows_somewhere(tab_of_bar.unless))
        ],
        "tab": tab,
        "today": request.today,
        "now": request.now.astimezone(request.zone),
        "can": {operation.value: access.allows_somewhere(operation) for operation in Operation},
    }
    # Templates write instants as dates in the time zone of the practice, not in UTC.
    with timezone.override(request.zone):
        return render(request, f"dashboard/{template}.html", {**shared, **context}, status=status)


def state_of_site(request: DashboardRequest) -> str:
    """Return the state of the practice's tenant (G-10), or "" outside a routed request."""
    return getattr(getattr(request, "route", None), "state", "")


def day_asked(request: DashboardRequest, name: str = "jour") -> date:
    """Return the date of the GET parameter; today when it is missing, invalid or more than 400 days away."""
    try:
        asked = date.fromisoformat(parameters_of(request).get(name, ""))
    except ValueError:
        return request.today
    near = timedelta(days=400)
    return asked if request.today - near <= asked <= request.today + near else request.today


def span(first: date, days: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the instants at which local dates begin and end, exact on nights when clocks change."""
    start = datetime(first.year, first.month, first.day, tzinfo=zone)
    last = first + timedelta(days=days)
    return start, datetime(last.year, last.month, last.day, tzinfo=zone)
