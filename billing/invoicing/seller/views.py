"""Staff pages of the seller: its profile from a day on, the reference rates (F-01, F-08)."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from billing.invoicing.seller import queries, services
from billing.invoicing.seller.forms import RatesForm, SellerForm
from billing.invoicing.series import day_in_paris
from tenants.audit.services import actor_of
from tenants.desk.access import StaffRequest, staff_only
from tenants.desk.pages import render_page

TAB = "invoices"
SUBJECT = "seller"
"""What the form of the profile locks: the seller as a whole, whichever row is the newest."""


@staff_only(methods=("GET", "HEAD"))
def show_seller(request: StaffRequest) -> HttpResponse:
    """Show the profile of today, those before and after it, and the reference rates."""
    today = day_in_paris(request.now)
    context = {
        "current": queries.profile_on(today),
        "profiles": queries.profiles(),
        "rates": queries.rates(),
        "today": today,
    }
    return render_page(request, "invoicing/seller/seller.html", context, tab=TAB)


@staff_only()
def change_seller(request: StaffRequest) -> HttpResponse:
    """Show the form with the newest profile, or add one from a day on."""
    form = SellerForm(
        request.POST if request.method == "POST" else None,
        subject=SUBJECT,
        stored=queries.latest_values,
        initial={"valid_from": day_in_paris(request.now)},
    )
    if form.is_valid():
        try:
            services.add_profile(
                values=form.values,
                valid_from=form.cleaned_data["valid_from"],
                actor=actor_of(request.user.pk),
                now=request.now,
            )
        except services.ProfileInThePast:
            form.add_error(
                "valid_from", _("Le passé ne change pas\u00a0: aujourd’hui ou plus tard.")
            )
        else:
            messages.success(request, _("Les coordonnées du vendeur sont enregistrées."))
            return redirect("seller:show")
    context = {"form": form, "is_first": not queries.profiles()}
    return render_page(request, "invoicing/seller/form.html", context, tab=TAB, status=form.status)


@staff_only()
def add_rates(request: StaffRequest) -> HttpResponse:
    """Show the form of reference rates, or add them."""
    form = RatesForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        services.add_rates(rates=form.rates, actor=actor_of(request.user.pk), now=request.now)
        messages.success(request, _("Les taux sont enregistrés."))
        return redirect("seller:show")
    status = 422 if form.is_bound else 200
    return render_page(
        request, "invoicing/seller/rates.html", {"form": form}, tab=TAB, status=status
    )
