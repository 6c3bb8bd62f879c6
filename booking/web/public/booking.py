"""P3: a slot is chosen and held, the person fills the form, the appointment is booked.

Choosing redirects to the address of the form, which holds a signed token and the slot, and nothing about a person:
going back, reloading, or a tab that the telephone has discarded finds the form again, or the booking that it made.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from booking.abuse import (
    form_token,
    limits,
    proof_of_work,
)
from booking.abuse.form_token import (
    Expired,
    Forged,
    FormToken,
    FormTokenError,
    TooFast,
)
from booking.appointments import change_limits
from booking.appointments.book import book as book_appointment
from booking.formats import french
from booking.models import Appointment, ExtraField, Location
from booking.patients import links
from booking.rules.errors import (
    NotBookable,
    SlotTaken,
    TooManyHolds,
)
from booking.scheduling import slots
from booking.scheduling.catalogue import published_fields, region_of, substitute_of
from booking.scheduling.slots import ResolvedSlot, resolved_slot_of
from booking.web.person_fields import EXTRA_PREFIX, extra_name
from booking.web.public import privacy_notice, search
from booking.web.public.forms import (
    HONEYPOT,
    DetailsForm,
)
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
from tenants.query_parameters import parameters_of
from tenants.refs import new_ref

DETAILS = "details"
"""Purpose of the token that stands in the address of the form, and in the form with the person's details."""
_READING = timedelta(seconds=15)
"""A form that is sent sooner costs its network a second point."""
_TYPED = ("first_name", "last_name", "phone", "email", "for_other", "other_first_name")


@dataclass(frozen=True)
class SentForm:
    """A form that was sent: its slot, its fields, its token, its row when there is one, and who sent it."""

    slot: ResolvedSlot
    form: DetailsForm
    token: FormToken
    hold: Appointment | None
    counts: limits.NetworkCounts


@dataclass(frozen=True)
class FormPage:
    """What the page of the form shows: ``chosen`` is a hold, or a row that is not stored when nothing is held."""

    chosen: Appointment
    form: DetailsForm
    form_ref: uuid.UUID
    token: str
    counts: limits.NetworkCounts
    warning: str = ""


