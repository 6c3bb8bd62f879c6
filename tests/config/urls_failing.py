"""Views whose failures contain request data, served instead of a practice's pages."""

import logging

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

SECRET = "Canari Dupont"
library = logging.getLogger("library")


def crash(request: HttpRequest, token: str) -> HttpResponse:
    """Fail with posted data in the exception's text, locals and cause."""
    typed = request.POST.get("name", SECRET)
    try:
        int(typed)
    except ValueError as error:
        raise RuntimeError(f"{typed} could not be read with {token}") from error
    return HttpResponse()


def refuse(request: HttpRequest, token: str) -> HttpResponse:
    """Fail in the database with a message that contains the value."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::int", [request.POST.get("name", SECRET)])
    return HttpResponse()


def chat(request: HttpRequest, token: str) -> HttpResponse:
    """Log request data and succeed."""
    library.error("Booked for %s by %s", SECRET, token)
    library.error(f"Booked for {SECRET}")  # the line under test
    library.error("Booked", extra={"request": request}, stack_info=True)
    return HttpResponse("ok")


def suspect(request: HttpRequest, token: str) -> HttpResponse:
    """Raise SuspiciousOperation with a message that contains the value."""
    raise SuspiciousOperation(f"{SECRET} {token}")


def forbid(request: HttpRequest, token: str) -> HttpResponse:
    """Raise PermissionDenied with a message that contains the value."""
    raise PermissionDenied(f"{SECRET} {token}")


urlpatterns: list[URLPattern] = [
    path(f"{view.__name__}/<str:token>/", view, name=view.__name__)
    for view in (crash, refuse, chat, suspect, forbid)
]
