"""The feed of an agenda, for programs that cannot sign in: its address is all it takes, and it only reads.

Served on the practice's own host, never on a custom domain. It goes on while a practice is suspended: the
visits that were taken go on too, and an agenda that stands still would tell untruths. It ends with the host.
"""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date

from booking import limits
from booking.feed_file import feed_file
from booking.models import Feed
from booking.services import feed_contents, feeds
from booking.views.public.page import Site, patient_view, too_many
from tenants.accounts.days import zone_of


@patient_view("GET")
def feed(request: HttpRequest, site: Site, token: str) -> HttpResponseBase:
    """Answer with the appointments, or that nothing has changed; 404 for an address that opens nothing."""
    network = limits.network_of(request)
    wait = limits.is_over(limits.LINK_ERRORS, network, now=site.now)
    if wait:
        return too_many(request, site, seconds=wait)
    found = feeds.find(token)
    if found is None:
        limits.seconds_to_wait(limits.LINK_ERRORS, network, now=site.now)
        raise Http404
    wait = limits.seconds_to_wait(limits.FEED, found.ref.hex, now=site.now)
    if wait:
        return too_many(request, site, seconds=wait)
    return _marked(_answer(request, site, found))


def _answer(request: HttpRequest, site: Site, found: Feed) -> HttpResponseBase:
    """Read what is to be said, and write it only for who does not have it yet."""
    zone = zone_of(request)
    changed = feed_contents.changed_at(feed=found, zone=zone, now=site.now)
    stamp = int(changed.timestamp()) if changed else None
    host = request.get_host().partition(":")[0]
    said = feed_contents.contents(feed=found, host=host, zone=zone, now=site.now)
    etag = f'"{said.fingerprint}"'
    response = get_conditional_response(request, etag=etag, last_modified=stamp) or HttpResponse(
        feed_file(said),
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'inline; filename="agenda.ics"'},
    )
    response.headers["ETag"] = etag
    if stamp is not None:
        response.headers["Last-Modified"] = http_date(stamp)
    return response


def _marked(response: HttpResponseBase) -> HttpResponseBase:
    """Let the program that asked keep it, and nobody on the way; it asks each time whether it still holds.

    An address that was closed must open nothing the moment it is, so that no copy is ever taken for fresh.
    """
    response.headers["Cache-Control"] = "private, max-age=0, must-revalidate"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