@patient_view("POST")
def choose(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Hold the slot that was pressed and lead to the form; a slot chosen again frees the first one."""
    if not site.is_open:
        return _closed(request, site)
    network = limits.network_of(request)
    door = limits.hit((limits.CHOICES, (network,)), network=network, now=site.now)
    if door.seconds_to_wait:
        limits.record_abuse_signal(network, now=site.now)
        return too_many(request, site, seconds=door.seconds_to_wait)
    choice = _read_choice(request, site, network)
    if choice is None:
        return refusal(request, site, "booking/errors/400.html", 400)
    return _hold_and_lead_on(request, site, *choice, counts=door.counts)


@patient_view("GET")
def details(request: HttpRequest, site: Site, token: str) -> HttpResponseBase:
    """Show the form of a chosen slot, or what it has booked; changes nothing."""
    try:
        ref, is_fresh = _read_address(token, site)
    except Forged:
        unknown = refusal(request, site, "booking/form_over.html", 404)
        return unknown_link(request, site, unknown)
    hold = slots.appointment_of_form(ref)
    if hold is not None and hold.status != Appointment.Status.HELD:
        return _booked(request, site, hold, is_fresh=is_fresh)
    if not site.is_open:
        return _closed(request, site)
    sent = parameters_of(request).get("creneau", ""), parameters_of(request).get("motif", "")
    slot = _slot(sent, hold)
    if slot is None or slot.starts_at <= site.now:
        return refusal(request, site, "booking/form_over.html", 410)
    is_its_hold = hold is not None and sent == _values_of(hold)
    shown = hold if hold is not None and is_its_hold else slots.unsaved_appointment_of(slot)
    page = FormPage(
        chosen=shown,
        form=_form(None, site, shown.location, published_fields()),
        form_ref=ref,
        token=token if is_fresh else _details_token(site, ref),
        counts=limits.counts_of(limits.network_of(request), now=site.now),
    )
    return _details(request, site, page)


@patient_view("POST")
def change_slot(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Free the slot of this form and lead back to the week and the appointment type that were looked at."""
    slot = search.read_value(request.POST.get("slot", ""), request.POST.get("appointment_type", ""))
    try:
        ref, _is_fresh = _read_address(request.POST.get("token", ""), site)
    except Forged:
        limits.record_abuse_signal(limits.network_of(request), now=site.now)
        return refusal(request, site, "booking/errors/400.html", 400)
    slots.release(form_ref=ref)
    if slot is None:
        return personal(HttpResponseRedirect(reverse("booking:slots"), status=303))
    same = search.search_for(slot.appointment_type, slot.location, None)
    on = slot.starts_at.astimezone(same.zone).date()
    week = f"{reverse('booking:slots')}?{same.query}&semaine={on.isoformat()}"
    return personal(HttpResponseRedirect(week, status=303))


@patient_view("POST")
def confirm(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Book, and redirect to the confirmation page; a second click leads to the same page."""
    if not site.is_open:
        return _closed(request, site)
    network = limits.network_of(request)
    door = _hit(request, site, network)
    try:
        token, warning = _read_token(request, site, door.counts)
    except Forged:
        limits.record_abuse_signal(network, now=site.now)
        return refusal(request, site, "booking/errors/400.html", 400)
    hold = slots.appointment_of_form(token.ref)
    slot = _slot((request.POST.get("slot", ""), request.POST.get("appointment_type", "")), hold)
    if slot is None:
        return refusal(request, site, "booking/errors/400.html", 400)
    if door.seconds_to_wait:
        limits.record_abuse_signal(network, now=site.now)
        return too_many(request, site, seconds=door.seconds_to_wait)
    form = _form(request.POST, site, slot.location, published_fields())
    is_valid = form.is_valid()
    sent = SentForm(slot, form, token, hold, door.counts)
    warning = warning or _robot_warning(request, site)
    if warning or not is_valid:
        return _again(request, site, sent, warning=warning)
    return _book(request, site, sent)


def _read_choice(
    request: HttpRequest, site: Site, network: str
) -> tuple[ResolvedSlot, uuid.UUID] | None:
    """Return the slot that was pressed and the reference of its form; None for what no page of ours has sent."""
    try:
        form_ref = _ref_of_choice(request, site)
    except Forged:
        limits.record_abuse_signal(network, now=site.now)
        return None
    slot = search.read_value(request.POST.get("slot", ""), request.POST.get("appointment_type", ""))
    return (slot, form_ref) if slot else None


def _hold_and_lead_on(
    request: HttpRequest,
    site: Site,
    slot: ResolvedSlot,
    form_ref: uuid.UUID,
    *,
    counts: limits.NetworkCounts,
) -> HttpResponseBase:
    try:
        hold = _hold_slot(request, site, slot, form_ref, is_suspect=counts.is_suspect)
    except TooManyHolds:
        return too_many(request, site, seconds=int(slots.HOLD_FOR.total_seconds()))
    except SlotTaken:
        return _taken(request, site, slot)
    limits.record_choice(limits.network_of(request), now=site.now)
    token = _details_token(site, hold.form_ref)
    typed = _typed(request)
    if not typed:
        return _to_form(token, hold)
    # What was typed before the slot was taken belongs into no address: the form is the answer.
    form = _form(None, site, hold.location, published_fields())
    form.initial = typed
    return _details(request, site, FormPage(hold, form, hold.form_ref, token, counts))


def _to_form(token: str, hold: Appointment) -> HttpResponseBase:
    """Redirect to the form of a hold; its address names the slot, so that it is found after the hold has ended."""
    slot_value, type_value = _values_of(hold)
    query = urlencode({"creneau": slot_value, "motif": type_value})
    path = f"{reverse('booking:details', args=[token])}?{query}"
    return personal(HttpResponseRedirect(path, status=303))


def _read_address(token: str, site: Site) -> tuple[uuid.UUID, bool]:
    """Return the reference of a form, and whether its token is still accepted. Raises Forged."""
    try:
        read = form_token.read(
            token,
            schema=schema_of_request(),
            purpose=DETAILS,
            now=site.now,
            min_age=timedelta(0),
        )
    except Expired as error:
        return error.token.ref, False
    return read.ref, True


def _booked(
    request: HttpRequest, site: Site, booked: Appointment, *, is_fresh: bool
) -> HttpResponse:
    """Say that this form has booked; the link stands there as long as the form itself would lead to it."""
    if not is_fresh:
        return refusal(request, site, "booking/form_over.html", 410)
    zone = ZoneInfo(booked.location.time_zone)
    context = {
        "appointment": booked,
        "starts_at": booked.starts_at.astimezone(zone),
        "today": site.today(zone),
        "substitute": substitute_of(booked),
        "zone_mention": "" if zone.key == "Europe/Paris" else french.zone_name(zone),
        "manage_token": links.manage_token(booked),
        "is_past": booked.starts_at <= site.now,
    }
    return show(request, site, "booking/booked.html", context, is_personal=True)


def _slot(sent: tuple[str, str], hold: Appointment | None) -> ResolvedSlot | None:
    """Return the slot that the form names; the slot of its own hold takes no query."""
    if hold is not None and sent == _values_of(hold):
        return resolved_slot_of(hold)
    return search.read_value(*sent)


def _values_of(hold: Appointment) -> tuple[str, str]:
    """Return the form values of a slot hold: the slot and the appointment type."""
    value = search.write_value(hold.starts_at, hold.practitioner, hold.location)
    return value, hold.appointment_type.ref.hex


def _book(request: HttpRequest, site: Site, sent: SentForm) -> HttpResponseBase:
    person = sent.form.person()
    is_fast = site.now - sent.token.issued_at < _READING
    allowance = limits.Allowance(
        network=limits.network_of(request),
        form=sent.token.ref.hex,
        points=1 + is_fast + sent.counts.is_suspect,
        addresses=person.addresses,
        person_limit=site.practice.max_open_bookings,
    )
    refused = allowance.take(now=site.now)
    if refused is not None:
        return _not_allowed(request, site, sent, refused)
    try:
        booked = book_appointment(
            selection=sent.slot.selection,
            form_ref=sent.token.ref,
            person=person,
            is_open=site.is_open,
            now=site.now,
            settings=site.practice,
            known=sent.hold,
            is_new=sent.hold is None,
        )
    except SlotTaken:
        allowance.give_back(now=site.now)
        return _taken(request, site, sent.slot, extras=sent.form.extra_fields)
    except NotBookable:
        allowance.give_back(now=site.now)
        return _closed(request, site)
    return personal(
        HttpResponseRedirect(reverse("booking:done", args=[links.manage_token(booked)]))
    )


def _not_allowed(
    request: HttpRequest, site: Site, sent: SentForm, refused: limits.Refusal
) -> HttpResponseBase:
    """Show the form again with why it was refused; nothing typed is lost."""
    if refused.is_person:
        return _again(request, site, sent, warning=_too_many_bookings(site))
    limits.record_abuse_signal(limits.network_of(request), now=site.now)
    warning = _too_many_from_here(site, refused.seconds)
    answer = _again(request, site, sent, warning=warning, status=429)
    answer.headers["Retry-After"] = str(refused.seconds)
    return answer


def _ref_of_choice(request: HttpRequest, site: Site) -> uuid.UUID:
    """Return the form's reference; a page left open too long simply starts a new form."""
    schema, value = schema_of_request(), request.POST.get("token", "")
    no_wait = timedelta(0)
    try:
        return form_token.read(
            value, schema=schema, purpose=search.CHOOSE, now=site.now, min_age=no_wait
        ).ref
    except Expired:
        return new_ref()


def _hold_slot(
    request: HttpRequest,
    site: Site,
    slot: ResolvedSlot,
    form_ref: uuid.UUID,
    *,
    is_suspect: bool,
) -> Appointment:
    def hold_with(ref: uuid.UUID) -> Appointment:
        return slots.hold_slot(
            selection=slot.selection,
            form_ref=ref,
            network_index=limits.network_index(request),
            is_suspect=is_suspect,
            now=site.now,
        )

    hold = hold_with(form_ref)
    # A form that has already booked: a later visitor of the same page wants another appointment and may be
    # another person, so the first appointment is not shown.
    return hold if hold.status == Appointment.Status.HELD else hold_with(new_ref())


def _read_token(
    request: HttpRequest, site: Site, counts: limits.NetworkCounts
) -> tuple[FormToken, str]:
    """Return the form's token, and a warning for a form that comes too early or too late."""
    min_age = form_token.MIN_AGE
    if counts.needs_work and not _has_worked(request, site):
        min_age = counts.patience
    try:
        return (
            form_token.read(
                request.POST.get("token", ""),
                schema=schema_of_request(),
                purpose=DETAILS,
                now=site.now,
                min_age=min_age,
            ),
            "",
        )
    except TooFast as error:
        limits.record_abuse_signal(limits.network_of(request), now=site.now)
        return error.token, _wait_warning(min_age - (site.now - error.token.issued_at))
    except Expired as error:
        return error.token, _(
            "Cette page était ouverte depuis longtemps. Relisez-la, puis confirmez."
        )


def _wait_warning(left: timedelta) -> str:
    """Return the warning of a form that was sent too fast, with the wait that is left."""
    seconds = max(1, -(-left // timedelta(seconds=1)))
    return _(
        "Pour écarter les envois automatiques, ce site n'accepte pas un formulaire envoyé si vite."
        " Tout est gardé\u00a0: attendez %(seconds)s\u00a0s, puis confirmez de nouveau."
    ) % {"seconds": seconds}


def _has_worked(request: HttpRequest, site: Site) -> bool:
    try:
        ref = form_token.read(
            request.POST.get("token", ""), schema=schema_of_request(), purpose=DETAILS, now=site.now
        ).ref
    except FormTokenError:
        return False
    return proof_of_work.is_solved(
        request.POST.get("work", ""), schema=schema_of_request(), form_ref=ref
    )


def _robot_warning(request: HttpRequest, site: Site) -> str:
    if not request.POST.get(HONEYPOT):
        return ""
    limits.record_abuse_signal(limits.network_of(request), now=site.now)
    text = _(
        "Un champ invisible a été rempli, peut-être par votre navigateur. Tout est gardé\u00a0: confirmez de"
        " nouveau%(or_call)s."
    )
    return text % {"or_call": _or_call(site)}


def _or_call(site: Site) -> str:
    """Return the phone number of the practice as the end of a sentence; empty without a number."""
    if site.phone:
        return _(", ou appelez le %(phone)s") % {"phone": site.phone}
    if site.practice.email:
        return _(", ou écrivez à %(email)s") % {"email": site.practice.email}
    return ""


def _hit(request: HttpRequest, site: Site, network: str) -> limits.RateLimitResult:
    address = request.POST.get("email", "").strip().casefold() or request.POST.get("phone", "")
    return limits.hit(
        (limits.BOOKING_BY_PAIR, (network, address)),
        (limits.BOOKING_BY_NETWORK, (network,)),
        network=network,
        now=site.now,
    )


def _too_many_from_here(site: Site, seconds: int) -> str:
    """Return the warning of a network that has booked as much as one network may."""
    hours = -(-seconds // 3600)
    text = _(
        "Beaucoup de rendez-vous ont été pris depuis votre connexion, qui est peut-être partagée. Le vôtre n'est"
        " pas enregistré."
    )
    if hours > 1:
        later = _("Réessayez dans %(hours)s heures") % {"hours": hours}
    else:
        later = _("Réessayez dans %(minutes)s minutes") % {"minutes": -(-seconds // 60)}
    return f"{text} {later}{_or_call(site)}."


def _too_many_bookings(site: Site) -> str:
    text = _("Vous avez déjà pris plusieurs rendez-vous avec ces coordonnées aujourd'hui.")
    if site.phone:
        more = _("Pour en prendre un de plus, appelez le %(phone)s.") % {"phone": site.phone}
    elif site.practice.email:
        more = _("Pour en prendre un de plus, écrivez à %(email)s.") % {
            "email": site.practice.email
        }
    else:
        more = _("Pour en prendre un de plus, demandez au cabinet.")
    return f"{text} {more}"


def _form(data: Any, site: Site, location: Location, extras: list[ExtraField]) -> DetailsForm:
    return DetailsForm(
        data,
        region=region_of(location),
        sms_enabled=site.sends_sms,
        location=location,
        extra_fields=extras,
        practice_phone=site.phone,
    )


def _typed(request: HttpRequest, extras: Sequence[ExtraField] | None = None) -> dict[str, str]:
    """Return the values that the page "taken" carries, so that nothing is typed twice."""
    if extras is None:
        has_any = any(name.startswith(EXTRA_PREFIX) for name in request.POST)
        extras = published_fields() if has_any else ()
    names = [*_TYPED, *(extra_name(extra_field) for extra_field in extras)]
    return {name: request.POST[name][:254] for name in names if request.POST.get(name)}


def _details_token(site: Site, form_ref: uuid.UUID) -> str:
    return form_token.issue(schema=schema_of_request(), purpose=DETAILS, now=site.now, ref=form_ref)


def _again(
    request: HttpRequest, site: Site, sent: SentForm, *, warning: str, status: int = 422
) -> HttpResponseBase:
    """Show the form again with its errors, after holding the slot again."""
    form_ref, is_suspect = sent.token.ref, sent.counts.is_suspect
    try:
        hold = _hold_slot(request, site, sent.slot, form_ref, is_suspect=is_suspect)
    except SlotTaken:
        return _taken(request, site, sent.slot)
    except TooManyHolds:
        return too_many(request, site, seconds=int(slots.HOLD_FOR.total_seconds()))
    token = request.POST.get("token", "")
    _ref, is_fresh = _read_address(token, site)
    if not is_fresh or hold.form_ref != form_ref:
        token = _details_token(site, hold.form_ref)
    page = FormPage(hold, sent.form, hold.form_ref, token, sent.counts, warning)
    return _details(request, site, page, status=status)


def _details(
    request: HttpRequest, site: Site, page: FormPage, *, status: int = 200
) -> HttpResponse:
    chosen, form = page.chosen, page.form
    zone = ZoneInfo(chosen.location.time_zone)
    slot_value, type_value = _values_of(chosen)
    shown = privacy_notice.for_appointment(chosen, site, extras=form.extra_fields)
    is_held = chosen.held_until is not None and chosen.held_until > site.now
    work = ""
    if page.counts.needs_work:
        work = proof_of_work.challenge(
            schema=schema_of_request(), form_ref=page.form_ref, now=site.now
        )
    context = {
        "form": form,
        "warning": page.warning,
        "appointment": chosen,
        "starts_at": chosen.starts_at.astimezone(zone),
        "held_until": chosen.held_until.astimezone(zone) if chosen.held_until and is_held else None,
        "today": site.today(zone),
        "substitute": substitute_of(chosen),
        "slot": slot_value,
        "appointment_type": type_value,
        "zone_mention": "" if zone.key == "Europe/Paris" else french.zone_name(zone),
        "token": page.token,
        "work": work,
        "patience": int(page.counts.patience.total_seconds()),
        "honeypot": HONEYPOT,
        "privacy_notice": shown,
        "calendar_sentences": shown.calendar_sentences,
        "change_until": change_limits.open_until(chosen, now=site.now),
    }
    return show(request, site, "booking/details.html", context, status=status, is_personal=True)


def _taken(
    request: HttpRequest, site: Site, slot: ResolvedSlot, extras: Sequence[ExtraField] | None = None
) -> HttpResponse:
    """Show that the slot is taken, with the three nearest ones; the typed values are kept in the page."""
    same = search.search_for(slot.appointment_type, slot.location, None)
    today = site.today(same.zone)
    offer = search.search_around(
        same, slot.starts_at, now=site.now, until_on=search.last_day(same, today=today)
    )
    context = {
        "starts_at": slot.starts_at.astimezone(same.zone),
        "today": today,
        "nearest": offer.nearest(slot.starts_at),
        "appointment_type": slot.appointment_type.ref.hex,
        "typed": _typed(request, extras),
        "token": form_token.issue(schema=schema_of_request(), purpose=search.CHOOSE, now=site.now),
    }
    return show(request, site, "booking/taken.html", context, status=409, is_personal=True)


def _closed(request: HttpRequest, site: Site) -> HttpResponse:
    return refusal(request, site, "booking/closed.html", 409)
