"""Today: the landing page of a practice (T1)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.agenda.changes import changes_for, note_seen
from booking.agenda.rows import (
    Row,
    absences_between,
    rows_between,
)
from booking.appointments import calls
from booking.google.attention import Mark, attention
from booking.messages.outcomes import DeliveryOutcome, outcome_of
from booking.models import Absence, Appointment, AppointmentType, Practitioner
from booking.notifications import sms_budget
from booking.scheduling.catalogue import practitioners_by_first_type
from booking.scheduling.queries import Slot, free_slots
from booking.web.dashboard.access import (
    DashboardRequest,
    actor,
    reach,
    requires,
)
from booking.web.dashboard.agenda.names import (
    agenda_link,
    asking,
    erased,
)
from booking.web.dashboard.appointment.views import appointment_or_404
from booking.web.dashboard.badges import Badge
from booking.web.dashboard.google.differences import lost_agendas, tasks_of
from booking.web.dashboard.pages import (
    day_asked,
    show,
    span,
)
from tenants.accounts.permissions import Operation

SEARCHED_AHEAD = timedelta(days=14)
DENSE_FROM, PACKED_FROM = 25, 45
"""Rows from which the printed page is set smaller, then in two columns: always one sheet of A4."""
_PRESENCES: Mapping[str, Badge] = {
    Appointment.Status.FULFILLED: Badge(gettext_lazy("Venu(e)"), "ok", "check"),
    Appointment.Status.NOSHOW: Badge(gettext_lazy("Absent(e)")),
}


@dataclass(frozen=True)
class AppointmentLine:
    """One row of the day list, as it stands at this moment."""

    row: Row
    starts: datetime
    ends: datetime
    state: str
    """``past``, ``now``, or empty for a later appointment."""
    called_at: datetime | None = None
    """The instant of the recorded call to a person whom the reminder did not reach."""
    google: str = ""
    """The difference between the appointment and its event in Google Agenda; empty without one."""

    @property
    def can_mark(self) -> bool:
        """Seen or absent is said of the current and past rows only."""
        return self.state != ""

    @property
    def status(self) -> str:
        """The status of the appointment."""
        return self.row.appointment.status

    @property
    def presence(self) -> Badge | None:
        """Whether the person came; None as long as it is not noted."""
        return _PRESENCES.get(self.status)

    @property
    def is_to_call(self) -> bool:
        """Whether the person was not reached, has not been called, and can still be called in time."""
        return not self.row.is_reached and self.called_at is None and self.is_expected

    @property
    def is_expected(self) -> bool:
        """Whether the visit is still to come, or under way."""
        return self.state != "past" and self.status == Appointment.Status.BOOKED

    @property
    def outcome(self) -> DeliveryOutcome | None:
        """The outcome of the reminder, and the advice for it; None when no reminder was due."""
        return outcome_of(self.row.reminder) if self.row.reminder else None


@dataclass(frozen=True)
class Free:
    """The next free slot, and the appointment type for which it is free."""

    starts: datetime
    appointment_type: AppointmentType


@dataclass(frozen=True)
class ListedDay:
    """The day of one practitioner."""

    practitioner: Practitioner
    lines: list[AppointmentLine]
    absences: list[Absence]
    next_free: Free | None

    @property
    def density(self) -> str:
        """How small the printed list is set, so that it stays on one sheet; an empty one is not printed."""
        count = len(self.lines)
        if count >= PACKED_FROM:
            return "packed"
        return "dense" if count >= DENSE_FROM else "" if count else "none"


@requires(Operation.SEE_AGENDA, methods=("GET", "HEAD"))
def today(request: DashboardRequest) -> HttpResponse:
    """Show the day of each practitioner within reach; names are opened for these rows only."""
    on = day_asked(request)
    practitioners = reach(request, Operation.SEE_AGENDA)
    starts, ends = span(on, 1, request.zone)
    ids = [practitioner.pk for practitioner in practitioners]
    rows = rows_between(practitioner_ids=ids, starts_at=starts, ends_at=ends)
    shown = [row.appointment.pk for row in rows]
    asked = attention(practitioner_ids=ids, appointment_ids=shown, now=request.now)
    lines = _lines(rows, request, marks=asked.marks)
    absences = absences_between(practitioner_ids=ids, starts_at=starts, ends_at=ends)
    open_ones = [practitioner for practitioner in practitioners if practitioner.is_active]
    free = next_free(open_ones, now=request.now, on=max(on, request.today))
    changes = changes_for(
        user=request.user, practitioner_ids=ids, zone=request.zone, now=request.now
    )
    context = {
        "on": on,
        "before": on - timedelta(days=1),
        "after": on + timedelta(days=1),
        "days": [
            ListedDay(
                practitioner=practitioner,
                lines=[
                    line
                    for line in lines
                    if line.row.appointment.practitioner_id == practitioner.pk
                ],
                absences=[
                    away for away in absences if away.practitioner_id in (None, practitioner.pk)
                ],
                next_free=free.get(practitioner.pk),
            )
            for practitioner in practitioners
        ],
        "count": len(lines),
        "first": min((line.starts for line in lines), default=None),
        "last": max((line.ends for line in lines), default=None),
        "not_reached": [line for line in lines if line.is_to_call],
        "changes": changes,
        "asking": asking(
            request,
            lines=erased(line.row for line in lines),
            words=erased(change.row for change in changes.lines),
            link=agenda_link(on),
        ),
        "is_today": on == request.today,
        "sms": sms_budget.use_of(request.practice, now=request.now)
        if on == request.today
        else None,
        "google_lost": lost_agendas(request, asked.lost),
        "google_tasks": tasks_of(request, *practitioners) if asked.has_tasks else [],
    }
    return show(request, "agenda/today", context, tab="today")


@requires(Operation.SEE_AGENDA, methods=("POST",))
def seen(request: DashboardRequest) -> HttpResponse:
    """Record the last change that the page showed as read."""
    until = request.POST.get("until", "")
    if until.isascii() and until.isdigit() and len(until) < 19:
        note_seen(user=request.user, event_id=int(until), now=request.now)
    return redirect("dashboard:today")


@requires(Operation.SEE_AGENDA, methods=("POST",))
def call(request: DashboardRequest, ref: UUID) -> HttpResponse:
    """Record that an unreached person has been called, or undo that record."""
    found = appointment_or_404(request, ref, Operation.SEE_CONTACT)
    if request.POST.get("action") == "reopen":
        calls.take_back_call(appointment=found, actor=actor(request), now=request.now)
    else:
        calls.note_called(appointment=found, actor=actor(request), now=request.now)
        messages.success(request, _("C’est noté\u00a0: la personne a été appelée."))
    return redirect(place_of(found))


def place_of(found: Appointment) -> str:
    """Return the address of an appointment's line in the list of its day."""
    on = found.starts_at.astimezone(ZoneInfo(found.location.time_zone)).date()
    return f"{reverse('dashboard:today')}?jour={on.isoformat()}#r{found.ref.hex}"


