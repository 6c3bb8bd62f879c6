"""A reference implementation of availability: aware datetimes, one minute at a time, no shared code.

The application computes with integers of UTC minutes; this module converts every minute with ``zoneinfo``. It
shares only the input classes. Tests and the proof ``time`` compare the two.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from booking.rules.availability import (
    Agenda,
    Place,
    SlotShape,
)
from booking.rules.opening_hours import WeeklyHours

MINUTE = timedelta(minutes=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(minute: int) -> datetime:
    """Return the aware instant of a number of minutes since 1970, in UTC."""
    return EPOCH + minute * MINUTE


def exists(wall_clock: datetime, zone: ZoneInfo) -> bool:
    """Return whether clocks of ``zone`` show the naive ``wall_clock`` at some instant."""
    there_and_back = wall_clock.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
    return there_and_back.replace(tzinfo=None) == wall_clock


def minutes(start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield every minute of [start, end), both in UTC."""
    while start < end:
        yield start
        start += MINUTE


def monday(of: date) -> date:
    return of - timedelta(days=of.weekday())


def holds_on(hours: WeeklyHours, on: date) -> bool:
    """Return whether weekly hours apply to a local date: weekday, validity and rhythm of weeks."""
    if hours.weekday != on.weekday():
        return False
    if not (hours.valid_from or date.min) <= on <= (hours.valid_to or date.max):
        return False
    if hours.every_n_weeks > 1 and hours.anchor:
        apart = abs((monday(on) - monday(hours.anchor)).days)
        return apart % (7 * hours.every_n_weeks) == 0
    return True


def ranges_of(
    agenda: Agenda, place: Place, appointment_type: int | None, on: date
) -> list[tuple[int, int]]:
    """Return the opening ranges of a local date in minutes: exceptions, else closed holiday, else the week."""
    written = [e for e in agenda.exceptions if e.on == on and e.location == place.location]
    if written:
        return [(e.starts, e.ends) for e in written if e.starts is not None and e.ends is not None]
    if on in place.closed:
        return []
    return [
        (h.starts, h.ends)
        for h in agenda.hours
        if h.location == place.location
        and (h.appointment_types is None or appointment_type in h.appointment_types)
        and holds_on(h, on)
    ]


def is_open(at: datetime, zone: ZoneInfo, on: date, starts: int, ends: int) -> bool:
    """Return whether clocks show ``at`` within [starts, ends) of the date, for the first time."""
    local = at.astimezone(zone)
    shown = local.hour * 60 + local.minute
    return local.date() == on and starts <= shown < ends and local.fold == 0


def free_on(agenda: Agenda, place: Place, query: SlotShape, on: date) -> set[datetime]:
    """Return the free starts of one practitioner at one place on one local date, in UTC."""
    zone = ZoneInfo(place.zone)
    midnight = datetime.combine(on, time.min)
    taken = [(instant(start), instant(end)) for start, end in agenda.busy]
    found = set()
    for starts, ends in ranges_of(agenda, place, query.appointment_type, on):
        for clock_minute in range(starts, ends, query.step):
            shown = midnight + clock_minute * MINUTE
            if not exists(shown, zone):
                continue
            start = shown.replace(tzinfo=zone).astimezone(UTC)
            end = start + query.duration * MINUTE
            low, high = start - query.before * MINUTE, end + query.after * MINUTE
            if (
                start >= instant(query.earliest)
                and on <= place.last_on
                and all(is_open(each, zone, on, starts, ends) for each in minutes(start, end))
                and not any(
                    begun <= each < ended for each in minutes(low, high) for begun, ended in taken
                )
            ):
                found.add(start)
    return found


def eve(starts_at: datetime, zone: str, minute: int) -> datetime:
    """Return the instant at which clocks of ``zone`` show ``minute`` on the previous date, by search."""
    clock = ZoneInfo(zone)
    shown_on = starts_at.astimezone(clock).date() - timedelta(days=1)
    target = datetime.combine(shown_on, time(minute // 60, minute % 60))
    at = starts_at.astimezone(UTC).replace(second=0, microsecond=0)
    while at.astimezone(clock).replace(tzinfo=None) != target:
        at -= MINUTE
    return at
