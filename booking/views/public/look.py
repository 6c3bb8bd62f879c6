"""What the pages of a practice look like: its colour and its pictures, from its own host."""

import uuid

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag

from booking.views.public.page import Site, patient_view
from tenants.website import colours, queries
from tenants.website.models import PictureFile


@patient_view("GET")
def colour(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Return the style sheet of the practice's colour; its address changes with the colour."""
    if not site.look.colour:
        raise Http404
    body = colours.stylesheet(site.look.colour)
    return _conditional(
        request,
        HttpResponse(body, content_type="text/css; charset=utf-8"),
        etag=site.look.colour.lstrip("#"),
        caching="public, max-age=86400",
    )


@patient_view("GET")
def picture(request: HttpRequest, site: Site, ref: uuid.UUID, size: str) -> HttpResponseBase:
    """Return one size of a picture of the published pages; what is not published is not there."""
    found = queries.published_file(ref, size)
    if found is None:
        raise Http404
    return _conditional(
        request,
        picture_response(found),
        etag=found.digest,
        caching="public, max-age=31536000, immutable",
    )


def picture_response(file: PictureFile) -> HttpResponse:
    """Return the bytes as what they are: an image of our own making, for our own pages."""
    response = HttpResponse(bytes(file.data), content_type=file.media_type)
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Content-Disposition"] = "inline"
    return response


def _conditional(
    request: HttpRequest, response: HttpResponse, *, etag: str, caching: str
) -> HttpResponseBase:
    """Answer 304 to whoever holds the same bytes; a ref names the same bytes for ever."""
    response.headers["ETag"] = quote_etag(etag)
    response.headers["Cache-Control"] = caching
    return get_conditional_response(request, etag=quote_etag(etag), response=response) or response
