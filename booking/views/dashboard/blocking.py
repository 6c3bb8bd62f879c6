"""Blocking time from the agenda, then looking after each appointment that it touches (B-16)."""

import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from booking.forms.dashboard.base import write_minutes
from booking.forms.dashboard.hours import AbsenceForm
from booking.models import Absence, Appointment
from booking.queries import Slot, free_slots
from booking.services import absences
from booking.services.agenda import Row, row_of
from booking.views.dashboard.access import DashboardRequest, actor, reach, requires
from booking.views.dashboard.names import agenda_link, asking, erased
from booking.views.dashboard.pages import day_asked, show
from tenants.accounts.permissions import Operation

AHEAD = timedelta(days=21)
OFFERED = 3
REST_OF_TODAY, TOMORROW = "aujourdhui", "demain"


@dataclass(frozen=True)
class Touched:
    """One appointment of the blocked time, and the free times to which one press moves it."""

    row: Row
    starts: datetime
    offers: list[tuple[Slot, datetime]]


@requires(Operation.BLOCK_TIME)
def block(request: DashboardRequest) -> HttpResponse:
    """Block time: tomorrow or the rest of today in one press, or any other by its hours."""
    who = reach(request, Operation.BLOCK_TIME)
    data: Any = None
    if request.method == "POST":
        data = {**request.POST.dict(), **_preset(request)}
    form = AbsenceForm(
        data,
        practitioners=who,
        may_close_all=request.access.allows(Operation.BLOCK_TIME),
        zone=request.zone,
        initial=_from_address(request),
    )
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        tomorrow = request.today + timedelta(days=1)
        return show(
            request, "block", {"form": form, "tomorrow": tomorrow}, tab="week", status=status
        )
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
    return redirect("dashboard:touched", ref=absence.ref)


@requires(Operation.BLOCK_TIME, methods=("GET", "HEAD"))
def touched(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """List the appointments of a blocked time, each with one press to move it, or to cancel and write."""
    absence = get_object_or_404(Absence.objects.select_related("practitioner"), ref=ref)
    owner = absence.practitioner
    if owner is not None and not request.access.allows(Operation.BLOCK_TIME, owner.ref):
        raise Http404
    seen = {one.pk for one in reach(request, Operation.SEE_AGENDA)}
    rows = [row_of(held) for held in absences.touched_by(absence) if held.practitioner_id in seen]
    starts, ends = (at.astimezone(request.zone) for at in (absence.starts_at, absence.ends_at))
    is_whole = starts.time() == ends.time() == time()
    context = {
        "absence": absence,
        "starts": starts,
        "ends": ends,
        "last_day": (ends - timedelta(days=1)).date() if is_whole else None,
        "touched": _with_offers(rows, absence, request),
        "retour": absence.ref.hex,
        "asking": asking(request, words=erased(rows), link=agenda_link(starts.date())),
    }
    return show(request, "touched", context, tab="week")


def _preset(request: DashboardRequest) -> dict[str, str]:
    """Return what a press on « demain » or « le reste de la journée » stands for."""
    asked = request.POST.get("vite")
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
        name: request.GET[said]
        for name, said in (("practitioner", "praticien"), ("from_hour", "heure"))
        if request.GET.get(said)
    }
    return known


def _with_offers(rows: list[Row], absence: Absence, request: DashboardRequest) -> list[Touched]:
    """Give each appointment free times of its own: no two persons are offered the same one."""
    alike: dict[tuple[int, int, int], list[Row]] = defaultdict(list)
    for row in rows:
        held = row.appointment
        alike[held.appointment_type_id, held.practitioner_id, held.location_id].append(row)
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


def _free(held: Appointment, absence: Absence, request: DashboardRequest) -> list[Slot]:
    first: date = max(absence.starts_at.astimezone(request.zone).date(), request.today)
    return free_slots(
        appointment_type=held.appointment_type,
        practitioners=[held.practitioner_id],
        location=held.location,
        from_on=first,
        until_on=first + AHEAD,
        now=request.now,
        by_staff=True,
    )
