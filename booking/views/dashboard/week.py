"""The week, drawn by the server: a list in the source, a grid by the style sheet (T2)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.http import HttpResponse

from booking.holidays import public_holidays
from booking.models import Absence, HolidayOpening, Location, Practitioner
from booking.services.agenda import Row, absences_between, rows_between
from booking.views.dashboard.access import DashboardRequest, reach, requires
from booking.views.dashboard.appointment import panel_context
from booking.views.dashboard.pages import day_asked, show, span
from tenants.accounts.permissions import Operation

FIRST_HOUR, LAST_HOUR = 8, 19
SHORTEST_MIN = 15


@dataclass(frozen=True)
class Block:
    """One rectangle of the grid; ``place`` is the classes that put it there."""

    kind: str
    place: str
    starts: datetime
    ends: datetime
    row: Row | None = None
    label: str = ""


@dataclass
class Lane:
    """One practitioner's day."""

    practitioner: Practitioner
    number: int
    blocks: list[Block] = field(default_factory=list)


@dataclass(frozen=True)
class WeekDay:
    """One column: its lanes, or why it is closed."""

    on: date
    lanes: list[Lane]
    closed: str


@requires(Operation.SEE_AGENDA, methods=("GET", "HEAD"))
def week(request: DashboardRequest) -> HttpResponse:
    """Show the week of the date asked for; ``?rdv=`` opens the panel of one appointment beside it."""
    asked = day_asked(request, "du")
    monday = asked - timedelta(days=asked.weekday())
    who = reach(request, Operation.SEE_AGENDA)
    starts, ends = span(monday, 7, request.zone)
    ids = [one.pk for one in who]
    rows = rows_between(practitioner_ids=ids, starts_at=starts, ends_at=ends)
    absences = absences_between(practitioner_ids=ids, starts_at=starts, ends_at=ends)
    days = [
        _day(monday + timedelta(days=shift), who, rows, absences, request.zone)
        for shift in range(7)
    ]
    _close_holidays(days, monday)
    first, last = _hours(days)
    context = {
        "monday": monday,
        "last_day": monday + timedelta(days=6),
        "before": monday - timedelta(days=7),
        "after": monday + timedelta(days=7),
        "days": [day for day in days if day.on.weekday() < 6 or any(x.blocks for x in day.lanes)],
        "who": list(enumerate(who, start=1)),
        "clock": range(first, last),
        "first": first,
        "last": last,
        "count": len(rows),
    }
    ref = request.GET.get("rdv", "")
    panel = panel_context(request, ref) if ref else {}
    return show(request, "week", {**context, **panel}, tab="week")


def _day(
    on: date, who: list[Practitioner], rows: list[Row], absences: list[Absence], zone: ZoneInfo
) -> WeekDay:
    lanes = [Lane(one, number % 3 + 1) for number, one in enumerate(who)]
    for lane in lanes:
        lane.blocks.extend(_appointments(on, lane.practitioner, rows))
        lane.blocks.extend(_absences(on, lane.practitioner, absences, zone))
        lane.blocks.sort(key=lambda block: block.starts)
    return WeekDay(on, lanes, "")


def _appointments(on: date, who: Practitioner, rows: list[Row]) -> Iterable[Block]:
    for row in rows:
        held = row.appointment
        zone = ZoneInfo(held.location.time_zone)
        starts, ends = held.starts_at.astimezone(zone), held.ends_at.astimezone(zone)
        if held.practitioner_id == who.pk and starts.date() == on:
            yield Block("rdv", place_classes(starts, ends), starts, ends, row=row)


def _absences(
    on: date, who: Practitioner, absences: list[Absence], zone: ZoneInfo
) -> Iterable[Block]:
    opens = datetime(on.year, on.month, on.day, FIRST_HOUR, tzinfo=zone)
    shuts = datetime(on.year, on.month, on.day, LAST_HOUR, tzinfo=zone)
    for absence in absences:
        starts = max(absence.starts_at.astimezone(zone), opens)
        ends = min(absence.ends_at.astimezone(zone), shuts)
        if absence.practitioner_id in (None, who.pk) and starts < ends:
            yield Block("block", place_classes(starts, ends), starts, ends, label=absence.label)


def place_classes(starts: datetime, ends: datetime) -> str:
    """Return ``h14 m30 q1 d15``: start and length, to five minutes, without inline style."""
    minutes = max(SHORTEST_MIN, round((ends - starts).total_seconds() / 300) * 5)
    length = [f"q{minutes // 60}"] if minutes >= 60 else []
    rest = [f"d{minutes % 60}"] if minutes % 60 else []
    return " ".join([f"h{starts.hour}", f"m{starts.minute // 5 * 5}", *length, *rest])


def _close_holidays(days: list[WeekDay], monday: date) -> None:
    """Say « Férié » on the days that every place keeps closed; appointments still show."""
    sunday = monday + timedelta(days=6)
    places = list(Location.objects.filter(is_active=True))
    opened = {one.on_date for one in HolidayOpening.objects.filter(on_date__range=(monday, sunday))}
    closed: dict[date, str] = {}
    for place in places:
        for year in {monday.year, sunday.year}:
            closed |= public_holidays(territory=place.territory, postcode=place.postcode, year=year)
    for index, day in enumerate(days):
        name = closed.get(day.on, "")
        if name and day.on not in opened and not any(lane.blocks for lane in day.lanes):
            days[index] = WeekDay(day.on, day.lanes, str(name))


def _hours(days: list[WeekDay]) -> tuple[int, int]:
    blocks = [block for day in days for lane in day.lanes for block in lane.blocks]
    first = min([block.starts.hour for block in blocks], default=FIRST_HOUR)
    last = max([_hour_up(block) for block in blocks], default=LAST_HOUR)
    return min(first, FIRST_HOUR), max(last, LAST_HOUR)


def _hour_up(block: Block) -> int:
    if block.ends.date() > block.starts.date():
        return 24
    return block.ends.hour + (1 if block.ends.minute else 0)
