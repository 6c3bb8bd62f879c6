"""Staff pages of orders: make, read, send, end (A2)."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from billing.catalogue.queries import product_rows
from billing.clients.files.queries import find_file
from billing.clients.models import Client
from billing.orders import queries, services
from billing.orders.forms import NewOrderForm
from billing.orders.handlers import amounts_of
from billing.orders.models import Order, OrderFile
from billing.orders.offer import day_in_paris, offer
from billing.orders.order_page import draw_order
from billing.orders.order_snapshot import OrderSnapshot, from_json
from billing.orders.seller import SellerUnknown
from billing.vat import VatUndecided
from tenants.audit.services import actor_of
from tenants.desk.access import StaffRequest, staff_only
from tenants.desk.pages import render_page

TAB = "files"


@staff_only()
def add_order(request: StaffRequest, client_ref: uuid.UUID) -> HttpResponse:
    """Show the form of a new order, or make its draft."""
    client = _client(client_ref)
    form = NewOrderForm(
        request.POST if request.method == "POST" else None,
        client=client,
        rows=product_rows(on=day_in_paris(request.now)),
        initial={"signatory_email": client.email, "signatory_name": client.legal_name},
    )
    if form.is_valid():
        order = services.draft_order(
            client=client,
            choices=form.choices,
            terms=form.terms,
            actor=actor_of(request.user.pk),
            now=request.now,
        )
        messages.success(
            request, _("Le bon de commande est prêt\u00a0: relisez-le, puis envoyez-le.")
        )
        return redirect("orders:order", ref=order.ref)
    context = {"client": client, "form": form}
    status = 422 if form.is_bound else 200
    return render_page(request, "orders/new.html", context, tab=TAB, status=status)


@staff_only(methods=("GET", "HEAD"))
def show_order(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Show an order with its totals incl. VAT, and what staff may do."""
    order = _order(ref)
    context: dict[str, Any] = {"order": order, "client": order.client}
    try:
        snapshot = _snapshot(order, request)
    except VatUndecided:
        context["problem"] = _("Confirmez d’abord le territoire dans le dossier du client.")
    except SellerUnknown:
        context["problem"] = _("Le profil de facturation de lib-rdv manque.")
    else:
        context |= {"snapshot": snapshot, "amounts": amounts_of(snapshot)}
    context["is_unsigned"] = order.state in Order.UNSIGNED
    context["can_end"] = order.state == Order.State.SIGNED
    context["can_withdraw"] = (
        order.state == Order.State.SIGNED
        and order.withdrawal_until is not None
        and request.now < order.withdrawal_until
    )
    return render_page(request, "orders/order.html", context, tab=TAB)


@staff_only(methods=("GET", "HEAD"))
def order_pdf(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Send the PDF that was signed, or that would be; 404 while it cannot be drawn."""
    order = _order(ref)
    if order.signed_at is not None:
        data = bytes(order.files.get(kind=OrderFile.Kind.FORM).data)
    else:
        try:
            data = draw_order(_snapshot(order, request))
        except (VatUndecided, SellerUnknown):
            raise Http404 from None
    name = f'inline; filename="{order.number}.pdf"'
    return HttpResponse(data, content_type="application/pdf", headers={"Content-Disposition": name})


@staff_only(methods=("POST",))
def change_order(request: StaffRequest, ref: uuid.UUID) -> HttpResponse:
    """Send, delete, withdraw or terminate an order."""
    order, actor = _order(ref), actor_of(request.user.pk)
    action = request.POST.get("action", "")
    file_page = f"{reverse('clients:file', args=[order.client.ref])}?onglet=commandes"
    try:
        if action == "send":
            services.send_order(order=order, actor=actor, now=request.now)
            messages.success(request, _("L’e-mail avec le lien de signature part."))
        elif action == "delete":
            services.delete_order(order=order, actor=actor, now=request.now)
            messages.success(request, _("Le bon de commande est supprimé."))
            return redirect(file_page)
        elif action == "withdraw":
            services.withdraw_order(order=order, actor=actor, now=request.now)
            messages.success(request, _("La rétractation est enregistrée."))
        elif action == "terminate":
            services.terminate_order(order=order, actor=actor, now=request.now)
            messages.success(request, _("La résiliation est enregistrée."))
    except (VatUndecided, SellerUnknown):
        messages.error(request, _("Complétez d’abord le dossier\u00a0: voyez ci-dessous."))
    except services.OrderRefused:
        messages.error(
            request, _("Ce bon de commande a changé entre-temps\u00a0: rien n’a été fait.")
        )
    return redirect("orders:order", ref=ref)


def _snapshot(order: Order, request: StaffRequest) -> OrderSnapshot:
    if order.snapshot is not None:
        return from_json(order.snapshot)
    return offer(order, made_on=day_in_paris(order.sent_at or request.now))


def _order(ref: uuid.UUID) -> Order:
    order = queries.find_order(ref)
    if order is None:
        raise Http404
    return order


def _client(ref: uuid.UUID) -> Client:
    client = find_file(ref)
    if client is None:
        raise Http404
    return client
