"""P6: joining the waiting list, leaving it, answering an offer. GET shows, POST changes (B-29)."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from booking.abuse import form_token, limits
from booking.appointments import change_limits, offer_acceptance
from booking.formats import french
from booking.models import Appointment, Offer, Practitioner, WaitingEntry
from booking.patients import links
from booking.rules.errors import (
    AlreadyCancelled,
    OfferOver,
    SlotTaken,
    TooLate,
)
from booking.scheduling.catalogue import published_fields, region_of, substitute_of
from booking.waiting_list import offers, waiting_entries
from booking.waiting_list.waiting_entries import Wish
from booking.web.public import search as searches
from booking.web.public.forms import HONEYPOT
from booking.web.public.manage import Visit, link_view
from booking.web.public.page import (
    Site,
    patient_view,
    personal,
    refusal,
    schema_of_request,
    show,
    too_many,
    unknown_link,
)
from booking.web.public.privacy_notice import Notice, Step
from booking.web.public.search import Search
from booking.web.public.waiting_forms import WaitingListForm, WishForm
from tenants.audit import services as audit
from tenants.query_parameters import parameters_of
from tenants.refs import new_ref

JOIN = "waiting"
"""Purpose of the token that stands in the form of the list."""


@patient_view("GET", "POST")
def join(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Show the form of the waiting list, or add the person; the answer does not reveal the entries of the list."""
    if not site.is_open or not site.practice.waiting_minutes:
        return refusal(request, site, "booking/closed.html", 409)
    search = searches.read_search(request)
    if search is None:
        return refusal(request, site, "booking/closed.html", 409)
    if not search.is_chosen:
        # Nobody waits for a type that they have not seen: the page of the slots asks.
        return personal(HttpResponseRedirect(reverse("booking:slots"), status=303))
    if request.method != "POST":
        return _form_page(request, site, search, _form(search, site), token=_new_token(site))
    return _put_on_the_list(request, site, search)


def _put_on_the_list(request: HttpRequest, site: Site, search: Search) -> HttpResponseBase:
    network = limits.network_of(request)
    wait = _seconds_to_wait(request, site, network)
    if wait:
        limits.record_abuse_signal(network, now=site.now)
        return too_many(request, site, seconds=wait)
    try:
        token, complaint = _read_token(request, site)
    except form_token.Forged:
        limits.record_abuse_signal(network, now=site.now)
        return refusal(request, site, "booking/errors/400.html", 400)
    form = _form(search, site, request.POST)
    is_valid = form.is_valid()
    if complaint or not is_valid:
        if complaint:
            form.add_error(None, complaint)
        again = _new_token(site) if complaint else request.POST["token"]
        return _form_page(request, site, search, form, token=again, status=422)
    waiting_entries.join(
        wish=Wish(
            search.appointment_type,
            search.location,
            _practitioner(search),
            form.weekdays,
            form.half,
        ),
        person=form.person(),
        form_ref=token.ref,
        origin=WaitingEntry.EntryOrigin.PATIENT,
        actor=audit.PATIENT,
        now=site.now,
    )
    has_mail = "mail" if form.cleaned_data["email"] else "appel"
    return personal(HttpResponseRedirect(f"{reverse('booking:earlier_done')}?par={has_mail}"))


