"""Health probes, answered before host routing, so that a probe by IP address does not get a 404.

``/healthz``: this process is alive; no access to any service. ``/readyz``: it can serve; for a load balancer.
``/promises``: the service levels are met; for the monitor, not for a load balancer. ``/ask``: Caddy may
obtain a certificate for a name; loopback only.
"""

import ipaddress
import re
import time
from collections.abc import Callable
from threading import Lock

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone

from config.health import promises, readiness
from tenants.query_parameters import parameters_of
from tenants.routing import find_route

GetResponse = Callable[[HttpRequest], HttpResponseBase]
KEEP_SECONDS = 2.0
_HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_PROXY_HEADERS = ("X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Via")


class HealthProbes:
    """Middleware that answers the probes and passes on any other request."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._lock = Lock()
        self._kept: tuple[float, list[promises.Promise]] = (0.0, [])
        self._answers: dict[str, Callable[[HttpRequest], HttpResponse | None]] = {
            "/healthz": self._alive,
            "/readyz": self._ready,
            "/promises": self._promises,
            "/ask": self._ask,
        }

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a probe, or pass the request on."""
        answer = self._answers.get(request.path)
        response = answer(request) if answer is not None else None
        if response is None:
            return self.get_response(request)
        request.probe = request.path[1:]  # type: ignore[attr-defined]  # read by RequestLog
        if request.method not in {"GET", "HEAD"}:
            response = HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
        response["Cache-Control"] = "no-store"
        return response

    def _alive(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("ok", content_type="text/plain; charset=utf-8")

    def _ready(self, request: HttpRequest) -> HttpResponse:
        reasons = readiness.reasons_not_ready()
        return JsonResponse(
            {"ready": not reasons, "reasons": reasons}, status=503 if reasons else 200
        )

    def _promises(self, request: HttpRequest) -> HttpResponse | None:
        """Answer on PUBLIC_HOSTS and IP addresses only: a practice's host reveals nothing of other tenants."""
        host = _host_of(request)
        if host not in settings.PUBLIC_HOSTS and not _is_address(host):
            return None
        found = self._recent_promises()
        kept = all(promise.is_kept for promise in found)
        body = {p.name: {"kept": p.is_kept, **p.figures} for p in found}
        return JsonResponse({"kept": kept, **body}, status=200 if kept else 503)

    def _recent_promises(self) -> list[promises.Promise]:
        """Return promises that are at most two seconds old: the queries over all schemas are expensive."""
        with self._lock:
            since, found = self._kept
            if not found or time.monotonic() - since > KEEP_SECONDS:
                found = promises.all_promises(now=timezone.now())
                self._kept = (time.monotonic(), found)
            return found

    def _ask(self, request: HttpRequest) -> HttpResponse | None:
        """Return 200 for a verified and served host name, else 404; None for requests through a proxy."""
        if not _is_from_this_machine(request):
            return None
        name = parameters_of(request).get("domain", "").lower().removesuffix(".")
        known = _HOST_NAME.fullmatch(name) is not None and find_route(name) is not None
        return HttpResponse(status=200 if known else 404)


def _host_of(request: HttpRequest) -> str:
    try:
        host = request.get_host().lower()
    except DisallowedHost:
        return ""
    return host if host.endswith("]") else host.rsplit(":", 1)[0]


def _is_address(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _is_from_this_machine(request: HttpRequest) -> bool:
    """Return whether the request came directly from loopback: Caddy adds a header to forwarded requests."""
    if any(header in request.headers for header in _PROXY_HEADERS):
        return False
    return all(
        name == "localhost" or (_is_address(name) and ipaddress.ip_address(name).is_loopback)
        for name in (_host_of(request).strip("[]"), request.META.get("REMOTE_ADDR") or "::1")
    )
