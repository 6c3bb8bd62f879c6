"""Today: the landing page of a practice (T1)."""

from django.http import HttpResponse
from django.shortcuts import render

from booking.views.dashboard.access import DashboardRequest, requires
from tenants.accounts.permissions import Operation


@requires(Operation.SEE_AGENDA, methods=("GET", "HEAD"))
def today(request: DashboardRequest) -> HttpResponse:
    """Show the day of each practitioner within reach."""
    return render(request, "dashboard/today.html", {})
