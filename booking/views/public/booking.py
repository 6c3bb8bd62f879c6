"""P3: a slot is chosen (and held), the person fills the form, the appointment is booked."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from booking import form_token, french, limits, proof_of_work
from booking.errors import NotBookable, SlotTaken, TooManyBookings, TooManyHolds
from booking.form_token import Expired, Forged, TooFast
from booking.forms.public import EXTRA_PREFIX, HONEYPOT, DetailsForm, extra_name
from booking.models import Appointment, ExtraField, Location
from booking.regions import region_of
from booking.services import appointments, holds, links
from booking.services.choice import Choice, choice_of
from booking.views.public import notice, search
from booking.views.public.page import (
    Site,
    patient_view,
    personal,
    refusal,
    schema_of_request,
    show,
    too_many,
)
from booking.views.public.practice import CHOOSE
from tenants.refs import new_ref

DETAILS = "details"
"""Purpose of the token that stands in the form with the person's details."""
# Every form asks this, and hardly any has one: composing it took longer than answering it.
_PUBLISHED = """
SELECT * FROM booking_extrafield
WHERE version_id = (SELECT id FROM booking_formversion WHERE published_at IS NOT NULL
    ORDER BY number DESC LIMIT 1)
ORDER BY position, id
"""
_TYPED = ("first_name", "last_name", "phone", "email", "for_other", "other_first_name")


