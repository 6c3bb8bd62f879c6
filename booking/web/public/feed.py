"""The read-only feed of an agenda for programs that cannot sign in; its secret address is the only credential.

Served on the practice's own host, never on a custom domain. The feed of a suspended practice goes on, as its
booked visits do: a frozen agenda would be wrong. It ends with the host.
"""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date

from booking.abuse import limits
from booking.feeds import contents, publication
from booking.formats.feed_file import feed_file
from booking.models import Feed
from booking.web.public.page import (
    Site,
    patient_view,
    too_many,
)
from tenants.accounts.days import zone_of


@patient_view("GET")
def feed(request: HttpRequest, site: Site, token: str) -> HttpResponseBase:
    """Answer with the appointments, or that nothing has changed; 404 for an address that opens nothing."""
    found = publication.find(token)
    if found is None:
        wait = limits.seconds_to_wait(limits.LINK_ERRORS, limits.network_of(request), now=site.now)
        if wait:
            return too_many(request, site, seconds=wait)
        raise Http404
    wait = limits.seconds_to_wait(limits.FEED, found.ref.hex, now=site.now)
    if wait:
        return too_many(request, site, seconds=wait)
    return _marked(_answer(request, site, found))


def _answer(request: HttpRequest, site: Site, found: Feed) -> HttpResponseBase:
    """Return the calendar file, or 304 when the reader already has this version."""
    zone = zone_of(request)
    changed = contents.changed_at(feed=found, zone=zone, now=site.now)
    stamp = int(changed.timestamp()) if changed else None
    host = request.get_host().partition(":")[0]
    body = contents.contents(feed=found, host=host, zone=zone, now=site.now)
    etag = f'"{body.fingerprint}"'
    response = get_conditional_response(request, etag=etag, last_modified=stamp) or HttpResponse(
        feed_file(body),
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'inline; filename="agenda.ics"'},
    )
    response.headers["ETag"] = etag
    if stamp is not None:
        response.headers["Last-Modified"] = http_date(stamp)
    return response


def _marked(response: HttpResponseBase) -> HttpResponseBase:
    """Let the client cache the feed with revalidation at each request, and no shared cache store it.

    A closed address must stop working at once, so that no copy may count as fresh.
    """
    response.headers["Cache-Control"] = "private, max-age=0, must-revalidate"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
