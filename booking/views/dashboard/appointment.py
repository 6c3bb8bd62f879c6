"""One appointment: its panel, and what can be done with it (T3)."""

import uuid
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from booking import errors
from booking.forms.dashboard.appointment import (
    BookForm,
    CancelForm,
    ContactForm,
    MoveForm,
    SlotForm,
)
from booking.french import long_day
from booking.models import Appointment, Practitioner
from booking.queries import Slot, free_slots
from booking.services import appointments, contacts, erasing
from booking.services.agenda import Row, row_of
from booking.services.hours import why_closed
from booking.views.dashboard.access import (
    DashboardRequest,
    actor,
    practitioner_or_404,
    reach,
    requires,
)
from booking.views.dashboard.pages import day_asked, show
from tenants.accounts.permissions import Operation
from tenants.outbox.models import OutboxEntry

MARKS = {
    "venue": Appointment.Status.FULFILLED,
    "absente": Appointment.Status.NOSHOW,
    "prevue": Appointment.Status.BOOKED,
}
NEAREST = 3
FEW_DAYS = timedelta(days=14)


def appointment_or_404(
    request: DashboardRequest, ref: uuid.UUID, operation: Operation
) -> Appointment:
    """Return the appointment: 404 when its agenda is out of sight, 403 when it is only for seeing."""
    found = (
        Appointment.objects.select_related(
            "practitioner", "location", "appointment_type", "contact__data_key"
        )
        .exclude(status=Appointment.Status.HELD)
        .filter(ref=ref)
        .first()
    )
    if found is None or not request.access.allows(Operation.SEE_AGENDA, found.practitioner.ref):
        raise Http404
    if not request.access.allows(operation, found.practitioner.ref):
        raise PermissionDenied
    return found


def panel_context(request: DashboardRequest, ref: str) -> dict[str, Any]:
    """Return what the panel beside the week shows; an address that names nothing shows no panel."""
    try:
        found = appointment_or_404(request, uuid.UUID(ref), Operation.SEE_AGENDA)
    except (ValueError, Http404):
        return {}
    return _facts(row_of(found))


def _facts(row: Row) -> dict[str, Any]:
    held = row.appointment
    zone = ZoneInfo(held.location.time_zone)
    history = OutboxEntry.objects.filter(object_id=held.pk, kind__startswith="booking.")
    return {
        "row": row,
        "starts": held.starts_at.astimezone(zone),
        "ends": held.ends_at.astimezone(zone),
        "booked": held.booked_at.astimezone(zone) if held.booked_at else None,
        "history": [
            (entry, (entry.finished_at or entry.due_at).astimezone(zone))
            for entry in history.order_by("due_at", "id")
        ],
    }


@requires(Operation.SEE_AGENDA, methods=("GET", "HEAD"))
def panel(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Show one appointment on a page of its own."""
    found = appointment_or_404(request, ref, Operation.SEE_AGENDA)
    return show(request, "appointment", _facts(row_of(found)), tab="week")


@requires(Operation.MARK, methods=("POST",))
def mark(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Note that the person came or not, or take it back."""
    found = appointment_or_404(request, ref, Operation.MARK)
    status = MARKS.get(request.POST.get("marque", ""))
    if status is None:
        raise Http404
    try:
        appointments.mark(appointment=found, status=status, actor=actor(request), now=request.now)
    except errors.AlreadyCancelled:
        messages.error(request, _("Ce rendez-vous est annulé."))
    on = found.starts_at.astimezone(ZoneInfo(found.location.time_zone)).date()
    # Back to the line that was tapped, not to the top of a long day.
    return redirect(f"{reverse('dashboard:today')}?jour={on.isoformat()}#r{found.ref.hex}")


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
            actor=actor(request),
            now=request.now,
        )
    except errors.BookingError as refusal:
        return _not_placed(request, form, refusal, "book", {})
    messages.success(request, _("Rendez-vous pris\u00a0: %(when)s.") % {"when": _when(form)})
    return redirect("dashboard:appointment", ref=made.ref)


