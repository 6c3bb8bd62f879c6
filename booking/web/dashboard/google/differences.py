"""Differences with Google Calendar and open tasks; only a click moves or cancels an appointment."""

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

from booking.agenda.rows import Row, rows_of
from booking.google import differences
from booking.google.attention import Mark
from booking.google.event_deletion import (
    DeletionOption,
    delete_event,
    deletion_options,
)
from booking.google.task_completion import complete, open_tasks, with_appointment
from booking.models import (
    Appointment,
    CalendarEntry,
    CalendarTask,
    GoogleAccount,
    Practitioner,
)
from booking.web.dashboard.access import (
    DashboardRequest,
    actor,
    requires,
)
from booking.web.dashboard.appointment.views import appointment_or_404
from booking.web.dashboard.google.labels import (
    Explanation,
    adoption_explanation,
    event_deletion_message,
)
from tenants.accounts.permissions import Operation

TODAY = "today"
"""Value of ``return_to`` that leads back to the page of the day."""
PANEL = "appointment"
"""Value of ``return_to`` that leads back to the page of the appointment."""


_MARK_LABELS: dict[str, Promise] = {
    Mark.MOVED.value: gettext_lazy("Déplacé dans Google Agenda."),
    Mark.DELETED.value: gettext_lazy("Supprimé dans Google Agenda."),
    Mark.CONFLICT.value: gettext_lazy("Un autre événement de votre agenda est au même moment."),
}


@dataclass(frozen=True)
class Difference:
    """One appointment that differs in Google; ``starts`` is its time here, in the zone of its location."""

    entry: CalendarEntry
    row: Row
    starts: datetime

    @property
    def mark(self) -> str:
        """The kind of the difference: a value of ``Mark``."""
        if self.entry.state in CalendarEntry.DIFFERENT:
            return Mark(self.entry.state).value
        return Mark.CONFLICT.value

    @property
    def label(self) -> Promise:
        """The difference in a French sentence."""
        return _MARK_LABELS[self.mark]

    @property
    def has_other_conflict(self) -> bool:
        """Whether a moved or deleted event also overlaps another event."""
        return self.entry.has_conflict and self.mark != Mark.CONFLICT.value

    @property
    def is_adopting(self) -> bool:
        """Whether a worker reads the time in Google now."""
        return self.entry.answer == differences.ASKED

    @property
    def adoption(self) -> Explanation:
        """The outcome of the adoption of Google's time."""
        return adoption_explanation(self.entry.answer)


@dataclass(frozen=True)
class LostLink:
    """A practitioner whose account must be reconnected, and whether the user may do it."""

    practitioner: Practitioner
    may_connect: bool


def lost_agendas(request: DashboardRequest, keys: Collection[int]) -> list[LostLink]:
    """Return the practitioners of these keys in the practice's order."""
    return [
        LostLink(practitioner, request.access.allows(Operation.CONNECT_CALENDAR, practitioner.ref))
        for practitioner in request.practitioners
        if practitioner.pk in keys
    ]


@dataclass(frozen=True)
class TaskRow:
    """One open task; ``starts`` is the time of its appointment, in the zone of its location.

    ``deletion`` is the value of the ``DeletionOption`` of its event, or "" when lib-rdv cannot delete it.
    """

    task: CalendarTask
    starts: datetime
    deletion: str = ""


def differences_of(request: DashboardRequest, practitioner: Practitioner) -> list[Difference]:
    """Return the differences of one practitioner by time, with the names that are not erased."""
    entries = differences.differing(practitioner_ids=[practitioner.pk], now=request.now)
    if not entries:
        return []
    refs = {entry.appointment.ref for entry in entries}
    rows = {
        row.appointment.pk: row for row in rows_of(refs=refs, practitioner_ids=[practitioner.pk])
    }
    return [
        Difference(entry, rows[entry.appointment_id], _local(entry.appointment))
        for entry in entries
        if entry.appointment_id in rows
    ]


