"""The overview of opening hours: the month, the weeks, coming exceptions, public holidays (T4)."""

import uuid
from datetime import date, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from booking.formats import french
from booking.models import Absence, Location, Practitioner
from booking.rules.holidays import (
    CUSTOMARY,
    LOCAL_LAW,
    TERRITORIES,
    customary_days,
    territory_of,
)
from booking.scheduling import absences, catalogue, hours
from booking.scheduling.calendar import (
    CalendarDay,
    DayKind,
    days_of,
)
from booking.scheduling.opening_rules import holidays_of
from booking.waiting_list.reopened_time import offering_reopened
from booking.web.dashboard.access import (
    DashboardRequest,
    actor,
    practitioner_or_404,
    reach,
    requires,
)
from booking.web.dashboard.form_fields import write_minutes
from booking.web.dashboard.hours.absence_lookup import may_remove
from booking.web.dashboard.hours.forms import CloseForm, HolidaysForm
from booking.web.dashboard.hours.preview import bars_of, first_days_online
from booking.web.dashboard.hours.week_form import WEEKDAYS
from booking.web.dashboard.pages import day_asked, show
from tenants.accounts.permissions import Operation
from tenants.form_fields import read_day
from tenants.query_parameters import parameters_of

HOLIDAYS_AHEAD = timedelta(days=366)
PAST_SHOWN = timedelta(days=1)
MOON_DAYS = "YT"
"""The territory whose customary days follow the moon: the page says to enter them as absences (B-17)."""


@requires(Operation.BLOCK_TIME, methods=("GET", "HEAD"))
def overview(request: DashboardRequest) -> HttpResponse:
    """Show one practitioner's month, weeks and absences; ``?jour=`` opens a date beside the month."""
    people = reach(request, Operation.BLOCK_TIME)
    asked = parameters_of(request).get("praticien", "")
    own = [person for person in people if person.user_id == request.user.pk]
    named = [person for person in people if asked in {str(person.ref), person.ref.hex}]
    practitioner = next(iter([*named, *own, *people]), None)
    on = day_asked(request) if "jour" in parameters_of(request) else None
    return _show(request, practitioner, on=on)


@requires(Operation.BLOCK_TIME, methods=("POST",))
def close_day(request: DashboardRequest, practitioner_ref: uuid.UUID) -> HttpResponse:
    """Close the clicked date, or a period from it; the appointments inside are listed and stay."""
    practitioner = practitioner_or_404(request, practitioner_ref, Operation.BLOCK_TIME)
    on = day_posted(request)
    if on is None:
        messages.error(request, _("Cette date ne semble pas valide. Choisissez un jour du mois."))
        return _show(request, practitioner, on=None, status=422)
    form = CloseForm(request.POST, on=on, zone=request.zone, may_close_all=_may_close_all(request))
    if not form.is_valid():
        return _show(request, practitioner, on=on, form=form, status=422)
    absence = absences.add(
        blocked=form.blocked_time(practitioner), actor=actor(request), now=request.now
    )
    if absences.touched_by(absence):
        messages.warning(request, _("C’est fermé. Des rendez-vous y étaient déjà pris."))
        return redirect("dashboard:absence", ref=absence.ref)
    messages.success(request, _("C’est fermé. «\u00a0Rouvrir\u00a0», plus bas, le défait."))
    return redirect(day_address(practitioner, on))


@requires(Operation.EDIT_PRACTICE, methods=("POST",))
def holidays(request: DashboardRequest, place: uuid.UUID) -> HttpResponse:
    """Open the holidays that are ticked, close the others of the list; close on the customary days ticked."""
    location = get_object_or_404(Location, ref=place, is_active=True)
    form = _holidays_form(location, request.today, request.POST)
    if not form.is_valid():
        practitioner = next(iter(reach(request, Operation.BLOCK_TIME)), None)
        return _show(request, practitioner, on=None, holidays_form=form, status=form.status)
    ticked = set(form.cleaned_data["opened"])
    with offering_reopened(now=request.now):
        hours.change_holidays(
            location=location,
            shown=[on for on, _name in form.days],
            opened=[on for on, _name in form.days if on.isoformat() in ticked],
            customary=form.cleaned_data["customary"],
            actor=actor(request),
            now=request.now,
        )
    messages.success(request, _("Les jours fériés sont enregistrés."))
    return redirect("dashboard:hours")


def _holidays_form(location: Location, today: date, data: Any = None) -> HolidaysForm:
    days = coming_holidays(location, today)

    def opened() -> list[date]:
        found = hours.opened_holidays([location])
        return [on for on, _name in days if (location.pk, on) in found]

    usual = customary_of(location, today)
    return HolidaysForm(data, location=location, days=days, usual=usual, opened=opened)


def day_address(practitioner: Practitioner, on: date) -> str:
    """Return the address of a date in the month of a practitioner."""
    asked = urlencode({"praticien": str(practitioner.ref), "jour": on.isoformat()})
    return f"{reverse('dashboard:hours')}?{asked}"


def day_posted(request: DashboardRequest) -> date | None:
    """Return the date that a form sends; None when it sends none that can be meant."""
    return read_day(request.POST.get("day", ""))


