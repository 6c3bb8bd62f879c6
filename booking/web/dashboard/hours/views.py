"""The editors of opening hours: weeks, exceptions, absences, public holidays (T4)."""

import uuid
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from booking.models import (
    OpeningException,
    OpeningHours,
    Practitioner,
)
from booking.scheduling import absences, catalogue, hours, opening_rules
from booking.scheduling.calendar import place_of_day, ranges_of
from booking.waiting_list.reopened_time import offering_reopened
from booking.web.dashboard.access import (
    DashboardRequest,
    actor,
    practitioner_or_404,
    reach,
    requires,
)
from booking.web.dashboard.hours.absence_lookup import absence_or_404, may_remove, touched_rows
from booking.web.dashboard.hours.forms import AbsenceForm, DateForm, date_sent, ranges_typed
from booking.web.dashboard.hours.month import (
    day_address,
    day_posted,
)
from booking.web.dashboard.hours.preview import preview_week
from booking.web.dashboard.hours.week_form import (
    Typed,
    WeekAction,
    WeekForm,
    typed_in,
    typed_of,
)
from booking.web.dashboard.pages import day_asked, show
from tenants.accounts.permissions import Operation
from tenants.edit_form import VERSION, lock_subject
from tenants.query_parameters import parameters_of


@requires(Operation.EDIT_HOURS)
def edit_week(
    request: DashboardRequest, practitioner_ref: uuid.UUID, week: uuid.UUID | None = None
) -> HttpResponse:
    """Edit one week of one practitioner; appointments outside the new hours are listed and stay."""
    practitioner = practitioner_or_404(request, practitioner_ref, Operation.EDIT_HOURS)
    action = editor_action(request)
    if request.method != "POST" or action is not None:
        rows = _rows_of(practitioner, week)
        if week is not None and not rows and action is None:
            messages.info(request, _("Cette semaine type n’existe plus."))
            return redirect("dashboard:hours")
        context = editor_context(request, practitioner, rows, None, begin=_new_week())
        return _show_editor(request, context)
    lock_subject(f"week.{week or practitioner.ref}")
    rows = _rows_of(practitioner, week)
    form = WeekForm(
        request.POST,
        practitioner=practitioner,
        rows=rows,
        stored=partial(typed_of, rows) if week else None,
    )
    if not form.is_valid():
        return _show_editor(request, editor_context(request, practitioner, rows, form))
    with offering_reopened(now=request.now):
        hours.save_week(
            practitioner=practitioner,
            pattern=form.pattern,
            ranges=form.ranges,
            replaces=[row.pk for row in rows],
            actor=actor(request),
            now=request.now,
        )
    messages.success(request, _("Les horaires sont enregistrés."))
    _warn_outside_hours(request, practitioner)
    return redirect("dashboard:hours")


def _show_editor(request: DashboardRequest, context: dict[str, Any]) -> HttpResponse:
    """Draw the editor with its preview; for htmx only the part that its button changes."""
    form = context["form"]
    template = context["fragment"] if request.htmx and context["action"] else "hours/week"
    return show(request, template, context, tab="hours", status=form.status)


def editor_action(request: DashboardRequest) -> WeekAction | None:
    """Return the action of the pressed editor button; None for a button that saves."""
    return WeekAction.read(request.POST.get("action", "")) if request.method == "POST" else None


def editor_context(
    request: DashboardRequest,
    practitioner: Practitioner,
    rows: list[OpeningHours],
    bound: WeekForm | None,
    *,
    begin: Typed | None = None,
) -> dict[str, Any]:
    """Return the context of the editor: an invalid form, or the typed values after the pressed button.

    ``begin`` holds the initial values of a week that is not saved yet.
    """
    action = editor_action(request)
    if bound is not None:
        form = typed = bound
    else:
        initial = typed_of(rows) if rows else begin or {}
        if action is not None:
            # The version that the page showed stays: the first page, not this one, is compared when it is saved.
            initial = action.applied(typed_in(request.POST))
        stored = partial(typed_of, rows) if rows or VERSION in initial else None
        form = WeekForm(stored=stored, initial=initial, practitioner=practitioner, rows=rows)
        typed = WeekForm(initial, practitioner=practitioner, rows=rows)
        if action is not None:
            form.focus(action)
    shows_preview = action is not None and action.verb == "preview"
    return {
        "practitioner": practitioner,
        "form": form,
        "is_new": not rows,
        "action": action,
        "preview": preview_week(
            request, typed, practitioner=practitioner, replaces=[row.pk for row in rows]
        ),
        "fragment": "hours/preview" if shows_preview else "hours/editor",
        "is_swapped": action is not None and not shows_preview and bool(request.htmx),
    }


def _new_week() -> Typed:
    """Return the initial values of a new week: the first place, every week."""
    place = catalogue.first_active_location()
    return {"place": place.ref if place else "", "every": 1}


@requires(Operation.EDIT_HOURS, methods=("POST",))
def remove_week(
    request: DashboardRequest, practitioner_ref: uuid.UUID, week: uuid.UUID
) -> HttpResponse:
    """Remove one week; appointments already booked stay."""
    practitioner = practitioner_or_404(request, practitioner_ref, Operation.EDIT_HOURS)
    rows = _rows_of(practitioner, week)
    if not rows:
        messages.info(request, _("Cette semaine type n’existe plus."))
        return redirect("dashboard:hours")
    place = rows[0].location
    with offering_reopened(now=request.now):
        hours.save_week(
            practitioner=practitioner,
            pattern=hours.Pattern(location=place),
            ranges=[],
            replaces=[row.pk for row in rows],
            actor=actor(request),
            now=request.now,
        )
    messages.success(request, _("Cette semaine type est retirée."))
    _warn_outside_hours(request, practitioner)
    return redirect("dashboard:hours")


