"""Pages whose address holds a token: not stored, not indexed, and passed on to nobody (S-01)."""

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt


def has_own_origin(request: HttpRequest) -> bool:
    """Return whether a write comes from our own page.

    With ``Referrer-Policy: no-referrer`` browsers send ``Origin: null`` from our own forms: then Sec-Fetch-Site
    decides; old browsers that send neither are let in, the token in the form or in the address remains.
    """
    fetch_site = request.headers.get("Sec-Fetch-Site")
    if fetch_site is not None:
        return fetch_site in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    if origin is None or origin == "null":
        return True
    return urlsplit(origin).netloc == request.get_host()


def keep_private(response: HttpResponseBase) -> None:
    """Let nobody store or index the answer, and no page or site learn its address."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = "no-referrer"


def behind_a_link(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorate a view whose address holds a token, with or without a form.

    Django's CSRF check refuses ``Origin: null``, which browsers send from such a page. The token, which no other
    site knows, and ``has_own_origin`` take its place.
    """

    @csrf_exempt
    @wraps(view)
    def private_view(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        is_foreign = request.method == "POST" and not has_own_origin(request)
        response = (
            render(request, "403_csrf.html", status=403)
            if is_foreign
            else view(request, *args, **kwargs)
        )
        keep_private(response)
        return response

    return private_view
