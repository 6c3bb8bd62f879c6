"""The settings of the practice: public description, legal identity, reminders and data."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from booking.practice.legal_identity import (
    confirmed_identity,
    contract_values,
    legal_identity,
    request_correction,
)
from booking.scheduling.catalogue import first_active_location, region_of, save_practice
from booking.web.dashboard.access import DashboardRequest, actor, requires
from booking.web.dashboard.pages import show
from booking.web.dashboard.settings.forms import IdentityRequestForm, PracticeForm
from tenants.accounts.permissions import Operation


@requires(Operation.EDIT_PRACTICE)
def practice_settings(request: DashboardRequest) -> HttpResponse:
    """Change the settings of the practice: public description, legal identity, choices."""
    confirmed = confirmed_identity()
    form = PracticeForm(
        request.POST if request.method == "POST" else None,
        subject=request.practice,
        stored=lambda: {name: getattr(request.practice, name) for name in PracticeForm.base_fields},
        region=region_of(first_active_location()),
        has_confirmed_identity=confirmed is not None,
    )
    if form.is_valid():
        save_practice(values=form.values, actor=actor(request), now=request.now)
        messages.success(request, _("Les réglages sont enregistrés."))
        return redirect("dashboard:practice")
    context = {"form": form, "identity": confirmed}
    return show(request, "settings/practice", context, tab="practice", status=form.status)


@requires(Operation.EDIT_PRACTICE)
def identity_request(request: DashboardRequest) -> HttpResponse:
    """Show the identity of the contract, or ask lib-rdv's staff to correct it."""
    form = IdentityRequestForm(
        request.POST if request.method == "POST" else None,
        initial=contract_values(legal_identity(request.practice)),
        region=region_of(first_active_location()),
    )
    if form.is_valid():
        request_correction(values=form.values, actor=actor(request), now=request.now)
        messages.success(
            request, _("Votre demande est partie. Le site changera quand lib-rdv l’aura vérifiée.")
        )
        return redirect("dashboard:practice")
    return show(request, "settings/identity", {"form": form}, tab="practice", status=form.status)
