"""Views of the connect host: OAuth callback and push notifications of Google (B-30).

The host belongs to no tenant and has no session. Each view enters the tenant that the request names and trusts
only values that it finds there.
"""

import uuid
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from booking.actors import enqueue_poll
from booking.google import authorization, channels
from tenants import routing
from tenants.query_parameters import parameters_of
from tenants.schema import Unit, inside, tenant_unit

_PASSED_ON = ("state", "code", "error")


@require_http_methods(["GET", "HEAD"])
def back(request: HttpRequest) -> HttpResponse:
    """Redirect the browser to the practice whose attempt has the state; no data changes here.

    The address is the practice's own as the router knows it, never one of the request. 400 for another issuer than
    Google (RFC 9207), and for a state without an open attempt.
    """
    sent = parameters_of(request, most_characters=authorization.MOST_CHARACTERS)
    parameters = {name: str(sent[name]) for name in _PASSED_ON if name in sent}
    unit = _unit_of(parameters.get("state", "").partition(authorization.SEPARATOR)[0])
    is_answer = any(parameters.get(name) for name in ("code", "error"))
    if (
        unit is None
        or not is_answer
        or sent.get("iss", settings.GOOGLE_ISSUER) != settings.GOOGLE_ISSUER
    ):
        return _refused()
    with inside(unit):
        if not authorization.is_known(state=parameters["state"], now=timezone.now()):
            return _refused()
    path = reverse("dashboard:google_return", urlconf=settings.ROOT_URLCONF)
    address = f"{routing.base_url(unit)}{path}?{urlencode(parameters)}"
    return _unseen(HttpResponse(status=303, headers={"Location": address}))


@csrf_exempt
@require_http_methods(["POST"])
def signal(request: HttpRequest, schema: str) -> HttpResponse:
    """Receive Google's notification that a calendar may have changed, and enqueue a poll.

    404 for an unknown or expired channel and for a wrong token.
    """
    unit = _unit_of(schema)
    try:
        ref = uuid.UUID(request.headers.get("X-Goog-Channel-ID", ""))
    except ValueError:
        return HttpResponse(status=404)
    now = timezone.now()
    if unit is None:
        return HttpResponse(status=404)
    with inside(unit):
        token = request.headers.get("X-Goog-Channel-Token", "")
        account_id = channels.account_of_channel(ref=ref, token=token, now=now)
        if account_id is None:
            return HttpResponse(status=404)
        # The first notification of a channel ("sync") reports no change of the calendar.
        is_news = request.headers.get("X-Goog-Resource-State") != "sync"
        account_ref = channels.make_due(account_id=account_id, now=now) if is_news else None
        if account_ref is not None:
            enqueue_poll(account_ref)
    return HttpResponse(status=204)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404 without a session or a tenant."""
    return _plain(404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 without a session or a tenant."""
    return _plain(500)


def _unit_of(schema: str) -> Unit | None:
    try:
        unit = tenant_unit(schema)
    except ValueError:
        return None
    return unit if routing.is_served(schema) else None


def _refused() -> HttpResponse:
    return _plain(400)


def _plain(status: int) -> HttpResponse:
    page = render_to_string("booking/errors/plain.html", {"status": status})
    return _unseen(HttpResponse(page, status=status))


def _unseen(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response
