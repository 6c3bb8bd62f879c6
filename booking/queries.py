"""What pages and services read of the agendas: the free slots, in two queries whatever is asked."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection

from booking.availability import (
    Agenda,
    DayException,
    FreeStart,
    Place,
    Wanted,
    WeeklyHours,
    day_span,
    free_starts,
    instant_of,
    minute_from,
)
from booking.erasure import LIMIT_DAYS, last_bookable_on
from booking.holidays import public_holidays
from booking.intervals import Interval
from booking.models import AppointmentType, Location
from booking.models.appointment_type import MAX_HORIZON_DAYS

_LONGEST_STAY = timedelta(days=1)
"""No appointment occupies more, margins included: duration and margins are bounded by CHECKs."""
_WHOLE_PRACTICE = 0

# Everything but the busy time, as (kind, practitioner, location, numbers, days, texts) in one message:
# the tables are small, and a round trip costs more than reading them.
_RULES = """
WITH who AS (
    SELECT p.id, p.position FROM booking_practitioner p
    JOIN booking_appointmenttype_practitioners m ON m.practitioner_id = p.id
    WHERE m.appointmenttype_id = %(motif)s AND p.is_active
      AND (%(practitioners)s::bigint[] IS NULL OR p.id = ANY(%(practitioners)s::bigint[]))
), place AS (
    SELECT l.id, l.time_zone, l.territory, l.postcode FROM booking_location l
    JOIN booking_appointmenttype_locations m ON m.location_id = l.id
    WHERE m.appointmenttype_id = %(motif)s AND l.is_active
      AND (%(location)s::bigint IS NULL OR l.id = %(location)s::bigint)
)
SELECT 'practice', NULL::bigint, NULL::bigint, ARRAY[retention_days::bigint, (
    SELECT floor(date_part('epoch', booked_at))::bigint
    FROM booking_appointment WHERE id = %(ignored)s)], NULL::date[], NULL::text[]
FROM booking_practice
UNION ALL
SELECT 'who', id, NULL, ARRAY[position::bigint], NULL, NULL FROM who
UNION ALL
SELECT 'place', NULL, id, NULL, NULL, ARRAY[time_zone, territory, postcode] FROM place
UNION ALL
SELECT 'hours', h.practitioner_id, h.location_id,
    ARRAY[weekday, starts_min, ends_min, every_n_weeks]::bigint[] || ARRAY(
        SELECT m.appointmenttype_id FROM booking_openinghours_appointment_types m
        WHERE m.openinghours_id = h.id),
    ARRAY[valid_from, valid_to, anchor_on], NULL
FROM booking_openinghours h
WHERE h.practitioner_id IN (SELECT id FROM who) AND h.location_id IN (SELECT id FROM place)
UNION ALL
SELECT 'exception', practitioner_id, location_id, ARRAY[starts_min, ends_min]::bigint[],
    ARRAY[on_date], NULL
FROM booking_openingexception
WHERE on_date BETWEEN %(from_on)s AND %(until_on)s
UNION ALL
SELECT 'opened', NULL, location_id, NULL, ARRAY[on_date], NULL
FROM booking_holidayopening WHERE on_date BETWEEN %(from_on)s AND %(until_on)s
UNION ALL
SELECT 'substitute', practitioner_id, NULL, NULL, ARRAY[from_on, to_on], ARRAY[substitute_name]
FROM booking_replacement WHERE from_on <= %(until_on)s AND to_on >= %(from_on)s
"""

# Minutes are rounded outwards. A hold that has expired hides nothing: a constraint cannot know the
# clock, so the row may still be there.
_BUSY = """
SELECT practitioner_id,
    floor(date_part('epoch', lower(during)) / 60)::int,
    ceil(date_part('epoch', upper(during)) / 60)::int
FROM booking_appointment
WHERE practitioner_id = ANY(%(who)s) AND starts_at >= %(low)s - %(longest)s
  AND starts_at < %(high)s + %(longest)s
  AND status IN ('held', 'booked', 'fulfilled', 'noshow')
  AND (held_until IS NULL OR held_until > %(now)s) AND id <> %(ignored)s
