"""Statistics of a practice (T13): sums by week and appointment type, without data about persons.

Days whose appointments are deleted are read from DailyCount, the others from Appointment: times, type and status.
No contact is read. Counts below five are not shown, because they could identify a person.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import (
    Count,
    DateField,
    DurationField,
    ExpressionWrapper,
    F,
    Func,
    Min,
    Sum,
    Value,
)
from django.db.models.functions import Cast, Greatest, TruncWeek

from booking.models import Appointment, DailyCount
from booking.scheduling.open_minutes import opened_minutes

SMALL = 5
"""Counts from 1 to below this number are not shown."""
NEVER = Value(timedelta(0))
"""The lead time of an appointment that staff entered after the visit."""
_Status = Appointment.Status
VISITS = frozenset({_Status.BOOKED, _Status.FULFILLED, _Status.NOSHOW})
CANCELLED = frozenset({_Status.CANCELLED_BY_PATIENT, _Status.CANCELLED_BY_PRACTITIONER})


@dataclass
class Figures:
    """The sums of a week, of an appointment type or of the whole period; ``opened`` are opening minutes."""

    visits: int = 0
    cancelled: int = 0
    absent: int = 0
    minutes: int = 0
    lead_days: int = 0
    opened: int = 0

    def add(self, cell: "WeeklyCount") -> None:
        """Add the appointments of one cell."""
        if cell.status in CANCELLED:
            self.cancelled += cell.count
            return
        self.visits += cell.count
        self.minutes += cell.minutes
        self.lead_days += cell.lead_days
        if cell.status == _Status.NOSHOW:
            self.absent += cell.count

    @property
    def absence_rate(self) -> float | None:
        """Missed visits per hundred visits; None when one of the two counts is too small to be shown."""
        if is_small(self.visits) or is_small(self.absent) or not self.visits:
            return None
        return 100 * self.absent / self.visits

    @property
    def fill_rate(self) -> float | None:
        """Booked minutes per hundred opening minutes; None without opening minutes or with too few visits."""
        if is_small(self.visits) or not self.opened:
            return None
        return 100 * self.minutes / self.opened

    @property
    def lead(self) -> float | None:
        """The average number of days between booking and visit; None with too few visits."""
        if is_small(self.visits) or not self.visits:
            return None
        return self.lead_days / self.visits


@dataclass(frozen=True)
class WeeklyCount:
    """The appointments of one week, appointment type and status."""

    week: date
    type_id: int
    status: str
    count: int
    minutes: int
    lead_days: int


@dataclass
class Report:
    """The figures of a period: in total, by Monday of the week in order, by key of the appointment type."""

    total: Figures = field(default_factory=Figures)
    weeks: dict[date, Figures] = field(default_factory=dict)
    appointment_types: dict[int, Figures] = field(default_factory=dict)


def is_small(count: int) -> bool:
    """Return whether a count is too small to be shown."""
    return 0 < count < SMALL


def report(*, practitioner_ids: Collection[int], from_on: date, until_on: date) -> Report:
    """Return the figures of the local days ``from_on`` to ``until_on``, both included."""
    made = Report(weeks={monday: Figures() for monday in _mondays(from_on, until_on)})
    appointment_types: dict[int, Figures] = defaultdict(Figures)
    between = (practitioner_ids, from_on, until_on)
    for cell in (*_kept(*between), *_live(*between)):
        for figures in (made.total, made.weeks[cell.week], appointment_types[cell.type_id]):
            figures.add(cell)
    made.appointment_types = dict(appointment_types)
    first = _first_day(practitioner_ids)
    if first is None or first > until_on:
        return made
    # Opening minutes before the first visit do not count: the practice was not in service.
    opened = opened_minutes(
        practitioner_ids=practitioner_ids, from_on=max(first, from_on), until_on=until_on
    )
    for (_practitioner, on), minutes in opened.items():
        made.total.opened += minutes
        made.weeks[on - timedelta(days=on.weekday())].opened += minutes
    return made


def _first_day(ids: Collection[int]) -> date | None:
    """Return the date of the first visit in DailyCount or Appointment, or None."""
    kept = DailyCount.objects.filter(practitioner__in=ids).aggregate(first=Min("on"))["first"]
    live = Appointment.objects.filter(practitioner__in=ids).aggregate(first=Min("starts_at"))
    starts_at = live["first"]
    days = [kept, starts_at.date() if starts_at else None]
    return min((day for day in days if day), default=None)


def _mondays(first: date, last: date) -> Iterable[date]:
    monday = first - timedelta(days=first.weekday())
    while monday <= last:
        yield monday
        monday += timedelta(days=7)


def _kept(ids: Collection[int], first: date, last: date) -> list[WeeklyCount]:
    """Return the counts of days whose appointments are deleted, from DailyCount."""
    rows = (
        DailyCount.objects.filter(practitioner__in=ids, on__gte=first, on__lte=last)
        .values(week=TruncWeek("on"), type_id=F("appointment_type_id"), outcome=F("status"))
        .annotate(number=Sum("count"), length=Sum("minutes"), lead=Sum("lead_days"))
    )
    return [
        WeeklyCount(
            row["week"], row["type_id"], row["outcome"], row["number"], row["length"], row["lead"]
        )
        for row in rows
    ]


def _live(ids: Collection[int], first: date, last: date) -> list[WeeklyCount]:
    """Return the counts of the other days, summed from Appointment by the database."""
    low = datetime.combine(first - timedelta(days=1), time(), tzinfo=UTC)
    high = datetime.combine(last + timedelta(days=2), time(), tzinfo=UTC)
    rows = (
        Appointment.objects.filter(
            practitioner__in=ids, starts_at__gte=low, starts_at__lt=high, booked_at__isnull=False
        )
        .annotate(on=_local_day("starts_at"), booked_on=_local_day("booked_at"))
        .filter(on__gte=first, on__lte=last)
        .values(week=TruncWeek("on"), type_id=F("appointment_type_id"), outcome=F("status"))
        .annotate(
            number=Count("pk"),
            length=Sum(ExpressionWrapper(F("ends_at") - F("starts_at"), DurationField())),
            lead=Sum(Greatest(ExpressionWrapper(F("on") - F("booked_on"), DurationField()), NEVER)),
        )
        .order_by()
    )
    return [
        WeeklyCount(
            row["week"],
            row["type_id"],
            row["outcome"],
            row["number"],
            row["length"] // timedelta(minutes=1),
            row["lead"].days,
        )
        for row in rows
    ]


def _local_day(name: str) -> Cast:
    """Return the local date, at the location, of the instant in column ``name``."""
    return Cast(Func(F("location__time_zone"), F(name), function="timezone"), DateField())
