"""Statistics (T13): counters in a table, drawn by the server, and as a file for a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _

from booking.agenda.statistics import (
    Figures,
    Report,
    is_small,
    report,
)
from booking.formats.french import short_day
from booking.models import Practitioner
from booking.scheduling.catalogue import appointment_types_with_keys
from booking.web.dashboard.access import (
    DashboardRequest,
    reach,
    requires,
)
from booking.web.dashboard.pages import show
from booking.web.dashboard.statistics.forms import PeriodForm
from tenants.accounts.permissions import Operation
from tenants.query_parameters import parameters_of

HEIGHT, STEP = 100, 12
"""Of a chart, in units of its own; a week is as wide as a step."""
COUNTS = ("visits", "cancelled", "absent")
BOM = "\ufeff"
UNKNOWN = "–"


@dataclass(frozen=True)
class StatisticsLine:
    """One line of a table, as it is shown."""

    label: str
    visits: str
    cancelled: str
    absent: str
    absence_rate: str
    fill_rate: str
    lead: str

    @property
    def values(self) -> tuple[str, ...]:
        """The cells after the label, in the order of the columns."""
        return (
            self.visits,
            self.cancelled,
            self.absent,
            self.absence_rate,
            self.fill_rate,
            self.lead,
        )


@dataclass(frozen=True)
class Bar:
    """One week of a chart; a small count is drawn alike whatever it is."""

    x: int
    height: int
    is_small: bool

    @property
    def y(self) -> int:
        """Where it begins, from above."""
        return HEIGHT - self.height


@dataclass(frozen=True)
class Chart:
    """The bars of one figure, and the value of its highest line."""

    title: str
    bars: list[Bar]
    top: str

    @property
    def width(self) -> int:
        """How wide the drawing is."""
        return max(STEP * len(self.bars), STEP * 12)


@requires(Operation.SEE_STATISTICS, methods=("GET", "HEAD"))
def statistics(request: DashboardRequest) -> HttpResponse:
    """Show the counters of a period for the agendas of one's own."""
    form, (first, last), practitioners = _asked(request)
    made = report(
        practitioner_ids=[practitioner.pk for practitioner in practitioners],
        from_on=first,
        until_on=last,
    )
    context = {
        "form": form,
        "first": first,
        "last": last,
        "total": _total(made),
        "weeks": _weeks(made),
        "appointment_types": _appointment_types(made),
        "charts": _charts(made),
        "query": parameters_of(request).urlencode() if form.is_bound and not form.errors else "",
        "is_empty": not (made.total.visits or made.total.cancelled),
    }
    status = 422 if form.is_bound and form.errors else 200
    return show(request, "statistics/index", context, tab="today", status=status)


