"""Opening hours at a glance: the month that is clicked, the weeks, what is coming, the holidays (T4)."""

import uuid
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from booking import french
from booking.forms.dashboard.base import write_minutes
from booking.forms.dashboard.hours import CloseForm
from booking.forms.dashboard.week import WEEKDAYS
from booking.holidays import TERRITORIES, public_holidays, territory_of
from booking.models import (
    Absence,
    AppointmentType,
    HolidayOpening,
    Location,
    OpeningException,
    OpeningHours,
    Practitioner,
)
from booking.services import absences, hours
from booking.services.calendar import CalendarDay, DayKind, days_of
from booking.views.dashboard.access import (
    DashboardRequest,
    actor,
    practitioner_or_404,
    reach,
    requires,
)
from booking.views.dashboard.pages import day_asked, show
from booking.views.dashboard.preview import bars_of, first_days
from tenants.accounts.permissions import Operation

HOLIDAYS_AHEAD = timedelta(days=366)
PAST_SHOWN = timedelta(days=1)


@requires(Operation.BLOCK_TIME, methods=("GET", "HEAD"))
def overview(request: DashboardRequest) -> HttpResponse:
    """Show one practitioner's month, weeks and absences; ``?jour=`` opens a date beside the month."""
    people = reach(request, Operation.BLOCK_TIME)
    asked = request.GET.get("praticien", "")
    own = [one for one in people if one.user_id == request.user.pk]
    named = [one for one in people if asked in {str(one.ref), one.ref.hex}]
    who = next(iter([*named, *own, *people]), None)
    on = day_asked(request) if "jour" in request.GET else None
    return _show(request, who, on=on)


@requires(Operation.BLOCK_TIME, methods=("POST",))
def close_day(request: DashboardRequest, practitioner: uuid.UUID) -> HttpResponse:
    """Close the date that was clicked, or up to another one; what it touches is listed, not moved."""
    who = practitioner_or_404(request, practitioner, Operation.BLOCK_TIME)
    on = day_posted(request)
    form = CloseForm(request.POST, on=on, zone=request.zone, may_close_all=_may_close_all(request))
    if not form.is_valid():
        return _show(request, who, on=on, form=form, status=422)
    starts_at, ends_at = form.span
    absence = absences.add(
        practitioner=None if form.cleaned_data.get("everybody") else who,
        starts_at=starts_at,
        ends_at=ends_at,
        label=form.cleaned_data["label"],
        public_message=form.cleaned_data["public_message"],
        actor=actor(request),
        now=request.now,
    )
    if absences.touched_by(absence):
        messages.warning(request, _("C’est fermé. Des rendez-vous y étaient déjà pris."))
        return redirect("dashboard:absence", ref=absence.ref)
    messages.success(request, _("C’est fermé. «\u00a0Rouvrir\u00a0», plus bas, le défait."))
    return redirect(day_address(who, on))


def day_address(who: Practitioner, on: date) -> str:
    """Return where a date of somebody's month is shown."""
    asked = urlencode({"praticien": str(who.ref), "jour": on.isoformat()})
    return f"{reverse('dashboard:hours')}?{asked}"


def day_posted(request: DashboardRequest) -> date:
    """Return the date that a form sends, or today when it sends none."""
    try:
        return date.fromisoformat(request.POST.get("jour", ""))
    except ValueError:
        return request.today


def _show(
    request: DashboardRequest,
    who: Practitioner | None,
    *,
    on: date | None,
    form: CloseForm | None = None,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "people": reach(request, Operation.BLOCK_TIME),
        "who": who,
        "day": None,
        "absences": _absences(request),
        "exceptions": _exceptions(reach(request, Operation.EDIT_HOURS), request.today),
        "places": _holidays(request.today)
        if request.access.allows(Operation.EDIT_PRACTICE)
        else [],
    }
    if who is not None:
        edits = request.access.allows(Operation.EDIT_HOURS, who.ref)
        context |= _month(request, who, on or _month_asked(request))
        context |= {
            "may_edit": edits,
            "weeks": _weeks(who) if edits else [],
            "preview": _preview(request, who) if edits else None,
            "day": _day(request, who, on, form) if on else None,
        }
    return show(request, "hours", context, tab="hours", status=status)


