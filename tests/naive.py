"""The same promises computed the slow way: aware datetimes, one minute at a time, no shared code.

The product counts integers of UTC; here every minute is asked of ``zoneinfo``. Only the shapes of
the inputs are the product's. Tests and the proof ``time`` compare the two.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from booking.availability import Agenda, Place, Wanted, WeeklyHours

MINUTE = timedelta(minutes=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(minute: int) -> datetime:
    return EPOCH + minute * MINUTE


def exists(wall: datetime, zone: ZoneInfo) -> bool:
    """Whether clocks of ``zone`` ever show the naive ``wall``."""
    there_and_back = wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
    return there_and_back.replace(tzinfo=None) == wall


def minutes(start: datetime, end: datetime) -> Iterator[datetime]:
    """Every real minute of [start, end), both in UTC."""
    while start < end:
        yield start
        start += MINUTE


def monday(of: date) -> date:
    return of - timedelta(days=of.weekday())


def holds_on(hours: WeeklyHours, on: date) -> bool:
    if hours.weekday != on.weekday():
        return False
    if not (hours.valid_from or date.min) <= on <= (hours.valid_to or date.max):
        return False
    if hours.every_n_weeks > 1 and hours.anchor:
        apart = abs((monday(on) - monday(hours.anchor)).days)
        return apart % (7 * hours.every_n_weeks) == 0
    return True


def ranges_of(agenda: Agenda, place: Place, motif: int, on: date) -> list[tuple[int, int]]:
    written = [e for e in agenda.exceptions if e.on == on and e.location == place.location]
    if written:
        return [(e.starts, e.ends) for e in written if e.starts is not None and e.ends is not None]
    if on in place.closed:
        return []
    return [
        (h.starts, h.ends)
        for h in agenda.hours
        if h.location == place.location
        and (h.motifs is None or motif in h.motifs)
        and holds_on(h, on)
    ]


def is_open(at: datetime, zone: ZoneInfo, on: date, starts: int, ends: int) -> bool:
    """Whether clocks show the minute ``at`` in [starts, ends) of the date, for the first time."""
    local = at.astimezone(zone)
    shown = local.hour * 60 + local.minute
    return local.date() == on and starts <= shown < ends and local.fold == 0


def free_on(agenda: Agenda, place: Place, wanted: Wanted, on: date) -> set[datetime]:
    """The free starts of one practitioner at one place on one local date, in UTC."""
    zone = ZoneInfo(place.zone)
    midnight = datetime.combine(on, time.min)
    taken = [(instant(start), instant(end)) for start, end in agenda.busy]
    found = set()
    for starts, ends in ranges_of(agenda, place, wanted.motif, on):
        for wall in range(starts, ends, wanted.step):
            shown = midnight + wall * MINUTE
            if not exists(shown, zone):
                continue
            start = shown.replace(tzinfo=zone).astimezone(UTC)
            end = start + wanted.duration * MINUTE
            low, high = start - wanted.before * MINUTE, end + wanted.after * MINUTE
            if (
                start >= instant(wanted.earliest)
                and on <= place.last_on
                and all(is_open(each, zone, on, starts, ends) for each in minutes(start, end))
                and not any(
                    begun <= each < ended for each in minutes(low, high) for begun, ended in taken
                )
            ):
                found.add(start)
    return found


def eve(starts_at: datetime, zone: str, minute: int) -> datetime:
    """The instant at which clocks of ``zone`` show ``minute`` on the date before, by search."""
    clock = ZoneInfo(zone)
    shown_on = starts_at.astimezone(clock).date() - timedelta(days=1)
    wanted = datetime.combine(shown_on, time(minute // 60, minute % 60))
    at = starts_at.astimezone(UTC).replace(second=0, microsecond=0)
    while at.astimezone(clock).replace(tzinfo=None) != wanted:
        at -= MINUTE
    return at
