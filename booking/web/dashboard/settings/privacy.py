"""What the practice holds of people, until when, and the receipts of what was erased (B-25)."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from booking.erasure import retention as services
from booking.scheduling.catalogue import RetentionCannotGrow, save_practice
from booking.web.dashboard.access import (
    DashboardRequest,
    actor,
    requires,
)
from booking.web.dashboard.pages import show
from booking.web.dashboard.settings.privacy_form import RetentionForm
from tenants.accounts.permissions import Operation
from tenants.audit import receipts
from tenants.query_parameters import parameters_of

PER_PAGE = 20


@requires(Operation.EDIT_PRACTICE)
def privacy(request: DashboardRequest) -> HttpResponse:
    """Show what is held; shorten the retention after showing what that does."""
    current_days = request.practice.retention_days
    form = RetentionForm(
        request.POST if request.method == "POST" else None,
        longest=current_days,
        subject=request.practice,
        stored=lambda: {"retention_days": request.practice.retention_days},
    )
    if form.is_valid():
        days = form.cleaned_data["retention_days"]
        if days == current_days:
            messages.info(request, _("C’est déjà la durée actuelle."))
            return redirect("dashboard:privacy")
        if not form.cleaned_data["confirmed"]:
            effect = services.effect_of(days=days, now=request.now)
            return show(
                request, "privacy/shorten", {"effect": effect, "form": form}, tab="practice"
            )
        try:
            save_practice(values={"retention_days": days}, actor=actor(request), now=request.now)
        except RetentionCannotGrow:
            form.add_error("retention_days", _("La durée vient d’être raccourcie davantage."))
        else:
            messages.success(request, _("La durée est raccourcie."))
            return redirect("dashboard:privacy")
    context = {
        "form": form,
        "stored": services.stored_contacts(now=request.now),
        "page": Paginator(receipts.newest_first(), PER_PAGE).get_page(
            parameters_of(request).get("page")
        ),
    }
    return show(request, "privacy/index", context, tab="practice", status=form.status)
