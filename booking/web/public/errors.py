"""The error pages in French, with the next step for the user. The page for 500 needs no database."""

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from booking.web.public.page import read_site, refusal


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    return _page(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    return _page(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    return _page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: the transaction is lost, so nothing is read."""
    return _plain(500)


def _page(request: HttpRequest, status: int) -> HttpResponse:
    try:
        site = read_site(request)
    except (AttributeError, ObjectDoesNotExist, DatabaseError):
        return _plain(status)
    return refusal(request, site, f"booking/errors/{status}.html", status)


def _plain(status: int) -> HttpResponse:
    page = render_to_string("booking/errors/plain.html", {"status": status})
    return HttpResponse(page, status=status, headers={"Cache-Control": "no-store"})
