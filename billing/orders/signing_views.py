"""The page on which a client reads, signs and withdraws from an order: no account, no cookie of ours (F-32)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.orders import services
from billing.orders.handlers import amounts_of
from billing.orders.models import Order, OrderFile
from billing.orders.offer import day_in_paris, digest, offer
from billing.orders.order_page import BUTTON, draw_order, order_page
from billing.orders.order_snapshot import OrderSnapshot, from_json
from billing.orders.seller import SellerUnknown
from billing.orders.signing_forms import SignatureForm
from billing.orders.signing_links import order_of
from billing.orders.withdrawal import OFF_PREMISES
from billing.vat import VatUndecided
from tenants.link_pages import behind_a_link


@behind_a_link
@require_http_methods(["GET", "HEAD", "POST"])
def order(request: HttpRequest, token: str) -> HttpResponse:
    """Show the form and sign it; after the signature show what happens next."""
    found = order_of(token, now=timezone.now())
    if found is None or found.state == Order.State.DRAFT:
        return _ended(request)
    if found.state != Order.State.SENT:
        return _signed_page(request, found, token)
    snapshot = _offered(found)
    if snapshot is None:
        return _ended(request)
    form = SignatureForm(
        request.POST if request.method == "POST" else None,
        order=found,
        initial={"shown": digest(snapshot)},
    )
    if form.is_valid():
        return _sign(request, found, form, token)
    return _offer_page(request, found, snapshot, form, token)


@behind_a_link
@require_safe
def pdf(request: HttpRequest, token: str) -> HttpResponse:
    """Send the PDF: that of the signature, or what would be signed."""
    found = order_of(token, now=timezone.now())
    if found is None or found.state == Order.State.DRAFT:
        return _ended(request)
    if found.signed_at is None:
        snapshot = _offered(found)
        if snapshot is None:
            return _ended(request)
        data = draw_order(snapshot)
    else:
        data = bytes(found.files.get(kind=OrderFile.Kind.FORM).data)
    name = f'inline; filename="{found.number}.pdf"'
    headers = {"Content-Disposition": name}
    return HttpResponse(data, content_type="application/pdf", headers=headers)


@behind_a_link
@require_POST
def withdraw(request: HttpRequest, token: str) -> HttpResponse:
    """End the contract within the days of withdrawal, without a reason."""
    found = order_of(token, now=timezone.now())
    if found is None or found.signed_at is None:
        return _ended(request)
    try:
        services.withdraw_order(order=found, actor="signatory", now=timezone.now())
    except services.OrderRefused:
        return _signed_page(request, found, token, is_refused=True)
    return redirect("signing:order", token=token)


# --- Pages -------------------------------------------------------------------------------------------


def _sign(request: HttpRequest, found: Order, form: SignatureForm, token: str) -> HttpResponse:
    answers = services.SigningAnswers(
        shown=form.cleaned_data["shown"],
        is_at_most_five=form.is_at_most_five,
        starts_at_once=bool(form.cleaned_data.get("starts_at_once")),
    )
    try:
        services.sign_order(order=found, answers=answers, now=timezone.now())
    except services.OfferChanged:
        snapshot = _offered(found)
        if snapshot is None:
            return _ended(request)
        form.add_error(
            None, _("Ce bon de commande vient d’être corrigé. Relisez-le, puis signez de nouveau.")
        )
        form.data = {**form.data.dict(), "shown": digest(snapshot)}  # type: ignore[attr-defined]
        return _offer_page(request, found, snapshot, form, token)
    except services.NotOpen:
        pass  # signed in another tab: the next page says so
    return redirect("signing:order", token=token)


def _offered(found: Order) -> OrderSnapshot | None:
    """Return what the client signs; None while staff must first complete the file."""
    if found.sent_at is None:
        return None
    try:
        return offer(found, made_on=day_in_paris(found.sent_at))
    except (VatUndecided, SellerUnknown):
        return None


def _offer_page(
    request: HttpRequest, found: Order, snapshot: OrderSnapshot, form: SignatureForm, token: str
) -> HttpResponse:
    context = {
        "order": found,
        "page": order_page(snapshot),
        "amounts": amounts_of(snapshot),
        "form": form,
        "token": token,
        "button": BUTTON,
        "is_off_premises": found.place_of_signature in OFF_PREMISES,
    }
    status = 422 if form.is_bound else 200
    return render(request, "signing/offer.html", context, status=status)


def _signed_page(
    request: HttpRequest, found: Order, token: str, *, is_refused: bool = False
) -> HttpResponse:
    snapshot = from_json(found.snapshot or {})
    now = timezone.now()
    can_withdraw = (
        found.state == Order.State.SIGNED
        and found.withdrawal_until is not None
        and now < found.withdrawal_until
    )
    context = {
        "order": found,
        "amounts": amounts_of(snapshot),
        "snapshot": snapshot,
        "token": token,
        "can_withdraw": can_withdraw,
        "is_refused": is_refused,
        "is_withdrawn": found.state == Order.State.WITHDRAWN,
        "is_terminated": found.state == Order.State.TERMINATED,
    }
    return render(request, "signing/signed.html", context, status=409 if is_refused else 200)


def _ended(request: HttpRequest) -> HttpResponse:
    return render(request, "signing/ended.html", status=404)
