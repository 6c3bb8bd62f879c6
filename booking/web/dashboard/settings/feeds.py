"""The feeds of the agendas: open, change the level, renew the address, close."""

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from booking.feeds import publication as service
from booking.models import Feed, Practitioner
from booking.rules.erasure import Level
from booking.web.dashboard.access import (
    DashboardRequest,
    actor,
    practitioner_or_404,
    reach,
    requires,
)
from booking.web.dashboard.pages import show
from booking.web.dashboard.settings.feed_forms import FeedForm
from tenants.accounts.permissions import Operation


@dataclass(frozen=True)
class FeedAgenda:
    """One agenda with its feed, if it has one."""

    practitioner: Practitioner
    feed: Feed | None
    address: str
    form: FeedForm

    @property
    def program_address(self) -> str:
        """The same address, as programs of the calendar kind take it from a page."""
        return f"webcal://{self.address.partition('://')[2]}"

    @property
    def level(self) -> Level:
        """The level of detail of each event."""
        return Level(self.feed.level if self.feed else 0)


@requires(Operation.CONNECT_CALENDAR, methods=("GET", "HEAD"))
def feeds(request: DashboardRequest) -> HttpResponse:
    """Show the feeds of the agendas within reach."""
    return _show(request)


@requires(Operation.CONNECT_CALENDAR, methods=("POST",))
def change(request: DashboardRequest, practitioner_ref: uuid.UUID) -> HttpResponse:
    """Open a feed, change its level of detail, renew its address, or close it."""
    practitioner = practitioner_or_404(request, practitioner_ref, Operation.CONNECT_CALENDAR)
    feed, action = service.feed_of(practitioner), request.POST.get("action", "")
    if action == "save":
        return _say(request, practitioner, feed)
    if feed is not None and action == "renew":
        service.renew(feed=feed, actor=actor(request), now=request.now)
        messages.success(
            request, _("Le flux a une nouvelle adresse. L’ancienne n’ouvre plus rien.")
        )
    elif feed is not None and action == "close":
        service.close(feed=feed, actor=actor(request), now=request.now)
        messages.success(request, _("Le flux est fermé. Son adresse n’ouvre plus rien."))
    elif action not in {"renew", "close"}:
        raise Http404
    return redirect("dashboard:feeds")


def _say(request: DashboardRequest, practitioner: Practitioner, feed: Feed | None) -> HttpResponse:
    form = _form(practitioner, feed, request.POST)
    if not form.is_valid():
        return _show(request, form=form, whose=practitioner, status=form.status)
    data = form.cleaned_data
    service.open_feed(
        practitioner=practitioner,
        level=data["level"],
        is_instructed=data["is_instructed"],
        actor=actor(request),
        now=request.now,
    )
    if feed is None:
        messages.success(request, _("Le flux est ouvert. Copiez son adresse dans votre logiciel."))
    else:
        messages.success(request, _("C’est noté\u00a0: le flux le dit à sa prochaine lecture."))
    return redirect("dashboard:feeds")


def _show(
    request: DashboardRequest,
    *,
    form: FeedForm | None = None,
    whose: Practitioner | None = None,
    status: int = 200,
) -> HttpResponse:
    practitioners = reach(request, Operation.CONNECT_CALENDAR)
    known = service.feeds_of(practitioners)
    agendas = [
        FeedAgenda(
            practitioner=practitioner,
            feed=known.get(practitioner.pk),
            address=_address(request, known.get(practitioner.pk)),
            form=form
            if form and practitioner == whose
            else _form(practitioner, known.get(practitioner.pk)),
        )
        for practitioner in practitioners
    ]
    return show(
        request, "settings/feeds", {"agendas": agendas, "form": form}, tab="week", status=status
    )


def _address(request: DashboardRequest, feed: Feed | None) -> str:
    if feed is None:
        return ""
    return request.build_absolute_uri(reverse("agenda_feed", args=[service.token_of(feed)]))


def _form(practitioner: Practitioner, feed: Feed | None, data: object = None) -> FeedForm:
    stored = (lambda: {"level": Level(feed.level)}) if feed else None
    return FeedForm(data, subject=feed, stored=stored, prefix=f"f{practitioner.ref.hex[:8]}")
