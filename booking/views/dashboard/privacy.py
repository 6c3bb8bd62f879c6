"""What the practice holds of people, until when, and the receipts of what was erased (B-25)."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from booking.forms.dashboard.privacy import RetentionForm
from booking.services import privacy as services
from booking.services.practice import RetentionCannotGrow, save_practice
from booking.views.dashboard.access import DashboardRequest, actor, requires
from booking.views.dashboard.pages import show
from tenants.accounts.permissions import Operation
from tenants.trail.receipts import Receipt

PER_PAGE = 20


@requires(Operation.EDIT_PRACTICE)
def privacy(request: DashboardRequest) -> HttpResponse:
    """Show what is held; shorten the retention after showing what that does."""
    held = request.practice.retention_days
    form = RetentionForm(
        request.POST if request.method == "POST" else None,
        longest=held,
        initial={"retention_days": held},
    )
    if form.is_valid():
        days = form.cleaned_data["retention_days"]
        if days == held:
            messages.info(request, _("C’est déjà la durée actuelle."))
            return redirect("dashboard:privacy")
        if not form.cleaned_data["confirmed"]:
            effect = services.effect_of(days=days, now=request.now)
            return show(request, "privacy_shorten", {"effect": effect}, tab="practice")
        try:
            save_practice(values={"retention_days": days}, actor=actor(request), now=request.now)
        except RetentionCannotGrow:
            form.add_error("retention_days", _("La durée vient d’être raccourcie davantage."))
        else:
            messages.success(request, _("La durée est raccourcie."))
            return redirect("dashboard:privacy")
    receipts = Receipt.objects.order_by("-id")
    context = {
        "form": form,
        "held": services.holding(now=request.now),
        "page": Paginator(receipts, PER_PAGE).get_page(request.GET.get("page")),
    }
    status = 422 if form.is_bound else 200
    return show(request, "privacy", context, tab="practice", status=status)
