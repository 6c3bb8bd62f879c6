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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import accumulate, chain
from typing import NamedTuple
from zoneinfo import ZoneInfo

from booking.intervals import Interval

DAY = 24 * 60
_EPOCH = date(1970, 1, 1).toordinal()
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
    """One practitioner: hours, exceptions, and when they are taken, absences and margins included.

    ``busy`` holds non-empty intervals sorted by their start; they may overlap.
    """

    practitioner: int
    hours: Sequence[WeeklyHours]
    exceptions: Sequence[DayException]
    busy: Sequence[Interval]


class Opening(NamedTuple):
    """Grid starts ``first``, ``first + step`` ... before ``until``, all to be over by ``close``."""

    first: int
    until: int
    close: int


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
    return datetime.fromtimestamp(minute * 60, UTC)


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
    found: set[FreeStart] = set()
    for agenda in agendas:
        gaps = _gaps(agenda.busy, wanted)
        for place in places.values():
            for opening in _openings(
                agenda, place, wanted, (from_on, min(until_on, place.last_on))
            ):
                for minute in _starts(opening, gaps, wanted):
                    found.add(FreeStart(minute, agenda.practitioner, place.location))
    return sorted(found)


def _gaps(busy: Sequence[Interval], wanted: Wanted) -> list[Interval]:
    """Return the stretches long enough for ``wanted``, as the first and last start they allow."""
    need = wanted.before + wanted.duration + wanted.after
    covered = accumulate((end for _, end in busy), max, initial=-_EVER)
    starts = chain((start for start, _ in busy), (_EVER,))
    return [
        (low + wanted.before, start - wanted.after - wanted.duration)
        for low, start in zip(covered, starts, strict=True)
        if start - low >= need
    ]


def _starts(opening: Opening, gaps: Sequence[Interval], wanted: Wanted) -> Iterator[int]:
    """Yield the grid minutes of ``opening`` that fall in a gap and leave time before the close."""
    first, step = opening.first, wanted.step
    last = min(opening.until - 1, opening.close - wanted.duration)
    index = bisect_left(gaps, first, key=lambda gap: gap[1])
    while index < len(gaps) and gaps[index][0] <= last:
        low = max(gaps[index][0], wanted.earliest)
        skipped = max(0, -((first - low) // step))
        yield from range(first + skipped * step, min(gaps[index][1], last) + 1, step)
        index += 1


def _openings(
    agenda: Agenda, place: Place, wanted: Wanted, dates: tuple[date, date]
) -> Iterator[Opening]:
    """Yield the openings of one agenda at one place, in order of date."""
    weekly = _weekly(agenda.hours, place, wanted.motif)
    special = _special(agenda.exceptions, place)
    if not special and not any(weekly):
        return
    closed = {holiday.toordinal() for holiday in place.closed}
    for day in range(dates[0].toordinal(), dates[1].toordinal() + 1):
        if day in special:
            ranges = special[day]
        elif day in closed:
            continue
        else:
            ranges = [(h.starts, h.ends) for h in weekly[(day - 1) % 7] if _applies(h, day)]
        for starts, ends in ranges:
            yield from _in_utc(stretches(place.zone, day), starts, ends, wanted.step)


def _weekly(hours: Iterable[WeeklyHours], place: Place, motif: int) -> list[list[WeeklyHours]]:
    """Sort by weekday the hours of ``place`` in which ``motif`` is received."""
    weekly: list[list[WeeklyHours]] = [[] for _ in range(7)]
    for each in hours:
        if each.location == place.location and (each.motifs is None or motif in each.motifs):
            weekly[each.weekday].append(each)
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


def _in_utc(day: Sequence[Stretch], starts: int, ends: int, step: int) -> list[Opening]:
    """Turn wall minutes [starts, ends) of a date into openings; the grid keeps the wall clock."""
    openings: list[Opening] = []
    follows = close = None
    for stretch in reversed(day):
        low, high = max(starts, stretch.starts), min(ends, stretch.ends)
        if low >= high:
            continue
        until = high + stretch.shift
        if close is None or until != follows:
            # Not so across a clock put forward: time goes on, a slot may end beyond the jump.
            close = until
        first = low + (starts - low) % step
        openings.append(Opening(first + stretch.shift, until, close))
        follows = low + stretch.shift
    return openings[::-1]


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
