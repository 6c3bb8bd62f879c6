"""P3: a slot is chosen (and hold), the person fills the form, the appointment is booked."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
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
    TooFast,
)
from booking.appointments.book import book as book_appointment
from booking.formats import french
from booking.models import Appointment, ExtraField, Location
from booking.patients import links
from booking.rules.errors import (
    NotBookable,
    SlotTaken,
    TooManyBookings,
    TooManyHolds,
)
from booking.scheduling import slots
from booking.scheduling.catalogue import published_fields, region_of, substitute_of
from booking.scheduling.slots import ResolvedSlot, resolved_slot_of
from booking.web.public import privacy_notice, search
from booking.web.public.forms import (
    EXTRA_PREFIX,
    HONEYPOT,
    DetailsForm,
    extra_name,
)
from booking.web.public.page import (
    Site,
    patient_view,
    personal,
    refusal,
    schema_of_request,
    show,
    too_many,
)
from tenants.refs import new_ref

DETAILS = "details"
"""Purpose of the token that stands in the form with the person's details."""
_TYPED = ("first_name", "last_name", "phone", "email", "for_other", "other_first_name")


@patient_view("POST")
def choose(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Hold the slot that was pressed and show the form; a slot chosen again frees the first one."""
    if not site.is_open:
        return _closed(request, site)
    try:
        form_ref = _ref_of_choice(request, site)
    except Forged:
        limits.record_abuse_signal(now=site.now)
        return refusal(request, site, "booking/errors/400.html", 400)
    slot = search.read_value(request.POST.get("slot", ""), request.POST.get("appointment_type", ""))
    if slot is None:
        return refusal(request, site, "booking/errors/400.html", 400)
    try:
        hold = _hold_slot(request, site, slot, form_ref)
    except TooManyHolds:
        return too_many(request, site, seconds=int(slots.HOLD_FOR.total_seconds()))
    except SlotTaken:
        return _taken(request, site, slot)
    extras = published_fields()
    form = _form(None, site, hold.location, extras)
    form.initial = _typed(request, extras)
    return _details(request, site, hold, form, token=_details_token(site, hold.form_ref))


@patient_view("POST")
def confirm(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Book, and redirect to the confirmation page; a second click leads to the same page."""
    if not site.is_open:
        return _closed(request, site)
    door = _hit(request, site)
    try:
        token, complaint = _read_token(request, site, is_under_attack=door.is_under_attack)
    except Forged:
        limits.record_abuse_signal(now=site.now)
        return refusal(request, site, "booking/errors/400.html", 400)
    hold = slots.appointment_of_form(token.ref)
    slot = _slot(request, hold)
    if slot is None:
        return refusal(request, site, "booking/errors/400.html", 400)
    if door.seconds_to_wait:
        limits.record_abuse_signal(now=site.now)
        return too_many(request, site, seconds=door.seconds_to_wait)
    form = _form(request.POST, site, slot.location, published_fields())
    is_valid = form.is_valid()
    complaint = complaint or _robot_complaint(request, site)
    if complaint:
        form.add_error(None, complaint)
    if complaint or not is_valid:
        return _again(request, site, slot, form, token.ref)
    return _book(request, site, slot, form, token.ref, hold)


def _slot(request: HttpRequest, hold: Appointment | None) -> ResolvedSlot | None:
    """Return the slot that the form names; the slot of its own hold takes no query."""
    sent = request.POST.get("slot", ""), request.POST.get("appointment_type", "")
    if hold is not None and sent == _values_of(hold):
        return resolved_slot_of(hold)
    return search.read_value(*sent)


def _values_of(hold: Appointment) -> tuple[str, str]:
    """Return the form values of a slot hold: the slot and the appointment type."""
    value = search.write_value(hold.starts_at, hold.practitioner, hold.location)
    return value, hold.appointment_type.ref.hex


def _book(  # what the page has read, handed on
    request: HttpRequest,
    site: Site,
    slot: ResolvedSlot,
    form: DetailsForm,
    form_ref: uuid.UUID,
    hold: Appointment | None,
) -> HttpResponseBase:
    try:
        booked = book_appointment(
            selection=slot.selection,
            form_ref=form_ref,
            person=form.person(),
            is_open=site.is_open,
            now=site.now,
            settings=site.practice,
            known=hold,
            is_new=hold is None,
        )
    except SlotTaken:
        return _taken(request, site, slot, extras=form.extra_fields)
    except NotBookable:
        return _closed(request, site)
    except TooManyBookings:
        form.add_error(None, _too_many_bookings(site))
        return _again(request, site, slot, form, form_ref)
    return personal(
        HttpResponseRedirect(reverse("booking:done", args=[links.manage_token(booked)]))
    )


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
    request: HttpRequest, site: Site, slot: ResolvedSlot, form_ref: uuid.UUID
) -> Appointment:
    index = limits.network_index(request)
    hold = slots.hold_slot(
        selection=slot.selection, form_ref=form_ref, network_index=index, now=site.now
    )
    if hold.status != Appointment.Status.HELD:
        # This form has already booked. A later visitor of the same page wants another appointment and may
        # be another person: the first appointment is not shown.
        hold = slots.hold_slot(
            selection=slot.selection, form_ref=new_ref(), network_index=index, now=site.now
        )
    return hold


