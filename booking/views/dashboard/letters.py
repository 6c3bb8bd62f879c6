"""The ledger of messages (T10): what left, what did not and why, and sending one again."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _

from booking.forms.dashboard.messages import LettersForm
from booking.models import Appointment
from booking.services import letters as ledger
from booking.services.letters import CannotResend, Wanted
from booking.views.dashboard.access import DashboardRequest, actor, reach, requires
from booking.views.dashboard.appointment import appointment_or_404
from booking.views.dashboard.explained import Explanation, explain
from booking.views.dashboard.pages import show, span
from tenants.accounts.permissions import Operation
from tenants.outbox.models import OutboxEntry

PER_PAGE = 50
LATELY = timedelta(days=7)
LAST_DAY = date(9000, 1, 1)


@dataclass(frozen=True)
class Letter:
    """One line of the ledger: a message, about which appointment, how it ended."""

    entry: OutboxEntry
    held: Appointment
    at: datetime
    starts: datetime
    explained: Explanation
    can_resend: bool

    @property
    def tone(self) -> str:
        """The state in one word of the style sheet."""
        if self.entry.state == OutboxEntry.State.PENDING:
            return "due"
        if self.entry.state == OutboxEntry.State.SENT:
            return "ok"
        is_late = self.entry.reason in ledger.LATE
        is_dropped = self.entry.state == OutboxEntry.State.DROPPED
        return "gone" if is_dropped and not is_late else "bad"


@requires(Operation.SEE_AGENDA, methods=("GET", "HEAD"))
def letters(request: DashboardRequest) -> HttpResponse:
    """Show the messages about one's agendas, by state, kind and date."""
    who = reach(request, Operation.SEE_AGENDA)
    form = LettersForm(request.GET or None)
    wanted = _wanted(form, request.zone) if form.is_valid() else Wanted()
    found = ledger.letters(practitioner_ids=[one.pk for one in who], wanted=wanted)
    page: Any = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    page.object_list = _lines(list(page.object_list), request)
    failed = Wanted(state="non-remis", from_at=request.now - LATELY)
    asked = [(name, form[name].value() or "") for name in form.fields] if form.is_bound else []
    context = {
        "form": form,
        "page": page,
        "query": urlencode([pair for pair in asked if pair[1]]),
        "here": request.get_full_path(),
        "failed": ledger.letters(practitioner_ids=[one.pk for one in who], wanted=failed).count(),
        "is_failed": form.is_bound and form["etat"].value() == "non-remis",
    }
    return show(request, "letters", context, tab="letters", status=422 if form.errors else 200)


def _wanted(form: LettersForm, zone: ZoneInfo) -> Wanted:
    chosen = form.cleaned_data
    first, last = chosen["du"], chosen["au"]
    return Wanted(
        state=chosen["etat"],
        kind=chosen["type"],
        from_at=span(first, 1, zone)[0] if first and first < LAST_DAY else None,
        until_at=span(last, 1, zone)[1] if last and last < LAST_DAY else None,
    )


def _lines(entries: list[OutboxEntry], request: DashboardRequest) -> list[Letter]:
    held = ledger.appointments_of(entries)
    waiting = ledger.waiting(entries)
    return [
        _line(entry, held[entry.object_id], waiting, request)
        for entry in entries
        if entry.object_id in held
    ]


def _line(
    entry: OutboxEntry,
    held: Appointment,
    waiting: set[tuple[int, str]],
    request: DashboardRequest,
) -> Letter:
    is_waiting = (held.pk, entry.kind) in waiting
    return Letter(
        entry=entry,
        held=held,
        at=(entry.finished_at or entry.due_at).astimezone(request.zone),
        starts=held.starts_at.astimezone(ZoneInfo(held.location.time_zone)),
        explained=explain(entry),
        can_resend=request.access.allows(Operation.SEE_CONTACT, held.practitioner.ref)
        and ledger.can_resend(entry, held, is_waiting=is_waiting, now=request.now),
    )


@requires(Operation.SEE_AGENDA, methods=("POST",))
def resend(request: DashboardRequest, ref: UUID) -> HttpResponse:
    """Send one message again, when it is still true."""
    entry = get_object_or_404(OutboxEntry, ref=ref, kind__in=ledger.KINDS)
    held = Appointment.objects.filter(pk=entry.object_id or 0).first()
    if held is None:
        raise Http404
    found = appointment_or_404(request, held.ref, Operation.SEE_CONTACT)
    try:
        ledger.resend(entry=entry, appointment=found, actor=actor(request), now=request.now)
    except CannotResend:
        messages.error(
            request,
            _(
                "Ce message ne peut plus repartir\u00a0: il est déjà en route, ou le rendez-vous a changé. "
                "Un rappel ne repart que la veille, entre 8\u00a0h et 20\u00a0h."
            ),
        )
    else:
        messages.success(request, _("Le message repart. Voyez ici ce qu’il devient."))
    back = request.POST.get("retour", "")
    is_ours = url_has_allowed_host_and_scheme(back, None) and back.startswith("/espace/")
    return redirect(back if is_ours else reverse("dashboard:letters"))