def tasks_of(request: DashboardRequest, *practitioners: Practitioner) -> list[TaskRow]:
    """Return the open tasks of these practitioners that the user may complete."""
    tasks = _permitted(
        request, open_tasks(practitioner_ids=[practitioner.pk for practitioner in practitioners])
    )
    to_erase = [task.appointment for task in tasks if task.kind == CalendarTask.TaskKind.ERASE]
    options = deletion_options(appointments=to_erase, now=request.now)

    def deletion(task: CalendarTask) -> str:
        option = (
            options.get(task.appointment_id) if task.kind == CalendarTask.TaskKind.ERASE else None
        )
        return option.value if option and option is not DeletionOption.AFTER else ""

    return [TaskRow(task, _local(task.appointment), deletion(task)) for task in tasks]


def _permitted(request: DashboardRequest, tasks: Iterable[CalendarTask]) -> list[CalendarTask]:
    return [
        task
        for task in tasks
        if request.access.allows(_right_for(task), task.appointment.practitioner.ref)
    ]


def _right_for(task: CalendarTask) -> Operation:
    """Return the permission for a task: a call needs access to the contact, a deletion to the Google account."""
    is_call = task.kind == CalendarTask.TaskKind.CALL
    return Operation.SEE_CONTACT if is_call else Operation.CONNECT_CALENDAR


@requires(Operation.CONNECT_CALENDAR, methods=("POST",))
def google_decide(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Resolve a difference: restore the event as it is here, or adopt the time that Google shows."""
    appointment = appointment_or_404(request, ref, Operation.CONNECT_CALENDAR)
    decision = _DECISIONS.get(request.POST.get("action", ""))
    if decision is None:
        raise Http404
    entry = differences.find_difference(appointment, states=decision.states)
    if entry is None or entry.account is None:
        messages.info(request, _("Ce n’est plus différent de cette façon dans Google Agenda."))
    elif entry.account.state != GoogleAccount.LinkState.CONNECTED:
        messages.error(request, _("Reconnectez d’abord ce compte."))
    else:
        decision.service(entry=entry, actor=actor(request), now=request.now)
        messages.success(request, str(decision.confirmation))
    return redirect("dashboard:google_agenda", appointment.practitioner.ref)


@dataclass(frozen=True)
class _Decision:
    """One way to resolve a difference: its service, the states of entries it applies to, and its confirmation."""

    service: Callable[..., None]
    states: Collection[str]
    confirmation: str | Promise


_DECISIONS = {
    "restore": _Decision(
        differences.restore,
        CalendarEntry.DIFFERENT,
        gettext_lazy("C’est demandé\u00a0: l’événement revient comme dans lib-rdv."),
    ),
    "adopt": _Decision(
        differences.adopt,
        (CalendarEntry.EventState.MOVED,),
        gettext_lazy("C’est demandé. Si l’heure est libre, la personne est prévenue."),
    ),
}


@requires(Operation.SEE_CONTACT, methods=("POST",))
def google_complete_task(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Complete a task; with the action "keep" the practitioner keeps the event."""
    task = get_object_or_404(with_appointment(), ref=ref)
    practitioner = task.appointment.practitioner
    if not request.access.allows(Operation.SEE_AGENDA, practitioner.ref):
        raise Http404
    if not request.access.allows(_right_for(task), practitioner.ref):
        raise PermissionDenied
    is_kept = request.POST.get("action") == "keep"
    if complete(task=task, actor=actor(request), now=request.now, is_kept=is_kept):
        messages.success(request, _("C’est noté."))
    else:
        messages.info(request, _("C’était déjà noté."))
    return _back(request, practitioner)


@requires(Operation.CONNECT_CALENDAR, methods=("POST",))
def google_delete_event(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Request the deletion of the event of a person that is erased, or has asked for the erasure (B-34)."""
    appointment = appointment_or_404(request, ref, Operation.CONNECT_CALENDAR)
    option = delete_event(appointment=appointment, actor=actor(request), now=request.now)
    (messages.success if option else messages.info)(request, event_deletion_message(option))
    if request.POST.get("return_to") == PANEL:
        return redirect("dashboard:appointment", appointment.ref)
    return _back(request, appointment.practitioner)


def _back(request: DashboardRequest, practitioner: Practitioner) -> HttpResponse:
    if request.POST.get("return_to") == TODAY:
        return redirect("dashboard:today")
    return redirect("dashboard:google_agenda", practitioner.ref)


def _local(appointment: Appointment) -> datetime:
    return appointment.starts_at.astimezone(ZoneInfo(appointment.location.time_zone))
