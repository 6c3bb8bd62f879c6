"""The bounds of a request's body, and the middleware that has it whole before a transaction begins.

The web worker (config/web_worker.py) refuses by the same bounds before a thread is taken; the middleware also
holds under another server.
"""

from collections.abc import Callable
from typing import Final

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError

MOST_BYTES: Final = 64 * 1024
"""The longest body of a form."""
PICTURE_PATH: Final = "/espace/site/visuel/"
MOST_PICTURE_BYTES: Final = 12 * 1024 * 1024
"""The longest body that carries a picture: `tenants.website.pictures.MOST_BYTES` in a form, and a little more, so
that the form itself can say of most pictures that they are too large."""

TOO_LONG: Final = "Envoi trop volumineux. Revenez en arrière et raccourcissez le texte ou l’image."
TOO_SLOW: Final = (
    "L’envoi a été interrompu. Vérifiez votre connexion, revenez en arrière et recommencez."
)


def most_bytes(path: str) -> int:
    """Return the longest body in bytes of a request to this path."""
    return MOST_PICTURE_BYTES if path.startswith(PICTURE_PATH) else MOST_BYTES


class BodyFirst:
    """Refuses a body that is too long with 413, and reads that of a form before the unit of work opens."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Read the body, then serve the request."""
        try:
            _read(request)
        except RequestDataTooBig:
            return HttpResponse(TOO_LONG, status=413, content_type="text/plain; charset=utf-8")
        except UnreadablePostError:
            return HttpResponse(TOO_SLOW, status=408, content_type="text/plain; charset=utf-8")
        return self.get_response(request)


def _read(request: HttpRequest) -> None:
    most = most_bytes(request.path_info)
    if _length(request) > most:
        raise RequestDataTooBig
    if most == MOST_BYTES:
        _ = request.body  # kept by Django; the parsers of forms read it from memory


def _length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0
