"""The link with Google Agenda: how well it works, what it may say, ending it (B-30 to B-36).

No page here waits for Google: a worker exchanges, reads and writes, and the page looks again.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from booking.actors import poll
from booking.event_body import Level
from booking.forms.dashboard.google import ADDENDUM_MISSING, ChoicesForm, LeaveForm
from booking.models import GoogleAccount, Practitioner
from booking.services.google.accounts import account_of
from booking.services.google.choices import NotInstructed, choose
from booking.services.google.holders import giver_of
from booking.services.google.leaving import leave
from booking.services.google.lights import Health, health_of, healths_of
from booking.services.google.resyncing import resync
from booking.views.dashboard.access import (
    DashboardRequest,
    actor,
    practitioner_or_404,
    reach,
    requires,
)
from booking.views.dashboard.google_connecting import (
    CONNECT,
    attempt_of,
    connect_form,
    is_leaving,
    show_link,
)
from booking.views.dashboard.google_differences import differences_of, tasks_of
from booking.views.dashboard.google_examples import examples
from booking.views.dashboard.google_words import (
    BADGES,
    error_sentence,
    light_sentence,
    light_word,
)
from tenants.schema import current_schema, ring
from tenants.trail.models import Act


@dataclass(frozen=True)
class Shown:
    """A link as its pages show it: its light in a word and a sentence, its instants, its last refusal."""

    practitioner: Practitioner
    account: GoogleAccount | None
    health: Health | None

    @property
    def light(self) -> str:
        """The class of the light."""
        return self.health.light.value if self.health else ""

    @property
    def icon(self) -> str:
        """The icon of the light."""
        return BADGES[self.health.light] if self.health else ""

    @property
    def word(self) -> str:
        """The light in one or two words."""
        return light_word(self.health.light) if self.health else ""

    @property
    def sentence(self) -> str:
        """Why the light is what it is."""
        return light_sentence(self.health) if self.health else ""

    @property
    def error(self) -> str:
        """What Google refused last."""
        code = self.account.last_error if self.account else ""
        return error_sentence(code) if code else ""

    @property
    def to_decide(self) -> int:
        """How many appointments differ or meet something else."""
        return self.health.different + self.health.conflicts if self.health else 0


@requires(CONNECT, methods=("GET", "HEAD"))
def google(request: DashboardRequest) -> HttpResponse:
    """Show the only agenda within reach, or how each of several stands."""
    who = reach(request, CONNECT)
    if len(who) == 1:
        return _agenda(request, who[0])
    found = GoogleAccount.objects.filter(practitioner__in=who)
    healths = healths_of(accounts=list(found), now=request.now)
    by_practitioner = {one.account.practitioner_id: one for one in healths}
    links = [_shown(one, by_practitioner.get(one.pk)) for one in who]
    return show_link(
        request, "google", {"links": links, "is_offered": bool(settings.GOOGLE_CLIENT_ID)}
    )


@requires(CONNECT)
def google_agenda(request: DashboardRequest, practitioner: uuid.UUID) -> HttpResponse:
    """Show one agenda's link; a POST changes what its events say and what becomes of them."""
    who = practitioner_or_404(request, practitioner, CONNECT)
    if request.method != "POST":
        return _agenda(request, who)
    account = _account_or_404(who)
    form = ChoicesForm(request.POST, account=account)
    if not form.is_valid() or not _is_chosen(request, account, form):
        return _agenda(request, who, form=form)
    messages.success(request, _("C’est enregistré. Les rendez-vous à venir sont réécrits."))
    return redirect("dashboard:google_agenda", who.ref)


def _is_chosen(request: DashboardRequest, account: GoogleAccount, form: ChoicesForm) -> bool:
    try:
        choose(account=account, chosen=form.chosen, actor=actor(request), now=request.now)
    except NotInstructed:
        form.add_error(form.instruction or "level", ADDENDUM_MISSING)
        return False
    return True


