"""What answers on the connect host: Google's one way back, and its knocking (B-30).

That host stands for no tenant and knows no session: each view enters the practice that the request names
and believes nothing that it cannot find there.
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

from booking.actors import poll
from booking.models import GoogleAccount
from booking.services.google import authorizing, channels
from tenants import routing
from tenants.schema import Unit, inside, tenant_unit

_PASSED_ON = ("state", "code", "error")
_LONGEST = 2_000


@require_http_methods(["GET", "HEAD"])
def back(request: HttpRequest) -> HttpResponse:
    """Send the browser on to the practice that asked, and nowhere else; nothing is changed here.

    The address is the practice's own as the router knows it, never one of the request. Another issuer
    than Google's is refused (RFC 9207), and so is a state that waits nowhere.
    """
    said = {name: request.GET[name] for name in _PASSED_ON if name in request.GET}
    unit = _unit_of(said.get("state", "").partition(authorizing.SEPARATOR)[0])
    is_sane = all(len(value) <= _LONGEST for value in said.values())
    issuer = request.GET.get("iss", settings.GOOGLE_ISSUER)
    if unit is None or not is_sane or issuer != settings.GOOGLE_ISSUER:
        return _refused()
    with inside(unit):
        if not authorizing.is_known(state=said["state"], now=timezone.now()):
            return _refused()
    path = reverse("dashboard:google_return", urlconf=settings.ROOT_URLCONF)
    address = f"{routing.base_url(unit)}{path}?{urlencode(said)}"
    return _unseen(HttpResponse(status=303, headers={"Location": address}))


@csrf_exempt
@require_http_methods(["POST"])
def signal(request: HttpRequest, schema: str) -> HttpResponse:
    """Google knocks: a calendar may have changed. Looked at soon if the channel is ours, else 404."""
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
        account_id = channels.is_ours(ref=ref, token=token, now=now)
        if account_id is None:
            return HttpResponse(status=404)
        waiting = GoogleAccount.objects.filter(pk=account_id, poll_at__gt=now)
        # The greeting says nothing; a second knock before we have looked says nothing new.
        is_news = request.headers.get("X-Goog-Resource-State") != "sync"
        if is_news and waiting.update(poll_at=now):
            poll.send(unit.schema, GoogleAccount.objects.get(pk=account_id).ref.hex)
    return HttpResponse(status=204)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: nothing else is here."""
    return _plain(404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500."""
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
