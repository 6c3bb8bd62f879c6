"""Blocking time from the agenda, then looking after each appointment that it touches (B-16)."""

import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from booking.agenda.rows import Row
from booking.models import Absence, Appointment
from booking.scheduling import absences
from booking.scheduling.queries import Slot, free_slots
from booking.web.dashboard.access import (
    DashboardRequest,
    actor,
    reach,
    requires,
)
from booking.web.dashboard.agenda.names import (
    agenda_link,
    asking,
    erased,
)
from booking.web.dashboard.form_fields import write_minutes
from booking.web.dashboard.hours.absence_lookup import absence_or_404, may_remove, touched_rows
from booking.web.dashboard.hours.forms import AbsenceForm
from booking.web.dashboard.pages import day_asked, show
from tenants.accounts.permissions import Operation
from tenants.query_parameters import parameters_of

AHEAD = timedelta(days=21)
OFFERED = 3
REST_OF_TODAY, TOMORROW = "rest_of_today", "tomorrow"


@dataclass(frozen=True)
class Touched:
    """One appointment inside the blocked time, and the free slots to which one press moves it."""

    row: Row
    starts: datetime
    offers: list[tuple[Slot, datetime]]


@requires(Operation.BLOCK_TIME)
def block(request: DashboardRequest) -> HttpResponse:
    """Block time: tomorrow or the rest of today by one press, or any other period by its hours."""
    practitioners = reach(request, Operation.BLOCK_TIME)
    data: Any = None
    if request.method == "POST":
        data = {**request.POST.dict(), **_preset(request)}
    form = AbsenceForm(
        data,
        practitioners=practitioners,
        may_close_all=request.access.allows(Operation.BLOCK_TIME),
        zone=request.zone,
        initial=_from_address(request),
    )
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        tomorrow = request.today + timedelta(days=1)
        return show(
            request, "agenda/block", {"form": form, "tomorrow": tomorrow}, tab="week", status=status
        )
    absence = absences.add(blocked=form.blocked_time, actor=actor(request), now=request.now)
    messages.success(request, _("Ce temps est bloqué."))
    return redirect("dashboard:touched", ref=absence.ref)


@requires(Operation.BLOCK_TIME, methods=("GET", "HEAD"))
def touched(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """List the appointments of a blocked time, each with buttons to move or to cancel it."""
    absence = absence_or_404(request, ref)
    rows = touched_rows(request, absence)
    starts, ends = (at.astimezone(request.zone) for at in (absence.starts_at, absence.ends_at))
    is_whole = starts.time() == ends.time() == time()
    context = {
        "absence": absence,
        "may_remove": may_remove(request, absence),
        "starts": starts,
        "ends": ends,
        "last_day": (ends - timedelta(days=1)).date() if is_whole else None,
        "touched": _with_offers(rows, absence, request),
        "return_to": absence.ref.hex,
        "asking": asking(request, words=erased(rows), link=agenda_link(starts.date())),
    }
    return show(request, "agenda/touched", context, tab="week")


def _preset(request: DashboardRequest) -> dict[str, str]:
    """Return the fields that the buttons « demain » and « le reste de la journée » stand for."""
    asked = request.POST.get("quick")
    if asked == TOMORROW:
        tomorrow = (request.today + timedelta(days=1)).isoformat()
        return {"from_on": tomorrow, "to_on": tomorrow, "from_hour": "", "to_hour": ""}
    if asked == REST_OF_TODAY:
        local = request.now.astimezone(request.zone)
        today = request.today.isoformat()
        return {
            "from_on": today,
            "to_on": today,
            "from_hour": write_minutes(local.hour * 60 + local.minute),
            "to_hour": "",
        }
    return {}


def _from_address(request: DashboardRequest) -> dict[str, Any]:
    on = day_asked(request)
    known: dict[str, Any] = {"from_on": on, "to_on": on}
    known |= {
        name: parameters_of(request)[parameter]
        for name, parameter in (("practitioner", "praticien"), ("from_hour", "heure"))
        if parameters_of(request).get(parameter)
    }
    return known


def _with_offers(rows: list[Row], absence: Absence, request: DashboardRequest) -> list[Touched]:
    """Give each appointment free slots of its own: no slot is offered to two persons."""
    alike: dict[tuple[int, int, int], list[Row]] = defaultdict(list)
    for row in rows:
        appointment = row.appointment
        alike[
            appointment.appointment_type_id, appointment.practitioner_id, appointment.location_id
        ].append(row)
    offers: dict[int, list[Slot]] = {}
    for group in alike.values():
        free = _free(group[0].appointment, absence, request)
        for number, row in enumerate(group):
            offers[row.appointment.pk] = free[number * OFFERED : (number + 1) * OFFERED]
    return [
        Touched(
            row,
            row.appointment.starts_at.astimezone(ZoneInfo(row.appointment.location.time_zone)),
            [
                (slot, slot.starts_at.astimezone(ZoneInfo(slot.zone)))
                for slot in offers[row.appointment.pk]
            ],
        )
        for row in rows
    ]


def _free(appointment: Appointment, absence: Absence, request: DashboardRequest) -> list[Slot]:
    first: date = max(absence.starts_at.astimezone(request.zone).date(), request.today)
    return free_slots(
        appointment_type=appointment.appointment_type,
        practitioners=[appointment.practitioner_id],
        location=appointment.location,
        from_on=first,
        until_on=first + AHEAD,
        now=request.now,
        by_staff=True,
    )