@requires(Operation.SEE_STATISTICS, methods=("GET", "HEAD"))
def table(request: DashboardRequest) -> HttpResponse:
    """Give the same figures as a file that French spreadsheets read: semicolons, commas, UTF-8 with BOM."""
    _form, (first, last), practitioners = _asked(request)
    made = report(
        practitioner_ids=[practitioner.pk for practitioner in practitioners],
        from_on=first,
        until_on=last,
    )
    written = io.StringIO()
    rows = csv.writer(written, delimiter=";", lineterminator="\r\n")
    rows.writerow([_("Par"), _("Libellé"), *(str(name) for name in columns())])
    for by, lines in (
        (_("période"), [_total(made)]),
        (_("semaine"), _weeks(made)),
        (_("appointment_type"), _appointment_types(made)),
    ):
        rows.writerows([by, harmless(line.label), *line.values] for line in lines)
    answer = HttpResponse(BOM + written.getvalue(), content_type="text/csv; charset=utf-8")
    name = f"statistiques-{first.isoformat()}-{last.isoformat()}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def columns() -> Sequence[str]:
    """Return the heads of the columns after the label."""
    return (
        _("Rendez-vous"),
        _("Annulés"),
        _("Absences"),
        _("Taux d’absence (%)"),
        _("Taux de remplissage (%)"),
        _("Délai moyen (jours)"),
    )


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet reads as a formula: the names of appointment types are free text."""
    return (
        f"'{cell}"
        if cell.lstrip("\x00 ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
        else cell
    )


def _asked(request: DashboardRequest) -> tuple[PeriodForm, tuple[date, date], list[Practitioner]]:
    """Return the form, the period and the agendas; the usual ones where the form is refused."""
    practitioners = reach(request, Operation.SEE_STATISTICS)
    asked = parameters_of(request).get("qui", "")
    if asked and asked not in {str(practitioner.ref) for practitioner in practitioners}:
        raise Http404
    usual = PeriodForm.usual(request.today)
    given: Any = parameters_of(request) if {"du", "au"} & set(parameters_of(request)) else None
    form = PeriodForm(
        given,
        initial={"du": usual[0], "au": usual[1]},
        practitioners=practitioners,
        today=request.today,
    )
    if not form.is_valid():
        return form, usual, practitioners
    chosen = form.cleaned_data.get("qui", "")
    period = (form.cleaned_data["du"], form.cleaned_data["au"])
    shown = [row for row in practitioners if not chosen or str(row.ref) == chosen]
    return form, period, shown


def _betrayed(made: Report) -> frozenset[str]:
    """Return the columns with a small count: their sums are rounded to fives.

    Weeks and appointment types are two breakdowns of one sum: two exact ones would reveal the small count.
    """
    lines = [*made.weeks.values(), *made.appointment_types.values()]
    return frozenset(
        name for name in COUNTS if any(is_small(getattr(line, name)) for line in lines)
    )


def _line(label: str, figures: Figures, *, rounded: frozenset[str] = frozenset()) -> StatisticsLine:
    counts = {name: _count(getattr(figures, name), in_fives=name in rounded) for name in COUNTS}
    fill = figures.fill_rate
    return StatisticsLine(
        label=label,
        **counts,
        absence_rate=_decimal(figures.absence_rate),
        # With a decimal, the rate of a long period would reveal its minutes.
        fill_rate=f"{fill:.0f}" if fill is not None and "visits" in rounded else _decimal(fill),
        lead=_decimal(figures.lead),
    )


def _total(made: Report) -> StatisticsLine:
    return _line(_("Période"), made.total, rounded=_betrayed(made))


def _weeks(made: Report) -> list[StatisticsLine]:
    return [_line(short_day(monday), figures) for monday, figures in made.weeks.items()]


def _appointment_types(made: Report) -> list[StatisticsLine]:
    """Return a line for each appointment type, without a fill rate: no hours are open for one type only."""
    rounded = _betrayed(made)
    return [
        _line(appointment_type.label, made.appointment_types[appointment_type.pk], rounded=rounded)
        for appointment_type in appointment_types_with_keys(made.appointment_types)
    ]


def _charts(made: Report) -> list[Chart]:
    weeks = list(made.weeks.values())
    visits = [0 if is_small(week.visits) else week.visits for week in weeks]
    rates = [week.fill_rate or 0 for week in weeks]
    small = [is_small(week.visits) for week in weeks]
    most = max([*visits, 10])
    highest = max([*rates, 100])
    return [
        Chart(_("Rendez-vous par semaine"), _bars(visits, most, small), str(most)),
        Chart(
            _("Taux de remplissage par semaine"),
            _bars(rates, highest, small),
            f"{highest:.0f}\u00a0%",
        ),
    ]


def _bars(values: Iterable[float], most: float, small: Iterable[bool]) -> list[Bar]:
    return [
        Bar(STEP * number, 4 if few else round(HEIGHT * value / most), few)
        for number, (value, few) in enumerate(zip(values, small, strict=True))
    ]


def _count(count: int, *, in_fives: bool = False) -> str:
    if is_small(count):
        return _("moins de 5")
    return _("environ %(count)d") % {"count": 5 * round(count / 5)} if in_fives else str(count)


def _decimal(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.1f}".replace(".", ",")