def _lines(
    rows: list[Row], request: DashboardRequest, *, marks: Mapping[int, Mark]
) -> list[AppointmentLine]:
    missed = [row.appointment.ref for row in rows if not row.is_reached]
    called = calls.called_at(missed)
    return [
        line_of(
            row,
            now=request.now,
            called_at=called.get(row.appointment.ref),
            google=marks[row.appointment.pk].value if row.appointment.pk in marks else "",
        )
        for row in rows
    ]


def line_of(
    row: Row, *, now: datetime, called_at: datetime | None = None, google: str = ""
) -> AppointmentLine:
    """Return the row with its local hours and where it stands beside the clock."""
    appointment = row.appointment
    zone = ZoneInfo(appointment.location.time_zone)
    state = "" if now < appointment.starts_at else "now" if now < appointment.ends_at else "past"
    if appointment.status != Appointment.Status.BOOKED:
        state = state or "past"
    ended = row.reminder.finished_at if row.reminder else None
    if called_at and ended and called_at < ended:
        called_at = None  # they were called about an earlier date
    return AppointmentLine(
        row,
        appointment.starts_at.astimezone(zone),
        appointment.ends_at.astimezone(zone),
        state,
        called_at,
        google,
    )


def next_free(practitioners: Iterable[Practitioner], *, now: datetime, on: date) -> dict[int, Free]:
    """Return the next free time of each practitioner, for the first appointment type that each receives for."""
    found: dict[int, Free] = {}
    for appointment_type, ids in practitioners_by_first_type(practitioners).items():
        for slot in _free(appointment_type, ids, now=now, on=on):
            starts = slot.starts_at.astimezone(ZoneInfo(slot.zone))
            found.setdefault(slot.practitioner_id, Free(starts, appointment_type))
    return found


def _free(
    appointment_type: AppointmentType, ids: list[int], *, now: datetime, on: date
) -> list[Slot]:
    return free_slots(
        appointment_type=appointment_type,
        practitioners=ids,
        from_on=on,
        until_on=on + SEARCHED_AHEAD,
        now=now,
        by_staff=True,
    )
