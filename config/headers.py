"""The HSTS header of clients' own domains: without subdomains and preload, which the owner decides."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class Headers:
    """Middleware inside SecurityMiddleware, which keeps a header that is already set."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Set HSTS for this host only on secure responses of custom domains and unknown hosts."""
        response = self.get_response(request)
        route = getattr(request, "route", None)
        is_ours = route is not None and not route.is_custom
        if settings.SECURE_HSTS_SECONDS and request.is_secure() and not is_ours:
            response["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"
        return response