@patient_view("POST")
def choose(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Hold the slot that was pressed and show the form; a slot chosen again frees the first one."""
    if not site.is_open:
        return _closed(request, site)
    try:
        form_ref = _ref_of_choice(request, site)
    except Forged:
        limits.note_suspect(now=site.now)
        return refusal(request, site, "booking/errors/400.html", 400)
    choice = search.read_value(request.POST.get("slot", ""), request.POST.get("motif", ""))
    if choice is None:
        return refusal(request, site, "booking/errors/400.html", 400)
    try:
        held = _hold(request, site, choice, form_ref)
    except TooManyHolds:
        return too_many(request, site, seconds=int(holds.HOLD_FOR.total_seconds()))
    except SlotTaken:
        return _taken(request, site, choice)
    extras = published_fields()
    form = _form(None, site, held.location, extras)
    form.initial = _typed(request, extras)
    return _details(request, site, held, form, token=_details_token(site, held.form_ref))


@patient_view("POST")
def confirm(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Book, and lead to the page that says so; a second click leads to the same page."""
    if not site.is_open:
        return _closed(request, site)
    door = _knock(request, site)
    try:
        token, complaint = _read_token(request, site, is_under_attack=door.is_under_attack)
    except Forged:
        limits.note_suspect(now=site.now)
        return refusal(request, site, "booking/errors/400.html", 400)
    held = holds.of_form(token.ref)
    choice = _choice(request, held)
    if choice is None:
        return refusal(request, site, "booking/errors/400.html", 400)
    if door.seconds_to_wait:
        limits.note_suspect(now=site.now)
        return too_many(request, site, seconds=door.seconds_to_wait)
    form = _form(request.POST, site, search.rows_of(choice).location, published_fields())
    is_valid = form.is_valid()
    complaint = complaint or _robot_complaint(request, site)
    if complaint:
        form.add_error(None, complaint)
    if complaint or not is_valid:
        return _again(request, site, choice, form, token.ref)
    return _book(request, site, choice, form, token.ref, held)


def _choice(request: HttpRequest, held: Appointment | None) -> Choice | None:
    """Return what the form names: its own row says so without being looked up, another slot is."""
    slot, motif = request.POST.get("slot", ""), request.POST.get("motif", "")
    if held is not None and (slot, motif) == _values_of(held):
        return choice_of(held)
    return search.read_value(slot, motif)


def _values_of(held: Appointment) -> tuple[str, str]:
    """Return what stands in the form of a held slot: the slot and the motif."""
    value = search.write_value(held.starts_at, held.practitioner, held.location)
    return value, held.appointment_type.ref.hex


def _book(  # what the page has read, handed on
    request: HttpRequest,
    site: Site,
    choice: Choice,
    form: DetailsForm,
    form_ref: uuid.UUID,
    held: Appointment | None,
) -> HttpResponseBase:
    try:
        booked = appointments.book(
            choice=choice,
            form_ref=form_ref,
            person=form.person(),
            is_open=site.is_open,
            now=site.now,
            settings=site.practice,
            known=held,
            is_new=held is None,
        )
    except SlotTaken:
        return _taken(request, site, choice, extras=form.extra_fields)
    except NotBookable:
        return _closed(request, site)
    except TooManyBookings:
        form.add_error(None, _too_many_bookings(site))
        return _again(request, site, choice, form, form_ref)
    return personal(
        HttpResponseRedirect(reverse("booking:done", args=[links.manage_token(booked)]))
    )


def _ref_of_choice(request: HttpRequest, site: Site) -> uuid.UUID:
    """Return the form's reference; a page left open too long simply starts a new form."""
    schema, value = schema_of_request(), request.POST.get("token", "")
    no_wait = timedelta(0)
    try:
        return form_token.read(
            value, schema=schema, purpose=CHOOSE, now=site.now, min_age=no_wait
        ).ref
    except Expired:
        return new_ref()


def _hold(request: HttpRequest, site: Site, choice: Choice, form_ref: uuid.UUID) -> Appointment:
    index = limits.network_index(request)
    held = holds.hold_slot(choice=choice, form_ref=form_ref, network_index=index, now=site.now)
    if held.status != Appointment.Status.HELD:
        # This page has already booked. Whoever comes back to it wants another appointment, and may not
        # be the same person: the first one is not shown.
        held = holds.hold_slot(choice=choice, form_ref=new_ref(), network_index=index, now=site.now)
    return held


def _read_token(
    request: HttpRequest, site: Site, *, is_under_attack: bool
) -> tuple[form_token.FormToken, str]:
    """Return the form's token, and what to say when it comes too early or too late."""
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
        limits.note_suspect(now=site.now)
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
    limits.note_suspect(now=site.now)
    said = _("Cet envoi ressemble à celui d'un robot. Confirmez de nouveau%(or_call)s.")
    return said % {"or_call": _or_call(site)}


def _or_call(site: Site) -> str:
    """Return how else to reach the practice, as the end of a sentence; nothing when it says nothing."""
    if site.phone:
        return _(", ou appelez le %(phone)s") % {"phone": site.phone}
    if site.practice.email:
        return _(", ou écrivez à %(email)s") % {"email": site.practice.email}
    return ""


def _knock(request: HttpRequest, site: Site) -> limits.Doorstep:
    network = limits.network_of(request)
    address = request.POST.get("email", "").strip().casefold() or request.POST.get("phone", "")
    return limits.knock(
        (limits.BOOKING_BY_PAIR, (network, address)),
        (limits.BOOKING_BY_NETWORK, (network,)),
        now=site.now,
    )


def _too_many_bookings(site: Site) -> str:
    said = _("Ces coordonnées ont déjà plusieurs rendez-vous à venir.")
    if site.phone:
        more = _("Pour en prendre un de plus, appelez le %(phone)s.") % {"phone": site.phone}
    elif site.practice.email:
        more = _("Pour en prendre un de plus, écrivez à %(email)s.") % {
            "email": site.practice.email
        }
    else:
        more = _("Pour en prendre un de plus, demandez au cabinet.")
    return f"{said} {more}"


def _form(data: Any, site: Site, location: Location, extras: list[ExtraField]) -> DetailsForm:
    return DetailsForm(
        data,
        region=region_of(location),
        sms_enabled=site.sends_sms,
        location=location,
        extra_fields=extras,
        practice_phone=site.phone,
    )


def published_fields() -> list[ExtraField]:
    """Return the questions of the newest published form, and none of any other (B-03)."""
    return list(ExtraField.objects.raw(_PUBLISHED))


def _typed(request: HttpRequest, extras: Sequence[ExtraField] | None = None) -> dict[str, str]:
    """Return what came along from the page that said "taken": nothing is typed twice."""
    if extras is None:
        has_any = any(name.startswith(EXTRA_PREFIX) for name in request.POST)
        extras = published_fields() if has_any else ()
    names = [*_TYPED, *(extra_name(extra) for extra in extras)]
    return {name: request.POST[name][:254] for name in names if request.POST.get(name)}


def _details_token(site: Site, form_ref: uuid.UUID) -> str:
    return form_token.issue(schema=schema_of_request(), purpose=DETAILS, now=site.now, ref=form_ref)


def _again(
    request: HttpRequest, site: Site, choice: Choice, form: DetailsForm, form_ref: uuid.UUID
) -> HttpResponseBase:
    """Show the form again with what is wrong; the slot is held anew, so that it is really kept."""
    try:
        held = _hold(request, site, choice, form_ref)
    except SlotTaken:
        return _taken(request, site, choice)
    except TooManyHolds:
        return too_many(request, site, seconds=int(holds.HOLD_FOR.total_seconds()))
    sent = request.POST.get("token", "")
    try:
        form_token.read(
            sent, schema=schema_of_request(), purpose=DETAILS, now=site.now, min_age=timedelta(0)
        )
    except form_token.FormTokenError:
        sent = ""
    token = sent if sent and held.form_ref == form_ref else _details_token(site, held.form_ref)
    return _details(request, site, held, form, token=token, status=422)


def _details(
    request: HttpRequest,
    site: Site,
    held: Appointment,
    form: DetailsForm,
    *,
    token: str,
    status: int = 200,
) -> HttpResponse:
    zone = ZoneInfo(held.location.time_zone)
    slot, motif = _values_of(held)
    shown = notice.for_appointment(held, site, extras=form.extra_fields)
    work = ""
    if limits.is_under_attack(now=site.now):
        work = proof_of_work.challenge(
            schema=schema_of_request(), form_ref=held.form_ref, now=site.now
        )
    context = {
        "form": form,
        "held": held,
        "starts_at": held.starts_at.astimezone(zone),
        "held_until": held.held_until.astimezone(zone) if held.held_until else None,
        "today": site.today(zone),
        "substitute": search.substitute_on(
            held.practitioner, held.starts_at.astimezone(zone).date()
        ),
        "slot": slot,
        "motif": motif,
        "zone_mention": "" if zone.key == "Europe/Paris" else french.zone_name(zone),
        "token": token,
        "work": work,
        "honeypot": HONEYPOT,
        "notice": shown,
        "outside": shown.outside,
    }
    return show(request, site, "booking/details.html", context, status=status, is_personal=True)


def _taken(
    request: HttpRequest, site: Site, choice: Choice, extras: Sequence[ExtraField] | None = None
) -> HttpResponse:
    """Say that the slot is gone and offer the three nearest; what was typed travels with them."""
    placed = search.rows_of(choice)
    wanted = search.search_for(placed.appointment_type, placed.location, None)
    today = site.today(wanted.zone)
    offer = search.look_around(
        wanted, choice.starts_at, now=site.now, until_on=search.last_day(wanted, today=today)
    )
    context = {
        "starts_at": choice.starts_at.astimezone(wanted.zone),
        "today": today,
        "nearest": offer.nearest(choice.starts_at),
        "motif": placed.appointment_type.ref.hex,
        "typed": _typed(request, extras),
        "token": form_token.issue(schema=schema_of_request(), purpose=CHOOSE, now=site.now),
    }
    return show(request, site, "booking/taken.html", context, status=409, is_personal=True)


def _closed(request: HttpRequest, site: Site) -> HttpResponse:
    return refusal(request, site, "booking/closed.html", 409)