@requires(CONNECT, methods=("POST",))
def google_resync(request: DashboardRequest, practitioner: uuid.UUID) -> HttpResponse:
    """Have every coming appointment written again and the calendar read now."""
    who = practitioner_or_404(request, practitioner, CONNECT)
    account = _account_or_404(who)
    if account.state != GoogleAccount.State.CONNECTED:
        messages.error(request, _("Reconnectez d’abord ce compte."))
    else:
        count = resync(account=account, actor=actor(request), now=request.now)
        schema, ref = current_schema(), account.ref.hex
        ring(lambda: poll.send(schema, ref))
        text = _("Resynchronisation lancée\u00a0: %(count)d rendez-vous sont réécrits.")
        messages.success(request, text % {"count": count})
    return redirect("dashboard:google_agenda", who.ref)


@requires(CONNECT)
def google_leave(request: DashboardRequest, practitioner: uuid.UUID) -> HttpResponse:
    """Say what will be lost and ask what becomes of the calendar; then end the link."""
    who = practitioner_or_404(request, practitioner, CONNECT)
    account = _account_or_404(who)
    form = LeaveForm(
        request.POST if request.method == "POST" else None,
        # Without access nothing can be emptied there: nobody is told that it will be.
        is_reachable=account.state == GoogleAccount.State.CONNECTED,
    )
    if form.is_valid():
        leave(
            account=account,
            on_leaving=form.cleaned_data["on_leaving"],
            actor=actor(request),
            now=request.now,
        )
        messages.success(request, _("Plus rien n’est lu ni écrit dans ce compte."))
        return redirect("dashboard:google_agenda", who.ref)
    context = {"form": form, "who": who, "account": account}
    return show_link(request, "google_leave", context, status=422 if form.is_bound else 200)


def _agenda(
    request: DashboardRequest, who: Practitioner, *, form: ChoicesForm | None = None
) -> HttpResponse:
    account = account_of(who)
    attempt = attempt_of(request, who)
    health = health_of(account=account, now=request.now) if account else None
    context: dict[str, Any] = {
        "who": who,
        "link": _shown(who, health),
        "is_offered": bool(settings.GOOGLE_CLIENT_ID),
        "is_alone": len(reach(request, CONNECT)) == 1,
        "is_leaving": is_leaving(account),
        "is_connecting": attempt.is_open,
        "attempt": attempt,
        "connect_form": connect_form(request),
        "tasks": tasks_of(request, who),
    }
    if account is not None and not is_leaving(account):
        context |= {
            "form": form or ChoicesForm(account=account),
            "examples": examples(),
            "instructed_at": _instructed_at(account),
            "giver": giver_of(account),
            "differences": differences_of(request, who),
        }
    page = show_link(request, "google_agenda", context, status=422 if form else 200)
    return _may_lead_to_google(request, page)


def _may_lead_to_google(request: DashboardRequest, page: HttpResponse) -> HttpResponse:
    """Let the forms of this page, and of no other, be answered by the way to Google's consent."""
    parts = urlsplit(settings.GOOGLE_CONSENT_URL)
    allowing = csp_update({"form-action": [f"{parts.scheme}://{parts.netloc}"]})
    allowing(lambda _request: page)(request)
    return page


def _shown(who: Practitioner, health: Health | None) -> Shown:
    return Shown(who, health.account if health else None, health)


def _account_or_404(who: Practitioner) -> GoogleAccount:
    account = account_of(who)
    if account is None or is_leaving(account):
        raise Http404
    return account


def _instructed_at(account: GoogleAccount) -> datetime | None:
    """When the names were last asked for, as the trail has it (B-33)."""
    if account.level != Level.NAMED:
        return None
    said = Act.objects.filter(ref=account.ref, verb=f"calendar.level.{Level.NAMED.value}")
    return said.order_by("-id").values_list("at", flat=True).first()
