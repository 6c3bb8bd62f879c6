"""The ledger of messages (T10): each message with its outcome, and sending one again."""

from collections.abc import Iterable, Mapping
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
from booking.models import Appointment, Offer, WaitingEntry
from booking.notifications import ledger, sms_budget
from booking.notifications.ledger import CannotResend, LedgerFilter, LedgerReach
from booking.patients.contacts import open_contacts
from booking.rules import kinds
from booking.rules.persons import Person
from booking.waiting_list import waiting_contacts
from booking.web.dashboard.access import (
    DashboardRequest,
    actor,
    reach,
    requires,
)
from booking.web.dashboard.appointment.views import appointment_or_404
from booking.web.dashboard.messages.forms import ALL, LedgerFilterForm
from booking.web.dashboard.pages import show, span
from tenants.accounts.permissions import Operation
from tenants.outbox.models import OutboxEntry
from tenants.query_parameters import parameters_of

PER_PAGE = 50
LATELY = timedelta(days=7)
LAST_DAY = date(9000, 1, 1)


@dataclass(frozen=True)
class MessageLine:
    """One line of the ledger: a message, what it is about, and how it ended.

    ``name`` is empty once the person is erased, and for who may not read contacts; ``starts`` is on the clock of
    the place, None for an entry of the waiting list.
    """

    entry: OutboxEntry
    label: str | Promise
    link: str
    name: str
    ref: str
    practitioner: str
    at: datetime
    starts: datetime | None
    outcome: DeliveryOutcome
    can_resend: bool = False

    @property
    def link_text(self) -> str:
        """Return the text of the link: the name, or the reference, or the waiting list."""
        if self.name:
            return self.name
        return f"{_('Réf.')} {self.ref}" if self.ref else _("Liste d’attente")


@requires(Operation.SEE_AGENDA, methods=("GET", "HEAD"))
def overview(request: DashboardRequest) -> HttpResponse:
    """Show the messages within reach: those that were not delivered and today's, or by state, kind and date."""
    form = LedgerFilterForm(parameters_of(request) or None)
    within = _reach(request)
    filters = _filters(form, request.zone) if form.is_valid() else LedgerFilter()
    asked = [(name, form[name].value() or "") for name in form.fields] if form.is_bound else []
    if not any(value for _name, value in asked):
        today = span(request.now.astimezone(request.zone).date(), 1, request.zone)
        found = ledger.undelivered_then_today(reach=within, since=request.now - LATELY, today=today)
    else:
        found = ledger.messages(reach=within, filters=filters)
    page: Any = Paginator(found, PER_PAGE).get_page(parameters_of(request).get("page"))
    page.object_list = _lines(list(page.object_list), request)
    failed = LedgerFilter(state="non-remis", from_at=request.now - LATELY)
    context = {
        "form": form,
        "page": page,
        "query": urlencode([pair for pair in asked if pair[1]]),
        "here": request.get_full_path(),
        "failed": ledger.messages(reach=within, filters=failed).count(),
        "sms": sms_budget.use_of(request.practice, now=request.now),
        "is_failed": form.is_bound and form["etat"].value() == "non-remis",
    }
    return show(
        request, "messages/index", context, tab="messages", status=422 if form.errors else 200
    )


def _reach(request: DashboardRequest) -> LedgerReach:
    """Return what the member may read: names of the waiting list are for who may book."""
    return LedgerReach(
        [practitioner.pk for practitioner in reach(request, Operation.SEE_AGENDA)],
        [practitioner.pk for practitioner in reach(request, Operation.BOOK)],
    )


def _filters(form: LedgerFilterForm, zone: ZoneInfo) -> LedgerFilter:
    chosen = form.cleaned_data
    first, last = chosen["du"], chosen["au"]
    return LedgerFilter(
        state="" if chosen["etat"] == ALL else chosen["etat"],
        kind=chosen["type"],
        from_at=span(first, 1, zone)[0] if first and first < LAST_DAY else None,
        until_at=span(last, 1, zone)[1] if last and last < LAST_DAY else None,
    )


