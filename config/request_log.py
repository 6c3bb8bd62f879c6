"""Logs and counts each request: route, method, status, duration; never a path, a query or a name."""

import secrets
import time
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from config.logs import security_event, tenant_mark
from tenants import metrics
from tenants.client_address import client_ip

GetResponse = Callable[[HttpRequest], HttpResponseBase]
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
log = structlog.get_logger("request")


class RequestLog:
    """The outermost middleware: it sees the final response.

    The request id is generated here, never taken from the client; the header X-Request-ID returns it, so that
    a user can quote it with an error.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Serve the request and write one log line."""
        started = time.perf_counter()
        request_id = secrets.token_hex(8)
        structlog.contextvars.bind_contextvars(request=request_id)
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = request_id
            _log_request(request, response, time.perf_counter() - started)
        finally:
            structlog.contextvars.clear_contextvars()
        return response


def _log_request(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    route, status = _route_name(request, response), response.status_code
    method = request.method if request.method in METHODS else "OTHER"
    metrics.REQUESTS.labels(route, method, f"{status // 100}xx").inc()
    metrics.DURATION.labels(route).observe(seconds)
    tenant = _tenant_of(request)
    _log_refusals(request, route, tenant)
    if hasattr(request, "probe") and status < 500:
        return
    line = log.error if status >= 500 else log.info
    line(
        "request",
        route=route,
        method=method,
        status=status,
        ms=round(seconds * 1000, 1),
        tenant=tenant,
        # Only when the view has read the user: a query here would be outside the transaction.
        user=getattr(getattr(request, "_cached_user", None), "pk", None),
    )


def _route_name(request: HttpRequest, response: HttpResponseBase) -> str:
    if request.resolver_match is not None:
        return request.resolver_match.view_name or "unnamed"
    if hasattr(request, "probe"):
        return str(request.probe)
    if not hasattr(request, "route"):
        if response.status_code >= 500:
            # Nobody knows whether the host exists: the database did not answer.
            return "no_route"
        is_file = response.status_code < 400 and request.path.startswith(settings.STATIC_URL)
        return "static" if is_file else "no_host"
    return "no_route"


def _tenant_of(request: HttpRequest) -> str | None:
    route = getattr(request, "route", None)
    return None if route is None else tenant_mark(route.unit.schema)


def _log_refusals(request: HttpRequest, route: str, tenant: str | None) -> None:
    address = client_ip(request)
    if route == "no_host":
        metrics.REFUSED.labels("host").inc()
        security_event("unknown_host", address=address)
    for _attempt in getattr(request, "failed_logins", ()):
        metrics.REFUSED.labels("login").inc()
        security_event("login_failed", address=address, tenant=tenant)
