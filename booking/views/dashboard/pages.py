"""What the pages of the dashboard share: the bar, one's rights, the day asked for."""

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

from booking.views.dashboard.access import DashboardRequest
from tenants.accounts.permissions import Operation


@dataclass(frozen=True)
class Tab:
    """One word of the bar."""

    name: str
    label: str
    operation: Operation
    unless: Operation | None = None
    """Left out for whoever may do this: their bar leads there by another word."""

    @property
    def url(self) -> str:
        """Where it leads."""
        return reverse(f"dashboard:{self.name}")


def tabs() -> tuple[Tab, ...]:
    """Return the words of the bar, seven at most for anybody (ui.md section 6)."""
    return (
        Tab("today", _("Aujourd’hui"), Operation.SEE_AGENDA),
        Tab("week", _("Agenda"), Operation.SEE_AGENDA),
        Tab("hours", _("Horaires"), Operation.BLOCK_TIME),
        Tab("motifs", _("Motifs et lieux"), Operation.EDIT_MOTIFS),
        Tab("letters", _("Messages"), Operation.SEE_AGENDA),
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
    """Render a page with its bar: only the words that lead somewhere for this person."""
    access = request.access
    shared = {
        "practice": request.practice,
        "site_state": getattr(getattr(request, "route", None), "state", ""),
        "tabs": [
            one
            for one in tabs()
            if access.allows_somewhere(one.operation)
            and not (one.unless and access.allows_somewhere(one.unless))
        ],
        "tab": tab,
        "today": request.today,
        "now": request.now.astimezone(request.zone),
        "can": {operation.value: access.allows_somewhere(operation) for operation in Operation},
    }
    # Instants that a template writes as dates are those of the practice, not of Greenwich.
    with timezone.override(request.zone):
        return render(request, f"dashboard/{template}.html", {**shared, **context}, status=status)


def day_asked(request: DashboardRequest, name: str = "jour") -> date:
    """Return the date of the address, or today when there is none or it is none."""
    try:
        asked = date.fromisoformat(request.GET.get(name, ""))
    except ValueError:
        return request.today
    near = timedelta(days=400)
    return asked if request.today - near <= asked <= request.today + near else request.today


def span(first: date, days: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the instants at which local dates begin and end, exact on nights when clocks move."""
    start = datetime(first.year, first.month, first.day, tzinfo=zone)
    last = first + timedelta(days=days)
    return start, datetime(last.year, last.month, last.day, tzinfo=zone)
