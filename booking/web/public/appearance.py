"""The style sheet and the pictures of a practice's public pages, from its own host."""

import uuid

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag

from booking.web.public.page import Site, patient_view
from tenants.website import colours, queries
from tenants.website.models import PictureFile


@patient_view("GET")
def colour(request: HttpRequest, site: Site) -> HttpResponseBase:
    """Return the style sheet of the practice's colour; its address changes with the colour."""
    if not site.content.colour:
        raise Http404
    body = colours.stylesheet(site.content.colour)
    return _conditional(
        request,
        HttpResponse(body, content_type="text/css; charset=utf-8"),
        etag=site.content.colour.lstrip("#"),
        caching="public, max-age=86400",
    )


@patient_view("GET")
def picture(request: HttpRequest, site: Site, ref: uuid.UUID, size: str) -> HttpResponseBase:
    """Return one size of a published picture; 404 for an unpublished one."""
    found = queries.published_file(ref, size) if size.isprintable() else None
    if found is None:
        raise Http404
    return _conditional(
        request,
        picture_response(found),
        etag=found.digest,
        caching="public, max-age=31536000, immutable",
    )


def picture_response(file: PictureFile) -> HttpResponse:
    """Return the image with its own content type; the image has been re-encoded by lib-rdv."""
    response = HttpResponse(bytes(file.data), content_type=file.media_type)
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Content-Disposition"] = "inline"
    return response


def _conditional(
    request: HttpRequest, response: HttpResponse, *, etag: str, caching: str
) -> HttpResponseBase:
    """Answer 304 to a client that has the same bytes; the content of a ref never changes."""
    response.headers["ETag"] = quote_etag(etag)
    response.headers["Cache-Control"] = caching
    return get_conditional_response(request, etag=quote_etag(etag), response=response) or response
