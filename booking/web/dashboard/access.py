"""The door of every page of the dashboard: signed in, a role today, the right asked for (G-12)."""

import functools
import uuid
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Concatenate, ParamSpec, cast
from zoneinfo import ZoneInfo

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from booking.models import Practice, Practitioner
from booking.scheduling.catalogue import practice_or_default, practitioners_with_visits
from tenants.accounts.days import local_today, zone_of
from tenants.accounts.models import User
from tenants.accounts.permissions import Access, Operation
from tenants.accounts.services.memberships import access_of
from tenants.audit.services import actor_of
from tenants.outbox import message_limits

P = ParamSpec("P")


class DashboardRequest(HttpRequest):
    """A request of a signed-in member of the practice, with the values that every dashboard page needs."""

    user: User
    htmx: HtmxDetails
    access: Access
    practice: Practice
    practitioners: list[Practitioner]
    """Every active practitioner, in the practice's order."""
    closed_agendas: list[Practitioner]
    """The practitioners whose agenda is closed to new bookings and has visits, in the practice's order."""
    now: datetime
    today: date
    """The practice's local day."""
    zone: ZoneInfo


View = Callable[Concatenate[DashboardRequest, P], HttpResponse]


def requires(
    operation: Operation, *, methods: Iterable[str] = ("GET", "HEAD", "POST")
) -> Callable[[View[P]], Callable[Concatenate[HttpRequest, P], HttpResponse]]:
    """Restrict a view to users with ``operation`` on at least one agenda or on the practice.

    An anonymous user is redirected to the sign-in page and returns from there. A signed-in user without the
    right gets a 403. Objects out of reach are a 404 by ``practitioner_or_404`` and by the querysets of each page.
    """
    permitted = tuple(methods)

    def decorator(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @never_cache
        @functools.wraps(view)
        def guarded(plain: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not plain.user.is_authenticated:
                return _to_the_door(plain)
            request = _enter(plain)
            if not request.access.allows_somewhere(operation):
                return refused(plain)
            if plain.method not in permitted:
                return HttpResponseNotAllowed(permitted)
            with message_limits.by_member():
                return view(request, *args, **kwargs)

        # Read by the test that tries every cell of the table through a page.
        guarded.operation = operation  # type: ignore[attr-defined]
        return guarded

    return decorator


def _to_the_door(plain: HttpRequest) -> HttpResponse:
    """Send a stranger to sign in, then back; a fragment sends the whole page there, not itself."""
    details: HtmxDetails | None = getattr(plain, "htmx", None)
    if not details:
        return redirect_to_login(plain.get_full_path())
    came_from = details.current_url_abs_path or reverse("dashboard:today")
    return HttpResponseClientRedirect(redirect_to_login(came_from)["Location"])


def refused(request: HttpRequest) -> HttpResponse:
    """Return the 403 page for a signed-in user without the right."""
    return render(request, "dashboard/refused.html", status=403)


def actor(request: DashboardRequest) -> str:
    """Return the actor of the audit events that this request records."""
    return actor_of(request.user.pk)


CLOSED_TOO = frozenset(
    {
        Operation.SEE_AGENDA,
        Operation.MOVE,
        Operation.CANCEL,
        Operation.MARK,
        Operation.SEE_CONTACT,
    }
)
"""What is done with the visits of an agenda that is closed to new bookings."""
CLOSED_SHOWN = timedelta(days=31)
"""How long the last visits of a closed agenda are shown after they took place."""


def reach(request: DashboardRequest, operation: Operation) -> list[Practitioner]:
    """Return the practitioners on whose agendas the user may perform ``operation``; closed agendas come last."""
    closed = request.closed_agendas if operation in CLOSED_TOO else []
    return [
        practitioner
        for practitioner in [*request.practitioners, *closed]
        if request.access.allows(operation, practitioner.ref)
    ]


def practitioner_or_404(
    request: DashboardRequest, ref: uuid.UUID, operation: Operation
) -> Practitioner:
    """Return the practitioner of ``ref`` when the person may do ``operation`` there, else 404."""
    for practitioner in reach(request, operation):
        if practitioner.ref == ref:
            return practitioner
    raise Http404


def _enter(plain: HttpRequest) -> DashboardRequest:
    request = cast("DashboardRequest", plain)
    request.now = timezone.now()
    request.zone = zone_of(plain)
    request.today = local_today(plain, now=request.now)
    everybody = practitioners_with_visits(since=request.now - CLOSED_SHOWN)
    request.practitioners = [row for row in everybody if row.is_active]
    request.closed_agendas = [row for row in everybody if not row.is_active]
    own = [
        practitioner.ref for practitioner in everybody if practitioner.user_id == request.user.pk
    ]
    request.access = access_of(user=request.user, own=own, on=request.today)
    request.practice = practice_or_default()
    return request