@requires(Operation.MOVE)
def move(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Move an appointment; ask each time whether the person is told, unticked."""
    found = appointment_or_404(request, ref, Operation.MOVE)
    who = reach(request, Operation.MOVE)
    facts = _facts(row_of(found))
    if request.method != "POST":
        form = MoveForm(practitioners=who, initial=_as_it_is(found))
        return show(request, "move", {**facts, "form": form}, tab="week")
    form = MoveForm(request.POST, practitioners=who)
    if not form.is_valid():
        return show(request, "move", {**facts, "form": form}, tab="week", status=422)
    if (warning := _warning(form, request, moved=found, facts=facts)) is not None:
        return warning
    try:
        appointments.move(
            appointment=found,
            choice=form.choice,
            by_patient=False,
            actor=actor(request),
            tell=form.cleaned_data["tell"],
            now=request.now,
        )
    except errors.BookingError as refusal:
        return _not_placed(request, form, refusal, "move", facts)
    messages.success(request, _("Rendez-vous déplacé\u00a0: %(when)s.") % {"when": _when(form)})
    return redirect("dashboard:appointment", ref=ref)


@requires(Operation.CANCEL)
def cancel(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Ask once, saying what will be lost; then cancel, with or without a message."""
    found = appointment_or_404(request, ref, Operation.CANCEL)
    row = row_of(found)
    if request.method != "POST":
        return show(request, "cancel", {**_facts(row), "form": CancelForm()}, tab="week")
    form = CancelForm(request.POST)
    form.full_clean()
    try:
        appointments.cancel(
            appointment=found,
            by_patient=False,
            actor=actor(request),
            tell=form.cleaned_data["tell"] and row.person is not None,
            now=request.now,
        )
    except errors.AlreadyCancelled:
        messages.info(request, _("Ce rendez-vous était déjà annulé."))
        return redirect("dashboard:appointment", ref=ref)
    messages.success(request, _("Rendez-vous annulé. Le créneau est de nouveau libre."))
    return redirect("dashboard:appointment", ref=ref)


@requires(Operation.SEE_CONTACT)
def correct(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Correct the phone or the e-mail of a person who is still there."""
    found = appointment_or_404(request, ref, Operation.SEE_CONTACT)
    row = row_of(found)
    if row.person is None:
        messages.info(request, _("Les coordonnées sont déjà effacées."))
        return redirect("dashboard:appointment", ref=ref)
    initial = {"phone": row.person.phone, "email": row.person.email}
    data = request.POST if request.method == "POST" else None
    form = ContactForm(data, initial=initial, region=found.location.territory or "FR")
    if form.is_valid():
        contacts.correct(
            appointment=found,
            phone=form.cleaned_data["phone"],
            email=form.cleaned_data["email"],
            actor=actor(request),
            now=request.now,
        )
        messages.success(request, _("Coordonnées corrigées."))
        return redirect("dashboard:appointment", ref=ref)
    status = 422 if form.is_bound else 200
    return show(request, "correct", {**_facts(row), "form": form}, tab="week", status=status)


@requires(Operation.SEE_CONTACT)
def erase(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Ask once; then erase the person as soon as the visit allows, and send nothing more."""
    found = appointment_or_404(request, ref, Operation.SEE_CONTACT)
    if request.method != "POST":
        return show(request, "erase", _facts(row_of(found)), tab="week")
    if found.is_cancelled:
        erasing.erase_cancelled(appointment=found, now=request.now)
    else:
        erasing.erase_and_keep(appointment=found, actor=actor(request), now=request.now)
    messages.success(request, _("C’est demandé. Plus aucun message ne partira."))
    return redirect("dashboard:appointment", ref=ref)


def _from_address(request: DashboardRequest, who: list[Practitioner]) -> dict[str, Any]:
    known = {"practitioner": request.GET.get("praticien", ""), "day": day_asked(request)}
    if hour := request.GET.get("heure", ""):
        known["hour"] = hour
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
    closed = why_closed(
        practitioner=form.cleaned_data["practitioner"],
        location=form.cleaned_data["place"],
        starts_at=form.starts_at,
        ends_at=form.starts_at + timedelta(minutes=motif.duration_min),
    )
    if closed is None:
        return None
    form.data = {**request.POST.dict(), "anyway": "on"}
    context = {
        **(facts or {}),
        "form": form,
        "warns": closed.label,
        "nearest": _nearest(form, request),
    }
    return show(request, "book" if moved is None else "move", context, tab="week", status=422)


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
    else:
        # First the slots: a field with an error is no longer among the cleaned ones.
        nearest = _nearest(form, request)
        form.add_error("hour", _("Cette heure est déjà prise."))
    context = {**facts, "form": form, "nearest": nearest}
    return show(request, template, context, tab="week", status=409)


def _nearest(form: SlotForm, request: DashboardRequest) -> list[Any]:
    """Return the three free starts nearest to the one that was asked for, in local time."""
    asked = form.starts_at
    choice = form.cleaned_data
    slots: list[Slot] = free_slots(
        appointment_type=choice["motif"],
        practitioners=[choice["practitioner"].pk],
        location=choice["place"],
        from_on=max(choice["day"], request.today),
        until_on=max(choice["day"], request.today) + FEW_DAYS,
        now=request.now,
        by_staff=True,
    )
    slots.sort(key=lambda slot: abs(slot.starts_at - asked))
    return sorted(slot.starts_at.astimezone(ZoneInfo(slot.zone)) for slot in slots[:NEAREST])


def _when(form: SlotForm) -> str:
    starts = form.starts_at
    return f"{long_day(starts.date(), today=starts.date())}, {starts:%H}\u00a0h\u00a0{starts:%M}"
