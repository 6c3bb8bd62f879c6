"""The waiting list at the practice (T8): see it, order it, offer a slot by hand, take somebody off."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from booking import errors
from booking.forms.dashboard.waiting import WaitForm
from booking.forms.waiting import DAYS, days_of
from booking.messages import Channel, Recipient, choose_channel
from booking.models import Offer, Practitioner, WaitingEntry
from booking.persons import Person
from booking.queries import free_slots
from booking.services import accepting, offering, waiting, waiting_contacts
from booking.views.dashboard.access import DashboardRequest, actor, reach, requires
from booking.views.dashboard.pages import day_asked, show
from booking.views.public import search
from tenants.accounts.permissions import Operation

PER_PAGE = 50
DAYS_SHOWN = 7
WAYS = {"monter": "up", "descendre": "down", "premier": "first"}


@dataclass(frozen=True)
class Row:
    """One person of the list, as it is drawn."""

    entry: WaitingEntry
    person: Person | None
    offer: Offer | None
    zone: ZoneInfo
    sends_sms: bool

    @property
    def name(self) -> str:
        """The name, or what is known."""
        if self.person is None:
            return ""
        return self.person.full_name or self.person.phone or self.person.email

    @property
    def is_called(self) -> bool:
        """Whether no message reaches them: somebody of the practice telephones."""
        if self.person is None:
            return False
        known = Recipient(email=self.person.email, phone=self.person.phone)
        return choose_channel(known, sms_enabled=self.sends_sms) is Channel.NONE

    @property
    def days(self) -> str:
        """The days that suit, or nothing when all do."""
        chosen = set(days_of(self.entry.weekdays))
        return ", ".join(str(label).lower() for day, label in DAYS if day in chosen)

    @property
    def offered_at(self) -> datetime | None:
        """The start of what is being offered to them, on the clock of the place."""
        return self.offer.starts_at.astimezone(self.zone) if self.offer else None

    @property
    def until(self) -> datetime | None:
        """Until when."""
        return self.offer.expires_at.astimezone(self.zone) if self.offer else None

    @property
    def tied_at(self) -> datetime | None:
        """The appointment that they give back when they accept."""
        tied = self.entry.appointment
        return tied.starts_at.astimezone(self.zone) if tied else None


@requires(Operation.BOOK, methods=("GET", "HEAD"))
def overview(request: DashboardRequest) -> HttpResponse:
    """List who waits, in order, with what is being offered to them."""
    page = Paginator(_in_reach(request), PER_PAGE).get_page(request.GET.get("page"))
    rows = _rows(list(page.object_list), request)
    return show(request, "waiting", {"page": page, "rows": rows}, tab="today")


@requires(Operation.BOOK)
def add(request: DashboardRequest) -> HttpResponse:
    """Put somebody on the list by hand."""
    who = reach(request, Operation.BOOK)
    data = request.POST if request.method == "POST" else None
    form = WaitForm(data, practitioners=who)
    if form.is_valid():
        waiting.join(
            wish=form.wish,
            person=form.person,
            form_ref=form.cleaned_data["form_ref"],
            origin=WaitingEntry.Origin.STAFF,
            actor=actor(request),
            now=request.now,
        )
        messages.success(request, _("Ajouté à la liste d’attente, en dernier."))
        return redirect("dashboard:waiting")
    status = 422 if form.is_bound else 200
    return show(request, "waiting_add", {"form": form}, tab="today", status=status)


@requires(Operation.BOOK, methods=("POST",))
def change(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Move somebody up, down, or to the head of the list."""
    entry = _entry_or_404(request, ref)
    way = WAYS.get(request.POST.get("acte", ""))
    if way is None:
        raise Http404
    waiting.move_entry(
        entry=entry,
        others=list(_in_reach(request)),
        way=way,
        actor=actor(request),
        now=request.now,
    )
    return redirect("dashboard:waiting")


