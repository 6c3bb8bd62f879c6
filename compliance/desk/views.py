"""The desk's pages: clients, their spaces, opening and suspending them (A2)."""

import uuid
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.desk import services
from compliance.desk.access import DeskRequest, staff_only
from compliance.desk.forms import OrderForm, SuspendForm
from compliance.desk.kinds import CHECK, SETTLE
from tenants.models import Tenant
from tenants.outbox.models import OutboxEntry
from tenants.trail.services import actor_of

PER_PAGE = 50
HOUSE_ZONE = ZoneInfo("Europe/Paris")
"""lib-rdv works in Bidart."""


def _show(
    request: DeskRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    with timezone.override(HOUSE_ZONE):
        return render(request, f"desk/{template}.html", context, status=status)


def _client(ref: uuid.UUID) -> Tenant:
    return get_object_or_404(Tenant, ref=ref)


@staff_only(methods=("GET", "HEAD"))
def clients(request: DeskRequest) -> HttpResponse:
    """List the clients, by page, with a search in names and addresses and a state."""
    asked, state = request.GET.get("q", "").strip()[:80], request.GET.get("etat", "")
    found = Tenant.objects.prefetch_related("domains")
    if asked:
        found = found.filter(
            Q(name__icontains=asked)
            | Q(owner_name__icontains=asked)
            | Q(domains__domain__icontains=asked)
        ).distinct()
    if state in Tenant.State.values:
        found = found.filter(state=state)
    page = Paginator(found.order_by("name", "id"), PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "asked": asked, "state": state, "states": Tenant.State.choices}
    return _show(request, "clients", context)


@staff_only()
def order(request: DeskRequest) -> HttpResponse:
    """Create a practice with its owner."""
    form = OrderForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            tenant = services.order(
                ordered=form.ordered, actor=actor_of(request.user.pk), now=request.now
            )
        except services.NameTakenError:
            form.add_error("subdomain", _("Un autre client répond déjà à ce nom."))
        else:
            messages.success(request, _("C’est commandé. L’espace se construit."))
            return redirect("desk:client", ref=tenant.ref)
    return _show(request, "order", {"form": form}, status=422 if form.is_bound else 200)


@staff_only(methods=("GET", "HEAD"))
def client(request: DeskRequest, ref: uuid.UUID) -> HttpResponse:
    """Show where a client's space stands and what it still needs. No patient's data: none is here."""
    tenant = _client(ref)
    entries = OutboxEntry.objects.filter(kind__in=(SETTLE, CHECK), object_id=tenant.pk)
    last = {entry.kind: entry for entry in entries.order_by("id")}
    known = services.known_checks(tenant)
    first = tenant.readiness.first()
    context = {
        "client": tenant,
        "host": tenant.domains.filter(is_primary=True).first(),
        "checks": known,
        "checked_at": first.checked_at if first else None,
        "is_ready": bool(known) and all(is_met for _label, is_met in known),
        "settling": last.get(SETTLE),
        "checking": last.get(CHECK),
        "suspend_form": SuspendForm(),
    }
    return _show(request, "client", context)


@staff_only(methods=("POST",))
def act(request: DeskRequest, ref: uuid.UUID) -> HttpResponse:
    """Look at the checks, open, resume, or furnish again."""
    tenant = _client(ref)
    actor, now = actor_of(request.user.pk), request.now
    acts = {
        "verifier": (services.look, _("La vérification est demandée.")),
        "ouvrir": (
            services.ask_to_open,
            _("La mise en ligne est demandée\u00a0: elle se fait si tout est en place."),
        ),
        "reprendre": (services.resume, _("Le site prend de nouveau des rendez-vous.")),
        "preparer": (services.settle_again, _("La préparation de l’espace recommence.")),
    }
    chosen = acts.get(request.POST.get("acte", ""))
    if chosen is None:
        messages.error(request, _("Choisissez une action de la page."))
        return redirect("desk:client", ref=ref)
    service, said = chosen
    try:
        service(tenant=tenant, actor=actor, now=now)
    except services.WrongStateError:
        messages.error(request, _("Ce n’est pas possible dans l’état actuel de l’espace."))
    else:
        messages.success(request, said)
    return redirect("desk:client", ref=ref)


@staff_only()
def suspend(request: DeskRequest, ref: uuid.UUID) -> HttpResponse:
    """Ask once, with a reason; then stop new bookings."""
    tenant = _client(ref)
    form = SuspendForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            services.suspend(
                tenant=tenant,
                reason=form.cleaned_data["reason"],
                actor=actor_of(request.user.pk),
                now=request.now,
            )
        except services.WrongStateError:
            messages.error(request, _("Ce n’est pas possible dans l’état actuel de l’espace."))
        else:
            messages.success(request, _("Le site est suspendu."))
        return redirect("desk:client", ref=ref)
    context = {"client": tenant, "form": form}
    return _show(request, "suspend", context, status=422 if form.is_bound else 200)
