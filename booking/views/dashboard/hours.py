"""Opening hours, dates that differ, absences and public holidays (T4)."""

import uuid
from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from booking.forms.dashboard.base import write_minutes
from booking.forms.dashboard.hours import AbsenceForm, DateForm
from booking.forms.dashboard.week import Act, Typed, WeekForm, typed_in, typed_of
from booking.holidays import public_holidays
from booking.models import (
    Absence,
    HolidayOpening,
    Location,
    OpeningException,
    OpeningHours,
    Practitioner,
)
from booking.services import absences, hours
from booking.services.agenda import row_of
from booking.views.dashboard.access import (
    DashboardRequest,
    actor,
    practitioner_or_404,
    reach,
    requires,
)
from booking.views.dashboard.pages import show
from booking.views.dashboard.preview import bars_of, preview_week
from tenants.accounts.permissions import Operation

HOLIDAYS_AHEAD = timedelta(days=366)
PAST_SHOWN = timedelta(days=1)


@requires(Operation.BLOCK_TIME, methods=("GET", "HEAD"))
def overview(request: DashboardRequest) -> HttpResponse:
    """Show the weeks, the dates that differ, the absences and the holidays within reach."""
    editable = reach(request, Operation.EDIT_HOURS)
    weeks = _weeks(editable)
    context = {
        "people": [(one, weeks.get(one.pk, [])) for one in editable],
        "exceptions": _exceptions(editable, request.today),
        "absences": _absences(request),
        "places": _holidays(request.today)
        if request.access.allows(Operation.EDIT_PRACTICE)
        else [],
    }
    return show(request, "hours", context, tab="hours")


@requires(Operation.EDIT_HOURS)
def edit_week(
    request: DashboardRequest, practitioner: uuid.UUID, week: uuid.UUID | None = None
) -> HttpResponse:
    """Edit one week of one practitioner; booked appointments that fall outside are shown, not moved."""
    who = practitioner_or_404(request, practitioner, Operation.EDIT_HOURS)
    rows = _rows_of(who, week)
    if request.method != "POST":
        typed = typed_of(rows) if rows else _new_week()
        return _show_editor(request, who, rows, WeekForm(initial=typed, practitioner=who))
    act = Act.read(request.POST.get("acte", ""))
    if act is not None:
        typed = act.applied(typed_in(request.POST))
        form = WeekForm(initial=typed, practitioner=who)
        form.focus(act)
        return _show_editor(request, who, rows, form, act=act)
    form = WeekForm(request.POST, practitioner=who)
    if not form.is_valid():
        return _show_editor(request, who, rows, form)
    hours.save_week(
        practitioner=who,
        pattern=form.pattern,
        ranges=form.ranges,
        replaces=[row.pk for row in rows],
        actor=actor(request),
        now=request.now,
    )
    messages.success(request, _("Les horaires sont enregistrés."))
    _tell_outside(request, who)
    return redirect("dashboard:hours")


def _show_editor(
    request: DashboardRequest,
    who: Practitioner,
    rows: list[OpeningHours],
    form: WeekForm,
    *,
    act: Act | None = None,
) -> HttpResponse:
    """Draw the editor with its preview; for htmx only the part that its button changes."""
    typed = form if form.is_bound else WeekForm(form.initial, practitioner=who)
    context = {
        "who": who,
        "form": form,
        "is_new": not rows,
        "week": rows[0].ref if rows else None,
        "act": act,
        "preview": preview_week(request, typed, who=who, replaces=[row.pk for row in rows]),
    }
    template = "week_hours"
    if request.htmx and act is not None:
        template = "hours_preview" if act.verb == "apercu" else "hours_editor"
        context["is_swapped"] = act.verb != "apercu"
    status = 422 if form.is_bound and form.errors else 200
    return show(request, template, context, tab="hours", status=status)


