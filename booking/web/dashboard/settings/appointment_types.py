"""Appointment types and places (T5, T6)."""

import uuid
from contextlib import suppress
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from booking.models import AppointmentType, Location
from booking.patients import form_versions
from booking.practice import appointment_types as service
from booking.practice import locations, ordered_rows
from booking.practice.presets import (
    OTHER,
    PRESETS,
    AppointmentTypePreset,
    ProfessionPreset,
    by_key,
    recognised,
)
from booking.scheduling import catalogue
from booking.web.dashboard.access import (
    DashboardRequest,
    actor,
    requires,
)
from booking.web.dashboard.hours.preview import first_days
from booking.web.dashboard.pages import show
from booking.web.dashboard.settings.first_day_forms import PresetsForm
from booking.web.dashboard.settings.forms import AppointmentTypeForm, PlaceForm
from booking.web.rule_sentences import (
    appointment_type_sentences,
    length,
    place_in_words,
)
from tenants.accounts.permissions import Operation
from tenants.query_parameters import parameters_of

PER_PAGE = 50


@requires(Operation.EDIT_APPOINTMENT_TYPES, methods=("GET", "HEAD"))
def appointment_types(request: DashboardRequest) -> HttpResponse:
    """List the appointment types in the order that patients see, the archived ones last."""
    page = Paginator(service.all_appointment_types(), PER_PAGE).get_page(
        parameters_of(request).get("page")
    )
    used = service.used_appointment_types(list(page))
    context = {"page": page, "rows": [(row, _summary(row), row.pk in used) for row in page]}
    return show(request, "settings/appointment_types", context, tab="appointment_types")


@requires(Operation.EDIT_APPOINTMENT_TYPES)
def edit_appointment_type(request: DashboardRequest, ref: uuid.UUID | None = None) -> HttpResponse:
    """Create or change an appointment type; a sentence beside each rule explains its effect."""
    appointment_type = get_object_or_404(AppointmentType, ref=ref) if ref else None
    data = request.POST if request.method == "POST" else None
    only_says = request.POST.get("action") == "preview"
    form = AppointmentTypeForm(
        data,
        subject=appointment_type,
        stored=partial(_appointment_type_values, appointment_type) if appointment_type else None,
        initial={} if appointment_type else _new_appointment_type(),
        of=appointment_type,
    )
    if not only_says and form.is_valid():
        service.save_appointment_type(
            appointment_type=appointment_type,
            values=form.values,
            practitioners=form.cleaned_data["practitioners"],
            locations=form.cleaned_data["locations"],
            actor=actor(request),
            now=request.now,
        )
        messages.success(request, _("Le motif est enregistré."))
        return redirect("dashboard:appointment_types")
    values = form.read()
    context = {
        "form": form,
        "appointment_type": appointment_type,
        "drawn": form.said_by(appointment_type_sentences(values, today=request.today)),
        "preview": _preview(request, appointment_type, values),
    }
    return _show_said(
        request, "settings/appointment_type", context, tab="appointment_types", only_says=only_says
    )