def _lines(entries: list[OutboxEntry], request: DashboardRequest) -> list[MessageLine]:
    """Return the lines of the entries; a message whose subject is deleted is left out."""
    appointments = ledger.appointments_of(entries)
    offers = ledger.offers_of(entries)
    waiters = ledger.waiting_entries_of(entries)
    pending = ledger.waiting(entries)
    persons = _persons_of_appointments(appointments.values(), request)
    waiting = [*waiters.values(), *(offer.entry for offer in offers.values() if offer.entry)]
    names = waiting_contacts.open_entries(waiting) if waiting else {}
    lines = []
    for entry in entries:
        if entry.kind in kinds.OF_AN_OFFER:
            offer = offers.get(entry.subject_id)
            lines += [_offer_line(entry, offer, names, request)] if offer else []
        elif entry.kind in kinds.OF_AN_ENTRY:
            waiter = waiters.get(entry.subject_id)
            lines += [_waiting_line(entry, waiter, names, request)] if waiter else []
        elif entry.subject_id in appointments:
            appointment = appointments[entry.subject_id]
            person = persons.get(appointment.pk)
            lines.append(_line(entry, appointment, person, pending, request))
    return lines


def _persons_of_appointments(
    appointments: Iterable[Appointment], request: DashboardRequest
) -> dict[int, Person]:
    """Return the persons by key of the appointment, of the agendas whose contacts the member may read."""
    known = [
        row.contact
        for row in appointments
        if hasattr(row, "contact")
        and request.access.allows(Operation.SEE_CONTACT, row.practitioner.ref)
    ]
    return open_contacts(known) if known else {}


def _line(
    entry: OutboxEntry,
    appointment: Appointment,
    person: Person | None,
    pending: set[tuple[int, str]],
    request: DashboardRequest,
) -> MessageLine:
    is_waiting = (appointment.pk, entry.kind) in pending
    return MessageLine(
        entry=entry,
        label=KIND_LABELS[entry.kind],
        link=reverse("dashboard:appointment", args=[appointment.ref]),
        name=person.full_name if person else "",
        ref=appointment.spoken_ref,
        practitioner=appointment.practitioner.name,
        at=_at(entry, request),
        starts=appointment.starts_at.astimezone(ZoneInfo(appointment.location.time_zone)),
        outcome=outcome_of(entry),
        can_resend=request.access.allows(Operation.SEE_CONTACT, appointment.practitioner.ref)
        and ledger.can_resend(entry, appointment, is_waiting=is_waiting, now=request.now),
    )


def _offer_line(
    entry: OutboxEntry, offer: Offer, names: Mapping[int, Person], request: DashboardRequest
) -> MessageLine:
    person = names.get(offer.entry.pk) if offer.entry else None
    zone = ZoneInfo(offer.entry.location.time_zone) if offer.entry else request.zone
    return MessageLine(
        entry=entry,
        label=KIND_LABELS[entry.kind],
        link=reverse("dashboard:waiting"),
        name=person.full_name if person else "",
        ref="",
        practitioner=offer.practitioner.name,
        at=_at(entry, request),
        starts=offer.starts_at.astimezone(zone),
        outcome=outcome_of(entry),
    )


def _waiting_line(
    entry: OutboxEntry, waiter: WaitingEntry, names: Mapping[int, Person], request: DashboardRequest
) -> MessageLine:
    person = names.get(waiter.pk)
    return MessageLine(
        entry=entry,
        label=KIND_LABELS[entry.kind],
        link=reverse("dashboard:waiting"),
        name=person.full_name if person else "",
        ref="",
        practitioner=waiter.practitioner.name if waiter.practitioner else "",
        at=_at(entry, request),
        starts=None,
        outcome=outcome_of(entry),
    )


def _at(entry: OutboxEntry, request: DashboardRequest) -> datetime:
    return (entry.finished_at or entry.due_at).astimezone(request.zone)


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
