"""The desk's pages: the state of the house, clients, their spaces, what is done to them (A1, A2)."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.desk import cockpit as numbers
from compliance.desk import log, services
from compliance.desk.access import DeskRequest, staff_only
from compliance.desk.forms import OrderForm, SuspendForm
from compliance.desk.health import is_stale
from compliance.desk.kinds import CHECK, INVITE, SETTLE
from tenants.models import Health, Tenant
from tenants.outbox.models import OutboxEntry
from tenants.trail.services import actor_of

PER_PAGE = 50
MOVED_SHOWN = 20
HOUSE_ZONE = ZoneInfo("Europe/Paris")
"""lib-rdv works in Bidart."""


def _show(
    request: DeskRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
    tab: str = "clients",
) -> HttpResponse:
    with timezone.override(HOUSE_ZONE):
        return render(request, f"desk/{template}.html", {"tab": tab, **context}, status=status)


def _client(ref: uuid.UUID) -> Tenant:
    return get_object_or_404(Tenant, ref=ref)


@staff_only(methods=("GET", "HEAD"))
def cockpit(request: DeskRequest) -> HttpResponse:
    """Show the numbers of the house, who is in trouble, and what moved this week."""
    week = request.now - timedelta(days=7)
    context = {
        "tiles": numbers.tiles(now=request.now),
        "to_do": numbers.to_do(now=request.now),
        "moved": numbers.moved_since(week)[:MOVED_SHOWN],
        "now": request.now,
    }
    return _show(request, "cockpit", context, tab="cockpit")


@staff_only(methods=("GET", "HEAD"))
def clients(request: DeskRequest) -> HttpResponse:
    """List the clients, by page, with a search in names and addresses, a state and a trouble."""
    asked, state = (
        request.GET.get("q", "").replace("\x00", "").strip()[:80],
        request.GET.get("etat", ""),
    )
    trouble = request.GET.get("souci", "")
    found = Tenant.objects.select_related("health").prefetch_related("domains")
    if asked:
        found = found.filter(
            Q(name__icontains=asked)
            | Q(owner_name__icontains=asked)
            | Q(domains__domain__icontains=asked)
        ).distinct()
    if state in Tenant.State.values:
        found = found.filter(state=state)
    if trouble in numbers.TROUBLES:
        found = found.filter(numbers.in_trouble(trouble, now=request.now))
    page = Paginator(found.order_by("name", "id"), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [(one, numbers.troubles_of(one, now=request.now)) for one in page],
        "asked": asked,
        "state": state,
        "trouble": trouble,
        "states": Tenant.State.choices,
        "troubles": numbers.TROUBLES.items(),
    }
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
    tenant = get_object_or_404(Tenant.objects.select_related("health"), ref=ref)
    entries = OutboxEntry.objects.filter(kind__in=(SETTLE, CHECK, INVITE), object_id=tenant.pk)
    last = {entry.kind: entry for entry in entries.order_by("id")}
    known = services.known_checks(tenant)
    first = tenant.readiness.first()
    health: Health | None = getattr(tenant, "health", None)
    context = {
        "client": tenant,
        "host": tenant.domains.filter(is_primary=True).first(),
        "checks": known,
        "checked_at": first.checked_at if first else None,
        "is_ready": bool(known) and all(is_met for _label, is_met in known),
        "settling": last.get(SETTLE),
        "checking": last.get(CHECK),
        "inviting": last.get(INVITE),
        "health": health,
        "is_stale": is_stale(health, tenant, now=request.now),
        "is_served": tenant.state in Tenant.SERVED,
        "lines": log.lines(tenant),
    }
    return _show(request, "client", context)


@dataclass(frozen=True)
class _Act:
    """What can be asked of a client's space; ``warns`` is said before it is done."""

    service: Callable[..., None]
    said: Promise | str
    question: Promise | str = ""
    warns: Promise | str = ""
    button: Promise | str = ""


ACTS: Mapping[str, _Act] = {
    "verifier": _Act(services.look, gettext_lazy("Le relevé est demandé.")),
    "ouvrir": _Act(
        services.ask_to_open,
        gettext_lazy("La mise en ligne est demandée\u00a0: elle se fait si tout est en place."),
        gettext_lazy("Mettre ce site en ligne\u00a0?"),
        gettext_lazy(
            "Les conditions sont vérifiées de nouveau. Si toutes sont remplies, le site prend "
            "aussitôt des rendez-vous\u00a0; sinon rien ne change, et la fiche dit ce qui manque."
        ),
        gettext_lazy("Mettre en ligne"),
    ),
    "reprendre": _Act(
        services.resume,
        gettext_lazy("Le site prend de nouveau des rendez-vous."),
        gettext_lazy("Reprendre les rendez-vous\u00a0?"),
        gettext_lazy(
            "Le site prend de nouveau des rendez-vous tout de suite, et le titulaire reçoit un e-mail "
            "qui le lui dit. Le motif de la suspension n’est plus affiché."
        ),
        gettext_lazy("Reprendre les rendez-vous"),
    ),
    "preparer": _Act(
        services.settle_again,
        gettext_lazy("La préparation de l’espace recommence."),
        gettext_lazy("Recommencer la préparation\u00a0?"),
        gettext_lazy(
            "Ce qui manque est créé\u00a0: clé, cabinet, lieu, agenda, invitation. Ce qui existe ne "
            "change pas, et une invitation déjà partie n’est pas envoyée de nouveau."
        ),
        gettext_lazy("Recommencer la préparation"),
    ),
    "renvoyer": _Act(
        services.invite_again,
        gettext_lazy("Un nouveau lien part. L’ancien ne sert plus."),
        gettext_lazy("Envoyer un nouveau lien au titulaire\u00a0?"),
        gettext_lazy(
            "Un lien valable sept jours part à l’adresse de la commande. Celui d’avant ne sert plus. "
            "Si le titulaire a déjà ouvert son compte, rien ne part."
        ),
        gettext_lazy("Envoyer un nouveau lien"),
    ),
    "retirer": _Act(
        services.withdraw_invitation,
        gettext_lazy("Le retrait est demandé. Le lien ne servira plus."),
        gettext_lazy("Retirer l’invitation du titulaire\u00a0?"),
        gettext_lazy(
            "Le lien déjà envoyé n’ouvre plus rien. Personne n’est prévenu. Vous pourrez en envoyer un "
            "autre. Un compte déjà ouvert le reste."
        ),
        gettext_lazy("Retirer l’invitation"),
    ),
}


@staff_only(methods=("GET", "HEAD"))
def ask(request: DeskRequest, ref: uuid.UUID, name: str) -> HttpResponse:
    """Say what an act will do, before it is done."""
    asked = ACTS.get(name)
    if asked is None or not asked.question:
        raise Http404
    return _show(request, "ask", {"client": _client(ref), "act": asked, "name": name})


@staff_only(methods=("POST",))
def act(request: DeskRequest, ref: uuid.UUID) -> HttpResponse:
    """Do what was asked: look, open, resume, furnish again, invite again, withdraw."""
    tenant = _client(ref)
    chosen = ACTS.get(request.POST.get("acte", ""))
    if chosen is None:
        messages.error(request, _("Choisissez une action de la page."))
        return redirect("desk:client", ref=ref)
    try:
        chosen.service(tenant=tenant, actor=actor_of(request.user.pk), now=request.now)
    except services.WrongStateError:
        messages.error(request, _("Ce n’est pas possible dans l’état actuel de l’espace."))
    else:
        messages.success(request, str(chosen.said))
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
