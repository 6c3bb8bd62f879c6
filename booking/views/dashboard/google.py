"""The link with Google Agenda: connecting it, what it may say, how well it works, ending it."""

from django.http import HttpResponse

from booking.services.google import authorizing
from booking.views.dashboard.access import DashboardRequest, requires
from booking.views.dashboard.pages import show
from tenants.accounts.permissions import Operation


@requires(Operation.CONNECT_CALENDAR, methods=("GET", "HEAD"))
def google(request: DashboardRequest) -> HttpResponse:
    """Show the links of the agendas within reach."""
    return show(request, "google", {}, tab="practice")


@requires(Operation.CONNECT_CALENDAR, methods=("GET",))
def google_return(request: DashboardRequest) -> HttpResponse:
    """Take what the browser has brought back from Google, once, and let a worker exchange it."""
    authorizing.take_back(
        state=request.GET.get("state", ""),
        code=request.GET.get("code", ""),
        user=request.user,
        session_key=request.session.session_key or "",
        now=request.now,
    )
    return google(request)
