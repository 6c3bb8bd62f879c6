"""HSTS on clients' own domains: theirs to decide for the names below, so neither subdomains nor preload."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class Headers:
    """Set before SecurityMiddleware, which leaves a header that is there already."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on; what answers for no name of ours promises nothing for others."""
        response = self.get_response(request)
        route = getattr(request, "route", None)
        is_ours = route is not None and not route.is_custom
        if settings.SECURE_HSTS_SECONDS and request.is_secure() and not is_ours:
            response["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"
        return response