def _month(request: DashboardRequest, who: Practitioner, on: date) -> dict[str, Any]:
    """Return the month of a date in whole weeks, and the months beside it."""
    first = on.replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    monday = first - timedelta(days=first.weekday())
    count = -(-(after - monday).days // 7) * 7
    days = days_of(practitioner=who, first=monday, count=count, zone=request.zone)
    cells = [
        {
            "day": day,
            "said": _said(day, request.today),
            "is_other": day.on.month != first.month,
            "is_past": day.on < request.today,
            "span": _span(day),
        }
        for day in days
    ]
    return {
        "month": first,
        "before": (first - timedelta(days=1)).replace(day=1),
        "after": after,
        "rows": [cells[start : start + 7] for start in range(0, count, 7)],
        "weekdays": WEEKDAYS,
        "kinds": [kind for kind in DayKind if any(day.kind is kind for day in days)],
    }


def _span(day: CalendarDay) -> str:
    """Return « 9–18 » for the cell of an open day: from the first to the last hour."""
    if not day.is_open:
        return ""
    return f"{day.ranges[0][0] // 60}–{-(-day.ranges[-1][1] // 60)}"


def _said(day: CalendarDay, today: date) -> str:
    """Return a date and its state as a sentence, for the link of its cell."""
    words = [french.long_day(day.on, today=today), _state(day)]
    if day.booked:
        words.append(
            _("%(n)s rendez-vous") % {"n": day.booked} if day.booked > 1 else _("1 rendez-vous")
        )
    return ", ".join(words)


def _state(day: CalendarDay) -> str:
    if day.kind is DayKind.HOLIDAY:
        return _("férié, fermé (%(name)s)") % {"name": day.holiday}
    if day.is_open:
        return " ".join([_("ouvert de"), _(", puis de ").join(_texts(day))])
    return str(day.kind.label if day.kind is DayKind.ABSENT else DayKind.CLOSED.label)


def _texts(day: CalendarDay) -> list[str]:
    return [f"{write_minutes(start)} à {write_minutes(end)}" for start, end in day.ranges]


def _day(
    request: DashboardRequest, who: Practitioner, on: date, form: CloseForm | None
) -> dict[str, Any]:
    """Return what the panel of one date says, and what can be done there."""
    found = days_of(practitioner=who, first=on, count=1, zone=request.zone)[0]
    may_all = _may_close_all(request)
    return {
        "found": found,
        "state": _state(found),
        "absences": [
            (one, one.practitioner_id is not None or request.access.allows(Operation.BLOCK_TIME))
            for one in found.absences
        ],
        "can_close": on >= request.today and found.kind is not DayKind.ABSENT,
        "form": form or CloseForm(on=on, zone=request.zone, may_close_all=may_all),
        "exception": found.exceptions[0] if found.exceptions else None,
        "opens_holidays": found.holiday and request.access.allows(Operation.EDIT_PRACTICE),
    }


def _may_close_all(request: DashboardRequest) -> bool:
    return len(request.practitioners) > 1 and request.access.allows(Operation.BLOCK_TIME)


def _month_asked(request: DashboardRequest) -> date:
    """Return the first of the month of the address, within a year or so, else today."""
    try:
        asked = date.fromisoformat(f"{request.GET.get('mois', '')}-01")
    except ValueError:
        return request.today
    near = timedelta(days=400)
    return asked if request.today - near <= asked <= request.today + near else request.today


def _weeks(who: Practitioner) -> list[dict[str, Any]]:
    """Return the weeks of somebody, as the page lists them, in two queries."""
    rows = (
        OpeningHours.objects.filter(practitioner=who)
        .select_related("location")
        .prefetch_related("appointment_types")
    )
    grouped: dict[tuple[object, ...], list[OpeningHours]] = {}
    for row in rows:
        grouped.setdefault(hours.pattern_key(row), []).append(row)
    return [
        {
            "row": held[0],
            "motifs": list(held[0].appointment_types.all()),
            "days": bars_of(held),
        }
        for held in grouped.values()
    ]


def _preview(request: DashboardRequest, who: Practitioner) -> dict[str, Any]:
    """Return the first days that patients are offered with this practitioner."""
    motif = AppointmentType.objects.filter(
        is_active=True, channel=AppointmentType.Channel.ONLINE, practitioners=who
    ).first()
    place = motif.locations.filter(is_active=True).first() if motif else None
    days, count = first_days(request, motif=motif, who=who, place=place)
    return {"motif": motif, "days": days, "count": count}


def _exceptions(people: list[Practitioner], today: date) -> list[dict[str, Any]]:
    rows = OpeningException.objects.filter(
        practitioner__in=people, on_date__gte=today
    ).select_related("practitioner", "location")
    found: dict[tuple[date, int, int], dict[str, Any]] = {}
    for row in rows:
        key = (row.on_date, row.practitioner_id, row.location_id)
        one = found.setdefault(key, {"row": row, "texts": []})
        if row.starts_min is not None and row.ends_min is not None:
            text = f"{write_minutes(row.starts_min)} à {write_minutes(row.ends_min)}"
            one["texts"].append(text)
    return list(found.values())


def _absences(request: DashboardRequest) -> list[tuple[Absence, Any, Any, bool]]:
    ids = {one.pk for one in reach(request, Operation.BLOCK_TIME)}
    coming = Absence.objects.filter(ends_at__gte=request.now - PAST_SHOWN).select_related(
        "practitioner"
    )
    may_close_all = request.access.allows(Operation.BLOCK_TIME)
    return [
        (
            one,
            one.starts_at.astimezone(request.zone),
            one.ends_at.astimezone(request.zone),
            may_close_all or one.practitioner_id is not None,
        )
        for one in coming
        if one.practitioner_id is None or one.practitioner_id in ids
    ]


def _holidays(today: date) -> list[dict[str, Any]]:
    places = list(Location.objects.filter(is_active=True))
    opened = set(
        HolidayOpening.objects.filter(location__in=places).values_list("location_id", "on_date")
    )
    return [
        {
            "place": place,
            "territory": _territory(place),
            "opened": sum((place.pk, on) in opened for on, _n in coming_holidays(place, today)),
            "days": [
                (on, name, (place.pk, on) in opened) for on, name in coming_holidays(place, today)
            ],
        }
        for place in places
    ]


def _territory(place: Location) -> str:
    """Return whose holidays are followed, in words."""
    code = place.territory or territory_of(place.postcode)
    if not code and place.postcode[:2] in {"57", "67", "68"}:
        return _("Alsace-Moselle")
    return str(TERRITORIES.get(code, TERRITORIES[""]))


def coming_holidays(place: Location, today: date) -> list[tuple[date, str]]:
    """Return the public holidays of the year that comes at a place."""
    until = today + HOLIDAYS_AHEAD
    found: dict[date, str] = {}
    for year in (today.year, until.year):
        found |= public_holidays(territory=place.territory, postcode=place.postcode, year=year)
    return [(on, str(name)) for on, name in sorted(found.items()) if today <= on < until]