UNION ALL
SELECT coalesce(practitioner_id, 0),
    floor(date_part('epoch', starts_at) / 60)::int,
    ceil(date_part('epoch', ends_at) / 60)::int
FROM booking_absence
WHERE (practitioner_id IS NULL OR practitioner_id = ANY(%(who)s))
  AND starts_at < %(high)s + %(longest)s AND ends_at > %(low)s - %(longest)s
ORDER BY 2
"""


class Slot(NamedTuple):
    """A free slot: shown instants in UTC, whose agenda, where, and in which zone it is shown.

    ``substitute_name`` says who receives in the practitioner's place that day (B-15), else "".
    """

    starts_at: datetime
    ends_at: datetime
    practitioner_id: int
    location_id: int
    zone: str
    substitute_name: str


@dataclass(frozen=True)
class _Rules:
    """The rows of the first query, sorted out by practitioner and place."""

    retention_days: int
    booked_at: datetime | None
    positions: Mapping[int, int]
    places: Mapping[int, Sequence[str]]
    hours: Mapping[int, list[WeeklyHours]]
    exceptions: Mapping[int, list[DayException]]
    opened: frozenset[tuple[int, date]]
    substitutes: Mapping[int, list[tuple[date, date, str]]]


def free_slots(  # noqa: PLR0913  # what a visitor chooses, each by its name
    *,
    appointment_type: AppointmentType,
    practitioners: Iterable[int] | None = None,
    location: Location | None = None,
    from_on: date,
    until_on: date,
    now: datetime,
    ignore_appointment: int | None = None,
    by_staff: bool = False,
) -> list[Slot]:
    """Return the free slots of the local dates ``from_on`` to ``until_on``, both included, by start.

    ``practitioners`` are keys, None for all who receive this motif; so is ``location``. A move gives
    the key of its appointment: its own time counts as free, and the last date counts from its first
    booking act (B-22). For staff neither the notice nor the motif's horizon counts, only that limit.
    """
    # Nobody makes us walk through a century.
    from_on = max(from_on, (now - timedelta(days=1)).date())
    until_on = min(until_on, (now + timedelta(days=LIMIT_DAYS)).date())
    asked = {
        "motif": appointment_type.pk,
        "practitioners": None if practitioners is None else list(practitioners),
        "location": location.pk if location else None,
        "ignored": ignore_appointment or 0,
        "from_on": from_on,
        "until_on": until_on,
    }
    rules = _rules(asked)
    if rules is None or not rules.places or not rules.positions:
        return []
    horizon_days = MAX_HORIZON_DAYS if by_staff else appointment_type.horizon_days
    places = _places(
        rules, years=range(from_on.year, until_on.year + 1), horizon_days=horizon_days, now=now
    )
    until_on = min(until_on, max(place.last_on for place in places.values()))
    if from_on > until_on:
        return []
    wanted = _wanted(appointment_type, now, notice=not by_staff)
    busy = _busy(rules, places, asked, from_on=from_on, until_on=until_on, now=now)
    found = free_starts(
        wanted=wanted,
        agendas=[
            Agenda(who, rules.hours[who], rules.exceptions[who], busy[who])
            for who in rules.positions
        ],
        places=places,
        from_on=from_on,
        until_on=until_on,
    )
    found.sort(key=lambda free: (free.minute, rules.positions[free.practitioner]))
    length = timedelta(minutes=appointment_type.duration_min)
    return [_slot(free, places[free.location].zone, length, rules.substitutes) for free in found]


def _rules(asked: Mapping[str, Any]) -> _Rules | None:
    """Read everything but the busy time; None while the practice has no settings."""
    by_kind: dict[str, list[Any]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_RULES, asked)
        for kind, *row in cursor.fetchall():
            by_kind[kind].append(row)
    if not by_kind["practice"]:
        return None
    retention_days, booked = by_kind["practice"][0][2]
    hours: dict[int, list[WeeklyHours]] = defaultdict(list)
    for who, where, numbers, days, _ in by_kind["hours"]:
        hours[who].append(_hours(where, numbers, days))
    exceptions: dict[int, list[DayException]] = defaultdict(list)
    for who, where, numbers, days, _ in by_kind["exception"]:
        exceptions[who].append(DayException(where, days[0], *numbers))
    substitutes: dict[int, list[tuple[date, date, str]]] = defaultdict(list)
    for who, _, _, days, texts in by_kind["substitute"]:
        substitutes[who].append((*days, texts[0]))
    return _Rules(
        retention_days=retention_days,
        booked_at=None if booked is None else datetime.fromtimestamp(booked, UTC),
        positions={who: numbers[0] for who, _, numbers, *_ in by_kind["who"]},
        places={where: texts for _, where, _, _, texts in by_kind["place"]},
        hours=hours,
        exceptions=exceptions,
        opened=frozenset((where, days[0]) for _, where, _, days, _ in by_kind["opened"]),
        substitutes=substitutes,
    )


def _hours(where: int, numbers: Sequence[int], days: Sequence[date | None]) -> WeeklyHours:
    weekday, starts, ends, every_n_weeks, *motifs = numbers
    valid_from, valid_to, anchor = days
    return WeeklyHours(
        location=where,
        weekday=weekday,
        starts=starts,
        ends=ends,
        valid_from=valid_from,
        valid_to=valid_to,
        every_n_weeks=every_n_weeks,
        anchor=anchor,
        motifs=frozenset(motifs) if motifs else None,
    )


def _places(
    rules: _Rules, *, years: Iterable[int], horizon_days: int, now: datetime
) -> dict[int, Place]:
    """Give each place its closed holidays and its last date."""
    places = {}
    for where, (zone, territory, postcode) in rules.places.items():
        last_on = last_bookable_on(
            now=now,
            booked_at=rules.booked_at or now,
            zone=ZoneInfo(zone),
            horizon_days=horizon_days,
            retention_days=rules.retention_days,
        )
        closed = frozenset(
            on
            for year in years
            for on in public_holidays(territory=territory, postcode=postcode, year=year)
            if (where, on) not in rules.opened
        )
        places[where] = Place(where, zone, closed, last_on)
    return places


def _wanted(motif: AppointmentType, now: datetime, *, notice: bool) -> Wanted:
    delay = timedelta(minutes=motif.min_notice_min if notice else 0)
    return Wanted(
        motif=motif.pk,
        duration=motif.duration_min,
        before=motif.buffer_before_min,
        after=motif.buffer_after_min,
        step=motif.grid_min,
        earliest=minute_from(now + delay),
    )


def _busy(
    rules: _Rules,
    places: Mapping[int, Place],
    asked: Mapping[str, Any],
    *,
    from_on: date,
    until_on: date,
    now: datetime,
) -> Mapping[int, list[Interval]]:
    """Read when each practitioner is taken or away, sorted by start."""
    spans = [day_span(place.zone, from_on, until_on) for place in places.values()]
    bounds = {
        "who": list(rules.positions),
        "low": instant_of(min(start for start, _ in spans)),
        "high": instant_of(max(end for _, end in spans)),
        "longest": _LONGEST_STAY,
        "now": now,
        "ignored": asked["ignored"],
    }
    with connection.cursor() as cursor:
        cursor.execute(_BUSY, bounds)
        rows = cursor.fetchall()
    busy: dict[int, list[Interval]] = defaultdict(list)
    for who, start, end in rows:
        busy[who].append((start, end))
    for everybody in busy.pop(_WHOLE_PRACTICE, ()):
        for who in rules.positions:
            busy[who].append(everybody)
            busy[who].sort()
    return busy


def _slot(
    free: FreeStart,
    zone: str,
    length: timedelta,
    substitutes: Mapping[int, Sequence[tuple[date, date, str]]],
) -> Slot:
    starts_at = instant_of(free.minute)
    name = ""
    for from_on, to_on, substitute in substitutes.get(free.practitioner, ()):
        if from_on <= starts_at.astimezone(ZoneInfo(zone)).date() <= to_on:
            name = substitute
    return Slot(starts_at, starts_at + length, free.practitioner, free.location, zone, name)