@requires(Operation.BOOK)
def remove(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Ask once, saying what will be lost; then erase the person from the list."""
    entry = _entry_or_404(request, ref)
    if request.method != "POST":
        return show(request, "waiting_remove", {"row": _rows([entry], request)[0]}, tab="today")
    waiting.leave(entry=entry, rule="practice", actor=actor(request), now=request.now)
    messages.success(request, _("Retiré de la liste. Les coordonnées y sont effacées."))
    return redirect("dashboard:waiting")


@requires(Operation.BOOK)
def offer(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Show the free slots that could be offered to this person, or offer the one that was pressed."""
    entry = _entry_or_404(request, ref)
    if request.method != "POST":
        return _slots_page(request, entry)
    motif = entry.appointment_type.ref.hex
    choice = search.read_value(request.POST.get("slot", ""), motif)
    who = {one.pk for one in _practitioners_of(entry, request)}
    if choice is None or choice.practitioner_id not in who:
        raise Http404
    try:
        made = offering.offer_by_hand(
            entry=entry, choice=choice, actor=actor(request), now=request.now
        )
    except errors.SlotTaken:
        messages.error(request, _("Cette heure vient d’être prise."))
        return _slots_page(request, entry, status=409)
    if made is None:
        messages.error(
            request,
            _(
                "Impossible de proposer ce créneau : trop proche, déjà proposé, ou une autre proposition court."
            ),
        )
        return _slots_page(request, entry, status=409)
    messages.success(request, _("Le créneau est gardé et proposé."))
    return redirect("dashboard:waiting")


@requires(Operation.BOOK, methods=("POST",))
def answer(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Take an offer back, or note what the person has said on the telephone."""
    found = (
        Offer.objects.select_related("practitioner", "entry__appointment", "appointment")
        .filter(ref=ref, practitioner__in=reach(request, Operation.BOOK))
        .first()
    )
    if found is None:
        raise Http404
    act, who = request.POST.get("acte", ""), actor(request)
    if act == "accepter":
        return _accepted(request, found)
    if act == "refuser":
        done = accepting.refuse(offer=found, actor=who, now=request.now)
    elif act == "reprendre":
        done = accepting.withdraw(offer=found, actor=who, now=request.now)
    else:
        raise Http404
    if done:
        messages.success(request, _("C’est fait."))
    else:
        messages.info(request, _("Cette proposition était déjà terminée."))
    return redirect("dashboard:waiting")


def _accepted(request: DashboardRequest, found: Offer) -> HttpResponse:
    try:
        booked = accepting.accept(offer=found, actor=actor(request), now=request.now)
    except errors.BookingError:
        messages.error(request, _("Cette proposition est terminée : rien n’a été réservé."))
        return redirect("dashboard:waiting")
    messages.success(request, _("Rendez-vous pris. La personne n’est plus sur la liste."))
    return redirect("dashboard:appointment", ref=booked.ref)


def _in_reach(request: DashboardRequest) -> QuerySet[WaitingEntry]:
    """Those who wait for somebody within reach, or for anybody who gives this motif."""
    who = [one.pk for one in reach(request, Operation.BOOK)]
    return (
        WaitingEntry.objects.filter(
            Q(practitioner__in=who) | Q(practitioner=None, appointment_type__practitioners__in=who)
        )
        .select_related("appointment_type", "practitioner", "location", "appointment", "data_key")
        .distinct()
        .order_by("position", "pk")
    )


def _entry_or_404(request: DashboardRequest, ref: uuid.UUID) -> WaitingEntry:
    found = _in_reach(request).filter(ref=ref).first()
    if found is None:
        raise Http404
    return found


def _rows(entries: list[WaitingEntry], request: DashboardRequest) -> list[Row]:
    people = waiting_contacts.open_entries(entries) if entries else {}
    offers = {
        one.entry_id: one
        for one in Offer.objects.filter(entry__in=entries, state=Offer.State.OFFERED)
    }
    return [
        Row(
            entry,
            people.get(entry.pk),
            offers.get(entry.pk),
            ZoneInfo(entry.location.time_zone),
            request.practice.sms_enabled,
        )
        for entry in entries
    ]


def _practitioners_of(entry: WaitingEntry, request: DashboardRequest) -> list[Practitioner]:
    within = reach(request, Operation.BOOK)
    gives = set(entry.appointment_type.practitioners.values_list("pk", flat=True))
    wanted = {entry.practitioner_id} if entry.practitioner_id else gives
    return [one for one in within if one.pk in gives & wanted]


def _slots_page(
    request: DashboardRequest, entry: WaitingEntry, *, status: int = 200
) -> HttpResponse:
    who = _practitioners_of(entry, request)
    first = max(day_asked(request), request.today)
    found = free_slots(
        appointment_type=entry.appointment_type,
        practitioners=[one.pk for one in who],
        location=entry.location,
        from_on=first,
        until_on=first + timedelta(days=DAYS_SHOWN - 1),
        now=request.now,
        by_staff=True,
    )
    by_key = {one.pk: one for one in who}
    row = _rows([entry], request)[0]
    buttons = [
        search.SlotButton(
            value=search.write_value(slot.starts_at, by_key[slot.practitioner_id], entry.location),
            starts_at=slot.starts_at.astimezone(row.zone),
            practitioner=by_key[slot.practitioner_id],
            who=by_key[slot.practitioner_id].name if len(who) > 1 else "",
        )
        for slot in found
        if entry.appointment is None or slot.starts_at < entry.appointment.starts_at
    ]
    context: dict[str, Any] = {
        "row": row,
        "days": search.days_of(buttons),
        "first": first,
        "before": first - timedelta(days=DAYS_SHOWN) if first > request.today else None,
        "after": first + timedelta(days=DAYS_SHOWN),
    }
    return show(request, "waiting_offer", context, tab="today", status=status)
