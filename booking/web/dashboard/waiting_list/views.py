"""The waiting list of the practice (T8): show and order it, offer a slot by hand, remove a person."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from booking.appointments import offer_acceptance
from booking.messages.appointment_messages import (
    MessageChannel,
    Recipient,
    choose_channel,
)
from booking.models import Offer, Practitioner, WaitingEntry
from booking.patients.form_versions import questions_of
from booking.rules import errors
from booking.rules.persons import Person
from booking.scheduling.catalogue import keys_of_receiving
from booking.scheduling.queries import free_slots
from booking.waiting_list import (
    offers as offering,
)
from booking.waiting_list import (
    queries,
    waiting_contacts,
    waiting_entries,
)
from booking.web.dashboard.access import (
    DashboardRequest,
    actor,
    reach,
    requires,
)
from booking.web.dashboard.pages import day_asked, show
from booking.web.dashboard.waiting_list.forms import WaitForm
from booking.web.public import search
from booking.web.public.waiting_forms import DAYS, days_of
from tenants.accounts.permissions import Operation
from tenants.query_parameters import parameters_of

PER_PAGE = 50
DAYS_SHOWN = 7
WAYS = frozenset({"up", "down", "first"})


@dataclass(frozen=True)
class WaitingRow:
    """One entry of the list with its person and its open offer."""

    entry: WaitingEntry
    person: Person | None
    offer: Offer | None
    zone: ZoneInfo
    sends_sms: bool
    answers: Sequence[tuple[str, str]] = ()
    """The questions of the form with the answers of the person."""

    @property
    def name(self) -> str:
        """The name, else the phone number or the e-mail address."""
        if self.person is None:
            return ""
        return self.person.full_name or self.person.phone or self.person.email

    @property
    def is_called(self) -> bool:
        """Whether no message can reach the person, so that the practice telephones."""
        if self.person is None:
            return False
        known = Recipient(email=self.person.email, phone=self.person.phone)
        return choose_channel(known, sms_enabled=self.sends_sms) is MessageChannel.NONE

    @property
    def days(self) -> str:
        """The days that suit, or nothing when all do."""
        chosen = set(days_of(self.entry.weekdays))
        return ", ".join(str(label).lower() for day, label in DAYS if day in chosen)

    @property
    def offered_at(self) -> datetime | None:
        """The start of the open offer, in local time of the location."""
        return self.offer.starts_at.astimezone(self.zone) if self.offer else None

    @property
    def until(self) -> datetime | None:
        """The expiry of the open offer, in local time of the location."""
        return self.offer.expires_at.astimezone(self.zone) if self.offer else None

    @property
    def tied_at(self) -> datetime | None:
        """The appointment that the person gives back by accepting, in local time."""
        tied = self.entry.appointment
        return tied.starts_at.astimezone(self.zone) if tied else None


@requires(Operation.BOOK, methods=("GET", "HEAD"))
def overview(request: DashboardRequest) -> HttpResponse:
    """List the waiting persons in order, with their open offers."""
    page = Paginator(_in_reach(request), PER_PAGE).get_page(parameters_of(request).get("page"))
    rows = _rows(list(page.object_list), request)
    return show(request, "waiting_list/index", {"page": page, "rows": rows}, tab="today")


@requires(Operation.BOOK)
def add(request: DashboardRequest) -> HttpResponse:
    """Add a person to the list by hand."""
    practitioners = reach(request, Operation.BOOK)
    data = request.POST if request.method == "POST" else None
    is_alone = len(request.practitioners) == 1
    form = WaitForm(data, practitioners=practitioners, is_alone=is_alone)
    if form.is_valid():
        waiting_entries.join(
            wish=form.wish,
            person=form.person,
            form_ref=form.cleaned_data["form_ref"],
            origin=WaitingEntry.EntryOrigin.STAFF,
            actor=actor(request),
            now=request.now,
        )
        messages.success(request, _("Ajouté à la liste d’attente, en dernier."))
        return redirect("dashboard:waiting")
    status = 422 if form.is_bound else 200
    return show(request, "waiting_list/add", {"form": form}, tab="today", status=status)


@requires(Operation.BOOK, methods=("POST",))
def change(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Move an entry up, down, or to the head of the list."""
    entry = _entry_or_404(request, ref)
    way = request.POST.get("action", "")
    if way not in WAYS:
        raise Http404
    waiting_entries.move_entry(
        entry=entry,
        others=list(_in_reach(request)),
        way=way,
        actor=actor(request),
        now=request.now,
    )
    return redirect("dashboard:waiting")