@requires(Operation.EDIT_APPOINTMENT_TYPES, methods=("POST",))
def change_appointment_type(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Move an appointment type up or down, archive, restore or delete it (only an unused one)."""
    appointment_type = get_object_or_404(AppointmentType, ref=ref)
    _order_or_archive(request, appointment_type)
    if request.POST.get("action") == "delete":
        try:
            service.delete_appointment_type(
                appointment_type=appointment_type, actor=actor(request), now=request.now
            )
        except ordered_rows.StillUsed:
            messages.error(request, _("Ce motif a déjà servi\u00a0: archivez-le."))
        else:
            messages.success(request, _("Ce motif est supprimé."))
    return redirect("dashboard:appointment_types")


@requires(Operation.EDIT_APPOINTMENT_TYPES, methods=("POST",))
def order_appointment_types(request: DashboardRequest) -> HttpResponse:
    """Take the order in which the list was left."""
    ordered_rows.order_rows(
        AppointmentType, refs=_order_sent(request), actor=actor(request), now=request.now
    )
    messages.success(request, _("L’ordre est enregistré."))
    return redirect("dashboard:appointment_types")


@requires(Operation.EDIT_APPOINTMENT_TYPES)
def templates(request: DashboardRequest) -> HttpResponse:
    """Begin with the ready appointment types of a profession, those of the practice first."""
    practice = request.practice
    asked = by_key(parameters_of(request).get("profession", ""))
    model = asked or recognised(practice.profession, practice.kind) or OTHER
    form = PresetsForm(
        request.POST if request.method == "POST" else None,
        templates=fitting(model),
        is_first=False,
    )
    if form.is_valid():
        made = service.add_from_templates(
            chosen=form.chosen,
            practitioners=request.practitioners,
            actor=actor(request),
            now=request.now,
        )
        messages.success(
            request,
            ngettext("%(n)s motif est ajouté.", "%(n)s motifs sont ajoutés.", len(made))
            % {"n": len(made)},
        )
        return redirect("dashboard:appointment_types")
    context = {"form": form, "model": model, "models": PRESETS}
    status = 422 if form.is_bound else 200
    return show(
        request,
        "settings/appointment_type_presets",
        context,
        tab="appointment_types",
        status=status,
    )


@requires(Operation.EDIT_PLACES, methods=("GET", "HEAD"))
def places(request: DashboardRequest) -> HttpResponse:
    """List the places in the order that patients see, the archived ones last."""
    page = Paginator(ordered_rows.archived_last(Location), PER_PAGE).get_page(
        parameters_of(request).get("page")
    )
    used = locations.used_places(list(page))
    context = {
        "page": page,
        "rows": [(place, place.pk in used) for place in page],
        "lacks_address": form_versions.lacks_address(),
    }
    return show(request, "settings/places", context, tab="appointment_types")


@requires(Operation.EDIT_PRACTICE, methods=("POST",))
def ask_address(request: DashboardRequest) -> HttpResponse:
    """Add the patient's address to the form; the form and the privacy notice change together (B-14, C-05)."""
    form_versions.ask_address(actor=actor(request), now=request.now)
    messages.success(request, _("L’adresse est demandée pour les visites à domicile."))
    return redirect("dashboard:places")


@requires(Operation.EDIT_PLACES)
def edit_place(request: DashboardRequest, ref: uuid.UUID | None = None) -> HttpResponse:
    """Create or change a place; a sentence beside each rule explains its effect."""
    place = get_object_or_404(Location, ref=ref) if ref else None
    data = request.POST if request.method == "POST" else None
    only_says = request.POST.get("action") == "preview"
    form = PlaceForm(
        data,
        subject=place,
        stored=partial(place_values, place) if place else None,
        initial={} if place else {"time_zone": request.zone.key},
    )
    if not only_says and form.is_valid():
        locations.save_place(place=place, values=form.values, actor=actor(request), now=request.now)
        messages.success(request, _("Le lieu est enregistré."))
        return redirect("dashboard:places")
    drawn = form.said_by(place_in_words(form.read(), now=request.now))
    context = {"form": form, "place": place, "drawn": drawn}
    return _show_said(
        request, "settings/place", context, tab="appointment_types", only_says=only_says
    )


@requires(Operation.EDIT_PLACES, methods=("POST",))
def change_place(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Move a place up or down, archive it, take it back, or delete it while it holds nothing."""
    place = get_object_or_404(Location, ref=ref)
    _order_or_archive(request, place)
    if request.POST.get("action") == "delete":
        try:
            ordered_rows.delete_row(row=place, actor=actor(request), now=request.now)
        except ordered_rows.StillUsed:
            messages.error(request, _("Des rendez-vous ont lieu ici\u00a0: archivez ce lieu."))
        else:
            messages.success(request, _("Ce lieu est supprimé, avec ses horaires."))
    return redirect("dashboard:places")


@requires(Operation.EDIT_PLACES, methods=("POST",))
def order_places(request: DashboardRequest) -> HttpResponse:
    """Take the order in which the list was left."""
    ordered_rows.order_rows(
        Location, refs=_order_sent(request), actor=actor(request), now=request.now
    )
    messages.success(request, _("L’ordre est enregistré."))
    return redirect("dashboard:places")


def _order_or_archive(request: DashboardRequest, row: ordered_rows.OrderedRow) -> None:
    """Move a row up or down, archive it or restore it, according to the pressed button."""
    action = request.POST.get("action", "")
    if action in {"up", "down"}:
        ordered_rows.move_row(row=row, up=action == "up", actor=actor(request), now=request.now)
    elif action in {"archive", "restore"}:
        ordered_rows.set_active(
            row=row, is_active=action == "restore", actor=actor(request), now=request.now
        )
        messages.success(request, _("C’est fait. Les rendez-vous déjà pris restent prévus."))


def fitting(model: ProfessionPreset) -> list[AppointmentTypePreset]:
    """Return the appointment types of a model for which the practice has a place."""
    kinds = catalogue.active_location_kinds()
    return [
        appointment_type
        for appointment_type in model.appointment_types
        if appointment_type.place in kinds
    ] or list(model.appointment_types[:1])


def _show_said(
    request: DashboardRequest,
    template: str,
    context: dict[str, Any],
    *,
    tab: str,
    only_says: bool,
) -> HttpResponse:
    """Draw a form with its rule sentences; for htmx requests while typing, the sentences only."""
    if only_says and request.htmx:
        return show(request, "settings/rule_sentences", {"preview": None, **context}, tab=tab)
    status = 200 if only_says else context["form"].status
    return show(request, template, context, tab=tab, status=status)


def _order_sent(request: DashboardRequest) -> list[uuid.UUID]:
    """Return the refs of a reordered list; invalid ones are left out."""
    refs = []
    for sent in request.POST.getlist("order"):
        with suppress(ValueError):
            refs.append(uuid.UUID(sent))
    return refs


def _summary(appointment_type: AppointmentType) -> str:
    """Return the rules of an appointment type in one line."""
    parts = [f"{appointment_type.duration_min}\u00a0min"]
    margins = appointment_type.buffer_before_min + appointment_type.buffer_after_min
    if margins:
        parts.append(_("et %(said)s de marge") % {"said": length(margins)})
    if appointment_type.min_notice_min:
        parts.append(
            _("jusqu’à %(said)s avant") % {"said": length(appointment_type.min_notice_min)}
        )
    if appointment_type.price_text:
        parts.append(appointment_type.price_text)
    return ", ".join(parts)


def _preview(
    request: DashboardRequest, appointment_type: AppointmentType | None, values: dict[str, Any]
) -> dict[str, Any] | None:
    """Return the first hours that patients would be offered with these rules; None while one is wrong."""
    practitioners = list(values.get("practitioners") or ())
    locations = list(values.get("locations") or ())
    needed = ("duration_min", "buffer_before_min", "buffer_after_min", "step_min")
    if (
        not practitioners
        or not locations
        or any(name not in values for name in (*needed, *_LIMITS))
    ):
        return None
    columns = {name: values[name] for name in (*needed, *_LIMITS)}
    draft = AppointmentType(pk=appointment_type.pk if appointment_type else None, **columns)
    days, count = first_days(
        request, appointment_type=draft, practitioner=practitioners[0], place=locations[0]
    )
    return {"appointment_type": draft, "days": days, "count": count}


_LIMITS = ("min_notice_min", "horizon_days")


def _new_appointment_type() -> dict[str, Any]:
    """Return the initial values of a new type: the only agenda and the only place are chosen beforehand."""
    only = {
        "practitioners": catalogue.only_refs(catalogue.active_practitioners()),
        "locations": catalogue.only_refs(catalogue.active_locations()),
    }
    return {name: refs for name, refs in only.items() if refs}


def _appointment_type_values(appointment_type: AppointmentType) -> dict[str, Any]:
    names = [
        name
        for name in AppointmentTypeForm.base_fields
        if name not in {"practitioners", "locations"}
    ]
    initial: dict[str, Any] = {name: getattr(appointment_type, name) for name in names}
    initial["practitioners"] = [
        practitioner.ref for practitioner in appointment_type.practitioners.all()
    ]
    initial["locations"] = [location.ref for location in appointment_type.locations.all()]
    return initial


def place_values(place: Location) -> dict[str, Any]:
    """Return the stored values of a place, as its form shows them."""
    initial = {name: getattr(place, name) for name in PlaceForm.base_fields}
    initial["served_postcodes"] = ", ".join(place.served_postcodes)
    return initial
