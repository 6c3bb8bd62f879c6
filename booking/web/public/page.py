"""The shared parts of patient pages: the practice, the view decorators, the headers."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, wraps
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt

from booking.abuse import limits
from booking.formats import french
from booking.models import Practice
from booking.scheduling.catalogue import current_practice
from tenants.link_pages import has_own_origin, keep_private
from tenants.models import Tenant
from tenants.schema import current_unit
from tenants.website import queries as website
from tenants.website.content import Content, Image, PresentedPerson

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True)
class PracticePicture:
    """A picture of the practice and the addresses of its two sizes."""

    image: Image
    large: str
    small: str


@dataclass(frozen=True)
class Site:
    """The practice for the head and the foot of a page; ``now`` is the single clock of the request.

    ``draft`` holds unpublished content for the preview of the practice; visitors see the published content.
    """

    practice: Practice
    state: str
    host: str
    now: datetime
    draft: Content | None = None

    @cached_property
    def published(self) -> Content | None:
        """The published content: one query, and only for pages that show it."""
        return self.draft if self.draft is not None else website.published()

    @property
    def content(self) -> Content:
        """The published content; an empty one before the first publication."""
        return self.published or Content()

    @property
    def is_preview(self) -> bool:
        """Whether only the practice sees this page."""
        return self.draft is not None

    @property
    def presentation(self) -> str:
        """The practice in its own words; before anything is published, those of its settings."""
        return self.practice.about if self.published is None else self.published.presentation

    @property
    def payment(self) -> str:
        """The means of payment; before anything is published, those of its settings."""
        return self.practice.payment_text if self.published is None else self.published.payment

    @property
    def people(self) -> list[PresentedPerson]:
        """The practitioners with a presentation beyond their name."""
        return [person for person in self.content.people if person.is_presented]

    @property
    def photo(self) -> PracticePicture | None:
        """The photo, when there is one."""
        return self._shown(self.content.photo)

    @property
    def logo(self) -> PracticePicture | None:
        """The logo, when there is one."""
        return self._shown(self.content.logo)

    @property
    def colour_url(self) -> str:
        """Where the practice's own style sheet is; empty when it has no colour."""
        if not self.content.colour:
            return ""
        name = "dashboard:site_preview_colour" if self.is_preview else "booking:colour"
        return f"{reverse(name)}?v={self.content.colour.lstrip('#')}"

    def _shown(self, image: Image | None) -> PracticePicture | None:
        if image is None:
            return None
        name = "dashboard:site_preview_picture" if self.is_preview else "booking:picture"
        large, small = (reverse(name, args=[image.ref, size]) for size in ("grande", "petite"))
        return PracticePicture(image, large, small)

    @property
    def is_open(self) -> bool:
        """Whether the practice takes bookings online: neither suspended nor still being prepared."""
        return self.state == Tenant.State.LIVE

    @property
    def subtitle(self) -> str:
        """Return "Ostéopathe à Bidart", or the known part of it."""
        profession, town = self.practice.profession, self.practice.town
        if profession and town:
            return f"{profession} à {town}"
        return profession or town

    @property
    def phone(self) -> str:
        """The practice's number as it is read aloud; empty when it has none."""
        return french.phone(self.practice.phone) if self.practice.phone else ""

    @property
    def sends_sms(self) -> bool:
        """Whether a mobile number alone gets messages: the practice wants it and a gateway is there."""
        return self.practice.sms_enabled and bool(settings.SMS_GATEWAY)

    @property
    def warns_about_health(self) -> bool:
        """Whether T-1's warning stands beside the form."""
        return self.practice.kind in {Practice.PracticeKind.HEALTH, Practice.PracticeKind.REGULATED}

    def today(self, zone: ZoneInfo) -> date:
        """Return the date of ``now`` in the zone of a place."""
        return self.now.astimezone(zone).date()


def patient_view(*methods: str) -> Callable[[View], View]:
    """Declare a view of the public site: these methods only, no CSRF cookie, Origin checked on writing.

    The view takes (request, site). Without a cookie no request carries the authority of the visitor: the signed
    token of the form, or the secret of a link, takes the place of the CSRF token.
    """

    def decorate(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method not in {*methods, "HEAD"} or (
                request.method == "HEAD" and "GET" not in methods
            ):
                return wrong_method(request, methods)
            site = read_site(request)
            if request.method == "POST" and not has_own_origin(request):
                return refusal(request, site, "booking/errors/400.html", 400)
            return view(request, site, *args, **kwargs)

        return answer

    return decorate


def read_site(request: HttpRequest, *, draft: Content | None = None) -> Site:
    """Return the practice of this request: one query."""
    route = request.route  # type: ignore[attr-defined]  # set by tenants.middleware.UnitOfWork
    return Site(
        practice=current_practice(),
        state=route.state,
        host=request.get_host(),
        now=timezone.now(),
        draft=draft,
    )


def schema_of_request() -> str:
    """Return the schema whose name is part of the salt of signed values."""
    unit = current_unit()
    return unit.schema if unit else ""


def show(
    request: HttpRequest,
    site: Site,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    status: int = 200,
    is_personal: bool = False,
) -> HttpResponse:
    """Render a patient page; a personal one is neither stored nor indexed."""
    response = render(
        request,
        template,
        {"site": site, "practice": site.practice, "is_personal": is_personal, **(context or {})},
        status=status,
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    if is_personal:
        return personal(response)
    # A page with slots carries a token of its own: never to be handed to another visitor.
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def personal(response: HttpResponse) -> HttpResponse:
    """Mark an answer as one person's: no cache, no index, no address passed on."""
    keep_private(response)
    patch_vary_headers(response, ("Host",))
    return response


def refusal(
    request: HttpRequest,
    site: Site,
    template: str,
    status: int,
    context: dict[str, Any] | None = None,
) -> HttpResponse:
    """Render a page that refuses the request and shows the next step."""
    return show(request, site, template, context, status=status, is_personal=True)


def too_many(request: HttpRequest, site: Site, *, seconds: int) -> HttpResponse:
    """Answer 429 with Retry-After, and the same in plain French."""
    minutes = max(1, -(-seconds // 60))
    response = refusal(request, site, "booking/errors/429.html", 429, {"minutes": minutes})
    response.headers["Retry-After"] = str(seconds)
    return response


def unknown_link(request: HttpRequest, site: Site, answer: HttpResponseBase) -> HttpResponseBase:
    """Count a link that opens nothing, and return ``answer``, or 429 beyond the limit of the network.

    Called after the lookup, so that a valid link opens whatever the neighbours of its reader have tried. Tokens
    have 128 bits or more: the limit spares the database, it is not what keeps them secret.
    """
    network = limits.network_of(request)
    wait = limits.seconds_to_wait(limits.LINK_ERRORS, network, now=site.now)
    return too_many(request, site, seconds=wait) if wait else answer


def wrong_method(request: HttpRequest, methods: tuple[str, ...]) -> HttpResponse:
    """Answer 405 with the methods that are allowed."""
    response = refusal(request, read_site(request), "booking/errors/405.html", 405)
    response.headers["Allow"] = ", ".join((*methods, "HEAD") if "GET" in methods else methods)
    return response
