"""Free starts, computed in whole minutes of UTC since 1970 from opening hours in local wall-clock time.

Opening hours are local times of a location ("Monday, 9 to 12"). They are converted to UTC once per date and
then compared as integers. On the two nights of a year with a clock change (B-11, B-18):

- a wall time that does not exist gives no start; a slot may run across the jump, its length is real time;
- a wall time that exists twice gives one start, the first: the repeated hour is closed.

The other starts of these nights are at the same wall times as on other dates.

The shown time of a slot lies inside one opening. Its margins may exceed the opening, because a room can be
aired after closing time. They never overlap busy time or an absence, when the practitioner is not there.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from booking.rules.opening_hours import DayException, Interval, Timetable, WeeklyHours, intersect

DAY = 24 * 60
_EPOCH = date(1970, 1, 1).toordinal()
_EPOCH_AT = datetime(1970, 1, 1, tzinfo=UTC)
_EVER = 1 << 62


class FreeStart(NamedTuple):
    """A free start: minute of UTC since 1970, and the keys of practitioner and location."""

    minute: int
    practitioner: int
    location: int


class SlotShape(NamedTuple):
    """The lengths of the slots to find, in minutes: duration, margins, step; and the first minute allowed.

    ``earliest`` is a minute of UTC. ``appointment_type`` is a key; None takes the hours of all types.
    """

    appointment_type: int | None
    duration: int
    before: int
    after: int
    step: int
    earliest: int


@dataclass(frozen=True, slots=True)
class Place:
    """A location: its key, its zone, its closed holidays, and the last local date that may be proposed."""

    location: int
    zone: str
    closed: frozenset[date]
    last_on: date


@dataclass(frozen=True, slots=True)
class Agenda:
    """One practitioner, by key: opening hours, exceptions and busy time.

    ``busy`` holds non-empty intervals of minutes of UTC, sorted by start; they may overlap.
    """

    practitioner: int
    hours: Sequence[WeeklyHours]
    exceptions: Sequence[DayException]
    busy: Sequence[Interval]


class Stretch(NamedTuple):
    """Wall minutes [starts, ends) of one local date; ``shift`` is added to get minutes of UTC."""

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
    shape: SlotShape,
    agendas: Iterable[Agenda],
    places: Mapping[int, Place],
    from_on: date,
    until_on: date,
) -> list[FreeStart]:
    """Return the free starts of the local dates ``from_on`` to ``until_on``, both included, in order."""
    found: list[FreeStart] = []
    for agenda in agendas:
        gaps = _gaps(agenda.busy, shape)
        for location, place in places.items():
            dates = range(from_on.toordinal(), min(until_on, place.last_on).toordinal() + 1)
            minutes = _starts(_openings(agenda, place, shape, dates), gaps, shape)
            found += [
                FreeStart(minute, agenda.practitioner, location) for minute in sorted(minutes)
            ]
    return sorted(found)


def _gaps(busy: Iterable[Interval], shape: SlotShape) -> list[Interval]:
    """Return the free times that are long enough, each as its first and last start."""
    before, need = shape.before, shape.before + shape.duration + shape.after
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


def _starts(openings: Iterable[Interval], gaps: Sequence[Interval], shape: SlotShape) -> set[int]:
    """Return the grid minutes of the openings that fall in a gap."""
    step, earliest = shape.step, shape.earliest
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


def _openings(
    agenda: Agenda, place: Place, shape: SlotShape, dates: Iterable[int]
) -> list[Interval]:
    """Return the first and last start of each opening of these ordinal dates, in order of date."""
    timetable = timetable_of(agenda, place, shape.appointment_type)
    openings: list[Interval] = []
    if timetable.is_empty:
        return openings
    for day, _source, ranges in timetable.days(dates):
        if ranges:
            openings += _in_utc(stretches(place.zone, day), ranges, shape)
    return openings


def timetable_of(agenda: Agenda, place: Place, appointment_type: int | None) -> Timetable:
    """Return the hours of one practitioner at one location, for one appointment type or for all (None)."""
    return Timetable(
        location=place.location,
        hours=agenda.hours,
        exceptions=agenda.exceptions,
        closed=place.closed,
        appointment_type=appointment_type,
    )


def is_within_hours(
    timetable: Timetable, *, zone: str, starts_at: datetime, ends_at: datetime
) -> bool:
    """Return whether a shown time [starts_at, ends_at) lies in one opening, as a proposed slot does."""
    on = starts_at.astimezone(ZoneInfo(zone)).date()
    start = minute_of(starts_at)
    length = SlotShape(None, minute_of(ends_at) - start, before=0, after=0, step=1, earliest=-_EVER)
    openings = _in_utc(stretches(zone, on.toordinal()), timetable.on(on).ranges, length)
    return any(first <= start <= last for first, last in openings)


def _in_utc(
    day: Sequence[Stretch], ranges: Iterable[Interval], shape: SlotShape
) -> Iterable[Interval]:
    """Return the first and last start, in minutes of UTC, of each range of wall minutes of one date."""
    if len(day) > 1:
        return [pair for opening in ranges for pair in _on_clock_change(day, opening, shape)]
    shift = day[0][2]
    latest = shift - shape.duration
    return [(starts + shift, ends + latest) for starts, ends in ranges]


def _on_clock_change(day: Sequence[Stretch], opening: Interval, shape: SlotShape) -> list[Interval]:
    """Return the first and last starts of one range on a date with a clock change."""
    found: list[Interval] = []
    follows = close = None
    pieces = [
        (low, high, stretch.shift)
        for stretch in day
        for low, high in intersect([opening], [(stretch.starts, stretch.ends)])
    ]
    for low, high, shift in reversed(pieces):
        until = high + shift
        if close is None or until != follows:
            # When the clock is put forward, time goes on: a slot may end after the jump.
            close = until
        first = low + (opening[0] - low) % shape.step
        found.append((first + shift, min(until - 1, close - shape.duration)))
        follows = low + shift
    return found[::-1]


@lru_cache(maxsize=8192)
def stretches(zone: str, day: int) -> tuple[Stretch, ...]:
    """Return the wall minutes of the ordinal ``day`` that exist; a repeated minute counts the first time.

    Most dates have one stretch, found from the offsets at the two midnights; on a clock change each minute
    is looked up. (No zone changes its clock twice, forth and back, on one date.)
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
    for minute in range(DAY):
        moment = midnight + timedelta(minutes=minute)
        aware = moment.replace(tzinfo=clock)
        if aware.astimezone(UTC).astimezone(clock).replace(tzinfo=None) != moment:
            continue
        shift = start - _minutes(aware.utcoffset())
        if found and found[-1].ends == minute and found[-1].shift == shift:
            found[-1] = Stretch(found[-1].starts, minute + 1, shift)
        else:
            found.append(Stretch(minute, minute + 1, shift))
    return tuple(found)


def _minutes(offset: timedelta | None) -> int:
    """Return an offset from UTC in minutes; all offsets since 1972 are whole minutes."""
    return (offset or timedelta()) // timedelta(minutes=1)
