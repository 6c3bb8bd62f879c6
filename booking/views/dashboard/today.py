"""Today: the landing page of a practice (T1)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.http import HttpResponse

from booking.models import Absence, Appointment, AppointmentType, Practitioner
from booking.queries import Slot, free_slots
from booking.services.agenda import Row, absences_between, rows_between
from booking.views.dashboard.access import DashboardRequest, reach, requires
from booking.views.dashboard.pages import day_asked, show, span
from tenants.accounts.permissions import Operation

LOOK_AHEAD = timedelta(days=14)


@dataclass(frozen=True)
class Line:
    """One row of the day list, as it stands at this moment."""

    row: Row
    starts: datetime
    ends: datetime
    state: str
    """past, now, or empty for what is to come."""

    @property
    def can_mark(self) -> bool:
        """Seen or absent is said of the current and past rows only."""
        return self.state != ""

    @property
    def status(self) -> str:
        """The status of the appointment."""
        return self.row.appointment.status


@dataclass(frozen=True)
class Day:
    """The day of one practitioner."""

    practitioner: Practitioner
    lines: list[Line]
    absences: list[Absence]
    next_free: datetime | None


@requires(Operation.SEE_AGENDA, methods=("GET", "HEAD"))
def today(request: DashboardRequest) -> HttpResponse:
    """Show the day of each practitioner within reach; names are opened for these rows only."""
    on = day_asked(request)
    who = reach(request, Operation.SEE_AGENDA)
    starts, ends = span(on, 1, request.zone)
    ids = [one.pk for one in who]
    rows = rows_between(practitioner_ids=ids, starts_at=starts, ends_at=ends)
    absences = absences_between(practitioner_ids=ids, starts_at=starts, ends_at=ends)
    free = next_free(who, now=request.now, on=max(on, request.today))
    days = [_day(one, rows, absences, free, request) for one in who]
    context = {
        "on": on,
        "before": on - timedelta(days=1),
        "after": on + timedelta(days=1),
        "days": days,
        "count": len(rows),
        "not_reached": [line for day in days for line in day.lines if not line.row.is_reached],
        "is_today": on == request.today,
    }
    return show(request, "today", context, tab="today")


def _day(
    who: Practitioner,
    rows: list[Row],
    absences: list[Absence],
    free: dict[int, Slot],
    request: DashboardRequest,
) -> Day:
    slot = free.get(who.pk)
    return Day(
        practitioner=who,
        lines=[
            line_of(row, now=request.now)
            for row in rows
            if row.appointment.practitioner_id == who.pk
        ],
        absences=[one for one in absences if one.practitioner_id in (None, who.pk)],
        next_free=slot.starts_at.astimezone(ZoneInfo(slot.zone)) if slot else None,
    )


def line_of(row: Row, *, now: datetime) -> Line:
    """Return the row with its local hours and where it stands beside the clock."""
    held = row.appointment
    zone = ZoneInfo(held.location.time_zone)
    state = "" if now < held.starts_at else "now" if now < held.ends_at else "past"
    if held.status != Appointment.Status.BOOKED:
        state = state or "past"
    return Line(row, held.starts_at.astimezone(zone), held.ends_at.astimezone(zone), state)


def next_free(who: list[Practitioner], *, now: datetime, on: date) -> dict[int, Slot]:
    """Return the next free slot of each practitioner for the first motif they receive for."""
    motif = AppointmentType.objects.filter(is_active=True, practitioners__in=who).first()
    if motif is None:
        return {}
    found: dict[int, Slot] = {}
    for slot in free_slots(
        appointment_type=motif,
        practitioners=[one.pk for one in who],
        from_on=on,
        until_on=on + LOOK_AHEAD,
        now=now,
        by_staff=True,
    ):
        found.setdefault(slot.practitioner_id, slot)
    return found
