"""The first day (T16): five screens from the invitation to a bookable slot, then the link to share.

Each screen saves what an ordinary page of the dashboard saves: one may leave, skip and come back.
"""

from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from booking.formats.qr_code import svg_of
from booking.models import Location, OpeningHours, Practitioner
from booking.practice import appointment_types, locations
from booking.practice.first_day import (
    FirstDayStep,
    Progress,
    progress,
)
from booking.practice.legal_identity import confirmed_identity
from booking.practice.opening import is_opening, request_opening
from booking.practice.presets import (
    OTHER,
    ProfessionPreset,
    recognised,
)
from booking.scheduling import catalogue, hours
from booking.scheduling.catalogue import save_practice
from booking.scheduling.hours import Range
from booking.web.dashboard.access import (
    DashboardRequest,
    actor,
    requires,
)
from booking.web.dashboard.hours.preview import first_days_online
from booking.web.dashboard.hours.views import editor_action, editor_context
from booking.web.dashboard.hours.week_form import WeekForm, hours_typed, typed_of
from booking.web.dashboard.pages import show, state_of_site
from booking.web.dashboard.settings.appointment_types import fitting, place_values
from booking.web.dashboard.settings.first_day_forms import (
    FirstPlaceForm,
    LegalIdentityForm,
    PresetsForm,
    ProfessionForm,
)
from tenants.accounts.permissions import Operation
from tenants.edit_form import EditForm, lock_subject
from tenants.models import Tenant
from tenants.query_parameters import parameters_of

PAGES = {
    FirstDayStep.PROFESSION: "first_profession",
    FirstDayStep.PLACE: "first_place",
    FirstDayStep.HOURS: "first_hours",
    FirstDayStep.APPOINTMENT_TYPES: "first_appointment_types",
    FirstDayStep.LEGAL_IDENTITY: "first_legal_identity",
}
READY = "first_ready"
TEMPLATES = {
    FirstDayStep.PROFESSION: "first_day/profession",
    FirstDayStep.PLACE: "first_day/place",
    FirstDayStep.HOURS: "first_day/hours",
    FirstDayStep.APPOINTMENT_TYPES: "first_day/appointment_types",
    FirstDayStep.LEGAL_IDENTITY: "first_day/legal_identity",
}


@requires(Operation.EDIT_PRACTICE, methods=("GET", "HEAD"))
def resume(_request: DashboardRequest) -> HttpResponse:
    """Lead to the first screen that is left, or to the end."""
    following = progress().next
    return redirect(f"dashboard:{PAGES[following] if following else READY}")


@requires(Operation.EDIT_PRACTICE)
def profession(request: DashboardRequest) -> HttpResponse:
    """Screen 1: the model to begin with, guessed from the order."""
    practice = request.practice
    guessed = recognised(practice.profession, practice.kind)
    form = ProfessionForm(
        request.POST if request.method == "POST" else None,
        subject=practice,
        stored=lambda: {"profession": practice.profession},
        initial={"start": guessed.key if guessed else None},
    )
    if form.is_valid():
        save_practice(values=form.values, actor=actor(request), now=request.now)
        return _after(FirstDayStep.PROFESSION)
    return _screen(request, FirstDayStep.PROFESSION, {"form": form})


@requires(Operation.EDIT_PRACTICE)
def first_place(request: DashboardRequest) -> HttpResponse:
    """Screen 2: the first place; an empty place of the order is completed, no second one is created."""
    location = catalogue.first_active_location()
    form = FirstPlaceForm(
        request.POST if request.method == "POST" else None,
        subject=location,
        stored=partial(place_values, location) if location else None,
        initial=_place_guesses(request, location),
    )
    if form.is_valid():
        locations.save_place(
            place=location, values=form.values, actor=actor(request), now=request.now
        )
        return _after(FirstDayStep.PLACE)
    return _screen(request, FirstDayStep.PLACE, {"form": form})


