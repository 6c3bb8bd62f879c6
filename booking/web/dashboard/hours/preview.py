"""The preview of hours and appointment types, saved or not: the slots that patients would see."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from booking.models import AppointmentType, Location, OpeningHours, Practitioner
from booking.rules.availability import (
    Agenda,
    Place,
    SlotShape,
    free_starts,
    minute_of,
    timetable_of,
)
from booking.rules.opening_hours import WeeklyHours, merge
from booking.scheduling import catalogue
from booking.scheduling.hours import Pattern, Range
from booking.scheduling.opening_rules import HoursDraft
from booking.scheduling.queries import free_slots
from booking.web.dashboard.access import DashboardRequest
from booking.web.dashboard.form_fields import write_minutes
from booking.web.dashboard.hours.week_form import WEEKDAYS, WeekForm

DAYS_SHOWN = 3
SLOTS_SHOWN = 8


@dataclass(frozen=True)
class DayBar:
    """One day of a week as a picture: the classes of its bars, and the same in words."""

    name: Any
    bars: list[str]
    texts: list[str]


@dataclass(frozen=True)
class FreeDay:
    """The first free hours of one date, in the zone of the place, and how many more there are."""

    on: date
    starts: list[datetime]
    more: int


@dataclass(frozen=True)
class WeekPreview:
    """The bars of a week, its number of slots, and the first days that patients would see."""

    bars: list[DayBar]
    open_min: int
    slots_a_week: int
    appointment_type: AppointmentType | None
    appointment_types: Sequence[AppointmentType]
    days: list[FreeDay]
    count: int
    is_incomplete: bool = False

    @property
    def open_text(self) -> str:
        """The hours of a week, as « 29 h 30 »."""
        return write_minutes(self.open_min)


def preview_week(
    request: DashboardRequest,
    form: WeekForm,
    *,
    practitioner: Practitioner,
    replaces: Collection[int],
) -> WeekPreview:
    """Return the preview of the week in the editor; nothing is saved."""
    is_whole = form.is_valid()
    place = form.cleaned_data.get("place") or catalogue.first_active_location()
    appointment_types = catalogue.online_appointment_types(practitioner, place)
    only = {
        appointment_type.pk for appointment_type in form.cleaned_data.get("appointment_types") or ()
    }
    offered = [row for row in appointment_types if not only or row.pk in only]
    appointment_type = _asked(offered, str(form.data.get("shown_type", "")))
    draft = (
        _draft(form, practitioner=practitioner, place=place, replaces=replaces) if place else None
    )
    days = (
        first_days(
            request,
            appointment_type=appointment_type,
            practitioner=practitioner,
            place=place,
            draft=draft,
        )
        if draft
        else ([], 0)
    )
    return WeekPreview(
        bars=bars_of(form.ranges),
        open_min=_open_minutes(form.ranges),
        slots_a_week=_starts_a_week(form.ranges, appointment_type) if appointment_type else 0,
        appointment_type=appointment_type,
        appointment_types=offered,
        days=days[0],
        count=days[1],
        is_incomplete=not is_whole,
    )


def first_days(
    request: DashboardRequest,
    *,
    appointment_type: AppointmentType | None,
    practitioner: Practitioner,
    place: Location | None,
    draft: HoursDraft | None = None,
) -> tuple[list[FreeDay], int]:
    """Return the first days with free hours up to the appointment type's horizon, and how many hours in all."""
    if appointment_type is None or place is None:
        return [], 0
    zone = ZoneInfo(place.time_zone)
    found = free_slots(
        appointment_type=appointment_type,
        practitioners=[practitioner.pk],
        location=place,
        from_on=request.now.astimezone(zone).date(),
        until_on=request.now.astimezone(zone).date()
        + timedelta(days=appointment_type.horizon_days),
        now=request.now,
        draft=draft,
    )
    starts = [slot.starts_at.astimezone(zone) for slot in found]
    days = []
    for on, of_day in groupby(starts, key=lambda instant: instant.date()):
        hours = list(of_day)
        days.append(FreeDay(on, hours[:SLOTS_SHOWN], max(0, len(hours) - SLOTS_SHOWN)))
    return days[:DAYS_SHOWN], len(starts)


