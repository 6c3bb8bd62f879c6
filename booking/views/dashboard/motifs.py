"""Motifs and places (T5, T6)."""

import uuid
from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from booking.beginnings import BEGINNINGS, OTHER, Beginning, MotifTemplate, by_key, recognised
from booking.forms.dashboard.first_day import MotifTemplatesForm
from booking.forms.dashboard.settings import MotifForm, PlaceForm
from booking.models import AppointmentType, Location, Practitioner
from booking.rules_in_words import length, motif_in_words, place_in_words
from booking.services import form_versions
from booking.services import motifs as service
from booking.views.dashboard.access import DashboardRequest, actor, requires
from booking.views.dashboard.pages import show
from booking.views.dashboard.preview import first_days
from tenants.accounts.permissions import Operation

PER_PAGE = 50


@requires(Operation.EDIT_MOTIFS, methods=("GET", "HEAD"))
def motifs(request: DashboardRequest) -> HttpResponse:
    """List the motifs in the order that patients see, the archived ones last."""
    rows = AppointmentType.objects.prefetch_related("practitioners", "locations")
    ordered = rows.order_by("-is_active", "position", "id")
    page = Paginator(ordered, PER_PAGE).get_page(request.GET.get("page"))
    used = service.used_motifs(list(page))
    context = {"page": page, "rows": [(one, _summary(one), one.pk in used) for one in page]}
    return show(request, "motifs", context, tab="motifs")


@requires(Operation.EDIT_MOTIFS)
def edit_motif(request: DashboardRequest, ref: uuid.UUID | None = None) -> HttpResponse:
    """Create or change a motif; each rule says beside it what it does."""
    motif = get_object_or_404(AppointmentType, ref=ref) if ref else None
    data = request.POST if request.method == "POST" else None
    only_says = request.POST.get("acte") == "apercu"
    form = MotifForm(data, initial=_motif_initial(motif))
    if not only_says and form.is_valid():
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
    held = form.read()
    context = {
        "form": form,
        "motif": motif,
        "drawn": form.said_by(motif_in_words(held, today=request.today)),
        "preview": _preview(request, motif, held),
    }
    return _show_said(request, "motif", context, tab="motifs", only_says=only_says)