@patient_view("GET")
def joined(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Show the same page for new and for existing entries."""
    context = {
        "by_mail": parameters_of(request).get("par") != "appel",
        "erased_on": _erased_at(site.now).date(),
    }
    return show(request, site, "booking/waiting_joined.html", context, is_personal=True)


@link_view("GET", "POST")
def join_with(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Join the waiting list from the page of an appointment, with its known person."""
    site, appointment = visit.site, visit.appointment
    back = HttpResponseRedirect(reverse("booking:manage", args=[visit.token]))
    person = visit.person()
    can_join = site.is_open and site.practice.waiting_minutes and visit.can_change
    if person is None or not can_join:
        return personal(back)
    form = WishForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        erase_at = waiting_entries.erase_at_for(joined_at=site.now, gives_back=appointment)
        context = {
            "visit": visit,
            "appointment": appointment,
            "starts_at": visit.starts_at,
            "today": visit.today,
            "form": form,
            "privacy_notice": _privacy_notice(site, erase_at.astimezone(visit.zone), visit.zone),
        }
        status = 422 if form.is_bound else 200
        return show(
            request, site, "booking/waiting_tied.html", context, status=status, is_personal=True
        )
    waiting_entries.join(
        wish=Wish(
            appointment.appointment_type,
            appointment.location,
            appointment.practitioner,
            form.weekdays,
            form.half,
        ),
        person=person,
        form_ref=new_ref(),
        origin=WaitingEntry.EntryOrigin.PATIENT,
        actor=audit.PATIENT,
        gives_back=appointment,
        now=site.now,
    )
    entry = waiting_entries.of_appointment(appointment)
    if entry is None:
        return personal(back)
    return _to("waiting", waiting_entries.link_of(entry))


@patient_view("GET", "POST")
def entry(request: HttpRequest, site: Site, token: str) -> HttpResponseBase:
    """Show an entry of the waiting list with the button to leave, or let the person leave."""
    found = waiting_entries.find_entry(token)
    if found is None:
        page = show(request, site, "booking/waiting_left.html", status=404, is_personal=True)
        return unknown_link(request, site, page)
    if request.method == "POST":
        waiting_entries.leave(entry=found, actor=audit.PATIENT, now=site.now)
        return show(request, site, "booking/waiting_left.html", {"is_new": True}, is_personal=True)
    zone = ZoneInfo(found.location.time_zone)
    tied = found.appointment
    context = {
        "entry": found,
        "token": token,
        "tied_at": tied.starts_at.astimezone(zone) if tied else None,
        "today": site.today(zone),
        "erased_on": found.erase_at.astimezone(zone).date(),
    }
    return show(request, site, "booking/waiting.html", context, is_personal=True)


@patient_view("GET", "POST")
def offer(request: HttpRequest, site: Site, token: str) -> HttpResponseBase:
    """Show an offer, or accept it, refuse it, or leave the list."""
    found = offers.find_offer(token)
    if found is None:
        page = refusal(request, site, "booking/link_unknown.html", 404)
        return unknown_link(request, site, page)
    if request.method == "POST":
        return _answer(request, site, found, token)
    return _offer_page(request, site, found, token)


def _answer(request: HttpRequest, site: Site, found: Offer, token: str) -> HttpResponseBase:
    answer = request.POST.get("answer", "")
    if answer == "accept":
        return _accept(request, site, found, token)
    if answer == "refuse":
        offer_acceptance.refuse(offer=found, actor=audit.PATIENT, now=site.now)
        return _to("offer", token)
    if answer == "leave":
        if found.entry is not None:
            waiting_entries.leave(entry=found.entry, actor=audit.PATIENT, now=site.now)
        return show(request, site, "booking/waiting_left.html", {"is_new": True}, is_personal=True)
    return refusal(request, site, "booking/errors/400.html", 400)


def _accept(request: HttpRequest, site: Site, found: Offer, token: str) -> HttpResponseBase:
    if not site.is_open:
        return refusal(request, site, "booking/closed.html", 409)
    try:
        booked = offer_acceptance.accept(offer=found, actor=audit.PATIENT, now=site.now)
    except (OfferOver, SlotTaken, AlreadyCancelled):
        fresh = offers.find_offer(token) or found
        return _offer_page(request, site, fresh, token, status=409)
    except TooLate:
        return _offer_page(request, site, found, token, is_too_late=True, status=409)
    return _to("done", links.manage_token(booked))


def _offer_page(
    request: HttpRequest,
    site: Site,
    found: Offer,
    token: str,
    *,
    is_too_late: bool = False,
    status: int = 200,
) -> HttpResponse:
    """Show an offer in its current state: open, accepted, or over."""
    hold = found.appointment
    is_accepted = found.state == Offer.OfferState.ACCEPTED and hold is not None
    is_open = (
        found.state == Offer.OfferState.OFFERED
        and hold is not None
        and hold.status == Appointment.Status.HELD
        and site.now < found.expires_at
    )
    context: dict[str, Any] = {
        "offer": found,
        "token": token,
        "is_open": is_open,
        "is_accepted": is_accepted,
        "is_refused": found.state == Offer.OfferState.REFUSED,
        "is_waiting": found.entry is not None,
        "is_too_late": is_too_late,
    }
    if hold is not None:
        zone = ZoneInfo(hold.location.time_zone)
        tied = found.entry.appointment if found.entry else None
        context |= {
            "appointment": hold,
            "change_until": change_limits.open_until(hold, now=site.now),
            "starts_at": found.starts_at.astimezone(zone),
            "until": found.expires_at.astimezone(zone),
            "today": site.today(zone),
            "tied_at": tied.starts_at.astimezone(zone) if tied else None,
            "substitute": substitute_of(hold),
            "zone_mention": "" if zone.key == "Europe/Paris" else french.zone_name(zone),
        }
    if not (is_open or is_accepted) and status == 200:
        status = 410
    return show(request, site, "booking/offer.html", context, status=status, is_personal=True)


def _form(search: Search, site: Site, data: Any = None) -> WaitingListForm:
    return WaitingListForm(
        data,
        region=region_of(search.location),
        sms_enabled=site.sends_sms,
        location=search.location,
        extra_fields=published_fields(),
    )


def _form_page(
    request: HttpRequest,
    site: Site,
    search: Search,
    form: WaitingListForm,
    *,
    token: str,
    status: int = 200,
) -> HttpResponse:
    practitioner = _practitioner(search)
    context = {
        "form": form,
        "search": search,
        "practitioner": practitioner,
        "token": token,
        "honeypot": HONEYPOT,
        "privacy_notice": _privacy_notice(
            site, _erased_at(site.now).astimezone(search.zone), search.zone
        ),
    }
    return show(
        request, site, "booking/waiting_join.html", context, status=status, is_personal=True
    )


def _practitioner(search: Search) -> Practitioner | None:
    """Return the practitioner of the filters.

    An appointment type with a single practitioner binds the entry to none: others may join the practice.
    """
    return search.practitioner if len(search.practitioners) > 1 else None


def _privacy_notice(site: Site, gone: datetime, zone: ZoneInfo) -> Notice:
    """Return the privacy notice with the latest date of erasure, from the function that erases (B-06)."""
    today = site.today(zone)
    day = french.legal_day(gone.date())
    return Notice(
        steps=[
            Step(
                _("Aujourd'hui, %(day)s") % {"day": french.long_day(today, today=today)},
                _("Vos coordonnées sont chiffrées, avec une clé pour cette seule demande."),
            ),
            Step(
                _("Au plus tard le %(day)s") % {"day": day},
                _("Elles sont effacées de la liste."),
                erases=True,
            ),
        ],
        moment="",
        kept="",
        limit=day,
    )


def _erased_at(now: datetime) -> datetime:
    return waiting_entries.erase_at_for(joined_at=now, gives_back=None)


def _new_token(site: Site) -> str:
    return form_token.issue(schema=schema_of_request(), purpose=JOIN, now=site.now)


def _read_token(request: HttpRequest, site: Site) -> tuple[form_token.FormToken, str]:
    """Return the form's token, and an error text for a form that looks automated."""
    network = limits.network_of(request)
    counts = limits.counts_of(network, now=site.now)
    try:
        token = form_token.read(
            request.POST.get("token", ""),
            schema=schema_of_request(),
            purpose=JOIN,
            now=site.now,
            min_age=counts.patience,
        )
    except form_token.TooFast as error:
        limits.record_abuse_signal(network, now=site.now)
        return error.token, _(
            "Ce formulaire est parti très vite. Attendez un peu, puis renvoyez-le."
        )
    except form_token.Expired as error:
        return error.token, _("Cette page était ouverte depuis longtemps. Envoyez-la de nouveau.")
    if request.POST.get(HONEYPOT):
        limits.record_abuse_signal(network, now=site.now)
        return token, _("Cet envoi ressemble à celui d'un robot. Envoyez-le de nouveau.")
    return token, ""


def _seconds_to_wait(request: HttpRequest, site: Site, network: str) -> int | None:
    address = request.POST.get("email", "").strip().casefold() or request.POST.get("phone", "")
    by_pair = limits.seconds_to_wait(limits.BOOKING_BY_PAIR, network, address, now=site.now)
    by_network = limits.seconds_to_wait(limits.BOOKING_BY_NETWORK, network, now=site.now)
    return by_pair or by_network


def _to(name: str, token: str) -> HttpResponse:
    return personal(HttpResponseRedirect(reverse(f"booking:{name}", args=[token])))