def first_days_online(
    request: DashboardRequest, practitioner: Practitioner | None
) -> dict[str, Any]:
    """Return the first days that patients are offered with a practitioner, for the template."""
    appointment_type = catalogue.first_online_appointment_type(practitioner)
    place = catalogue.first_location_of(appointment_type) if appointment_type else None
    days: list[FreeDay] = []
    count = 0
    if practitioner is not None:
        days, count = first_days(
            request, appointment_type=appointment_type, practitioner=practitioner, place=place
        )
    return {"appointment_type": appointment_type, "days": days, "count": count}


def bars_of(ranges: Iterable[Range | OpeningHours]) -> list[DayBar]:
    """Return the picture of a week, Monday first."""
    by_day: Mapping[int, list[tuple[int, int]]] = {day: [] for day in range(7)}
    for hours_range in ranges:
        by_day[hours_range.weekday].append((hours_range.starts_min, hours_range.ends_min))
    return [
        DayBar(
            name,
            [_bar_classes(*hours_range) for hours_range in sorted(by_day[day])],
            [f"{write_minutes(a)} à {write_minutes(b)}" for a, b in sorted(by_day[day])],
        )
        for day, name in enumerate(WEEKDAYS)
    ]


def _bar_classes(starts: int, ends: int) -> str:
    length = (ends - starts) // 5 * 5
    classes = [f"h{starts // 60}", f"m{starts % 60 // 5 * 5}"]
    classes += [f"q{length // 60}"] if length >= 60 else []
    classes += [f"d{length % 60}"] if length % 60 else []
    return " ".join(classes)


def _asked(offered: Sequence[AppointmentType], ref: str) -> AppointmentType | None:
    named = [row for row in offered if ref in {str(row.ref), row.ref.hex}]
    return next(iter([*named, *offered]), None)


def _draft(
    form: WeekForm, *, practitioner: Practitioner, place: Location, replaces: Collection[int]
) -> HoursDraft:
    # While a date or the rhythm is being typed, the week is shown as if it were always so.
    pattern = Pattern(place) if form.errors.keys() & {"place", *_RULES} else form.pattern
    appointment_types = (
        frozenset(appointment_type.pk for appointment_type in pattern.appointment_types) or None
    )
    hours = [
        WeeklyHours(
            pattern.location.pk,
            hours_range.weekday,
            hours_range.starts_min,
            hours_range.ends_min,
            pattern.valid_from,
            pattern.valid_to,
            pattern.every_n_weeks,
            pattern.anchor_on,
            appointment_types,
        )
        for hours_range in form.ranges
    ]
    return HoursDraft(practitioner.pk, hours, frozenset(replaces))


_RULES = ("every", "anchor_on", "valid_from", "valid_to", "appointment_types")


def _open_minutes(ranges: Iterable[Range]) -> int:
    """Return the minutes of one week of these ranges, those that overlap once."""
    timetable = timetable_of(_usual_agenda(ranges), _USUAL_PLACE, None)
    week = range(_MONDAY.toordinal(), _SUNDAY.toordinal() + 1)
    return sum(
        end - start
        for _day, _source, of_day in timetable.days(week)
        for start, end in merge(of_day)
    )


def _starts_a_week(ranges: Iterable[Range], appointment_type: AppointmentType) -> int:
    """Return how many starts one empty week of these ranges proposes, counted as slots are."""
    shape = SlotShape(
        appointment_type=None,
        duration=appointment_type.duration_min,
        before=0,
        after=0,
        step=appointment_type.grid_min,
        earliest=minute_of(datetime.combine(_MONDAY, time(), UTC)),
    )
    starts = free_starts(
        shape=shape,
        agendas=[_usual_agenda(ranges)],
        places={_USUAL_PLACE.location: _USUAL_PLACE},
        from_on=_MONDAY,
        until_on=_SUNDAY,
    )
    return len(starts)


def _usual_agenda(ranges: Iterable[Range]) -> Agenda:
    """Return an agenda that has these ranges every week, and nothing else."""
    hours = [
        WeeklyHours(
            _USUAL_PLACE.location, hours_range.weekday, hours_range.starts_min, hours_range.ends_min
        )
        for hours_range in ranges
    ]
    return Agenda(0, hours, exceptions=(), busy=())


_MONDAY, _SUNDAY = date(2001, 1, 1), date(2001, 1, 7)
_USUAL_PLACE = Place(location=0, zone="UTC", closed=frozenset(), last_on=_SUNDAY)
"""A week without a public holiday or a change of the clock."""