@requires(Operation.EDIT_PRACTICE)
def week(request: DashboardRequest) -> HttpResponse:
    """Screen 3: the usual week of the profession, to be corrected beside its preview."""
    practitioner, location = _practitioner(request), catalogue.first_active_location()
    if practitioner is None or location is None:
        messages.info(request, _("Donnez d’abord un lieu à votre cabinet."))
        return redirect(f"dashboard:{PAGES[FirstDayStep.PLACE]}")
    action = editor_action(request)
    if request.method == "POST" and action is None:
        lock_subject(f"week.{practitioner.ref}")
    rows = _first_week(practitioner)
    if request.method == "POST" and action is None:
        form = WeekForm(
            request.POST, practitioner=practitioner, rows=rows, stored=partial(typed_of, rows)
        )
        if form.is_valid():
            hours.save_week(
                practitioner=practitioner,
                pattern=form.pattern,
                ranges=form.ranges,
                replaces=[row.pk for row in rows],
                actor=actor(request),
                now=request.now,
            )
            return _after(FirstDayStep.HOURS)
        context = editor_context(request, practitioner, rows, form)
    else:
        usual = [
            Range(day, starts, ends) for day in range(5) for starts, ends in _model(request).hours
        ]
        typed = {"place": location.ref, "every": 1} | hours_typed(usual)
        context = editor_context(request, practitioner, rows, None, begin=typed)
    return _screen(
        request, FirstDayStep.HOURS, {**context, "is_guided": True}, fragment=action is not None
    )


@requires(Operation.EDIT_PRACTICE)
def appointment_type(request: DashboardRequest) -> HttpResponse:
    """Screen 4: the appointment types of the profession that fit the places, ticked, to be corrected."""
    practitioner = _practitioner(request)
    form = PresetsForm(
        request.POST if request.method == "POST" else None,
        templates=fitting(_model(request)),
        is_first=not appointment_types.has_appointment_types(),
    )
    if form.is_valid():
        appointment_types.add_from_templates(
            chosen=form.chosen,
            practitioners=[practitioner] if practitioner else [],
            actor=actor(request),
            now=request.now,
        )
        return _after(FirstDayStep.APPOINTMENT_TYPES)
    existing = catalogue.active_appointment_types()
    return _screen(
        request, FirstDayStep.APPOINTMENT_TYPES, {"form": form, "existing": existing[:20]}
    )


@requires(Operation.EDIT_PRACTICE)
def legal_identity(request: DashboardRequest) -> HttpResponse:
    """Screen 5: what the law asks on the site (C-04), with the address of the place already filled in."""
    confirmed = confirmed_identity()
    form = LegalIdentityForm(
        request.POST if request.method == "POST" else None,
        subject=request.practice,
        stored=partial(_legal_values, request),
        initial=_legal_guesses(request),
        region=catalogue.region_of(catalogue.first_active_location()),
        has_confirmed_identity=confirmed is not None,
    )
    if form.is_valid():
        save_practice(values=form.values, actor=actor(request), now=request.now)
        return _after(FirstDayStep.LEGAL_IDENTITY)
    context = {"form": form, "identity": confirmed}
    return _screen(request, FirstDayStep.LEGAL_IDENTITY, context)


@requires(Operation.EDIT_PRACTICE, methods=("POST",))
def open_site(request: DashboardRequest) -> HttpResponse:
    """Ask for the site to be put online; the last screen shows when it is."""
    if state_of_site(request) != Tenant.State.READY:
        messages.info(request, _("Votre page est déjà en ligne."))
    elif progress().missing or not first_days_online(request, _practitioner(request))["days"]:
        messages.error(request, _("Il manque encore quelque chose : voyez la liste."))
    else:
        request_opening(practice=request.practice, actor=actor(request), now=request.now)
    return redirect(f"dashboard:{READY}")


@requires(Operation.EDIT_PRACTICE, methods=("GET", "HEAD"))
def ready(request: DashboardRequest) -> HttpResponse:
    """Show the last screen: what is left, or the button that puts the site online, or the link to share."""
    if request.htmx:
        # The page that waits asks every two seconds; it is drawn again once a worker has answered.
        is_waiting = is_opening(now=request.now)
        return HttpResponse(status=204, headers={} if is_waiting else {"HX-Refresh": "true"})
    practitioner = _practitioner(request)
    done, preview = progress(), first_days_online(request, practitioner)
    is_live = state_of_site(request) == Tenant.State.LIVE
    context = {
        "address": request.build_absolute_uri("/"),
        "preview": preview,
        "progress": done,
        "steps": _steps(done, None),
        "left": len(done.missing) + (not preview["days"] and FirstDayStep.HOURS in done.done),
        "is_live": is_live,
        "is_opening": not is_live and is_opening(now=request.now),
        "offers_google": bool(settings.GOOGLE_CLIENT_ID),
    }
    return show(request, "first_day/ready", context, tab="first_day")


