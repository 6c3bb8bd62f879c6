"""Putting an appointment into the agenda: booking by hand, moving, making it longer or shorter (T2, T3)."""

import uuid
from datetime import UTC, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.utils.translation import gettext as _

from booking import errors
from booking.forms.dashboard.appointment import BookForm, LengthForm, MoveForm, SlotForm
from booking.french import long_day
from booking.models import Appointment, Practitioner
from booking.queries import vacancies
from booking.services import appointments, resizing
from booking.services.agenda import row_of
from booking.services.hours import why_closed
from booking.views.dashboard.access import (
    DashboardRequest,
    actor,
    practitioner_or_404,
    reach,
    requires,
)
from booking.views.dashboard.appointment import (
    AGENDA,
    appointment_or_404,
    back_to,
    changed_context,
    facts_of,
)
from booking.views.dashboard.pages import day_asked, show
from tenants.accounts.permissions import Operation

NEAREST = 3
FEW_DAYS = timedelta(days=14)
UNDO = "agenda_undo"
"""What undoes the last change made in the agenda: where the appointment was."""


@requires(Operation.BOOK)
def book(request: DashboardRequest) -> HttpResponse:
    """Book by hand; opening rules are warnings here, never walls."""
    who = reach(request, Operation.BOOK)
    if request.method != "POST":
        form = BookForm(practitioners=who, initial=_from_address(request, who))
        return show(request, "book", {"form": form}, tab="week")
    form = BookForm(request.POST, practitioners=who)
    if not form.is_valid():
        return show(request, "book", {"form": form}, tab="week", status=422)
    if (warning := _warning(form, request)) is not None:
        return warning
    try:
        made = appointments.book_by_staff(
            choice=form.choice,
            form_ref=form.cleaned_data["form_ref"],
            person=form.person,
            over=form.cleaned_data["over"],
            actor=actor(request),
            now=request.now,
        )
    except errors.BookingError as refusal:
        return _not_placed(request, form, refusal, "book", {})
    messages.success(request, _("Rendez-vous pris\u00a0: %(when)s.") % {"when": _when(form)})
    return back_to(request, made.ref, form.starts_at)


