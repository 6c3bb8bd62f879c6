"""Free starts, computed in whole minutes of UTC since 1970 from rules of the local wall clock.

Rules are written on the clock of the place ("Monday, 9 to 12"); everything is turned into UTC once
per date, then compared as integers. On the two nights of a year when the clock moves (B-11, B-18):

- a wall time that does not exist proposes nothing, and a slot may run across the jump (its length
  is real time);
- a wall time that exists twice is taken once, the first time: the repeated hour is closed.

Every other slot of these nights stands on the same wall clock as on any other day.

The shown time of a slot stays inside one opening. Its margins may stick out of the opening (a room
is aired after closing time) but never into busy time nor an absence: nobody is there to do it.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from booking.intervals import Interval, intersect

DAY = 24 * 60
_EPOCH = date(1970, 1, 1).toordinal()
_EPOCH_AT = datetime(1970, 1, 1, tzinfo=UTC)
_EVER = 1 << 62


class FreeStart(NamedTuple):
    """A start that can be proposed: minute of UTC since 1970, and the keys of who and where."""

    minute: int
    practitioner: int
    location: int


class Wanted(NamedTuple):
    """What is looked for: minutes shown, margins around them, the grid, and the first minute."""

    motif: int
    duration: int
    before: int
    after: int
    step: int
    earliest: int


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """Minutes [starts, ends) of the local day on one weekday (Monday is 0), every n weeks.

    Weeks are counted from the one of ``anchor``. ``motifs`` is None when every motif is received.
    """

    location: int
    weekday: int
    starts: int
    ends: int
    valid_from: date | None = None
    valid_to: date | None = None
    every_n_weeks: int = 1
    anchor: date | None = None
    motifs: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class DayException:
    """A local date on which [starts, ends), or nothing, stands in for the weekly hours of a place.

    Several of one date and place add up. It is stronger than a public holiday: somebody wrote it
    for that very date.
    """

    location: int
    on: date
    starts: int | None = None
    ends: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where: its zone, its closed holidays, and the last local date that may be proposed."""

    location: int
    zone: str
    closed: frozenset[date]
    last_on: date


@dataclass(frozen=True, slots=True)
class Agenda:
    """One practitioner: hours, exceptions, and busy time.

    ``busy`` holds this practitioner's non-empty intervals sorted by start; they may overlap.
    """

    practitioner: int
    hours: Sequence[WeeklyHours]
    exceptions: Sequence[DayException]
    busy: Sequence[Interval]


class Stretch(NamedTuple):
    """Wall minutes [starts, ends) of one local day; plus ``shift``, they are minutes of UTC."""

    starts: int
    ends: int
    shift: int


