"""One request, one transaction, one tenant, one role (design section 3)."""

from collections.abc import Callable, Iterator
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import DisallowedHost
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from tenants import client_address
from tenants.deferred_response import DeferredResponse
from tenants.outbox import message_limits
from tenants.provisioning.template import CURRENT_VERSION
from tenants.routing import Route, find_route
from tenants.schema import Unit, inside

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class MarkedForRollbackError(RuntimeError):
    """The transaction was marked for rollback, but the response reports success."""


class UnitOfWork:
    """Opens the unit of work of the request's tenant, which only the Host header determines.

    An unknown host is a 404. A 5xx response rolls back; failed logins are then recorded in a new
    transaction, so that an error does not discard a wrong password.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Serve the request inside its tenant's unit."""
        route = _route_of(request)
        if route is None:
            return HttpResponse(
                "Aucun site à cette adresse.", status=404, content_type="text/plain; charset=utf-8"
            )
        if has_nul(request.path):
            return HttpResponse(
                "Adresse inconnue.", status=404, content_type="text/plain; charset=utf-8"
            )
        request.route = route  # type: ignore[attr-defined]
        request.urlconf = _urlconf_of(route)
        if route.unit.is_tenant and route.schema_version != CURRENT_VERSION:
            # A tenant whose migrations are behind is not served: it would return wrong answers.
            return HttpResponse(
                "Site en cours de mise à jour.",
                status=503,
                content_type="text/plain; charset=utf-8",
            )
        request.failed_logins = []  # type: ignore[attr-defined]
        if route.is_connecting:
            # This host has no tenant until the view has read it from the request, and never a session.
            request.META.pop("HTTP_COOKIE", None)
            return self.get_response(request)
        response = self._inside(request, route.unit)
        if isinstance(response, DeferredResponse):
            response.finish()
        return response

    def _inside(self, request: HttpRequest, unit: Unit) -> HttpResponseBase:
        response: HttpResponseBase | None = None
        try:
            with inside(unit), message_limits.by_visitor(client_address.visitor_network(request)):
                response = self.get_response(request)
                if response.status_code >= 500:
                    transaction.set_rollback(True)
                elif connection.needs_rollback:
                    raise MarkedForRollbackError
        finally:
            failed = request.failed_logins  # type: ignore[attr-defined]
            if failed and (response is None or response.status_code >= 500):
                _replay(unit, failed)
        if response.streaming:
            content = response.streaming_content  # type: ignore[attr-defined]
            response.streaming_content = _streamed(unit, content)  # type: ignore[attr-defined]
        return response


class LibraryHooks:
    """The innermost middleware: session and messages are still open when the libraries' hooks run."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Run the libraries' on-commit hooks before the commit, unless the response is a 5xx."""
        response = self.get_response(request)
        if response.status_code < 500 and connection.in_atomic_block:
            connection.run_library_hooks()  # type: ignore[attr-defined]
        return response


def has_nul(path: str) -> bool:
    """Return whether a path contains NUL: no address of ours does, and PostgreSQL refuses it in a text."""
    return "\0" in path


def _route_of(request: HttpRequest) -> Route | None:
    try:
        host = request.get_host()
    except DisallowedHost:
        return None
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return find_route(name.lower())


def _urlconf_of(route: Route) -> str:
    if route.is_connecting:
        return settings.CONNECT_URLCONF
    if route.is_public:
        return settings.PUBLIC_SCHEMA_URLCONF
    return settings.CUSTOM_DOMAIN_URLCONF if route.is_custom else settings.ROOT_URLCONF


def _streamed(unit: Unit, content: Iterator[bytes]) -> Iterator[bytes]:
    with inside(unit):
        yield from content


def _replay(unit: Unit, failed: list[dict[str, Any]]) -> None:
    with inside(unit):
        for attempt in failed:
            AxesProxyHandler.user_login_failed(**attempt)


def _collect_failure(sender: Any, credentials: Any, request: Any = None, **kwargs: Any) -> None:
    if hasattr(request, "failed_logins"):
        attempt = {"sender": sender, "credentials": credentials, "request": request}
        request.failed_logins.append(attempt)


# Django reports a failed login by this signal only.
user_login_failed.connect(_collect_failure, dispatch_uid="tenants.middleware.collect_failure")