@requires(Operation.MOVE)
def move(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Move an appointment; ask each time whether the person is told.

    What the form does not say stays as it is: a drag says the column, the day and the hour.
    """
    found = appointment_or_404(request, ref, Operation.MOVE)
    who = reach(request, Operation.MOVE)
    facts = facts_of(row_of(found), request=request)
    as_it_is = _as_it_is(found) | {"retour": facts["retour"]}
    if request.method != "POST":
        form = MoveForm(practitioners=who, initial=as_it_is)
        return show(request, "move", {**facts, "form": form}, tab="week")
    typed = {**_written(as_it_is), **request.POST.dict()}
    form = MoveForm(typed, practitioners=who, initial=as_it_is)
    if not form.is_valid():
        return show(request, "move", {**facts, "form": form}, tab="week", status=422)
    if (warning := _warning(form, request, moved=found, facts=facts)) is not None:
        return warning
    try:
        moved = appointments.move(
            appointment=found,
            choice=form.choice,
            by_patient=False,
            actor=actor(request),
            tell=form.cleaned_data["tell"] and facts["row"].can_be_told,
            over=form.cleaned_data["over"],
            sequence=form.cleaned_data["sequence"],
            now=request.now,
        )
    except errors.BookingError as refusal:
        facts |= _if_changed(request, form, refusal, found)
        return _not_placed(request, form, refusal, "move", facts)
    messages.success(request, _("Rendez-vous déplacé\u00a0: %(when)s.") % {"when": _when(form)})
    if form.cleaned_data["retour"] == AGENDA:
        request.session[UNDO] = {
            **_written(as_it_is),
            "act": "move",
            "ref": str(ref),
            "sequence": str(moved.sequence),
            "tell": "on" if form.cleaned_data["tell"] else "",
            "over": "on" if found.is_extra else "",
        }
    return back_to(request, ref, form.starts_at)


@requires(Operation.MOVE)
def resize(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Let one appointment end earlier or later; its motif stays as it is."""
    found = appointment_or_404(request, ref, Operation.MOVE)
    facts = facts_of(row_of(found), request=request)
    ends = facts["ends"]
    initial = {
        "until": ends.hour * 60 + ends.minute,
        "sequence": found.sequence,
        "retour": facts["retour"],
    }
    form = LengthForm(request.POST if request.method == "POST" else None, initial=initial)
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return show(request, "length", {**facts, "form": form}, tab="week", status=status)
    try:
        resized = resizing.resize(
            appointment=found,
            ends_at=form.ends_at(facts["starts"]),
            sequence=form.cleaned_data["sequence"],
            tell=form.cleaned_data["tell"] and facts["row"].can_be_told,
            over=form.cleaned_data["over"],
            actor=actor(request),
            now=request.now,
        )
    except errors.BookingError as refusal:
        facts |= _if_changed(request, form, refusal, found)
        return _not_resized(request, form, refusal, facts)
    messages.success(request, _("La durée est changée."))
    if form.cleaned_data["retour"] == AGENDA:
        request.session[UNDO] = {
            "act": "resize",
            "ref": str(ref),
            "until": f"{ends:%H:%M}",
            "sequence": str(resized.sequence),
            "tell": "on" if form.cleaned_data["tell"] else "",
            "over": "on" if found.is_extra else "",
            "retour": AGENDA,
        }
    return back_to(request, ref, facts["starts"])


def _from_address(request: DashboardRequest, who: list[Practitioner]) -> dict[str, Any]:
    known = {"practitioner": request.GET.get("praticien", ""), "day": day_asked(request)}
    known |= {
        name: request.GET[said]
        for name, said in (("hour", "heure"), ("place", "lieu"), ("retour", "retour"))
        if request.GET.get(said)
    }
    if not known["practitioner"] and who:
        own = [one for one in who if one.ref in request.access.own]
        known["practitioner"] = (own or who)[0].ref
    return known


def _as_it_is(held: Appointment) -> dict[str, Any]:
    starts = held.starts_at.astimezone(ZoneInfo(held.location.time_zone))
    return {
        "practitioner": held.practitioner.ref,
        "motif": held.appointment_type.ref,
        "place": held.location.ref,
        "day": starts.date(),
        "hour": starts.hour * 60 + starts.minute,
        "sequence": held.sequence,
    }


def _written(values: dict[str, Any]) -> dict[str, str]:
    """Return the values of a form as it would send them."""
    hour = int(values["hour"])
    return {
        **{name: str(values[name]) for name in ("practitioner", "motif", "place")},
        "day": values["day"].isoformat(),
        "hour": f"{hour // 60}:{hour % 60:02}",
        "retour": values["retour"],
    }


def _warning(
    form: SlotForm,
    request: DashboardRequest,
    *,
    moved: Appointment | None = None,
    facts: dict[str, Any] | None = None,
) -> HttpResponse | None:
    """Return the page that warns once when the time lies outside the opening rules."""
    practitioner_or_404(
        request,
        form.cleaned_data["practitioner"].ref,
        Operation.BOOK if moved is None else Operation.MOVE,
    )
    if form.cleaned_data["anyway"]:
        return None
    motif = form.cleaned_data["motif"]
    length = timedelta(minutes=motif.duration_min)
    if moved is not None and moved.appointment_type_id == motif.pk:
        length = moved.ends_at - moved.starts_at
    closed = why_closed(
        practitioner=form.cleaned_data["practitioner"],
        location=form.cleaned_data["place"],
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
    return show(request, "book" if moved is None else "move", context, tab="week", status=422)


def _if_changed(
    request: DashboardRequest,
    form: MoveForm | LengthForm,
    refusal: errors.BookingError,
    found: Appointment,
) -> dict[str, Any]:
    """Say what somebody else has made of it; the next press is about what is shown now."""
    if not isinstance(refusal, errors.ChangedMeanwhile):
        return {}
    form.data = {**dict(form.data.items()), "sequence": str(found.sequence)}
    return changed_context(found, request)


def _not_placed(
    request: DashboardRequest,
    form: SlotForm,
    refusal: errors.BookingError,
    template: str,
    facts: dict[str, Any],
) -> HttpResponse:
    """Return the form as typed, with why it was refused and the nearest free slots."""
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
    return show(request, "length", {**facts, "form": form}, tab="week", status=409)


def _nearest(form: SlotForm, request: DashboardRequest) -> list[Any]:
    """Return the three free starts nearest to the one that was asked for, in local time."""
    asked = form.starts_at
    choice = form.cleaned_data
    free = vacancies(
        appointment_type=choice["motif"],
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
