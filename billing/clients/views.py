"""Staff pages of clients: the list, the order, a client's sheet, and the actions on it (A2)."""

import uuid
from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from billing.clients import queries, services, troubles
from billing.clients.actions import ACTIONS
from billing.clients.forms import OrderCorrectionForm, OrderForm, SuspendForm
from tenants.audit.services import actor_of
from tenants.desk import client_sheet
from tenants.desk.access import StaffRequest, staff_only
from tenants.desk.client_sheet import SheetColumn
from tenants.desk.fragments import Fragment
from tenants.desk.pages import render_page
from tenants.desk.search import search_text
from tenants.models import Tenant
from tenants.query_parameters import parameters_of

TAB = "clients"


@staff_only(methods=("GET", "HEAD"))
def list_clients(request: StaffRequest) -> HttpResponse:
    """Show a page of the clients, filtered by a text, a state and a trouble."""
    chosen = queries.ClientFilter(
        text=search_text(parameters_of(request).get("q", "")),
        state=parameters_of(request).get("etat", ""),
        trouble=parameters_of(request).get("souci", ""),
    )
    page = queries.client_page(
        chosen=chosen, number=parameters_of(request).get("page"), now=request.now
    )
    context = {
        "page": page,
        "rows": queries.rows_of(page, now=request.now),
        "chosen": chosen,
        "states": Tenant.State.choices,
        "troubles": troubles.LABELS.items(),
    }
    return render_page(request, "clients/list.html", context, tab=TAB)


@staff_only()
def order_client(request: StaffRequest) -> HttpResponse:
    """Show the form of an order, or order a tenant."""
    form = OrderForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            tenant = services.order_tenant(
                order=form.order, actor=actor_of(request.user.pk), now=request.now
            )
        except services.NameTakenError:
            form.add_error("subdomain", _("Un autre client répond déjà à ce nom."))
        else:
            messages.success(request, _("C’est commandé. L’espace se construit."))
            return redirect("clients:sheet", ref=tenant.ref)
    status = 422 if form.is_bound else 200
    return render_page(request, "clients/order.html", {"form": form}, tab=TAB, status=status)


@staff_only(methods=("GET", "HEAD"))
def show_sheet(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Show the sheet of a client: its registered sections, without data of patients."""
    client = _client(ref)
    context = {
        "client": client,
        "host": queries.primary_domain(client),
        "main": _sections(client, SheetColumn.MAIN, request.now),
        "side": _sections(client, SheetColumn.SIDE, request.now),
    }
    return render_page(request, "clients/sheet.html", context, tab=TAB)


@staff_only()
def correct_order(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Show the names of a practice and its owner's address, or correct them."""
    client = _client(ref)
    form = OrderCorrectionForm(
        request.POST if request.method == "POST" else None,
        subject=client,
        stored=lambda: {
            "practice_name": client.name,
            "owner_name": client.owner_name,
            "owner_email": client.owner_email,
        },
    )
    if form.is_valid():
        services.correct_order(
            tenant=client,
            correction=form.correction,
            actor=actor_of(request.user.pk),
            now=request.now,
        )
        messages.success(request, _("C’est corrigé."))
        return redirect("clients:sheet", ref=ref)
    context = {"client": client, "form": form}
    return render_page(request, "clients/correct.html", context, tab=TAB, status=form.status)


@staff_only(methods=("GET", "HEAD"))
def confirm_action(request: StaffRequest, ref: uuid.UUID, name: str) -> HttpResponse:
    """Show what an action will do, with the button that does it; 404 for an action without a question."""
    action = ACTIONS.get(name)
    if action is None or not action.question:
        raise Http404
    context = {"client": _client(ref), "action": action, "name": name}
    return render_page(request, "clients/confirm.html", context, tab=TAB)


@staff_only(methods=("POST",))
def run_action(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Call the service of the action that was posted, and return to the sheet."""
    client = _client(ref)
    action = ACTIONS.get(request.POST.get("action", ""))
    if action is None:
        messages.error(request, _("Choisissez une action de la page."))
        return redirect("clients:sheet", ref=ref)
    try:
        action.service(tenant=client, actor=actor_of(request.user.pk), now=request.now)
    except services.WrongStateError:
        messages.error(request, _("Ce n’est pas possible dans l’état actuel de l’espace."))
    else:
        messages.success(request, str(action.success))
    return redirect("clients:sheet", ref=ref)


@staff_only()
def suspend_client(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Show the form that asks for a reason, or suspend the client."""
    client = _client(ref)
    form = SuspendForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            services.suspend(
                tenant=client,
                reason=form.cleaned_data["reason"],
                actor=actor_of(request.user.pk),
                now=request.now,
            )
        except services.WrongStateError:
            messages.error(request, _("Ce n’est pas possible dans l’état actuel de l’espace."))
        else:
            messages.success(request, _("Le site est suspendu."))
        return redirect("clients:sheet", ref=ref)
    context = {"client": client, "form": form}
    status = 422 if form.is_bound else 200
    return render_page(request, "clients/suspend.html", context, tab=TAB, status=status)


def _client(ref: uuid.UUID) -> Tenant:
    client = queries.find_client(ref)
    if client is None:
        raise Http404
    return client


def _sections(client: Tenant, column: SheetColumn, now: datetime) -> list[Fragment]:
    return client_sheet.sections(tenant=client, column=column, now=now)
