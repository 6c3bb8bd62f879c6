"""The answer of a request that found no place in a concurrency limit: 503 with Retry-After."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from tenants.concurrency_limit import RETRY_AFTER_SECONDS, NoPlaceFree


def mark_busy(request: HttpRequest) -> None:
    """Let ``BusyAnswer`` answer 503 with the page that the view shows: a form that keeps what was typed."""
    request.found_no_place = True  # type: ignore[attr-defined]


class BusyAnswer:
    """Middleware that turns NoPlaceFree, and responses marked by ``mark_busy``, into 503 with Retry-After.

    The unit of work rolls back, as for each 5xx.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Set the status of a marked response."""
        response = self.get_response(request)
        if getattr(request, "found_no_place", False):
            response.status_code = 503
            response["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Render the page of a full limit; leave other exceptions to Django."""
        if not isinstance(exception, NoPlaceFree):
            return None
        mark_busy(request)
        return render(request, "503.html", status=503)
