"""What changes opening hours: the week editor, dates that differ, absences, public holidays (T4)."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from booking.forms.dashboard.hours import AbsenceForm, DateForm
from booking.forms.dashboard.week import Act, Typed, WeekForm, typed_in, typed_of
from booking.models import (
    Absence,
    Location,
    OpeningException,
    OpeningHours,
    Practitioner,
)
from booking.services import absences, hours
from booking.services.agenda import row_of
from booking.services.calendar import days_of
from booking.views.dashboard.access import (
    DashboardRequest,
    actor,
    practitioner_or_404,
    reach,
    requires,
)
from booking.views.dashboard.month import coming_holidays, day_address, day_posted
from booking.views.dashboard.pages import day_asked, show
from booking.views.dashboard.preview import preview_week
from tenants.accounts.permissions import Operation


@requires(Operation.EDIT_HOURS)
def edit_week(
    request: DashboardRequest, practitioner: uuid.UUID, week: uuid.UUID | None = None
) -> HttpResponse:
    """Edit one week of one practitioner; booked appointments that fall outside are shown, not moved."""
    who = practitioner_or_404(request, practitioner, Operation.EDIT_HOURS)
    rows = _rows_of(who, week)
    act = editor_act(request)
    if request.method != "POST" or act is not None:
        context = editor_context(request, who, rows, None, begin=_new_week())
        return _show_editor(request, context)
    form = WeekForm(request.POST, practitioner=who)
    if not form.is_valid():
        return _show_editor(request, editor_context(request, who, rows, form))
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


def _show_editor(request: DashboardRequest, context: dict[str, Any]) -> HttpResponse:
    """Draw the editor with its preview; for htmx only the part that its button changes."""
    form = context["form"]
    template = context["fragment"] if request.htmx and context["act"] else "week_hours"
    status = 422 if form.is_bound and form.errors else 200
    return show(request, template, context, tab="hours", status=status)


def editor_act(request: DashboardRequest) -> Act | None:
    """Return the small button of the editor that was pressed, None for anything that saves."""
    return Act.read(request.POST.get("acte", "")) if request.method == "POST" else None


def editor_context(
    request: DashboardRequest,
    who: Practitioner,
    rows: list[OpeningHours],
    bound: WeekForm | None,
    *,
    begin: Typed | None = None,
) -> dict[str, Any]:
    """Return what the editor draws: a form to be corrected, or what is typed after the button pressed.

    ``begin`` is what a week that is not written yet starts from.
    """
    act = editor_act(request)
    if bound is not None:
        form = typed = bound
    else:
        initial = typed_of(rows) if rows else begin or {}
        if act is not None:
            initial = act.applied(typed_in(request.POST))
        form = WeekForm(initial=initial, practitioner=who)
        typed = WeekForm(initial, practitioner=who)
        if act is not None:
            form.focus(act)
    shows_preview = act is not None and act.verb == "apercu"
    return {
        "who": who,
        "form": form,
        "is_new": not rows,
        "act": act,
        "preview": preview_week(request, typed, who=who, replaces=[row.pk for row in rows]),
        "fragment": "hours_preview" if shows_preview else "hours_editor",
        "is_swapped": act is not None and not shows_preview and bool(request.htmx),
    }


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
    initial = _initial_date(request, who)
    form = DateForm(request.POST if request.method == "POST" else None, initial=initial)
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
        return redirect(day_address(who, form.cleaned_data["on_date"]))
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
    return redirect(day_address(who, found.on_date))


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
    who = [one for one in request.practitioners if str(one.ref) == request.POST.get("praticien")]
    return redirect(day_address(who[0], day_posted(request)) if who else "dashboard:hours")


@requires(Operation.EDIT_PRACTICE, methods=("POST",))
def holidays(request: DashboardRequest, place: uuid.UUID) -> HttpResponse:
    """Open the public holidays that are ticked, close the others of the list."""
    location = get_object_or_404(Location, ref=place, is_active=True)
    shown = [on for on, _name in coming_holidays(location, request.today)]
    hours.open_holidays(
        location=location,
        shown=shown,
        opened=[on for on in shown if on.isoformat() in request.POST.getlist("ouvert")],
        actor=actor(request),
        now=request.now,
    )
    messages.success(request, _("Les jours fériés sont enregistrés."))
    return redirect("dashboard:hours")


def _initial_date(request: DashboardRequest, who: Practitioner) -> dict[str, Any]:
    """Return the date of the address with the hours it has, to be corrected rather than typed."""
    if "jour" not in request.GET:
        return {}
    on = day_asked(request)
    day = days_of(practitioner=who, first=on, count=1, zone=request.zone)[0]
    names = (("starts", "ends"), ("starts_again", "ends_again"))
    initial: dict[str, Any] = {"on_date": on}
    for (first, last), (starts, ends) in zip(names, day.ranges, strict=False):
        initial |= {first: starts, last: ends}
    return initial


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


def _absence_or_404(request: DashboardRequest, ref: uuid.UUID) -> Absence:
    found = get_object_or_404(Absence.objects.select_related("practitioner"), ref=ref)
    if found.practitioner is not None and not request.access.allows(
        Operation.BLOCK_TIME, found.practitioner.ref
    ):
        raise Http404
    return found
