"""One appointment: its panel and its actions (T3)."""

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

from booking.agenda.history import last_change
from booking.agenda.rows import Row, row_of
from booking.appointments import erasure_requests
from booking.appointments.attendance import mark as mark_attendance
from booking.appointments.cancel import cancel as cancel_appointment
from booking.appointments.queries import find_appointment
from booking.calendar_sync import calendar_entries
from booking.google.attention import mark_of
from booking.google.event_deletion import deletion_option_of
from booking.messages.kind_labels import KIND_LABELS
from booking.messages.outcomes import outcome_of
from booking.models import Appointment
from booking.notifications import ledger
from booking.notifications.confirmations import can_resend, resend_confirmation
from booking.patients.form_versions import labelled_answers
from booking.rules import errors
from booking.web.dashboard.access import (
    DashboardRequest,
    actor,
    requires,
)
from booking.web.dashboard.agenda.names import (
    agenda_link,
    asking,
    erased,
)
from booking.web.dashboard.appointment.forms import CancelForm
from booking.web.dashboard.pages import show
from tenants.accounts.permissions import Operation
from tenants.outbox.models import OutboxEntry
from tenants.query_parameters import parameters_of

MARKS = {
    "came": Appointment.Status.FULFILLED,
    "absent": Appointment.Status.NOSHOW,
    "expected": Appointment.Status.BOOKED,
}
AGENDA = "agenda"
"""Value of ``return_to`` for a form of the agenda."""


def appointment_or_404(
    request: DashboardRequest, ref: uuid.UUID, operation: Operation
) -> Appointment:
    """Return the appointment: 404 when its agenda is out of sight, 403 when it is only for seeing."""
    found = find_appointment(ref)
    if found is None or not request.access.allows(Operation.SEE_AGENDA, found.practitioner.ref):
        raise Http404
    if not request.access.allows(operation, found.practitioner.ref):
        raise PermissionDenied
    return found


def panel_context(request: DashboardRequest, ref: str) -> dict[str, Any]:
    """Return the context of the panel beside the week; empty for a reference that is not found."""
    try:
        found = appointment_or_404(request, uuid.UUID(ref), Operation.SEE_AGENDA)
    except (ValueError, Http404):
        return {}
    return _panel(request, found)


def _panel(request: DashboardRequest, found: Appointment) -> dict[str, Any]:
    mark = mark_of(appointment=found, now=request.now)
    may_decide = request.access.allows(Operation.CONNECT_CALENDAR, found.practitioner.ref)
    option = deletion_option_of(appointment=found, now=request.now) if may_decide else None
    row = row_of(found)
    return {
        **facts_of(row, request=request),
        "answers": labelled_answers(row.person) if row.person else {},
        "can_add_person": row.can_be_named(now=request.now),
        "google_mark": mark.value if mark else "",
        "may_decide": may_decide,
        "event_deletion": option.value if option else "",
    }


def facts_of(row: Row, *, request: DashboardRequest) -> dict[str, Any]:
    """Return the facts of one appointment for its pages: local times, messages, permitted actions."""
    appointment = row.appointment
    zone = ZoneInfo(appointment.location.time_zone)
    return {
        "row": row,
        "starts": appointment.starts_at.astimezone(zone),
        "ends": appointment.ends_at.astimezone(zone),
        "booked": appointment.booked_at.astimezone(zone) if appointment.booked_at else None,
        "history": [_message(entry, zone) for entry in ledger.messages_of(appointment)],
        "calendar_notifies": not appointment.is_cancelled
        and calendar_entries.can_notify(appointment),
        "sends_sms": request.practice.sms_enabled and bool(settings.SMS_GATEWAY),
        "may_resend": row.person is not None
        and can_resend(appointment, row.person, now=request.now),
        "return_to": request.POST.get("return_to") or parameters_of(request).get("retour", ""),
        "cancel_reasons": CancelForm.REASONS,
    }