def _new_week() -> Typed:
    """A week that nobody has typed yet: the first place, every week."""
    place = Location.objects.filter(is_active=True).first()
    return {"place": place.ref if place else "", "every": 1}


@requires(Operation.EDIT_HOURS, methods=("POST",))
def remove_week(
    request: DashboardRequest, practitioner: uuid.UUID, week: uuid.UUID
) -> HttpResponse:
    """Remove one week; appointments already booked stay."""
    who = practitioner_or_404(request, practitioner, Operation.EDIT_HOURS)
    rows = _rows_of(who, week)
    place = rows[0].location
    hours.save_week(
        practitioner=who,
        pattern=hours.Pattern(location=place),
        ranges=[],
        replaces=[row.pk for row in rows],
        actor=actor(request),
        now=request.now,
    )
    messages.success(request, _("Cette semaine type est retirée."))
    _tell_outside(request, who)
    return redirect("dashboard:hours")


@requires(Operation.EDIT_HOURS)
def edit_date(request: DashboardRequest, practitioner: uuid.UUID) -> HttpResponse:
    """Make one date differ from the week."""
    who = practitioner_or_404(request, practitioner, Operation.EDIT_HOURS)
    form = DateForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        hours.save_date(
            practitioner=who,
            location=form.cleaned_data["place"],
            on_date=form.cleaned_data["on_date"],
            ranges=form.ranges,
            actor=actor(request),
            now=request.now,
        )
        messages.success(request, _("Ce jour est enregistré."))
        _tell_outside(request, who)
        return redirect("dashboard:hours")
    status = 422 if form.is_bound else 200
    return show(request, "date_hours", {"who": who, "form": form}, tab="hours", status=status)


@requires(Operation.EDIT_HOURS, methods=("POST",))
def forget_date(
    request: DashboardRequest, practitioner: uuid.UUID, exception: uuid.UUID
) -> HttpResponse:
    """Let the week apply again on a date."""
    who = practitioner_or_404(request, practitioner, Operation.EDIT_HOURS)
    found = get_object_or_404(OpeningException, practitioner=who, ref=exception)
    hours.forget_date(
        practitioner=who,
        location_id=found.location_id,
        on_date=found.on_date,
        actor=actor(request),
        now=request.now,
    )
    messages.success(request, _("La semaine habituelle s’applique de nouveau ce jour-là."))
    return redirect("dashboard:hours")


@requires(Operation.BLOCK_TIME)
def add_absence(request: DashboardRequest) -> HttpResponse:
    """Block time; the page that follows lists the appointments it touches."""
    data = request.POST if request.method == "POST" else None
    form = AbsenceForm(
        data,
        practitioners=reach(request, Operation.BLOCK_TIME),
        may_close_all=request.access.allows(Operation.BLOCK_TIME),
        zone=request.zone,
    )
    if form.is_valid():
        absence = absences.add(
            practitioner=form.cleaned_data["practitioner"],
            starts_at=form.cleaned_data["starts_at"],
            ends_at=form.cleaned_data["ends_at"],
            label=form.cleaned_data["label"],
            public_message=form.cleaned_data["public_message"],
            actor=actor(request),
            now=request.now,
        )
        messages.success(request, _("Ce temps est bloqué."))
        return redirect("dashboard:absence", ref=absence.ref)
    status = 422 if form.is_bound else 200
    return show(request, "absence_add", {"form": form}, tab="hours", status=status)


