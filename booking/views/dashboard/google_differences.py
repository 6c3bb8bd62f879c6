"""What stands otherwise in Google Agenda, and what is left to do by hand; nobody is moved by itself."""

import uuid
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.models import (
    Appointment,
    CalendarEntry,
    CalendarTask,
    GoogleAccount,
    Practitioner,
)
from booking.services.agenda import Row, rows_of
from booking.services.google import differences
from booking.services.google.attention import Mark
from booking.services.google.effacing import Offer, efface, offers
from booking.services.google.ticking import open_tasks, tick
from booking.views.dashboard.access import DashboardRequest, actor, requires
from booking.views.dashboard.appointment import appointment_or_404
from booking.views.dashboard.explained import Explanation
from booking.views.dashboard.google_words import adopting_answer, effacing_answer
from tenants.accounts.permissions import Operation

TODAY = "jour"
"""Where a task was ticked, when the page goes back there."""
PANEL = "rdv"
"""Where a deletion was asked, when it was the appointment's own page."""


@dataclass(frozen=True)
class Difference:
    """One appointment that Google Agenda shows otherwise, at its hour here."""

    entry: CalendarEntry
    row: Row
    starts: datetime

    @property
    def mark(self) -> str:
        """How it differs."""
        if self.entry.state in CalendarEntry.DIFFERENT:
            return Mark(self.entry.state).value
        return Mark.CONFLICT.value

    @property
    def also_meets(self) -> bool:
        """Whether something else stands at its time, besides."""
        return self.entry.has_conflict and self.mark != Mark.CONFLICT.value

    @property
    def is_asked(self) -> bool:
        """Whether a worker is reading the hour in Google now."""
        return self.entry.answer == differences.ASKED

    @property
    def answer(self) -> Explanation:
        """What came of taking the hour over."""
        return adopting_answer(self.entry.answer)


@dataclass(frozen=True)
class Lost:
    """An agenda whose link must be made again, and whether this person may do it."""

    practitioner: Practitioner
    may_connect: bool


def lost_agendas(request: DashboardRequest, keys: Collection[int]) -> list[Lost]:
    """Return the agendas of these keys in the practice's order."""
    return [
        Lost(one, request.access.allows(Operation.CONNECT_CALENDAR, one.ref))
        for one in request.practitioners
        if one.pk in keys
    ]


@dataclass(frozen=True)
class ToDo:
    """One task, at the hour of its appointment, and what lib-rdv can do of it (``Offer``)."""

    task: CalendarTask
    starts: datetime
    offer: str = ""


def differences_of(request: DashboardRequest, who: Practitioner) -> list[Difference]:
    """Return what differs in one agenda, by time, with the names that are still here."""
    entries = differences.differing(practitioner_ids=[who.pk], now=request.now)
    if not entries:
        return []
    refs = {entry.appointment.ref for entry in entries}
    rows = {row.appointment.pk: row for row in rows_of(refs=refs, practitioner_ids=[who.pk])}
    return [
        Difference(entry, rows[entry.appointment_id], _local(entry.appointment))
        for entry in entries
        if entry.appointment_id in rows
    ]


def tasks_of(request: DashboardRequest, *who: Practitioner) -> list[ToDo]:
    """Return what this person may do of what is left in these agendas."""
    tasks = _permitted(request, open_tasks(practitioner_ids=[one.pk for one in who]))
    left = [task.appointment for task in tasks if task.kind == CalendarTask.Kind.ERASE]
    found = offers(appointments=left, now=request.now)

    def offer(task: CalendarTask) -> str:
        known = found.get(task.appointment_id) if task.kind == CalendarTask.Kind.ERASE else None
        return known.value if known and known is not Offer.AFTER else ""

    return [ToDo(task, _local(task.appointment), offer(task)) for task in tasks]


def _permitted(request: DashboardRequest, tasks: Iterable[CalendarTask]) -> list[CalendarTask]:
    return [
        task
        for task in tasks
        if request.access.allows(_right_for(task), task.appointment.practitioner.ref)
    ]


def _right_for(task: CalendarTask) -> Operation:
    """Calling is the work of whoever keeps the agenda; effacing in Google, of who has the account."""
    is_call = task.kind == CalendarTask.Kind.CALL
    return Operation.SEE_CONTACT if is_call else Operation.CONNECT_CALENDAR


@requires(Operation.CONNECT_CALENDAR, methods=("POST",))
def google_decide(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Write the event again as it is here, or take over the hour that Google shows."""
    found = appointment_or_404(request, ref, Operation.CONNECT_CALENDAR)
    act = _ACTS.get(request.POST.get("acte", ""))
    if act is None:
        raise Http404
    differing = CalendarEntry.objects.select_related("appointment", "account").filter(
        appointment=found, account__isnull=False, state__in=act.states
    )
    entry = differing.first()
    if entry is None or entry.account is None:
        messages.info(request, _("Ce n’est plus différent de cette façon dans Google Agenda."))
    elif entry.account.state != GoogleAccount.State.CONNECTED:
        messages.error(request, _("Reconnectez d’abord ce compte."))
    else:
        act.do(entry=entry, actor=actor(request), now=request.now)
        messages.success(request, str(act.said))
    return redirect("dashboard:google_agenda", found.practitioner.ref)


@dataclass(frozen=True)
class _Act:
    """One answer to a difference: what it does, to which events, and what is said then."""

    do: Callable[..., None]
    states: Collection[str]
    said: str | Promise


_ACTS = {
    "remettre": _Act(
        differences.restore,
        CalendarEntry.DIFFERENT,
        gettext_lazy("C’est demandé\u00a0: l’événement revient comme dans lib-rdv."),
    ),
    "reprendre": _Act(
        differences.adopt,
        (CalendarEntry.State.MOVED,),
        gettext_lazy("C’est demandé. Si l’heure est libre, la personne est prévenue."),
    ),
}


@requires(Operation.SEE_CONTACT, methods=("POST",))
def google_tick(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Note that a task is done."""
    task = get_object_or_404(
        CalendarTask.objects.select_related("appointment__practitioner", "appointment__location"),
        ref=ref,
    )
    who = task.appointment.practitioner
    if not request.access.allows(Operation.SEE_AGENDA, who.ref):
        raise Http404
    if not request.access.allows(_right_for(task), who.ref):
        raise PermissionDenied
    is_kept = request.POST.get("acte") == "garder"
    if tick(task=task, actor=actor(request), now=request.now, is_kept=is_kept):
        messages.success(request, _("C’est noté."))
    else:
        messages.info(request, _("C’était déjà noté."))
    return _back(request, who)


@requires(Operation.CONNECT_CALENDAR, methods=("POST",))
def google_efface(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Have lib-rdv delete the event of a person who was erased, or asked for it (B-34)."""
    found = appointment_or_404(request, ref, Operation.CONNECT_CALENDAR)
    offer = efface(appointment=found, actor=actor(request), now=request.now)
    said = effacing_answer(offer)
    (messages.success if offer else messages.info)(request, said)
    if request.POST.get("retour") == PANEL:
        return redirect("dashboard:appointment", found.ref)
    return _back(request, found.practitioner)


def _back(request: DashboardRequest, who: Practitioner) -> HttpResponse:
    if request.POST.get("retour") == TODAY:
        return redirect("dashboard:today")
    return redirect("dashboard:google_agenda", who.ref)


def _local(appointment: Appointment) -> datetime:
    return appointment.starts_at.astimezone(ZoneInfo(appointment.location.time_zone))
