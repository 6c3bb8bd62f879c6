"""The ledger of messages (T10): each message with its outcome, and sending one again."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _

from booking.messages.kind_labels import KIND_LABELS
from booking.messages.outcomes import DeliveryOutcome, outcome_of
from booking.models import Appointment
from booking.notifications import ledger
from booking.notifications.ledger import CannotResend, LedgerFilter
from booking.rules import kinds
from booking.web.dashboard.access import (
    DashboardRequest,
    actor,
    reach,
    requires,
)
from booking.web.dashboard.appointment.views import appointment_or_404
from booking.web.dashboard.messages.forms import LedgerFilterForm
from booking.web.dashboard.pages import show, span
from tenants.accounts.permissions import Operation
from tenants.outbox.models import OutboxEntry

PER_PAGE = 50
LATELY = timedelta(days=7)
LAST_DAY = date(9000, 1, 1)


@dataclass(frozen=True)
class MessageLine:
    """One line of the ledger: a message, its appointment, and how it ended."""

    entry: OutboxEntry
    label: str | Promise
    appointment: Appointment
    at: datetime
    starts: datetime
    outcome: DeliveryOutcome
    can_resend: bool


@requires(Operation.SEE_AGENDA, methods=("GET", "HEAD"))
def overview(request: DashboardRequest) -> HttpResponse:
    """Show the messages about the agendas within reach, by state, kind and date."""
    form = LedgerFilterForm(request.GET or None)
    practitioner_ids = [practitioner.pk for practitioner in reach(request, Operation.SEE_AGENDA)]
    filters = _filters(form, request.zone) if form.is_valid() else LedgerFilter()
    found = ledger.messages(practitioner_ids=practitioner_ids, filters=filters)
    page: Any = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    page.object_list = _lines(list(page.object_list), request)
    failed = LedgerFilter(state="non-remis", from_at=request.now - LATELY)
    asked = [(name, form[name].value() or "") for name in form.fields] if form.is_bound else []
    context = {
        "form": form,
        "page": page,
        "query": urlencode([pair for pair in asked if pair[1]]),
        "here": request.get_full_path(),
        "failed": ledger.messages(practitioner_ids=practitioner_ids, filters=failed).count(),
        "is_failed": form.is_bound and form["etat"].value() == "non-remis",
    }
    return show(
        request, "messages/index", context, tab="messages", status=422 if form.errors else 200
    )


def _filters(form: LedgerFilterForm, zone: ZoneInfo) -> LedgerFilter:
    chosen = form.cleaned_data
    first, last = chosen["du"], chosen["au"]
    return LedgerFilter(
        state=chosen["etat"],
        kind=chosen["type"],
        from_at=span(first, 1, zone)[0] if first and first < LAST_DAY else None,
        until_at=span(last, 1, zone)[1] if last and last < LAST_DAY else None,
    )


def _lines(entries: list[OutboxEntry], request: DashboardRequest) -> list[MessageLine]:
    appointments = ledger.appointments_of(entries)
    waiting = ledger.waiting(entries)
    return [
        _line(entry, appointments[entry.subject_id], waiting, request)
        for entry in entries
        if entry.subject_id in appointments
    ]


def _line(
    entry: OutboxEntry,
    appointment: Appointment,
    waiting: set[tuple[int, str]],
    request: DashboardRequest,
) -> MessageLine:
    is_waiting = (appointment.pk, entry.kind) in waiting
    return MessageLine(
        entry=entry,
        label=KIND_LABELS[entry.kind],
        appointment=appointment,
        at=(entry.finished_at or entry.due_at).astimezone(request.zone),
        starts=appointment.starts_at.astimezone(ZoneInfo(appointment.location.time_zone)),
        outcome=outcome_of(entry),
        can_resend=request.access.allows(Operation.SEE_CONTACT, appointment.practitioner.ref)
        and ledger.can_resend(entry, appointment, is_waiting=is_waiting, now=request.now),
    )


@requires(Operation.SEE_AGENDA, methods=("POST",))
def resend(request: DashboardRequest, ref: UUID) -> HttpResponse:
    """Send one message again while its content still holds."""
    entry = get_object_or_404(OutboxEntry, ref=ref, kind__in=kinds.APPOINTMENT_MESSAGES)
    appointment = ledger.appointment_of(entry)
    if appointment is None:
        raise Http404
    found = appointment_or_404(request, appointment.ref, Operation.SEE_CONTACT)
    try:
        ledger.resend(entry=entry, appointment=found, actor=actor(request), now=request.now)
    except CannotResend:
        messages.error(
            request,
            _(
                "Ce message ne peut plus repartir\u00a0: il est déjà en route, ou le rendez-vous a changé. "
                "Un rappel ne repart que la veille, entre 8\u00a0h et 20\u00a0h."
            ),
        )
    else:
        messages.success(request, _("Le message repart. Voyez ici ce qu’il devient."))
    back = request.POST.get("return_to", "")
    is_ours = url_has_allowed_host_and_scheme(back, None) and back.startswith("/espace/")
    return redirect(back if is_ours else reverse("dashboard:messages"))
