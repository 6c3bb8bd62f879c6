"""Today: the landing page of a practice (T1)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.db.models import F
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from booking.models import Absence, Appointment, AppointmentType, Practitioner
from booking.queries import Slot, free_slots
from booking.services import calls
from booking.services.agenda import Row, absences_between, rows_between
from booking.services.changes import changes_for, note_seen
from booking.services.google.attention import Mark, attention
from booking.views.dashboard.access import DashboardRequest, actor, reach, requires
from booking.views.dashboard.appointment import appointment_or_404
from booking.views.dashboard.explained import Explanation, explain
from booking.views.dashboard.google_differences import lost_agendas, tasks_of
from booking.views.dashboard.names import agenda_link, asking, erased
from booking.views.dashboard.pages import day_asked, show, span
from tenants.accounts.permissions import Operation

LOOK_AHEAD = timedelta(days=14)
DENSE_FROM, PACKED_FROM = 25, 45
"""Rows from which the printed page is set smaller, then in two columns: always one sheet of A4."""


@dataclass(frozen=True)
class Line:
    """One row of the day list, as it stands at this moment."""

    row: Row
    starts: datetime
    ends: datetime
    state: str
    """past, now, or empty for what is to come."""
    called_at: datetime | None = None
    """When somebody telephoned a person whom the reminder had not reached."""
    google: str = ""
    """How the appointment stands otherwise in Google Agenda, if it does."""

    @property
    def can_mark(self) -> bool:
        """Seen or absent is said of the current and past rows only."""
        return self.state != ""

    @property
    def status(self) -> str:
        """The status of the appointment."""
        return self.row.appointment.status

    @property
    def is_to_call(self) -> bool:
        """Whether the person was not reached, nobody has called, and it is not too late to."""
        return not self.row.is_reached and self.called_at is None and self.is_expected

    @property
    def is_expected(self) -> bool:
        """Whether the visit is still to come, or under way."""
        return self.state != "past" and self.status == Appointment.Status.BOOKED

    @property
    def why(self) -> Explanation:
        """Why the reminder did not reach the person, and what to do."""
        return explain(self.row.reminder)


@dataclass(frozen=True)
class Free:
    """The next time somebody can be given, and for what."""

    starts: datetime
    motif: AppointmentType


@dataclass(frozen=True)
class Day:
    """The day of one practitioner."""

    practitioner: Practitioner
    lines: list[Line]
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
    who = reach(request, Operation.SEE_AGENDA)
    starts, ends = span(on, 1, request.zone)
    ids = [one.pk for one in who]
    rows = rows_between(practitioner_ids=ids, starts_at=starts, ends_at=ends)
    shown = [row.appointment.pk for row in rows]
    asked = attention(practitioner_ids=ids, appointment_ids=shown, now=request.now)
    lines = _lines(rows, request, marks=asked.marks)
    absences = absences_between(practitioner_ids=ids, starts_at=starts, ends_at=ends)
    free = next_free(who, now=request.now, on=max(on, request.today))
    changes = changes_for(
        user=request.user, practitioner_ids=ids, zone=request.zone, now=request.now
    )
    context = {
        "on": on,
        "before": on - timedelta(days=1),
        "after": on + timedelta(days=1),
        "days": [
            Day(
                practitioner=one,
                lines=[line for line in lines if line.row.appointment.practitioner_id == one.pk],
                absences=[away for away in absences if away.practitioner_id in (None, one.pk)],
                next_free=free.get(one.pk),
            )
            for one in who
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
        "google_lost": lost_agendas(request, asked.lost),
        "google_tasks": tasks_of(request, *who) if asked.has_tasks else [],
    }
    return show(request, "today", context, tab="today")


@requires(Operation.SEE_AGENDA, methods=("POST",))
def seen(request: DashboardRequest) -> HttpResponse:
    """Note that what changed was read, up to the last act that the page showed."""
    until = request.POST.get("jusqu", "")
    if until.isascii() and until.isdigit() and len(until) < 19:
        note_seen(user=request.user, act_id=int(until), now=request.now)
    return redirect("dashboard:today")


@requires(Operation.SEE_AGENDA, methods=("POST",))
def call(request: DashboardRequest, ref: UUID) -> HttpResponse:
    """Note that a person who was not reached has been called, or take it back."""
    found = appointment_or_404(request, ref, Operation.SEE_CONTACT)
    if request.POST.get("acte") == "reprendre":
        calls.take_back_call(appointment=found, actor=actor(request), now=request.now)
    else:
        calls.note_called(appointment=found, actor=actor(request), now=request.now)
        messages.success(request, _("C’est noté\u00a0: la personne a été appelée."))
    return redirect(place_of(found))


def place_of(found: Appointment) -> str:
    """Return the address of an appointment's line in the list of its day."""
    on = found.starts_at.astimezone(ZoneInfo(found.location.time_zone)).date()
    return f"{reverse('dashboard:today')}?jour={on.isoformat()}#r{found.ref.hex}"


def _lines(rows: list[Row], request: DashboardRequest, *, marks: Mapping[int, Mark]) -> list[Line]:
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
) -> Line:
    """Return the row with its local hours and where it stands beside the clock."""
    held = row.appointment
    zone = ZoneInfo(held.location.time_zone)
    state = "" if now < held.starts_at else "now" if now < held.ends_at else "past"
    if held.status != Appointment.Status.BOOKED:
        state = state or "past"
    ended = row.reminder.finished_at if row.reminder else None
    if called_at and ended and called_at < ended:
        called_at = None  # they were called about an earlier date
    return Line(
        row,
        held.starts_at.astimezone(zone),
        held.ends_at.astimezone(zone),
        state,
        called_at,
        google,
    )


def next_free(who: Iterable[Practitioner], *, now: datetime, on: date) -> dict[int, Free]:
    """Return the next free time of each practitioner, for the first motif that each receives for."""
    offered = AppointmentType.objects.filter(is_active=True, practitioners__in=list(who))
    groups: dict[AppointmentType, list[int]] = defaultdict(list)
    served: set[int] = set()
    for motif in offered.annotate(whose=F("practitioners")):
        if motif.whose not in served:
            served.add(motif.whose)
            groups[motif].append(motif.whose)
    found: dict[int, Free] = {}
    for wanted, ids in groups.items():
        for slot in _free(wanted, ids, now=now, on=on):
            starts = slot.starts_at.astimezone(ZoneInfo(slot.zone))
            found.setdefault(slot.practitioner_id, Free(starts, wanted))
    return found


def _free(motif: AppointmentType, ids: list[int], *, now: datetime, on: date) -> list[Slot]:
    return free_slots(
        appointment_type=motif,
        practitioners=ids,
        from_on=on,
        until_on=on + LOOK_AHEAD,
        now=now,
        by_staff=True,
    )