@requires(Operation.EDIT_MOTIFS, methods=("POST",))
def change_motif(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Move a motif up or down, archive it, take it back, or delete it when it never served."""
    motif = get_object_or_404(AppointmentType, ref=ref)
    act = request.POST.get("acte", "")
    who, now = actor(request), request.now
    if act in {"monter", "descendre"}:
        service.move_motif(motif=motif, up=act == "monter", actor=who, now=now)
    elif act in {"archiver", "reprendre"}:
        service.set_motif_active(motif=motif, is_active=act == "reprendre", actor=who, now=now)
        messages.success(request, _("C’est fait. Les rendez-vous déjà pris restent prévus."))
    elif act == "supprimer":
        try:
            service.delete_motif(motif=motif, actor=who, now=now)
        except service.StillUsed:
            messages.error(request, _("Ce motif a déjà servi\u00a0: archivez-le."))
        else:
            messages.success(request, _("Ce motif est supprimé."))
    return redirect("dashboard:motifs")


@requires(Operation.EDIT_MOTIFS, methods=("POST",))
def order_motifs(request: DashboardRequest) -> HttpResponse:
    """Take the order in which the list was left."""
    service.order_motifs(refs=_order_sent(request), actor=actor(request), now=request.now)
    messages.success(request, _("L’ordre est enregistré."))
    return redirect("dashboard:motifs")


@requires(Operation.EDIT_MOTIFS)
def templates(request: DashboardRequest) -> HttpResponse:
    """Begin with the ready motifs of a profession, those of the practice first."""
    practice = request.practice
    asked = by_key(request.GET.get("profession", ""))
    model = asked or recognised(practice.profession, practice.kind) or OTHER
    form = MotifTemplatesForm(
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
        return redirect("dashboard:motifs")
    context = {"form": form, "model": model, "models": BEGINNINGS}
    status = 422 if form.is_bound else 200
    return show(request, "motif_templates", context, tab="motifs", status=status)


@requires(Operation.EDIT_PLACES, methods=("GET", "HEAD"))
def places(request: DashboardRequest) -> HttpResponse:
    """List the places in the order that patients see, the archived ones last."""
    ordered = Location.objects.order_by("-is_active", "position", "id")
    page = Paginator(ordered, PER_PAGE).get_page(request.GET.get("page"))
    used = service.used_places(list(page))
    context = {
        "page": page,
        "rows": [(one, one.pk in used) for one in page],
        "lacks_address": form_versions.lacks_address(),
    }
    return show(request, "places", context, tab="motifs")


@requires(Operation.EDIT_PRACTICE, methods=("POST",))
def ask_address(request: DashboardRequest) -> HttpResponse:
    """Have patients asked where to go: their form and its notice change together (B-14, C-05)."""
    form_versions.ask_address(actor=actor(request), now=request.now)
    messages.success(request, _("L’adresse est demandée pour les visites à domicile."))
    return redirect("dashboard:places")


@requires(Operation.EDIT_PLACES)
def edit_place(request: DashboardRequest, ref: uuid.UUID | None = None) -> HttpResponse:
    """Create or change a place; each rule says beside it what it does."""
    place = get_object_or_404(Location, ref=ref) if ref else None
    data = request.POST if request.method == "POST" else None
    only_says = request.POST.get("acte") == "apercu"
    form = PlaceForm(data, initial=place_initial(place, request))
    if not only_says and form.is_valid():
        service.save_place(
            place=place, values=form.cleaned_data, actor=actor(request), now=request.now
        )
        messages.success(request, _("Le lieu est enregistré."))
        return redirect("dashboard:places")
    drawn = form.said_by(place_in_words(form.read(), now=request.now))
    context = {"form": form, "place": place, "drawn": drawn}
    return _show_said(request, "place", context, tab="motifs", only_says=only_says)


@requires(Operation.EDIT_PLACES, methods=("POST",))
def change_place(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Move a place up or down, archive it, take it back, or delete it while it holds nothing."""
    place = get_object_or_404(Location, ref=ref)
    act = request.POST.get("acte", "")
    who, now = actor(request), request.now
    if act in {"monter", "descendre"}:
        service.move_place(place=place, up=act == "monter", actor=who, now=now)
    elif act in {"archiver", "reprendre"}:
        service.set_place_active(place=place, is_active=act == "reprendre", actor=who, now=now)
        messages.success(request, _("C’est fait. Les rendez-vous déjà pris restent prévus."))
    elif act == "supprimer":
        try:
            service.delete_place(place=place, actor=who, now=now)
        except service.StillUsed:
            messages.error(request, _("Des rendez-vous ont lieu ici\u00a0: archivez ce lieu."))
        else:
            messages.success(request, _("Ce lieu est supprimé, avec ses horaires."))
    return redirect("dashboard:places")


@requires(Operation.EDIT_PLACES, methods=("POST",))
def order_places(request: DashboardRequest) -> HttpResponse:
    """Take the order in which the list was left."""
    service.order_places(refs=_order_sent(request), actor=actor(request), now=request.now)
    messages.success(request, _("L’ordre est enregistré."))
    return redirect("dashboard:places")


def fitting(model: Beginning) -> list[MotifTemplate]:
    """Return the motifs of a model for which the practice has a place."""
    kinds = set(Location.objects.filter(is_active=True).values_list("kind", flat=True))
    return [one for one in model.motifs if one.place in kinds] or list(model.motifs[:1])


def _show_said(
    request: DashboardRequest,
    template: str,
    context: dict[str, Any],
    *,
    tab: str,
    only_says: bool,
) -> HttpResponse:
    """Draw a form with its sentences; while somebody types, the sentences only."""
    if only_says and request.htmx:
        return show(request, "said", {"preview": None, **context}, tab=tab)
    status = 422 if context["form"].is_bound and not only_says else 200
    return show(request, template, context, tab=tab, status=status)


def _order_sent(request: DashboardRequest) -> list[uuid.UUID]:
    """Return the refs of a dragged list, without what is none."""
    refs = []
    for sent in request.POST.getlist("ordre"):
        with suppress(ValueError):
            refs.append(uuid.UUID(sent))
    return refs


def _summary(motif: AppointmentType) -> str:
    """Return the rules of a motif in one line."""
    said = [f"{motif.duration_min}\u00a0min"]
    margins = motif.buffer_before_min + motif.buffer_after_min
    if margins:
        said.append(_("et %(said)s de marge") % {"said": length(margins)})
    if motif.min_notice_min:
        said.append(_("jusqu’à %(said)s avant") % {"said": length(motif.min_notice_min)})
    if motif.price_text:
        said.append(motif.price_text)
    return ", ".join(said)


def _preview(
    request: DashboardRequest, motif: AppointmentType | None, held: dict[str, Any]
) -> dict[str, Any] | None:
    """Return the first hours that patients would be offered with these rules; None while one is wrong."""
    people, where = list(held.get("practitioners") or ()), list(held.get("locations") or ())
    needed = ("duration_min", "buffer_before_min", "buffer_after_min", "step_min")
    if not people or not where or any(name not in held for name in (*needed, *_LIMITS)):
        return None
    columns = {name: held[name] for name in (*needed, *_LIMITS)}
    draft = AppointmentType(pk=motif.pk if motif else None, **columns)
    days, count = first_days(request, motif=draft, who=people[0], place=where[0])
    return {"motif": draft, "days": days, "count": count}


_LIMITS = ("min_notice_min", "horizon_days")


def _motif_initial(motif: AppointmentType | None) -> dict[str, Any]:
    if motif is None:
        known: dict[str, Any] = {
            "practitioners": Practitioner.objects.filter(is_active=True),
            "locations": Location.objects.filter(is_active=True),
        }
        # The only agenda and the only place are not asked for.
        found = {name: list(rows.values_list("ref", flat=True)[:2]) for name, rows in known.items()}
        return {name: refs for name, refs in found.items() if len(refs) == 1}
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
