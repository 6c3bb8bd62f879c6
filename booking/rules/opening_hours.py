"""The opening hours of a date: its exceptions, else a closed public holiday, else its weekly hours (B-11, B-17).

No other module decides this. Ranges are minutes [start, end) of the local wall clock of a location; a day is
the ordinal of a local date (``date.toordinal``). Absences and appointments are not considered here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import NamedTuple

Interval = tuple[int, int]
"""Half-open [start, end) of integers; a pair whose end is not after its start covers nothing."""
MONDAY = 1
"""The ordinal of 1 January of year 1, a Monday, from which weeks are counted."""


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """Minutes [starts, ends) of the local day on one weekday (Monday is 0), every n weeks.

    Weeks are counted from the week of ``anchor``. ``appointment_types`` holds keys; None stands for all.
    """

    location: int
    weekday: int
    starts: int
    ends: int
    valid_from: date | None = None
    valid_to: date | None = None
    every_n_weeks: int = 1
    anchor: date | None = None
    appointment_types: frozenset[int] | None = None

    def receives(self, *, location: int, appointment_type: int | None) -> bool:
        """Whether these are hours of a location and an appointment type; None stands for any type."""
        return self.location == location and (
            appointment_type is None
            or self.appointment_types is None
            or appointment_type in self.appointment_types
        )

    def is_valid_on(self, day: int) -> bool:
        """Whether the ordinal ``day`` lies within the dates of these hours, both included."""
        begun = self.valid_from is None or self.valid_from.toordinal() <= day
        return begun and (self.valid_to is None or day <= self.valid_to.toordinal())

    @property
    def turn(self) -> int | None:
        """The remainder by ``every_n_weeks`` of the weeks that have these hours; None: every week."""
        if self.every_n_weeks == 1 or self.anchor is None:
            return None
        return _week_of(self.anchor.toordinal()) % self.every_n_weeks

    def applies_on(self, day: int) -> bool:
        """Whether these hours apply in the week and on the date of the ordinal ``day``; ignores the weekday."""
        turn = self.turn
        is_turn = turn is None or _week_of(day) % self.every_n_weeks == turn
        return is_turn and self.is_valid_on(day)


@dataclass(frozen=True, slots=True)
class DayException:
    """A local date on which [starts, ends), or no range, replaces the weekly hours of a location.

    Exceptions of one date and location add up. They also replace a public holiday, since a practice enters
    them for that date.
    """

    location: int
    on: date
    starts: int | None = None
    ends: int | None = None


class Source(Enum):
    """The rules that can decide the hours of a date, the strongest first."""

    EXCEPTION = "exception"
    HOLIDAY = "holiday"
    WEEK = "week"


class DayHours(NamedTuple):
    """The ranges of one date, unordered, and the rule that decided them; empty on a closed holiday."""

    source: Source
    ranges: Sequence[Interval]


class Timetable:
    """The hours of one practitioner at one location, for one appointment type or for all (None).

    ``closed`` holds the public holidays on which the location is closed.
    """

    def __init__(
        self,
        *,
        location: int,
        hours: Iterable[WeeklyHours],
        exceptions: Iterable[DayException],
        closed: Iterable[date],
        appointment_type: int | None,
    ) -> None:
        self._every_week: list[list[Interval]] = [[] for _ in range(7)]
        self._some_weeks: list[list[WeeklyHours]] = [[] for _ in range(7)]
        for row in hours:
            if not row.receives(location=location, appointment_type=appointment_type):
                continue
            if row.every_n_weeks > 1 or row.valid_from or row.valid_to:
                self._some_weeks[row.weekday].append(row)
            else:
                self._every_week[row.weekday].append((row.starts, row.ends))
        self._exceptions: dict[int, list[Interval]] = {}
        for exception in exceptions:
            if exception.location == location:
                ranges = self._exceptions.setdefault(exception.on.toordinal(), [])
                if exception.starts is not None and exception.ends is not None:
                    ranges.append((exception.starts, exception.ends))
        self._closed = {holiday.toordinal() for holiday in closed}

    @property
    def is_empty(self) -> bool:
        """Whether no date has hours."""
        return not (self._exceptions or any(self._every_week) or any(self._some_weeks))

    def days(self, days: Iterable[int]) -> Iterator[tuple[int, Source, Sequence[Interval]]]:
        """Yield each ordinal day with the rule that decides its hours, and its ranges."""
        exceptions, closed = self._exceptions, self._closed
        every_week, some_weeks = self._every_week, self._some_weeks
        for day in days:
            if day in exceptions:
                yield day, Source.EXCEPTION, exceptions[day]
            elif day in closed:
                yield day, Source.HOLIDAY, ()
            else:
                weekday = (day - MONDAY) % 7
                ranges = every_week[weekday]
                if some_weeks[weekday]:
                    ranges = ranges + [
                        (row.starts, row.ends) for row in some_weeks[weekday] if row.applies_on(day)
                    ]
                yield day, Source.WEEK, ranges

    def on(self, on: date) -> DayHours:
        """Return the hours of one local date."""
        _day, source, ranges = next(self.days((on.toordinal(),)))
        return DayHours(source, ranges)


def _week_of(day: int) -> int:
    """Return the number of the week (Monday to Sunday) of an ordinal day."""
    return (day - MONDAY) // 7


# --- Intervals: sorted results, in which no two intervals touch or overlap ----------------------------


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the union of ``intervals``, which may be in any order."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def intersect(left: Iterable[Interval], right: Iterable[Interval]) -> list[Interval]:
    """Return the intersection of ``left`` and ``right``."""
    ones, others = merge(left), merge(right)
    common: list[Interval] = []
    i = j = 0
    while i < len(ones) and j < len(others):
        start = max(ones[i][0], others[j][0])
        end = min(ones[i][1], others[j][1])
        if start < end:
            common.append((start, end))
        if ones[i][1] < others[j][1]:
            i += 1
        else:
            j += 1
    return common


def subtract(left: Iterable[Interval], right: Iterable[Interval]) -> list[Interval]:
    """Return the difference: the parts of ``left`` outside ``right``."""
    taken = merge(right)
    rest: list[Interval] = []
    for low, end in merge(left):
        start = low
        for taken_from, taken_until in taken:
            if taken_until <= start or taken_from >= end:
                continue
            if taken_from > start:
                rest.append((start, taken_from))
            start = taken_until
        if start < end:
            rest.append((start, end))
    return rest