@requires(Operation.EDIT_HOURS)
def edit_date(request: DashboardRequest, practitioner_ref: uuid.UUID) -> HttpResponse:
    """Make one date differ from the week."""
    practitioner = practitioner_or_404(request, practitioner_ref, Operation.EDIT_HOURS)
    is_post = request.method == "POST"
    form = DateForm(
        request.POST if is_post else None,
        subject=f"date.{practitioner.ref}",
        stored=partial(_date_values, request, practitioner)
        if is_post or _has_day(request)
        else None,
    )
    if form.is_valid():
        with offering_reopened(now=request.now):
            hours.save_date(
                practitioner=practitioner,
                location=form.cleaned_data["place"],
                on_date=form.cleaned_data["on_date"],
                ranges=form.ranges,
                actor=actor(request),
                now=request.now,
            )
        messages.success(request, _("Ce jour est enregistré."))
        _warn_outside_hours(request, practitioner)
        return redirect(day_address(practitioner, form.cleaned_data["on_date"]))
    return show(
        request,
        "hours/date",
        {"practitioner": practitioner, "form": form},
        tab="hours",
        status=form.status,
    )


@requires(Operation.EDIT_HOURS, methods=("POST",))
def clear_date(
    request: DashboardRequest, practitioner_ref: uuid.UUID, exception: uuid.UUID
) -> HttpResponse:
    """Let the week apply again on a date."""
    practitioner = practitioner_or_404(request, practitioner_ref, Operation.EDIT_HOURS)
    found = get_object_or_404(OpeningException, practitioner=practitioner, ref=exception)
    with offering_reopened(now=request.now):
        hours.clear_date(
            practitioner=practitioner,
            location_id=found.location_id,
            on_date=found.on_date,
            actor=actor(request),
            now=request.now,
        )
    messages.success(request, _("La semaine habituelle s’applique de nouveau ce jour-là."))
    return redirect(day_address(practitioner, found.on_date))


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
        absence = absences.add(blocked=form.blocked_time, actor=actor(request), now=request.now)
        messages.success(request, _("Ce temps est bloqué."))
        return redirect("dashboard:absence", ref=absence.ref)
    status = 422 if form.is_bound else 200
    return show(request, "hours/absence_add", {"form": form}, tab="hours", status=status)


@requires(Operation.BLOCK_TIME, methods=("GET", "HEAD"))
def absence(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Show an absence and the appointments it touches, each with its next step."""
    found = absence_or_404(request, ref)
    touched = touched_rows(request, found)
    context = {
        "absence": found,
        "starts": found.starts_at.astimezone(request.zone),
        "ends": found.ends_at.astimezone(request.zone),
        "touched": [(row, row.appointment.starts_at.astimezone(request.zone)) for row in touched],
    }
    return show(request, "hours/absence", context, tab="hours")


@requires(Operation.BLOCK_TIME, methods=("POST",))
def remove_absence(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Open this time again."""
    found = absence_or_404(request, ref)
    if not may_remove(request, found):
        raise PermissionDenied
    with offering_reopened(now=request.now):
        absences.remove(absence=found, actor=actor(request), now=request.now)
    messages.success(request, _("Ce temps est de nouveau ouvert."))
    practitioners = [
        practitioner
        for practitioner in request.practitioners
        if str(practitioner.ref) == request.POST.get("practitioner")
    ]
    return redirect(
        day_address(practitioners[0], day_posted(request) or request.today)
        if practitioners
        else "dashboard:hours"
    )


def _has_day(request: DashboardRequest) -> bool:
    return "jour" in parameters_of(request)


def _date_values(request: DashboardRequest, practitioner: Practitioner) -> dict[str, Any]:
    """Return the date that is asked or sent, its place, and each range that it has there."""
    if request.method == "POST":
        on, place = (
            date_sent(request.POST.get("on_date", "")),
            catalogue.active_location(request.POST.get("place", "")),
        )
    else:
        on = day_asked(request)
        place = place_of_day(practitioner, on=on)
    if on is None or place is None:
        return {}
    ranges = ranges_of(practitioner=practitioner, location=place, on=on)
    return {"place": place.ref, "on_date": on, **ranges_typed(ranges)}


def _rows_of(practitioner: Practitioner, week: uuid.UUID | None) -> list[OpeningHours]:
    """Return the rows of a week; none for a new week, and for one that was removed meanwhile."""
    row = hours.opening_hours_of(practitioner).filter(ref=week).first() if week else None
    return hours.week_of(row) if row else []


def _warn_outside_hours(request: DashboardRequest, practitioner: Practitioner) -> None:
    count = len(
        opening_rules.appointments_outside_hours(practitioner=practitioner, now=request.now)
    )
    if count:
        text = ngettext(
            "%(n)s rendez-vous sort de ces horaires. Il reste prévu.",
            "%(n)s rendez-vous sortent de ces horaires. Ils restent prévus.",
            count,
        )
        messages.warning(request, text % {"n": count})
