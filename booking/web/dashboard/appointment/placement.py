"""Putting an appointment into the agenda: booking by hand, moving, making it longer or shorter (T2, T3)."""

import uuid
from datetime import UTC, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.utils.translation import gettext as _

from booking.agenda.rows import row_of
from booking.appointments import resize as resizing
from booking.appointments.book import book_by_staff
from booking.appointments.move import move as move_appointment
from booking.formats.french import long_day
from booking.models import Appointment, Practitioner
from booking.rules import errors
from booking.scheduling.opening_rules import why_closed
from booking.scheduling.queries import availability
from booking.web.dashboard.access import (
    DashboardRequest,
    actor,
    practitioner_or_404,
    reach,
    requires,
)
from booking.web.dashboard.appointment.forms import (
    BookForm,
    LengthForm,
    MoveForm,
    SlotForm,
)
from booking.web.dashboard.appointment.hints import hint_about_address, hint_about_email
from booking.web.dashboard.appointment.views import (
    AGENDA,
    appointment_or_404,
    back_to,
    changed_context,
    facts_of,
)
from booking.web.dashboard.pages import day_asked, show
from tenants.accounts.permissions import Operation
from tenants.query_parameters import parameters_of

NEAREST = 3
FEW_DAYS = timedelta(days=14)
UNDO = "agenda_undo"
"""Session key of the form values that undo the last change in the agenda."""


@requires(Operation.BOOK)
def book(request: DashboardRequest) -> HttpResponse:
    """Book by hand; opening rules are warnings here and never a refusal."""
    practitioners = reach(request, Operation.BOOK)
    if request.method != "POST":
        form = BookForm(practitioners=practitioners, initial=_from_address(request, practitioners))
        return show(request, "appointment/book", {"form": form}, tab="week")
    form = BookForm(request.POST, practitioners=practitioners)
    if not form.is_valid():
        return show(request, "appointment/book", {"form": form}, tab="week", status=422)
    if (warning := _warning(form, request)) is not None:
        return warning
    try:
        made = book_by_staff(
            selection=form.selection,
            form_ref=form.cleaned_data["form_ref"],
            person=form.person,
            overbook=form.cleaned_data["overbook"],
            actor=actor(request),
            now=request.now,
        )
    except errors.BookingError as refusal:
        return _not_resolved(request, form, refusal, "appointment/book", {})
    messages.success(request, _("Rendez-vous pris\u00a0: %(when)s.") % {"when": _when(form)})
    hint_about_email(request, form.person.email)
    hint_about_address(
        request,
        location=made.location,
        extra_fields=form.extra_fields,
        answers=form.person.extras,
    )
    return back_to(request, made.ref, form.starts_at)


