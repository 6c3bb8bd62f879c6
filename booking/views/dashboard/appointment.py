"""One appointment: its panel, and what can be done with it (T3)."""

import uuid
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from booking import errors
from booking.forms.dashboard.appointment import CancelForm, ContactForm
from booking.models import Appointment
from booking.regions import region_of
from booking.services import appointments, calendar_entries, contacts, erasing
from booking.services.agenda import Row, row_of
from booking.services.google.attention import mark_of
from booking.services.google.effacing import offer_of
from booking.services.latest import last_change
from booking.services.resending import can_resend, resend_confirmation
from booking.views.dashboard.access import DashboardRequest, actor, requires
from booking.views.dashboard.names import agenda_link, asking, erased
from booking.views.dashboard.pages import show
from tenants.accounts.permissions import Operation
from tenants.outbox.models import OutboxEntry

MARKS = {
    "venue": Appointment.Status.FULFILLED,
    "absente": Appointment.Status.NOSHOW,
    "prevue": Appointment.Status.BOOKED,
}
AGENDA = "agenda"
"""Where a form came from, when it goes back there."""


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
    return _panel(request, found)


def _panel(request: DashboardRequest, found: Appointment) -> dict[str, Any]:
    mark = mark_of(appointment=found, now=request.now)
    may_decide = request.access.allows(Operation.CONNECT_CALENDAR, found.practitioner.ref)
    offer = offer_of(appointment=found, now=request.now) if may_decide else None
    return {
        **facts_of(row_of(found), request=request),
        "google_mark": mark.value if mark else "",
        "may_decide": may_decide,
        "effacing": offer.value if offer else "",
    }


def facts_of(row: Row, *, request: DashboardRequest) -> dict[str, Any]:
    """Return one appointment as its pages show it: local times, messages, what may be done."""
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
        "calendar_tells": not held.is_cancelled and calendar_entries.can_tell(held),
        "sends_sms": request.practice.sms_enabled and bool(settings.SMS_GATEWAY),
        "may_resend": row.person is not None and can_resend(held, row.person, now=request.now),
        "retour": request.POST.get("retour") or request.GET.get("retour", ""),
    }


def changed_context(found: Appointment, request: DashboardRequest) -> dict[str, Any]:
    """Return what the page says when somebody else was faster: what it is now, who and when."""
    change = last_change(found.ref)
    return {
        "change": change,
        "changed_at": change.at.astimezone(request.zone) if change else None,
    }


def back_to(
    request: DashboardRequest, ref: uuid.UUID, starts_at: datetime | None = None
) -> HttpResponse:
    """Return to where the form came from: the agenda on that day, a blocked time, or its own page."""
    came_from = request.POST.get("retour", "")
    if came_from != AGENDA:
        try:
            return redirect("dashboard:touched", ref=uuid.UUID(came_from))
        except ValueError:
            return redirect("dashboard:appointment", ref=ref)
    on: date = starts_at.date() if starts_at else request.today
    return redirect(f"{reverse('dashboard:week')}?du={on.isoformat()}&rdv={ref}")


@requires(Operation.SEE_AGENDA, methods=("GET", "HEAD"))
def panel(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Show one appointment on a page of its own."""
    found = appointment_or_404(request, ref, Operation.SEE_AGENDA)
    facts = _panel(request, found)
    link = agenda_link(facts["starts"].date())
    asked = asking(request, lines=erased([facts["row"]]), link=link)
    return show(request, "appointment", {**facts, "asking": asked}, tab="week")


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


@requires(Operation.CANCEL)
def cancel(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Ask once, saying what will be lost; then cancel, with or without a message."""
    found = appointment_or_404(request, ref, Operation.CANCEL)
    facts = facts_of(row_of(found), request=request)
    if request.method != "POST":
        form = CancelForm(initial={"sequence": found.sequence, "retour": facts["retour"]})
        return show(request, "cancel", {**facts, "form": form}, tab="week")
    form = CancelForm(request.POST)
    form.full_clean()
    try:
        appointments.cancel(
            appointment=found,
            by_patient=False,
            actor=actor(request),
            tell=bool(form.cleaned_data.get("tell"))
            and (facts["row"].can_be_told or facts["calendar_tells"]),
            sequence=form.cleaned_data.get("sequence"),
            now=request.now,
        )
    except errors.AlreadyCancelled:
        messages.info(request, _("Ce rendez-vous était déjà annulé."))
        return back_to(request, ref, facts["starts"])
    except errors.ChangedMeanwhile:
        form = CancelForm(initial={"sequence": found.sequence, "retour": facts["retour"]})
        context = {**facts, **changed_context(found, request), "form": form}
        return show(request, "cancel", context, tab="week", status=409)
    messages.success(request, _("Rendez-vous annulé. Le créneau est de nouveau libre."))
    return back_to(request, ref, facts["starts"])


@requires(Operation.SEE_CONTACT)
def correct(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Correct the name, the phone or the e-mail of a person who is still there."""
    found = appointment_or_404(request, ref, Operation.SEE_CONTACT)
    row = row_of(found)
    if row.person is None:
        messages.info(request, _("Les coordonnées sont déjà effacées."))
        return redirect("dashboard:appointment", ref=ref)
    facts = facts_of(row, request=request)
    region = region_of(found.location)
    seen = contacts.version_of(found.contact)
    names = ("first_name", "last_name", "phone", "email")
    initial = {name: getattr(row.person, name) for name in names} | {"was": seen}
    data = request.POST if request.method == "POST" else None
    form = ContactForm(data, initial=initial, region=region)
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return show(request, "correct", {**facts, "form": form}, tab="week", status=status)
    typed = {name: form.cleaned_data[name] if name in request.POST else None for name in names}
    try:
        contacts.correct(
            appointment=found,
            **typed,
            seen=form.cleaned_data["was"],
            actor=actor(request),
            now=request.now,
        )
    except errors.ChangedMeanwhile:
        form = ContactForm({**request.POST.dict(), "was": seen}, region=region)
        context = {**facts, **changed_context(found, request), "form": form}
        return show(request, "correct", context, tab="week", status=409)
    messages.success(request, _("Coordonnées corrigées."))
    return back_to(request, ref, facts["starts"])


@requires(Operation.SEE_CONTACT)
def erase(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Ask once; then erase the person as soon as the visit allows, and send nothing more."""
    found = appointment_or_404(request, ref, Operation.SEE_CONTACT)
    facts = facts_of(row_of(found), request=request)
    if request.method != "POST":
        return show(request, "erase", facts, tab="week")
    if found.is_cancelled:
        erasing.erase_cancelled(appointment=found, now=request.now)
    else:
        erasing.erase_and_keep(appointment=found, actor=actor(request), now=request.now)
    messages.success(request, _("C’est demandé. Plus aucun message ne partira."))
    return back_to(request, ref, facts["starts"])


@requires(Operation.SEE_CONTACT, methods=("POST",))
def resend(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Send the confirmation once more, to the address as it is now."""
    found = appointment_or_404(request, ref, Operation.SEE_CONTACT)
    row = row_of(found)
    starts = found.starts_at.astimezone(ZoneInfo(found.location.time_zone))
    if row.person is None or not can_resend(found, row.person, now=request.now):
        text = _("Rien à renvoyer\u00a0: un message vient de partir, ou personne n’est à joindre.")
        messages.info(request, text)
        return back_to(request, ref, starts)
    resend_confirmation(appointment=found, actor=actor(request), now=request.now)
    messages.success(request, _("La confirmation part de nouveau."))
    return back_to(request, ref, starts)