@requires(Operation.EDIT_PRACTICE, methods=("GET", "HEAD"))
def share_code(request: DashboardRequest) -> HttpResponse:
    """The QR code of the patients' page, drawn here."""
    answer = HttpResponse(
        svg_of(request.build_absolute_uri("/")), content_type="image/svg+xml; charset=utf-8"
    )
    if "telecharger" in parameters_of(request):
        answer["Content-Disposition"] = 'attachment; filename="rendez-vous-qr.svg"'
    return answer


def _model(request: DashboardRequest) -> ProfessionPreset:
    practice = request.practice
    return recognised(practice.profession, practice.kind) or OTHER


def _practitioner(request: DashboardRequest) -> Practitioner | None:
    """Return the practitioner of the user, else the first one."""
    own = [
        practitioner
        for practitioner in request.practitioners
        if practitioner.user_id == request.user.pk
    ]
    return next(iter([*own, *request.practitioners]), None)


def _first_week(practitioner: Practitioner) -> list[OpeningHours]:
    row = hours.opening_hours_of(practitioner).first()
    return hours.week_of(row) if row else []


def _legal_values(request: DashboardRequest) -> dict[str, Any]:
    return {name: getattr(request.practice, name) for name in LegalIdentityForm.ASKED}


def _legal_guesses(request: DashboardRequest) -> dict[str, Any]:
    """Return what is proposed where nothing is stored: the address of the place, the owner's own name."""
    practice, location = request.practice, catalogue.first_active_location()
    initial: dict[str, Any] = {}
    if location is not None and not practice.street:
        initial |= {
            "street": location.street,
            "postcode": location.postcode,
            "legal_town": location.town,
        }
    practitioner = _practitioner(request)
    if practitioner is not None and not practice.publication_director:
        initial["publication_director"] = practitioner.name
    return initial


def _place_guesses(request: DashboardRequest, location: Location | None) -> dict[str, Any]:
    """Return what is proposed where nothing is stored: the zone, and the address of the registered office."""
    initial: dict[str, Any] = {} if location else {"time_zone": request.zone.key}
    practice = request.practice
    if location is None or not location.street:
        known = {
            "street": practice.street,
            "postcode": practice.postcode,
            "town": practice.legal_town or practice.town,
        }
        initial |= {name: value for name, value in known.items() if value}
    return initial


def _after(step: FirstDayStep) -> HttpResponse:
    """Lead to the screen after this one."""
    return redirect(f"dashboard:{_following(step)}")


def _following(step: FirstDayStep) -> str:
    later = list(FirstDayStep)[list(FirstDayStep).index(step) + 1 :]
    return PAGES[later[0]] if later else READY


def _screen(
    request: DashboardRequest,
    step: FirstDayStep,
    context: dict[str, Any],
    *,
    fragment: bool = False,
) -> HttpResponse:
    form = context["form"]
    status = 200
    if form.is_bound and form.errors and not fragment:
        status = form.status if isinstance(form, EditForm) else 422
    template = TEMPLATES[step]
    if fragment and request.htmx:
        template = context["fragment"]
    done = progress()
    shared = {
        "progress": done,
        "steps": _steps(done, step),
        "number": list(FirstDayStep).index(step) + 1,
        "skip_to": reverse(f"dashboard:{_following(step)}"),
    }
    return show(request, template, {**shared, **context}, tab="first_day", status=status)


def _steps(done: Progress, here: FirstDayStep | None) -> list[dict[str, Any]]:
    return [
        {
            "label": step.label,
            "url": reverse(f"dashboard:{PAGES[step]}"),
            "is_done": step in done.done,
            "is_here": step is here,
        }
        for step in FirstDayStep
    ]
