"""Motifs and places (T5, T6)."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from booking.forms.dashboard.settings import MotifForm, PlaceForm
from booking.models import AppointmentType, Location
from booking.services import motifs as service
from booking.views.dashboard.access import DashboardRequest, actor, requires
from booking.views.dashboard.pages import show
from tenants.accounts.permissions import Operation

PER_PAGE = 50


@requires(Operation.EDIT_MOTIFS, methods=("GET", "HEAD"))
def motifs(request: DashboardRequest) -> HttpResponse:
    """List the motifs in the order that patients see, the archived ones last."""
    rows = AppointmentType.objects.prefetch_related("practitioners", "locations")
    ordered = rows.order_by("-is_active", "position", "id")
    page = Paginator(ordered, PER_PAGE).get_page(request.GET.get("page"))
    return show(request, "motifs", {"page": page}, tab="motifs")


@requires(Operation.EDIT_MOTIFS)
def edit_motif(request: DashboardRequest, ref: uuid.UUID | None = None) -> HttpResponse:
    """Create or change a motif."""
    motif = get_object_or_404(AppointmentType, ref=ref) if ref else None
    data = request.POST if request.method == "POST" else None
    form = MotifForm(data, initial=_motif_initial(motif))
    if form.is_valid():
        service.save_motif(
            motif=motif,
            values=form.values,
            practitioners=form.cleaned_data["practitioners"],
            locations=form.cleaned_data["locations"],
            actor=actor(request),
            now=request.now,
        )
        messages.success(request, _("Le motif est enregistré."))
        return redirect("dashboard:motifs")
    status = 422 if form.is_bound else 200
    return show(request, "motif", {"form": form, "motif": motif}, tab="motifs", status=status)


@requires(Operation.EDIT_MOTIFS, methods=("POST",))
def change_motif(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Move a motif up or down, archive it, or take it back."""
    motif = get_object_or_404(AppointmentType, ref=ref)
    act = request.POST.get("acte", "")
    if act in {"monter", "descendre"}:
        service.move_motif(motif=motif, up=act == "monter", actor=actor(request), now=request.now)
    elif act in {"archiver", "reprendre"}:
        service.set_motif_active(
            motif=motif, is_active=act == "reprendre", actor=actor(request), now=request.now
        )
        messages.success(request, _("C’est fait. Les rendez-vous déjà pris restent prévus."))
    return redirect("dashboard:motifs")


@requires(Operation.EDIT_PLACES, methods=("GET", "HEAD"))
def places(request: DashboardRequest) -> HttpResponse:
    """List the places."""
    ordered = Location.objects.order_by("-is_active", "position", "id")
    page = Paginator(ordered, PER_PAGE).get_page(request.GET.get("page"))
    return show(request, "places", {"page": page}, tab="places")


@requires(Operation.EDIT_PLACES)
def edit_place(request: DashboardRequest, ref: uuid.UUID | None = None) -> HttpResponse:
    """Create or change a place."""
    place = get_object_or_404(Location, ref=ref) if ref else None
    data = request.POST if request.method == "POST" else None
    form = PlaceForm(data, initial=place_initial(place, request))
    if form.is_valid():
        service.save_place(
            place=place, values=form.cleaned_data, actor=actor(request), now=request.now
        )
        messages.success(request, _("Le lieu est enregistré."))
        return redirect("dashboard:places")
    status = 422 if form.is_bound else 200
    return show(request, "place", {"form": form, "place": place}, tab="places", status=status)


@requires(Operation.EDIT_PLACES, methods=("POST",))
def change_place(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Archive a place, or take it back."""
    place = get_object_or_404(Location, ref=ref)
    is_active = request.POST.get("acte") == "reprendre"
    service.set_place_active(
        place=place, is_active=is_active, actor=actor(request), now=request.now
    )
    messages.success(request, _("C’est fait. Les rendez-vous déjà pris restent prévus."))
    return redirect("dashboard:places")


def _motif_initial(motif: AppointmentType | None) -> dict[str, Any]:
    if motif is None:
        return {}
    names = [name for name in MotifForm.base_fields if name not in {"practitioners", "locations"}]
    initial: dict[str, Any] = {name: getattr(motif, name) for name in names}
    initial["practitioners"] = [one.ref for one in motif.practitioners.all()]
    initial["locations"] = [one.ref for one in motif.locations.all()]
    return initial


def place_initial(place: Location | None, request: DashboardRequest) -> dict[str, Any]:
    """Return what the form of a place begins with; a new one is where the practice is."""
    if place is None:
        return {"time_zone": request.zone.key}
    initial = {name: getattr(place, name) for name in PlaceForm.base_fields}
    initial["served_postcodes"] = ", ".join(place.served_postcodes)
    return initial