def _message(entry: OutboxEntry, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "label": KIND_LABELS[entry.kind],
        "outcome": outcome_of(entry),
        "at": (entry.finished_at or entry.due_at).astimezone(zone),
    }


def changed_context(found: Appointment, request: DashboardRequest) -> dict[str, Any]:
    """Return the concurrent change of the appointment: its author and its local time."""
    change = last_change(found.ref)
    return {
        "change": change,
        "changed_at": change.at.astimezone(request.zone) if change else None,
    }


def back_to(
    request: DashboardRequest, ref: uuid.UUID, starts_at: datetime | None = None
) -> HttpResponse:
    """Redirect to the page of origin: the agenda on that day, a blocked time, or the appointment."""
    came_from = request.POST.get("return_to", "")
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
    return show(request, "appointment/detail", {**facts, "asking": asked}, tab="week")


@requires(Operation.MARK, methods=("POST",))
def mark(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Record whether the person came, or undo that record."""
    found = appointment_or_404(request, ref, Operation.MARK)
    status = MARKS.get(request.POST.get("mark", ""))
    if status is None:
        raise Http404
    try:
        mark_attendance(appointment=found, status=status, actor=actor(request), now=request.now)
    except errors.AlreadyCancelled:
        messages.error(request, _("Ce rendez-vous est annulé."))
    on = found.starts_at.astimezone(ZoneInfo(found.location.time_zone)).date()
    # Back to the line that was tapped, not to the top of a long day.
    return redirect(f"{reverse('dashboard:today')}?jour={on.isoformat()}#r{found.ref.hex}")


@requires(Operation.CANCEL)
def cancel(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Ask for confirmation and name the consequences; then cancel, with or without a message."""
    found = appointment_or_404(request, ref, Operation.CANCEL)
    facts = facts_of(row_of(found), request=request)
    if request.method != "POST":
        form = CancelForm(initial={"sequence": found.sequence, "return_to": facts["return_to"]})
        return show(request, "appointment/cancel", {**facts, "form": form}, tab="week")
    form = CancelForm(request.POST)
    if not form.is_valid():
        return show(request, "appointment/cancel", {**facts, "form": form}, tab="week", status=422)
    try:
        cancel_appointment(
            appointment=found,
            by_patient=False,
            at_request=form.cleaned_data["reason"] == CancelForm.BY_PERSON,
            actor=actor(request),
            notify=bool(form.cleaned_data.get("notify"))
            and (facts["row"].can_be_notified or facts["calendar_notifies"]),
            sequence=form.cleaned_data.get("sequence"),
            now=request.now,
        )
    except errors.AlreadyCancelled:
        messages.info(request, _("Ce rendez-vous était déjà annulé."))
        return back_to(request, ref, facts["starts"])
    except errors.ChangedMeanwhile:
        form = CancelForm(initial={"sequence": found.sequence, "return_to": facts["return_to"]})
        context = {**facts, **changed_context(found, request), "form": form}
        return show(request, "appointment/cancel", context, tab="week", status=409)
    messages.success(request, _("Rendez-vous annulé. Le créneau est de nouveau libre."))
    return back_to(request, ref, facts["starts"])


@requires(Operation.SEE_CONTACT)
def erase(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Ask for confirmation; then erase the person as soon as the visit allows, and send no further message."""
    found = appointment_or_404(request, ref, Operation.SEE_CONTACT)
    facts = facts_of(row_of(found), request=request)
    if request.method != "POST":
        return show(request, "appointment/erase", facts, tab="week")
    if found.is_cancelled:
        erasure_requests.erase_cancelled(appointment=found, now=request.now)
    else:
        erasure_requests.erase_and_keep(appointment=found, actor=actor(request), now=request.now)
    messages.success(request, _("C’est demandé. Plus aucun message ne partira."))
    return back_to(request, ref, facts["starts"])


@requires(Operation.SEE_CONTACT, methods=("POST",))
def resend(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Send the confirmation again, to the current address."""
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
