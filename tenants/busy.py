"""Answers that refuse for a while: 503 without a place in a concurrency limit, 429 over a rate limit."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from tenants.concurrency_limit import RETRY_AFTER_SECONDS, NoPlaceFree


def mark_busy(request: HttpRequest) -> None:
    """Let the answer be 503 with the page that the view shows: a form that keeps what was typed."""
    request.refusal = (503, RETRY_AFTER_SECONDS)  # type: ignore[attr-defined]


def mark_limited(request: HttpRequest, *, seconds: int) -> None:
    """Let the answer be 429 with the page that the view shows; ``seconds`` go to Retry-After."""
    request.refusal = (429, seconds)  # type: ignore[attr-defined]


class BusyAnswer:
    """Middleware that turns NoPlaceFree into 503, and sets the status of marked responses, with Retry-After.

    The unit of work rolls back after 503, as after each 5xx.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Set the status of a marked response."""
        response = self.get_response(request)
        status, seconds = getattr(request, "refusal", (None, 0))
        if status is not None:
            response.status_code = status
            response["Retry-After"] = str(seconds)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Render the page of a full limit; leave other exceptions to Django."""
        if not isinstance(exception, NoPlaceFree):
            return None
        mark_busy(request)
        return render(request, "503.html", status=503)