@requires(Operation.BOOK)
def remove(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Ask for confirmation and name the consequences; then erase the person from the list."""
    entry = _entry_or_404(request, ref)
    if request.method != "POST":
        return show(
            request, "waiting_list/remove", {"row": _rows([entry], request)[0]}, tab="today"
        )
    waiting_entries.leave(entry=entry, rule="practice", actor=actor(request), now=request.now)
    messages.success(request, _("Retiré de la liste. Les coordonnées y sont effacées."))
    return redirect("dashboard:waiting")


@requires(Operation.BOOK)
def offer(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Show the free slots that can be offered to this person, or offer the pressed one."""
    entry = _entry_or_404(request, ref)
    if request.method != "POST":
        return _slots_page(request, entry)
    appointment_type = entry.appointment_type.ref.hex
    slot = search.read_value(request.POST.get("slot", ""), appointment_type)
    if slot is None or slot.practitioner not in _practitioners_of(entry, request):
        raise Http404
    try:
        made = offering.offer_by_hand(
            entry=entry, selection=slot.selection, actor=actor(request), now=request.now
        )
    except errors.SlotTaken:
        messages.error(request, _("Cette heure vient d’être prise."))
        return _slots_page(request, entry, status=409)
    if made is None:
        messages.error(
            request,
            _(
                "Impossible de proposer ce créneau : trop proche, déjà proposé, ou une autre proposition court."
            ),
        )
        return _slots_page(request, entry, status=409)
    messages.success(request, _("Le créneau est gardé et proposé."))
    return redirect("dashboard:waiting")


@requires(Operation.BOOK, methods=("POST",))
def answer(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Withdraw an offer, or record the answer that the person gave by telephone."""
    found = queries.find_offer(ref, reach(request, Operation.BOOK))
    if found is None:
        raise Http404
    action, staff_actor = request.POST.get("action", ""), actor(request)
    if action == "accept":
        return _accepted(request, found)
    if action == "refuse":
        done = offer_acceptance.refuse(offer=found, actor=staff_actor, now=request.now)
    elif action == "withdraw":
        done = offer_acceptance.withdraw(offer=found, actor=staff_actor, now=request.now)
    else:
        raise Http404
    if done:
        messages.success(request, _("C’est fait."))
    else:
        messages.info(request, _("Cette proposition était déjà terminée."))
    return redirect("dashboard:waiting")


def _accepted(request: DashboardRequest, found: Offer) -> HttpResponse:
    try:
        booked = offer_acceptance.accept(offer=found, actor=actor(request), now=request.now)
    except errors.BookingError:
        messages.error(request, _("Cette proposition est terminée : rien n’a été réservé."))
        return redirect("dashboard:waiting")
    messages.success(request, _("Rendez-vous pris. La personne n’est plus sur la liste."))
    return redirect("dashboard:appointment", ref=booked.ref)


def _in_reach(request: DashboardRequest) -> QuerySet[WaitingEntry]:
    """Return the entries in order that wait for a practitioner within reach."""
    return queries.entries_for([row.pk for row in reach(request, Operation.BOOK)])


def _entry_or_404(request: DashboardRequest, ref: uuid.UUID) -> WaitingEntry:
    found = _in_reach(request).filter(ref=ref).first()
    if found is None:
        raise Http404
    return found


def _rows(entries: list[WaitingEntry], request: DashboardRequest) -> list[WaitingRow]:
    people = waiting_contacts.open_entries(entries) if entries else {}
    offers = queries.open_offers_of(entries)
    keys = {key for person in people.values() for key in person.extras}
    labels = {field.key: field.label for field in questions_of(keys)}
    return [
        WaitingRow(
            entry,
            people.get(entry.pk),
            offers.get(entry.pk),
            ZoneInfo(entry.location.time_zone),
            request.practice.sms_enabled,
            _answers(people.get(entry.pk), labels),
        )
        for entry in entries
    ]


def _answers(person: Person | None, labels: Mapping[str, str]) -> list[tuple[str, str]]:
    given = person.extras.items() if person else ()
    return [(labels.get(key, key), answer) for key, answer in given]


def _practitioners_of(entry: WaitingEntry, request: DashboardRequest) -> list[Practitioner]:
    within = reach(request, Operation.BOOK)
    receiving = keys_of_receiving(entry.appointment_type)
    suitable = {entry.practitioner_id} if entry.practitioner_id else receiving
    return [row for row in within if row.pk in receiving & suitable]


def _why_closed(entry: WaitingEntry) -> str:
    """Return why no slot can be offered for this entry at all, or ""."""
    if not entry.appointment_type.is_active:
        return _("Ce motif est archivé\u00a0: rien ne peut être proposé tant qu’il l’est.")
    if not entry.location.is_active:
        return _("Ce lieu est fermé\u00a0: rien ne peut y être proposé tant qu’il l’est.")
    return ""


def _slots_page(
    request: DashboardRequest, entry: WaitingEntry, *, status: int = 200
) -> HttpResponse:
    closed = _why_closed(entry)
    practitioners = [] if closed else _practitioners_of(entry, request)
    first = max(day_asked(request), request.today)
    found = free_slots(
        appointment_type=entry.appointment_type,
        practitioners=[practitioner.pk for practitioner in practitioners],
        location=entry.location,
        from_on=first,
        until_on=first + timedelta(days=DAYS_SHOWN - 1),
        now=request.now,
        by_staff=True,
    )
    by_key = {practitioner.pk: practitioner for practitioner in practitioners}
    row = _rows([entry], request)[0]
    buttons = [
        search.SlotButton(
            value=search.write_value(slot.starts_at, by_key[slot.practitioner_id], entry.location),
            starts_at=slot.starts_at.astimezone(row.zone),
            practitioner=by_key[slot.practitioner_id],
            practitioner_name=by_key[slot.practitioner_id].name if len(practitioners) > 1 else "",
        )
        for slot in found
        if entry.appointment is None or slot.starts_at < entry.appointment.starts_at
    ]
    context: dict[str, Any] = {
        "row": row,
        "closed": closed,
        "days": search.days_of(buttons),
        "first": first,
        "before": first - timedelta(days=DAYS_SHOWN) if first > request.today else None,
        "after": first + timedelta(days=DAYS_SHOWN),
    }
    return show(request, "waiting_list/offer", context, tab="today", status=status)