def minute_of(instant: datetime) -> int:
    """Return the minute of UTC in which an aware instant falls."""
    return int(instant.timestamp() // 60)


def minute_from(instant: datetime) -> int:
    """Return the first whole minute of UTC that is not before an aware instant."""
    return -int(-instant.timestamp() // 60)


def instant_of(minute: int) -> datetime:
    """Return the instant, in UTC, of a minute since 1970."""
    return _EPOCH_AT + timedelta(minutes=minute)


def day_span(zone: str, first: date, last: date) -> Interval:
    """Return the minutes of UTC from the start of local date ``first`` to the end of ``last``."""
    opened = stretches(zone, first.toordinal())[0]
    closed = stretches(zone, last.toordinal())[-1]
    return opened.starts + opened.shift, closed.ends + closed.shift


def free_starts(
    *,
    wanted: Wanted,
    agendas: Iterable[Agenda],
    places: Mapping[int, Place],
    from_on: date,
    until_on: date,
) -> list[FreeStart]:
    """Return in order the free starts of the local dates ``from_on`` to ``until_on``, included."""
    found: list[FreeStart] = []
    for agenda in agendas:
        who, gaps = agenda.practitioner, _gaps(agenda.busy, wanted)
        for where, place in places.items():
            dates = range(from_on.toordinal(), min(until_on, place.last_on).toordinal() + 1)
            minutes = _starts(_openings(agenda, place, wanted, dates), gaps, wanted)
            found += [FreeStart(minute, who, where) for minute in sorted(minutes)]
    return sorted(found)


def _gaps(busy: Iterable[Interval], wanted: Wanted) -> list[Interval]:
    """Return the stretches long enough for ``wanted``, as the first and last start they allow."""
    before, need = wanted.before, wanted.before + wanted.duration + wanted.after
    gaps = []
    low = enough = -_EVER
    for start, end in busy:
        if start >= enough:
            gaps.append((low + before, start - need + before))
        if end > low:
            low = end
            enough = end + need
    gaps.append((low + before, _EVER))
    return gaps


def _starts(openings: Iterable[Interval], gaps: Sequence[Interval], wanted: Wanted) -> set[int]:
    """Return the grid minutes of the openings that fall in a gap."""
    step, earliest = wanted.step, wanted.earliest
    lasts = [last for _, last in gaps]
    minutes: set[int] = set()  # openings may overlap
    for first, last in openings:
        index = bisect_left(lasts, first)
        low, high = gaps[index]
        while low <= last:
            skipped = max(0, -((first - max(low, earliest)) // step))
            minutes.update(range(first + skipped * step, min(high, last) + 1, step))
            index += 1
            low, high = gaps[index] if index < len(gaps) else (_EVER, _EVER)
    return minutes


def _openings(agenda: Agenda, place: Place, wanted: Wanted, dates: Iterable[int]) -> list[Interval]:
    """Return the first and last start of each opening of these ordinal dates, in order of date."""
    weekly = _weekly(agenda.hours, place, wanted.motif)
    special = _special(agenda.exceptions, place)
    openings: list[Interval] = []
    if not special and not any(weekly):
        return openings
    closed = {holiday.toordinal() for holiday in place.closed}
    for day in dates:
        if day in special:
            ranges = special[day]
        elif day in closed:
            continue
        else:
            ranges = [
                (starts, ends)
                for starts, ends, limits in weekly[(day - 1) % 7]
                if limits is None or _applies(limits, day)
            ]
        if ranges:
            openings += _in_utc(stretches(place.zone, day), ranges, wanted)
    return openings


def _weekly(
    hours: Iterable[WeeklyHours], place: Place, motif: int
) -> list[list[tuple[int, int, WeeklyHours | None]]]:
    """Sort by weekday the ranges in which ``place`` receives ``motif``, with their limits if any."""
    weekly: list[list[tuple[int, int, WeeklyHours | None]]] = [[] for _ in range(7)]
    for each in hours:
        if each.location == place.location and (each.motifs is None or motif in each.motifs):
            is_limited = each.every_n_weeks > 1 or each.valid_from or each.valid_to
            limits = each if is_limited else None
            weekly[each.weekday].append((each.starts, each.ends, limits))
    return weekly


def _special(exceptions: Iterable[DayException], place: Place) -> dict[int, list[Interval]]:
    """Gather by ordinal day the ranges that replace the weekly hours of ``place``."""
    special: dict[int, list[Interval]] = {}
    for each in exceptions:
        if each.location == place.location:
            ranges = special.setdefault(each.on.toordinal(), [])
            if each.starts is not None and each.ends is not None:
                ranges.append((each.starts, each.ends))
    return special


def _applies(hours: WeeklyHours, day: int) -> bool:
    """Whether weekly hours hold in the week, and within the dates, of the ordinal ``day``."""
    if hours.valid_from is not None and day < hours.valid_from.toordinal():
        return False
    if hours.valid_to is not None and day > hours.valid_to.toordinal():
        return False
    if hours.every_n_weeks == 1 or hours.anchor is None:
        return True
    weeks = (day - 1) // 7 - (hours.anchor.toordinal() - 1) // 7
    return weeks % hours.every_n_weeks == 0


def _in_utc(
    day: Sequence[Stretch], ranges: Iterable[Interval], wanted: Wanted
) -> Iterable[Interval]:
    """Turn ranges of wall minutes of one date into first and last starts, on the wall clock's grid."""
    if len(day) > 1:
        return [pair for each in ranges for pair in _on_a_broken_day(day, each, wanted)]
    shift = day[0][2]
    latest = shift - wanted.duration
    return [(starts + shift, ends + latest) for starts, ends in ranges]


def _on_a_broken_day(day: Sequence[Stretch], wall: Interval, wanted: Wanted) -> list[Interval]:
    """Return the first and last starts of one range on a date whose clock moves."""
    found: list[Interval] = []
    follows = close = None
    pieces = [
        (low, high, stretch.shift)
        for stretch in day
        for low, high in intersect([wall], [(stretch.starts, stretch.ends)])
    ]
    for low, high, shift in reversed(pieces):
        until = high + shift
        if close is None or until != follows:
            # Not so across a clock put forward: time goes on, a slot may end beyond the jump.
            close = until
        first = low + (wall[0] - low) % wanted.step
        found.append((first + shift, min(until - 1, close - wanted.duration)))
        follows = low + shift
    return found[::-1]


@lru_cache(maxsize=8192)
def stretches(zone: str, day: int) -> tuple[Stretch, ...]:
    """Return the wall minutes of the ordinal ``day`` that exist, the repeated ones the first time.

    One stretch on almost every date, read from the offsets at its two midnights; on the others each
    minute is looked up. (No zone moves its clock twice, to and fro, on one date.)
    """
    clock = ZoneInfo(zone)
    start = (day - _EPOCH) * DAY
    midnight = datetime.combine(date.fromordinal(day), time.min)
    offsets = {
        moment.replace(tzinfo=clock, fold=fold).utcoffset()
        for moment in (midnight, midnight + timedelta(days=1))
        for fold in (0, 1)
    }
    if len(offsets) == 1:
        return (Stretch(0, DAY, start - _minutes(offsets.pop())),)
    found: list[Stretch] = []
    for wall in range(DAY):
        moment = midnight + timedelta(minutes=wall)
        aware = moment.replace(tzinfo=clock)
        if aware.astimezone(UTC).astimezone(clock).replace(tzinfo=None) != moment:
            continue
        shift = start - _minutes(aware.utcoffset())
        if found and found[-1].ends == wall and found[-1].shift == shift:
            found[-1] = Stretch(found[-1].starts, wall + 1, shift)
        else:
            found.append(Stretch(wall, wall + 1, shift))
    return tuple(found)


def _minutes(offset: timedelta | None) -> int:
    """Return an offset from UTC in whole minutes, as all of them have been since 1972."""
    return (offset or timedelta()) // timedelta(minutes=1)
