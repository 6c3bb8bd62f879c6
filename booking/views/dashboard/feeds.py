"""The feeds of the agendas: opening one, what it says, another address, closing it."""

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from booking.event_body import Level
from booking.forms.dashboard.feed import FeedForm
from booking.models import Feed, Practitioner
from booking.services import feeds as service
from booking.views.dashboard.access import (
    DashboardRequest,
    actor,
    practitioner_or_404,
    reach,
    requires,
)
from booking.views.dashboard.pages import show
from tenants.accounts.permissions import Operation


@dataclass(frozen=True)
class Agenda:
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
        """How much each event says."""
        return Level(self.feed.level if self.feed else 0)


@requires(Operation.CONNECT_CALENDAR, methods=("GET", "HEAD"))
def feeds(request: DashboardRequest) -> HttpResponse:
    """Show the feeds of the agendas within reach, and who reads them."""
    return _show(request)


@requires(Operation.CONNECT_CALENDAR, methods=("POST",))
def change(request: DashboardRequest, practitioner: uuid.UUID) -> HttpResponse:
    """Open a feed, change what it says, give it another address, or close it."""
    who = practitioner_or_404(request, practitioner, Operation.CONNECT_CALENDAR)
    feed, act = service.feed_of(who), request.POST.get("acte", "")
    if act == "dire":
        return _say(request, who, feed)
    if feed is not None and act == "adresse":
        service.renew(feed=feed, actor=actor(request), now=request.now)
        messages.success(
            request, _("Le flux a une nouvelle adresse. L’ancienne n’ouvre plus rien.")
        )
    elif feed is not None and act == "fermer":
        service.close(feed=feed, actor=actor(request), now=request.now)
        messages.success(request, _("Le flux est fermé. Son adresse n’ouvre plus rien."))
    elif act not in {"adresse", "fermer"}:
        raise Http404
    return redirect("dashboard:feeds")


def _say(request: DashboardRequest, who: Practitioner, feed: Feed | None) -> HttpResponse:
    form = _form(who, feed, request.POST)
    if not form.is_valid():
        return _show(request, form=form, whose=who, status=422)
    said = form.cleaned_data
    service.open_feed(
        practitioner=who,
        level=said["level"],
        is_instructed=said["is_instructed"],
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
    who = reach(request, Operation.CONNECT_CALENDAR)
    known = {feed.practitioner_id: feed for feed in Feed.objects.filter(practitioner__in=who)}
    agendas = [
        Agenda(
            practitioner=one,
            feed=known.get(one.pk),
            address=_address(request, known.get(one.pk)),
            form=form if form and one == whose else _form(one, known.get(one.pk)),
        )
        for one in who
    ]
    return show(request, "feeds", {"agendas": agendas, "form": form}, tab="week", status=status)


def _address(request: DashboardRequest, feed: Feed | None) -> str:
    if feed is None:
        return ""
    return request.build_absolute_uri(reverse("agenda_feed", args=[service.token_of(feed)]))


def _form(who: Practitioner, feed: Feed | None, data: object = None) -> FeedForm:
    initial = {"level": Level(feed.level)} if feed else {}
    return FeedForm(data, initial=initial, prefix=f"f{who.ref.hex[:8]}")