@requires(Operation.MOVE)
def move(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Move an appointment; the pressed button says whether to notify the person.

    Fields that the form lacks keep their values: a drag sends the column, the day and the hour only.
    """
    found = appointment_or_404(request, ref, Operation.MOVE)
    # A closed agenda takes no visit from another one; its own visits may stay in it.
    practitioners = [row for row in reach(request, Operation.MOVE) if row.is_active]
    facts = facts_of(row_of(found), request=request)
    as_it_is = _as_it_is(found) | {"return_to": facts["return_to"]}
    if request.method != "POST":
        form = MoveForm(practitioners=practitioners, present=found, initial=as_it_is)
        return show(request, "appointment/move", {**facts, "form": form}, tab="week")
    typed = {**_written(as_it_is), **request.POST.dict()}
    form = MoveForm(typed, practitioners=practitioners, present=found, initial=as_it_is)
    if not form.is_valid():
        return show(request, "appointment/move", {**facts, "form": form}, tab="week", status=422)
    if (warning := _warning(form, request, moved=found, facts=facts)) is not None:
        return warning
    try:
        moved = move_appointment(
            appointment=found,
            selection=form.selection,
            by_patient=False,
            actor=actor(request),
            notify=form.cleaned_data["notify"] and facts["row"].can_be_notified,
            overbook=form.cleaned_data["overbook"],
            sequence=form.cleaned_data["sequence"],
            now=request.now,
        )
    except errors.BookingError as refusal:
        facts |= _if_changed(request, form, refusal, found)
        return _not_resolved(request, form, refusal, "appointment/move", facts)
    messages.success(request, _("Rendez-vous déplacé\u00a0: %(when)s.") % {"when": _when(form)})
    if form.cleaned_data["return_to"] == AGENDA:
        request.session[UNDO] = {
            **_written(as_it_is),
            "action": "move",
            "ref": str(ref),
            "sequence": str(moved.sequence),
            "notify": "on" if form.cleaned_data["notify"] else "",
            "overbook": "on" if found.is_overbooked else "",
        }
    return back_to(request, ref, form.starts_at)


@requires(Operation.MOVE)
def resize(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Change the end of one appointment; its appointment type stays."""
    found = appointment_or_404(request, ref, Operation.MOVE)
    facts = facts_of(row_of(found), request=request)
    ends = facts["ends"]
    initial = {
        "until": ends.hour * 60 + ends.minute,
        "sequence": found.sequence,
        "return_to": facts["return_to"],
    }
    form = LengthForm(request.POST if request.method == "POST" else None, initial=initial)
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return show(
            request, "appointment/length", {**facts, "form": form}, tab="week", status=status
        )
    try:
        resized = resizing.resize(
            appointment=found,
            ends_at=form.ends_at(facts["starts"]),
            sequence=form.cleaned_data["sequence"],
            notify=form.cleaned_data["notify"] and facts["row"].can_be_notified,
            overbook=form.cleaned_data["overbook"],
            actor=actor(request),
            now=request.now,
        )
    except errors.BookingError as refusal:
        facts |= _if_changed(request, form, refusal, found)
        return _not_resized(request, form, refusal, facts)
    messages.success(request, _("La durée est changée."))
    if form.cleaned_data["return_to"] == AGENDA:
        request.session[UNDO] = {
            "action": "resize",
            "ref": str(ref),
            "until": f"{ends:%H:%M}",
            "sequence": str(resized.sequence),
            "notify": "on" if form.cleaned_data["notify"] else "",
            "overbook": "on" if found.is_overbooked else "",
            "return_to": AGENDA,
        }
    return back_to(request, ref, facts["starts"])


def _from_address(request: DashboardRequest, practitioners: list[Practitioner]) -> dict[str, Any]:
    known = {"practitioner": parameters_of(request).get("praticien", ""), "day": day_asked(request)}
    known |= {
        name: parameters_of(request)[parameter]
        for name, parameter in (("hour", "heure"), ("place", "lieu"), ("return_to", "retour"))
        if parameters_of(request).get(parameter)
    }
    if not known["practitioner"] and practitioners:
        own = [
            practitioner for practitioner in practitioners if practitioner.ref in request.access.own
        ]
        known["practitioner"] = (own or practitioners)[0].ref
    return known


def _as_it_is(appointment: Appointment) -> dict[str, Any]:
    starts = appointment.starts_at.astimezone(ZoneInfo(appointment.location.time_zone))
    return {
        "practitioner": appointment.practitioner.ref,
        "appointment_type": appointment.appointment_type.ref,
        "place": appointment.location.ref,
        "day": starts.date(),
        "hour": starts.hour * 60 + starts.minute,
        "sequence": appointment.sequence,
    }


def _written(values: dict[str, Any]) -> dict[str, str]:
    """Return the values of a form as it would send them."""
    hour = int(values["hour"])
    return {
        **{name: str(values[name]) for name in ("practitioner", "appointment_type", "place")},
        "day": values["day"].isoformat(),
        "hour": f"{hour // 60}:{hour % 60:02}",
        "return_to": values["return_to"],
    }


def _warning(
    form: SlotForm,
    request: DashboardRequest,
    *,
    moved: Appointment | None = None,
    facts: dict[str, Any] | None = None,
) -> HttpResponse | None:
    """Return the page that warns once about a time outside the opening rules; None to go on."""
    practitioner_or_404(
        request,
        form.cleaned_data["practitioner"].ref,
        Operation.BOOK if moved is None else Operation.MOVE,
    )
    if form.cleaned_data["anyway"]:
        return None
    appointment_type = form.cleaned_data["appointment_type"]
    length = timedelta(minutes=appointment_type.duration_min)
    if moved is not None and moved.appointment_type_id == appointment_type.pk:
        length = moved.ends_at - moved.starts_at
    closed = why_closed(
        practitioner=form.cleaned_data["practitioner"],
        location=form.cleaned_data["place"],
        appointment_type=appointment_type,
        starts_at=form.starts_at,
        ends_at=form.starts_at.astimezone(UTC) + length,
    )
    if closed is None:
        return None
    form.data = {**dict(form.data.items()), "anyway": "on"}
    context = {
        **(facts or {}),
        "form": form,
        "warns": closed.label,
        "nearest": _nearest(form, request),
    }
    return show(
        request,
        "appointment/book" if moved is None else "appointment/move",
        context,
        tab="week",
        status=422,
    )


def _if_changed(
    request: DashboardRequest,
    form: MoveForm | LengthForm,
    refusal: errors.BookingError,
    found: Appointment,
) -> dict[str, Any]:
    """Return the concurrent change for the page, and take its sequence into the form for the next press."""
    if not isinstance(refusal, errors.ChangedMeanwhile):
        return {}
    form.data = {**dict(form.data.items()), "sequence": str(found.sequence)}
    return changed_context(found, request)


def _not_resolved(
    request: DashboardRequest,
    form: SlotForm,
    refusal: errors.BookingError,
    template: str,
    facts: dict[str, Any],
) -> HttpResponse:
    """Return the form as typed, with the reason of the refusal and the nearest free slots."""
    nearest: list[Any] = []
    if isinstance(refusal, errors.BeyondPromise):
        last = refusal.last.astimezone(request.zone).date()
        form.add_error(
            "day",
            _("Pas au-delà du %(day)s\u00a0: les coordonnées devraient être effacées avant.")
            % {"day": long_day(last, today=request.today)},
        )
    elif isinstance(refusal, errors.AlreadyCancelled):
        form.add_error(None, _("Ce rendez-vous est annulé\u00a0: prenez-en un autre."))
    elif not isinstance(refusal, errors.ChangedMeanwhile):
        # First the slots: a field with an error is no longer among the cleaned ones.
        nearest = _nearest(form, request)
        form.add_error("hour", _("Cette heure est déjà prise."))
        form.offer_over()
    context = {**facts, "form": form, "nearest": nearest}
    return show(request, template, context, tab="week", status=409)


def _not_resized(
    request: DashboardRequest,
    form: LengthForm,
    refusal: errors.BookingError,
    facts: dict[str, Any],
) -> HttpResponse:
    if isinstance(refusal, resizing.NoSuchLength):
        form.add_error("until", _("Entre 5\u00a0minutes et 12\u00a0heures après le début."))
    elif isinstance(refusal, errors.AlreadyCancelled):
        form.add_error(None, _("Ce rendez-vous est annulé\u00a0: prenez-en un autre."))
    elif not isinstance(refusal, errors.ChangedMeanwhile):
        form.add_error("until", _("Le rendez-vous suivant commence avant."))
        form.offer_over()
    return show(request, "appointment/length", {**facts, "form": form}, tab="week", status=409)


def _nearest(form: SlotForm, request: DashboardRequest) -> list[Any]:
    """Return the three free starts nearest to the requested one, in local time."""
    asked = form.starts_at
    choice = form.cleaned_data
    free = availability(
        appointment_type=choice["appointment_type"],
        practitioners=[choice["practitioner"].pk],
        location=choice["place"],
        from_on=max(choice["day"], request.today),
        until_on=max(choice["day"], request.today) + FEW_DAYS,
        now=request.now,
        by_staff=True,
    )
    slots = free.closest(asked, free.from_on, free.until_on, count=NEAREST)
    return sorted(slot.starts_at.astimezone(ZoneInfo(slot.zone)) for slot in slots)


def _when(form: SlotForm) -> str:
    starts = form.starts_at
    return f"{long_day(starts.date(), today=starts.date())}, {starts:%H}\u00a0h\u00a0{starts:%M}"
