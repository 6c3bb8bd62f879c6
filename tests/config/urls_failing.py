"""Views that fail in the ways that leak elsewhere, served in the place of a practice's pages."""

import logging

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

SECRET = "Canari Dupont"
library = logging.getLogger("library")


def crash(request: HttpRequest, token: str) -> HttpResponse:
    """Fail with what was posted in the text, the locals and the cause."""
    typed = request.POST.get("name", SECRET)
    try:
        int(typed)
    except ValueError as error:
        raise RuntimeError(f"{typed} could not be read with {token}") from error
    return HttpResponse()


def refuse(request: HttpRequest, token: str) -> HttpResponse:
    """Fail in the database, whose message repeats the value."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::int", [request.POST.get("name", SECRET)])
    return HttpResponse()


def chat(request: HttpRequest, token: str) -> HttpResponse:
    """Log carelessly and succeed."""
    library.error("Booked for %s by %s", SECRET, token)
    library.error(f"Booked for {SECRET}")  # the careless line that this is about
    library.error("Booked", extra={"request": request}, stack_info=True)
    return HttpResponse("ok")


def suspect(request: HttpRequest, token: str) -> HttpResponse:
    """Be refused with a message that repeats the value."""
    raise SuspiciousOperation(f"{SECRET} {token}")


def forbid(request: HttpRequest, token: str) -> HttpResponse:
    """Be forbidden with a message that repeats the value."""
    raise PermissionDenied(f"{SECRET} {token}")


urlpatterns: list[URLPattern] = [
    path(f"{view.__name__}/<str:token>/", view, name=view.__name__)
    for view in (crash, refuse, chat, suspect, forbid)
]
