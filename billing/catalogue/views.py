"""Staff pages of the catalogue: products, names, prices by date, what new orders may hold (F-34)."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from billing.catalogue import queries, services
from billing.catalogue.forms import NewPriceForm, ProductForm, ProductRenameForm
from billing.catalogue.models import Product
from tenants.audit.services import actor_of
from tenants.desk.access import StaffRequest, staff_only
from tenants.desk.pages import STAFF_ZONE, render_page

TAB = "catalogue"


@staff_only(methods=("GET", "HEAD"))
def list_products(request: StaffRequest) -> HttpResponse:
    """Show the products with their prices of today."""
    today = request.now.astimezone(STAFF_ZONE).date()
    return render_page(
        request, "catalogue/list.html", {"rows": queries.product_rows(on=today)}, tab=TAB
    )


@staff_only()
def add_product(request: StaffRequest) -> HttpResponse:
    """Show the form of a new product, or add it."""
    form = ProductForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            product = services.add_product(
                product=form.product, actor=actor_of(request.user.pk), now=request.now
            )
        except services.CodeTaken:
            form.add_error("code", _("Un autre produit a déjà ce code."))
        else:
            messages.success(request, _("Le produit est au catalogue."))
            return redirect("catalogue:product", code=product.code)
    status = 422 if form.is_bound else 200
    return render_page(request, "catalogue/new.html", {"form": form}, tab=TAB, status=status)


@staff_only(methods=("GET", "HEAD"))
def show_product(request: StaffRequest, code: str) -> HttpResponse:
    """Show a product with all its prices."""
    product = _product(code)
    today = request.now.astimezone(STAFF_ZONE).date()
    current = queries.price_on(product, today)
    context = {
        "product": product,
        "prices": queries.prices_of(product),
        "current": current,
        "today": today,
    }
    return render_page(request, "catalogue/product.html", context, tab=TAB)


@staff_only()
def rename_product(request: StaffRequest, code: str) -> HttpResponse:
    """Show the name of a product, or change it for later documents."""
    product = _product(code)
    form = ProductRenameForm(
        request.POST if request.method == "POST" else None,
        subject=product,
        stored=lambda: {"name": product.name},
    )
    if form.is_valid():
        services.rename_product(
            product=product,
            name=form.cleaned_data["name"],
            actor=actor_of(request.user.pk),
            now=request.now,
        )
        messages.success(request, _("Le nom est changé pour les prochains documents."))
        return redirect("catalogue:product", code=code)
    context = {"product": product, "form": form}
    return render_page(request, "catalogue/rename.html", context, tab=TAB, status=form.status)


@staff_only()
def set_price(request: StaffRequest, code: str) -> HttpResponse:
    """Show the form of a new price, or add the price."""
    product = _product(code)
    form = NewPriceForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            services.set_price(
                product=product,
                net=form.cleaned_data["net"],
                valid_from=form.cleaned_data["valid_from"],
                actor=actor_of(request.user.pk),
                now=request.now,
            )
        except services.PriceInThePast:
            form.add_error("valid_from", _("Un prix ne change pas dans le passé."))
        else:
            messages.success(request, _("Le prix est enregistré."))
            return redirect("catalogue:product", code=code)
    context = {"product": product, "form": form}
    status = 422 if form.is_bound else 200
    return render_page(request, "catalogue/price.html", context, tab=TAB, status=status)


@staff_only(methods=("POST",))
def offer_product(request: StaffRequest, code: str) -> HttpResponse:
    """Let new orders hold the product, or no longer."""
    product = _product(code)
    is_offered = request.POST.get("is_offered") == "yes"
    services.offer_product(
        product=product, is_offered=is_offered, actor=actor_of(request.user.pk), now=request.now
    )
    if is_offered:
        messages.success(request, _("Le produit est de nouveau proposé."))
    else:
        messages.success(request, _("Le produit n’est plus proposé aux nouvelles commandes."))
    return redirect("catalogue:product", code=code)


def _product(code: str) -> Product:
    product = queries.find_product(code)
    if product is None:
        raise Http404
    return product