@requires(Operation.BLOCK_TIME, methods=("GET", "HEAD"))
def absence(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Show an absence and the appointments it touches, each with its next step."""
    found = _absence_or_404(request, ref)
    seen = {one.pk for one in reach(request, Operation.SEE_AGENDA)}
    touched = [row_of(held) for held in absences.touched_by(found) if held.practitioner_id in seen]
    context = {
        "absence": found,
        "starts": found.starts_at.astimezone(request.zone),
        "ends": found.ends_at.astimezone(request.zone),
        "touched": [(row, row.appointment.starts_at.astimezone(request.zone)) for row in touched],
    }
    return show(request, "absence", context, tab="hours")


@requires(Operation.BLOCK_TIME, methods=("POST",))
def remove_absence(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Open this time again."""
    found = _absence_or_404(request, ref)
    if found.practitioner is None and not request.access.allows(Operation.BLOCK_TIME):
        raise PermissionDenied
    absences.remove(absence=found, actor=actor(request), now=request.now)
    messages.success(request, _("Ce temps est de nouveau ouvert."))
    return redirect("dashboard:hours")


@requires(Operation.EDIT_PRACTICE, methods=("POST",))
def holidays(request: DashboardRequest, place: uuid.UUID) -> HttpResponse:
    """Open the public holidays that are ticked, close the others of the list."""
    location = get_object_or_404(Location, ref=place, is_active=True)
    shown = [on for on, _name in _coming_holidays(location, request.today)]
    hours.open_holidays(
        location=location,
        shown=shown,
        opened=[on for on in shown if on.isoformat() in request.POST.getlist("ouvert")],
        actor=actor(request),
        now=request.now,
    )
    messages.success(request, _("Les jours fériés sont enregistrés."))
    return redirect("dashboard:hours")


def _weeks(people: list[Practitioner]) -> dict[int, list[dict[str, Any]]]:
    """Return the weeks of each practitioner, as the page lists them, in two queries."""
    rows = (
        OpeningHours.objects.filter(practitioner__in=people)
        .select_related("location")
        .prefetch_related("appointment_types")
    )
    grouped: dict[int, dict[tuple[object, ...], list[OpeningHours]]] = {}
    for row in rows:
        of_one = grouped.setdefault(row.practitioner_id, {})
        of_one.setdefault(hours.pattern_key(row), []).append(row)
    return {key: [_week(held) for held in weeks.values()] for key, weeks in grouped.items()}


def _week(rows: list[OpeningHours]) -> dict[str, Any]:
    motifs = list(rows[0].appointment_types.all())
    return {"row": rows[0], "motifs": motifs, "days": bars_of(rows)}


def _rows_of(who: Practitioner, week: uuid.UUID | None) -> list[OpeningHours]:
    if week is None:
        return []
    row = get_object_or_404(
        OpeningHours.objects.prefetch_related("appointment_types").select_related("location"),
        practitioner=who,
        ref=week,
    )
    return hours.week_of(row)


def _tell_outside(request: DashboardRequest, who: Practitioner) -> None:
    count = len(hours.outside(practitioner=who, now=request.now))
    if count:
        text = ngettext(
            "%(n)s rendez-vous sort de ces horaires. Il reste prévu.",
            "%(n)s rendez-vous sortent de ces horaires. Ils restent prévus.",
            count,
        )
        messages.warning(request, text % {"n": count})


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


def _absence_or_404(request: DashboardRequest, ref: uuid.UUID) -> Absence:
    found = get_object_or_404(Absence.objects.select_related("practitioner"), ref=ref)
    if found.practitioner is not None and not request.access.allows(
        Operation.BLOCK_TIME, found.practitioner.ref
    ):
        raise Http404
    return found


def _holidays(today: date) -> list[dict[str, Any]]:
    places = list(Location.objects.filter(is_active=True))
    opened = set(
        HolidayOpening.objects.filter(location__in=places).values_list("location_id", "on_date")
    )
    return [
        {
            "place": place,
            "days": [
                (on, name, (place.pk, on) in opened) for on, name in _coming_holidays(place, today)
            ],
        }
        for place in places
    ]


def _coming_holidays(place: Location, today: date) -> list[tuple[date, str]]:
    until = today + HOLIDAYS_AHEAD
    found: dict[date, str] = {}
    for year in (today.year, until.year):
        found |= public_holidays(territory=place.territory, postcode=place.postcode, year=year)
    return [(on, str(name)) for on, name in sorted(found.items()) if today <= on < until]