def _show(
    request: DashboardRequest,
    practitioner: Practitioner | None,
    *,
    on: date | None,
    form: CloseForm | None = None,
    holidays_form: HolidaysForm | None = None,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "people": reach(request, Operation.BLOCK_TIME),
        "practitioner": practitioner,
        "day": None,
        "absences": _absences(request),
        "exceptions": _exceptions(reach(request, Operation.EDIT_HOURS), request.today),
        "places": _holidays(request.today, holidays_form)
        if request.access.allows(Operation.EDIT_PRACTICE)
        else [],
    }
    if practitioner is not None:
        edits = request.access.allows(Operation.EDIT_HOURS, practitioner.ref)
        context |= _month(request, practitioner, on or _month_asked(request))
        context |= {
            "may_edit": edits,
            "weeks": _weeks(practitioner) if edits else [],
            "preview": _preview(request, practitioner) if edits else None,
            "day": _day(request, practitioner, on, form) if on else None,
        }
    return show(request, "hours/index", context, tab="hours", status=status)


def _month(request: DashboardRequest, practitioner: Practitioner, on: date) -> dict[str, Any]:
    """Return the month of a date in whole weeks, and the months beside it."""
    first = on.replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    monday = first - timedelta(days=first.weekday())
    count = -(-(after - monday).days // 7) * 7
    days = days_of(practitioner=practitioner, first=monday, count=count, zone=request.zone)
    cells = [
        {
            "day": day,
            "description": _description(day, request.today),
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


def _description(day: CalendarDay, today: date) -> str:
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
    request: DashboardRequest, practitioner: Practitioner, on: date, form: CloseForm | None
) -> dict[str, Any]:
    """Return the content of the panel of one date, and its actions."""
    found = days_of(practitioner=practitioner, first=on, count=1, zone=request.zone)[0]
    may_all = _may_close_all(request)
    return {
        "found": found,
        "state": _state(found),
        "absences": [(absence, may_remove(request, absence)) for absence in found.absences],
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
        asked = date.fromisoformat(f"{parameters_of(request).get('mois', '')}-01")
    except ValueError:
        return request.today
    near = timedelta(days=400)
    return asked if request.today - near <= asked <= request.today + near else request.today


def _weeks(practitioner: Practitioner) -> list[dict[str, Any]]:
    """Return the weeks of a practitioner as the page lists them, in two queries."""
    return [
        {
            "row": week[0],
            "appointment_types": list(week[0].appointment_types.all()),
            "days": bars_of(week),
        }
        for week in hours.weeks_of(practitioner)
    ]


def _preview(request: DashboardRequest, practitioner: Practitioner) -> dict[str, Any]:
    """Return the first days that patients are offered with this practitioner."""
    return first_days_online(request, practitioner)


def _exceptions(people: list[Practitioner], today: date) -> list[dict[str, Any]]:
    found: dict[tuple[date, int, int], dict[str, Any]] = {}
    for row in hours.exceptions_from(people, today):
        key = (row.on_date, row.practitioner_id, row.location_id)
        exception = found.setdefault(key, {"row": row, "texts": []})
        if row.starts_min is not None and row.ends_min is not None:
            text = f"{write_minutes(row.starts_min)} à {write_minutes(row.ends_min)}"
            exception["texts"].append(text)
    return list(found.values())


def _absences(request: DashboardRequest) -> list[tuple[Absence, Any, Any, bool]]:
    ids = {practitioner.pk for practitioner in reach(request, Operation.BLOCK_TIME)}
    return [
        (
            absence,
            absence.starts_at.astimezone(request.zone),
            absence.ends_at.astimezone(request.zone),
            may_remove(request, absence),
        )
        for absence in absences.ending_after(request.now - PAST_SHOWN)
        if absence.practitioner_id is None or absence.practitioner_id in ids
    ]


def _holidays(today: date, sent: HolidaysForm | None) -> list[dict[str, Any]]:
    """Return the list of each location; ``sent`` is the form of one of them that was refused."""
    places = list(catalogue.active_locations())
    found = hours.opened_holidays(places)
    rows = []
    for place in places:
        days = coming_holidays(place, today)
        opened = [on for on, _name in days if (place.pk, on) in found]
        form = HolidaysForm(
            location=place,
            days=days,
            usual=customary_of(place, today),
            opened=partial(list, opened),
        )
        if sent is not None and sent.location == place:
            form = sent
        rows.append(
            {
                "place": place,
                "territory": _territory(place),
                "opened": len(opened),
                "count": len(days),
                "form": form,
                "is_sent": form is sent,
                "has_moon_days": (place.territory or territory_of(place.postcode)) == MOON_DAYS,
            }
        )
    return rows


def _territory(place: Location) -> str:
    """Return the name of the territory whose public holidays apply."""
    code = place.territory or territory_of(place.postcode)
    if not code and place.postcode[:2] in LOCAL_LAW:
        return _("Alsace-Moselle")
    return str(TERRITORIES.get(code, TERRITORIES[""]))


def coming_holidays(place: Location, today: date) -> list[tuple[date, str]]:
    """Return the public holidays and the chosen customary days of the year that comes at a place."""
    until = today + HOLIDAYS_AHEAD
    found: dict[date, str] = {}
    for year in (today.year, until.year):
        found |= holidays_of(place, year)
    return [(on, str(name)) for on, name in sorted(found.items()) if today <= on < until]


def customary_of(place: Location, today: date) -> list[tuple[str, date, str]]:
    """Return the code, the next date and the name of the customary days of a place, by date."""
    found = []
    for code in customary_days(territory=place.territory, postcode=place.postcode):
        feast = CUSTOMARY[code]
        coming = min(on for on in map(feast.on, (today.year, today.year + 1)) if on >= today)
        found.append((code, coming, feast.name))
    return sorted(found, key=lambda day: day[1])