def _read_token(
    request: HttpRequest, site: Site, *, is_under_attack: bool
) -> tuple[form_token.FormToken, str]:
    """Return the form's token, and an error text for a form that comes too early or too late."""
    min_age = form_token.MIN_AGE
    if is_under_attack and not _has_worked(request, site):
        min_age = proof_of_work.SLOW_WAY
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
        limits.record_abuse_signal(now=site.now)
        return error.token, _(
            "Ce formulaire est parti très vite. Relisez-le, puis confirmez de nouveau."
        )
    except Expired as error:
        return error.token, _(
            "Cette page était ouverte depuis longtemps. Relisez-la, puis confirmez."
        )


def _has_worked(request: HttpRequest, site: Site) -> bool:
    try:
        ref = form_token.read(
            request.POST.get("token", ""), schema=schema_of_request(), purpose=DETAILS, now=site.now
        ).ref
    except form_token.FormTokenError:
        return False
    return proof_of_work.is_solved(
        request.POST.get("work", ""), schema=schema_of_request(), form_ref=ref
    )


def _robot_complaint(request: HttpRequest, site: Site) -> str:
    if not request.POST.get(HONEYPOT):
        return ""
    limits.record_abuse_signal(now=site.now)
    text = _("Cet envoi ressemble à celui d'un robot. Confirmez de nouveau%(or_call)s.")
    return text % {"or_call": _or_call(site)}


def _or_call(site: Site) -> str:
    """Return the phone number of the practice as the end of a sentence; empty without a number."""
    if site.phone:
        return _(", ou appelez le %(phone)s") % {"phone": site.phone}
    if site.practice.email:
        return _(", ou écrivez à %(email)s") % {"email": site.practice.email}
    return ""


def _hit(request: HttpRequest, site: Site) -> limits.RateLimitResult:
    network = limits.network_of(request)
    address = request.POST.get("email", "").strip().casefold() or request.POST.get("phone", "")
    return limits.hit(
        (limits.BOOKING_BY_PAIR, (network, address)),
        (limits.BOOKING_BY_NETWORK, (network,)),
        now=site.now,
    )


def _too_many_bookings(site: Site) -> str:
    text = _("Ces coordonnées ont déjà plusieurs rendez-vous à venir.")
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
    request: HttpRequest, site: Site, slot: ResolvedSlot, form: DetailsForm, form_ref: uuid.UUID
) -> HttpResponseBase:
    """Show the form again with its errors, after holding the slot again."""
    try:
        hold = _hold_slot(request, site, slot, form_ref)
    except SlotTaken:
        return _taken(request, site, slot)
    except TooManyHolds:
        return too_many(request, site, seconds=int(slots.HOLD_FOR.total_seconds()))
    sent = request.POST.get("token", "")
    try:
        form_token.read(
            sent, schema=schema_of_request(), purpose=DETAILS, now=site.now, min_age=timedelta(0)
        )
    except form_token.FormTokenError:
        sent = ""
    token = sent if sent and hold.form_ref == form_ref else _details_token(site, hold.form_ref)
    return _details(request, site, hold, form, token=token, status=422)


def _details(
    request: HttpRequest,
    site: Site,
    hold: Appointment,
    form: DetailsForm,
    *,
    token: str,
    status: int = 200,
) -> HttpResponse:
    zone = ZoneInfo(hold.location.time_zone)
    slot_value, type_value = _values_of(hold)
    shown = privacy_notice.for_appointment(hold, site, extras=form.extra_fields)
    work = ""
    if limits.is_under_attack(now=site.now):
        work = proof_of_work.challenge(
            schema=schema_of_request(), form_ref=hold.form_ref, now=site.now
        )
    context = {
        "form": form,
        "appointment": hold,
        "starts_at": hold.starts_at.astimezone(zone),
        "held_until": hold.held_until.astimezone(zone) if hold.held_until else None,
        "today": site.today(zone),
        "substitute": substitute_of(hold),
        "slot": slot_value,
        "appointment_type": type_value,
        "zone_mention": "" if zone.key == "Europe/Paris" else french.zone_name(zone),
        "token": token,
        "work": work,
        "honeypot": HONEYPOT,
        "privacy_notice": shown,
        "calendar_sentences": shown.calendar_sentences,
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
