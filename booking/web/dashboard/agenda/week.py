"""The agenda, a day or a week at a time: a list in the source, a grid by the style sheet (T2)."""

import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseNotModified,
)
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache

from booking.agenda.display_choice import display_choice_of, remember
from booking.agenda.history import version
from booking.agenda.week import Days, read_days
from booking.google.attention import lost_links
from booking.models import AgendaChoice
from booking.web.dashboard.access import (
    DashboardRequest,
    reach,
    requires,
)
from booking.web.dashboard.agenda.grid import (
    COLOURS,
    Grid,
    GridDay,
    draw,
)
from booking.web.dashboard.agenda.names import (
    Asking,
    agenda_link,
    asking,
    erased,
)
from booking.web.dashboard.appointment.forms import QuickAnswersForm
from booking.web.dashboard.appointment.placement import UNDO
from booking.web.dashboard.appointment.views import panel_context
from booking.web.dashboard.google.differences import lost_agendas
from booking.web.dashboard.pages import (
    day_asked,
    show,
    span,
)
from tenants.accounts.idle import NOT_ACTIVITY
from tenants.accounts.permissions import Operation
from tenants.query_parameters import parameters_of


@dataclass(frozen=True)
class AgendaPeriod:
    """Which days, and how."""

    asked: date
    is_day: bool
    by_place: bool
    has_keys: bool = True

    @property
    def first(self) -> date:
        """The day itself, or the Monday of its week."""
        return self.asked if self.is_day else self.asked - timedelta(days=self.asked.weekday())

    @property
    def length(self) -> int:
        """How many days."""
        return 1 if self.is_day else 7

    @property
    def last(self) -> date:
        """The last of them."""
        return self.first + timedelta(days=self.length - 1)


@requires(Operation.SEE_AGENDA, methods=("GET", "HEAD"))
def week(request: DashboardRequest) -> HttpResponse:
    """Show the days of the date asked for; ``?rdv=`` opens the panel of one appointment beside them."""
    seen = version()
    shown = _shown(request)
    practitioners = reach(request, Operation.SEE_AGENDA)
    starts, ends = span(shown.first, shown.length, request.zone)
    read = read_days(
        practitioners=practitioners,
        first=shown.first,
        last=shown.last,
        starts_at=starts,
        ends_at=ends,
        now=request.now,
    )
    grid = draw(
        read,
        practitioners=practitioners,
        bookable=frozenset(practitioner.pk for practitioner in reach(request, Operation.BOOK)),
        blockable=frozenset(row.pk for row in reach(request, Operation.BLOCK_TIME)),
        by_place=shown.by_place,
        dates=[shown.first + timedelta(days=shift) for shift in range(shown.length)],
        zone=request.zone,
    )
    ref = parameters_of(request).get("rdv", "")
    panel = panel_context(request, ref) if ref else {}
    context = {
        **_frame(request, shown, grid, read),
        "legend": [
            (f"p{number % COLOURS + 1}", practitioner)
            for number, practitioner in enumerate(practitioners)
        ],
        "version": seen,
        "opened": panel["row"].appointment.ref if panel else None,
        "here": f"?du={shown.asked.isoformat()}&rdv=",
        **panel,
        "google_lost": lost_agendas(
            request,
            lost_links(practitioner_ids=[practitioner.pk for practitioner in practitioners]),
        ),
        "asking": _asking(request, shown, read, panel),
        "undo": None if NOT_ACTIVITY in request.headers else request.session.pop(UNDO, None),
    }
    return show(request, "agenda/week", context, tab="week")


@requires(Operation.SEE_AGENDA, methods=("POST",))
def choose(request: DashboardRequest) -> HttpResponse:
    """Remember the display choices of the user, and show the agenda accordingly."""
    remember(
        user_id=request.user.pk,
        span=request.POST.get("span"),
        columns=request.POST.get("columns"),
        keys=request.POST.get("keys"),
    )
    on = day_asked(request, "du")
    return redirect(f"{reverse('dashboard:week')}?du={on.isoformat()}")


@never_cache
def pulse(request: HttpRequest) -> HttpResponse:
    """Answer 304 while the agenda is at the version that the page shows, 200 after a change; one query.

    The page polls by itself, so a request is no activity of the user (``accounts.idle``). The answer carries no
    data: being signed in is enough.
    """
    if not request.user.is_authenticated:
        return redirect_to_login(reverse("dashboard:week"))
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(("GET", "HEAD"))
    tag = f'"{version()}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified(headers={"ETag": tag})
    return HttpResponse(headers={"ETag": tag}, content_type="text/plain; charset=utf-8")


def _asking(
    request: DashboardRequest, shown: AgendaPeriod, read: Days, panel: dict[str, Any]
) -> Asking | None:
    """Request the erased names of the grid, those nearest to now first; a block has room for one line only."""
    nameless = [visit for visit in read.visits if visit.person is None]
    nameless.sort(key=lambda visit: abs(visit.starts_at - request.now))
    return asking(
        request,
        lines=erased([panel["row"]] if panel else ()),
        words=(visit.ref for visit in nameless),
        link=agenda_link(shown.asked, span="day" if shown.is_day else "week"),
    )


def _shown(request: DashboardRequest) -> AgendaPeriod:
    choice = display_choice_of(user_id=request.user.pk)
    asked_span = parameters_of(request).get("vue", choice.span)
    return AgendaPeriod(
        asked=day_asked(request, "du"),
        is_day=asked_span == AgendaChoice.Span.DAY,
        by_place=choice.columns == AgendaChoice.Columns.LOCATIONS,
        has_keys=choice.has_keys,
    )


def _is_shown(day: GridDay, today: date) -> bool:
    # A Sunday takes the room of the other days only when something stands in it, or when it is today.
    return day.on.weekday() < 6 or day.has_visits or day.on == today


def _frame(
    request: DashboardRequest, shown: AgendaPeriod, grid: Grid, read: Days
) -> dict[str, Any]:
    """Return the controls around the grid, and the choices of the small booking form."""
    step, local = timedelta(days=shown.length), request.now.astimezone(request.zone)
    places = [place.row for place in read.places.values() if place.row.is_active]
    refs = {practitioner.pk: practitioner.ref.hex for practitioner in request.practitioners}
    where = {key: place.row.ref.hex for key, place in read.places.items()}
    bookable = reach(request, Operation.BOOK)
    return {
        "shown": shown,
        "before": shown.first - step,
        "after": shown.first + step,
        "days": [day for day in grid.days if shown.is_day or _is_shown(day, local.date())],
        "clock": range(grid.first, grid.last),
        "first": grid.first,
        "last": grid.last,
        "count": grid.count,
        "places": places,
        "bookable": bookable,
        "more": QuickAnswersForm(places=places) if bookable else None,
        "appointment_types": [
            (
                appointment_type.row,
                " ".join(refs[key] for key in appointment_type.practitioner_ids if key in refs),
                " ".join(where[key] for key in appointment_type.location_ids if key in where),
            )
            for appointment_type in read.appointment_types
        ],
        "form_ref": uuid.uuid4(),
        "now_css": f"h{local.hour} m{local.minute // 5 * 5}",
    }
