"""Computes the free slots of the agendas for pages and services: three queries at most."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from heapq import nsmallest
from typing import Any, NamedTuple, NotRequired, TypedDict, Unpack
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.backends.utils import CursorWrapper

from booking.models import AppointmentType, Location
from booking.models.appointment_type import MAX_HORIZON_DAYS
from booking.rules.availability import (
    Agenda,
    FreeStart,
    Place,
    SlotShape,
    day_span,
    free_starts,
    instant_of,
    minute_from,
    timetable_of,
)
from booking.rules.erasure import last_bookable_on
from booking.rules.opening_hours import Interval
from booking.scheduling import opening_rules
from booking.scheduling.catalogue import SubstitutePeriod, substitute_among
from booking.scheduling.opening_rules import HoursDraft, OpeningRules, date_of

FRESH = timedelta(seconds=60)
"""The age from which a page asks Google for busy times again; the page itself uses the stored ones."""
_LONGEST_MARGIN, _LONGEST = timedelta(hours=4), timedelta(hours=12)
"""The longest margin and appointment that the CHECK constraints of AppointmentType allow."""

# The practitioners and locations of the appointment type; read only when the caller does not give both.
_OFFERED = """
SELECT 'practitioner', p.id, p.position::int, NULL, NULL, NULL, NULL
FROM booking_practitioner p
JOIN booking_appointmenttype_practitioners m ON m.practitioner_id = p.id
WHERE m.appointmenttype_id = %(appointment_type)s AND p.is_active
UNION ALL
SELECT 'place', l.id, l.position::int, l.time_zone, l.territory, l.postcode, l.customary_days
FROM booking_location l
JOIN booking_appointmenttype_locations m ON m.location_id = l.id
WHERE m.appointmenttype_id = %(appointment_type)s AND l.is_active
ORDER BY 3, 2
"""

# All rules in one row; the columns of the opening rules are among its columns.
_RULES = ",".join(
    (
        "SELECT (SELECT retention_days FROM booking_practice)",
        opening_rules.COLUMNS,
        """
ARRAY(SELECT ARRAY[practitioner_id, floor(date_part('epoch', starts_at) / 60)::int,
        ceil(date_part('epoch', ends_at) / 60)::int]
    FROM booking_absence WHERE ends_at > %(low)s
    UNION ALL SELECT ARRAY[practitioner_id, floor(date_part('epoch', starts_at) / 60)::int,
        ceil(date_part('epoch', ends_at) / 60)::int]
    FROM booking_busyinterval
    WHERE practitioner_id = ANY(%(practitioner_ids)s) AND ends_at > %(low)s AND expires_at > %(now)s),
ARRAY(SELECT json_build_array(practitioner_id, ref,
        state = 'connected' AND can_read_busy AND (busy_at IS NULL OR busy_at < %(stale)s),
        state = 'reconnect' AND closes_when_lost)
    FROM booking_googleaccount WHERE practitioner_id = ANY(%(practitioner_ids)s)),
ARRAY(SELECT json_build_array(practitioner_id, from_on - date 'epoch', to_on - date 'epoch',
        substitute_name)
    FROM booking_replacement WHERE to_on >= %(from_on)s)
""",
    )
)
_FIRST_BOOKED = """,
(SELECT booked_at FROM booking_appointment WHERE id = %(ignored)s)
"""

# Minutes are rounded outwards. Expired holds are left out: their rows stay until the next booking of that time,
# because the exclusion constraint cannot compare with the clock.
_BUSY = """
SELECT floor(date_part('epoch', lower(during)) / 60)::int,
    ceil(date_part('epoch', upper(during)) / 60)::int
"""
_WHOSE = ", practitioner_id"
_OCCUPYING = """
FROM booking_appointment
WHERE practitioner_id = ANY(%(practitioner_ids)s) AND starts_at >= %(since)s AND starts_at < %(before)s
  AND status IN ('held', 'booked', 'fulfilled', 'noshow')
  AND (held_until IS NULL OR held_until > %(now)s)
"""
_NOT_ITSELF = "AND id <> %(ignored)s"
_BY_START = " ORDER BY starts_at"


class Slot(NamedTuple):
    """A free slot: shown instants in UTC, practitioner, location, and the zone in which it is shown.

    ``substitute_name`` is the name of the practitioner's substitute on that date (B-15), or "".
    """

    starts_at: datetime
    ends_at: datetime
    practitioner_id: int
    location_id: int
    zone: str
    substitute_name: str


_Absences = Sequence[tuple[int | None, int, int]]
"""(Key of the practitioner or None for the whole practice, start, end): minutes since 1970, [start, end)."""


class _Where(NamedTuple):
    """The columns of a Location that slots need: its zone, and the three that determine its public holidays."""

    zone: str
    territory: str
    postcode: str
    customary: str


@dataclass(frozen=True)
class _Rules:
    """The stored rules of the practice, by practitioner and place."""

    retention_days: int
    booked_at: datetime | None
    opening: OpeningRules
    absences: _Absences
    substitutes: Mapping[int, list[SubstitutePeriod]]
    stale: tuple[UUID, ...]
    closed: frozenset[int]
    """The practitioners without online booking while the link with their Google calendar is lost (B-35)."""


class AvailabilityQuery(TypedDict):
    """The parameters of a query of free slots.

    ``practitioners`` are keys of active practitioners who receive for the appointment type, in the order in which
    they are listed at the same hour; ``location`` is an active place of the appointment type; None means all of
    them. The local dates ``from_on`` to ``until_on`` are both included. ``ignore_appointment`` is the key of an
    appointment to be moved: its own time counts as free, and the last date is computed from the instant of its
    booking (B-22). With ``by_staff`` the minimum notice and the horizon of the appointment type do not count, only
    that last date. The hours of ``draft`` count as if they were stored; nothing is written.
    """

    appointment_type: AppointmentType
    practitioners: NotRequired[Iterable[int] | None]
    location: NotRequired[Location | None]
    from_on: date
    until_on: date
    now: datetime
    ignore_appointment: NotRequired[int | None]
    by_staff: NotRequired[bool]
    draft: NotRequired[HoursDraft | None]


@dataclass(frozen=True)
class Availability:
    """The rows read from the agendas; its methods compute the slots of the dates that a page needs.

    A page shows a few hours of a long horizon: it reads all rows once and computes only those dates.
    """

    from_on: date
    until_on: date
    shape: SlotShape | None = None
    agendas: Sequence[Agenda] = ()
    places: Mapping[int, Place] = field(default_factory=dict)
    substitutes: Mapping[int, Sequence[SubstitutePeriod]] = field(default_factory=dict)
    opening: OpeningRules | None = None
    """The opening rules from ``from_on`` on; None when the query has no practitioner, place or date."""
    stale: tuple[UUID, ...] = ()
    """Refs of the GoogleAccount rows whose busy times are older than ``FRESH``."""

    def slots(self, from_on: date, until_on: date, *, once: bool = False) -> list[Slot]:
        """Return the free slots of these local dates, both included, by start.

        Slots with the same start have the order of ``practitioners`` in the query; with ``once`` only the first
        of them is returned.
        """
        return self._slots(self._free(from_on, until_on, once=once))

    def closest(
        self,
        around: datetime,
        from_on: date,
        until_on: date,
        *,
        count: int,
        without: datetime | None = None,
    ) -> list[Slot]:
        """Return the ``count`` free slots of these local dates closest to an instant, the closest first.

        Each start appears once; of two at the same distance the earlier comes first. ``without`` is a start to
        leave out.
        """
        minute = around.timestamp() / 60
        left_out = without.timestamp() / 60 if without else None
        free = (
            (abs(start.minute - minute), start)
            for start in self._free(from_on, until_on, once=True)
            if start.minute != left_out
        )
        return self._slots([start for _distance, start in nsmallest(count, free)])

    def is_closed_holiday(self, location: int, on: date) -> bool:
        """Return whether a public holiday closes the place on that date for every agenda of the query (B-17)."""
        place = self.places.get(location)
        if place is None or on not in place.closed or self.shape is None:
            return False
        asked_for = self.shape.appointment_type
        return not any(
            timetable_of(agenda, place, asked_for).on(on).ranges for agenda in self.agendas
        )

    def _free(self, from_on: date, until_on: date, *, once: bool) -> list[FreeStart]:
        if self.shape is None:
            return []
        found = free_starts(
            shape=self.shape,
            agendas=self.agendas,
            places=self.places,
            from_on=max(from_on, self.from_on),
            until_on=min(until_on, self.until_on),
        )
        if len(self.agendas) > 1:
            rank = {agenda.practitioner: index for index, agenda in enumerate(self.agendas)}
            found.sort(key=lambda free: (free.minute, rank[free.practitioner]))
        if once:
            found = list({free.minute: free for free in reversed(found)}.values())[::-1]
        return found

    def _slots(self, found: Iterable[FreeStart]) -> list[Slot]:
        if self.shape is None:
            return []
        length = timedelta(minutes=self.shape.duration)
        zones = {key: place.zone for key, place in self.places.items()}
        substitutes = self.substitutes
        return [_slot(free, zones[free.location], length, substitutes) for free in found]


def free_slots(**query: Unpack[AvailabilityQuery]) -> list[Slot]:
    """Return the free slots of the local dates of the query, by start. As many SQL queries as ``availability``."""
    read = availability(**query)
    return read.slots(read.from_on, read.until_on)


def availability(**query: Unpack[AvailabilityQuery]) -> Availability:
    """Read the rows that determine the free slots: two queries, or three when a practitioner or place is None."""
    appointment_type, now = query["appointment_type"], query["now"]
    by_staff, ignored = query.get("by_staff", False), query.get("ignore_appointment")
    horizon_days = MAX_HORIZON_DAYS if by_staff else appointment_type.horizon_days
    practitioners, wheres = _offered(
        appointment_type, query.get("practitioners"), query.get("location")
    )
    # Dates of an address are limited to the horizon: a request for a century would compute for minutes.
    from_on = max(query["from_on"], (now - timedelta(days=1)).date())
    until_on = min(query["until_on"], (now + timedelta(days=horizon_days + 1)).date())
    if not practitioners or not wheres or from_on > until_on:
        return Availability(from_on, until_on)
    asked = {
        "practitioner_ids": practitioners,
        "ignored": ignored or 0,
        "now": now,
        "stale": now - FRESH,
        "from_on": from_on,
        **_bounds(wheres, from_on, until_on),
    }
    with connection.cursor() as cursor:
        rules = _rules(cursor, asked, query.get("draft"))
        busy = _busy(cursor, asked, rules.absences)
    if not by_staff:
        practitioners = [key for key in practitioners if key not in rules.closed]
    return Availability(
        from_on,
        until_on,
        shape=_shape(appointment_type, now, by_staff=by_staff),
        agendas=[
            Agenda(
                key,
                rules.opening.hours.get(key, ()),
                rules.opening.exceptions.get(key, ()),
                busy[key],
            )
            for key in practitioners
        ],
        places=_places(
            rules,
            wheres,
            years=range(from_on.year, until_on.year + 1),
            horizon_days=horizon_days,
            now=now,
        ),
        substitutes=rules.substitutes,
        opening=rules.opening,
        stale=rules.stale,
    )


def _offered(
    appointment_type: AppointmentType,
    practitioners: Iterable[int] | None,
    location: Location | None,
) -> tuple[list[int], dict[int, _Where]]:
    """Return the keys of the receiving practitioners, in order, and the places; no query when both are given."""
    given = [] if practitioners is None else list(practitioners)
    wheres = {}
    if location is not None:
        wheres[location.pk] = _Where(
            location.time_zone, location.territory, location.postcode, location.customary_days
        )
    if practitioners is not None and location is not None:
        return given, wheres
    with connection.cursor() as cursor:
        cursor.execute(_OFFERED, {"appointment_type": appointment_type.pk})
        rows = cursor.fetchall()
    receiving = [key for kind, key, *_ in rows if kind == "practitioner"]
    offered = receiving if practitioners is None else [key for key in given if key in receiving]
    if location is None:
        wheres = {key: _Where(*texts) for kind, key, _, *texts in rows if kind == "place"}
    return offered, wheres


def _bounds(wheres: Mapping[int, _Where], from_on: date, until_on: date) -> dict[str, datetime]:
    """Return the instants that limit the rows which can overlap a slot of these local dates."""
    spans = [day_span(where.zone, from_on, until_on) for where in wheres.values()]
    low = instant_of(min(start for start, _ in spans)) - _LONGEST_MARGIN
    high = instant_of(max(end for _, end in spans)) + _LONGEST_MARGIN
    return {
        "low": low,
        "since": low - _LONGEST - _LONGEST_MARGIN,
        "before": high + _LONGEST_MARGIN,
    }


def _rules(cursor: CursorWrapper, asked: Mapping[str, Any], draft: HoursDraft | None) -> _Rules:
    """Read the stored rules of the practice; the draft counts as if it were stored."""
    cursor.execute(_RULES + _FIRST_BOOKED if asked["ignored"] else _RULES, asked)
    retention_days, *columns = cursor.fetchone()
    opening_columns = columns[: opening_rules.COLUMN_COUNT]
    absences, links, replaced, *booked = columns[opening_rules.COLUMN_COUNT :]
    substitutes: dict[int, list[SubstitutePeriod]] = defaultdict(list)
    for practitioner, first, last, name in replaced:
        substitutes[practitioner].append(SubstitutePeriod(date_of(first), date_of(last), name))
    return _Rules(
        # Without a Practice row there is no retention period, and no date can be booked.
        retention_days=retention_days or 0,
        booked_at=booked[0] if booked else None,
        opening=opening_rules.rules_of(opening_columns, draft),
        absences=absences,
        substitutes=substitutes,
        stale=tuple(UUID(ref) for _key, ref, is_stale, _closed in links if is_stale),
        closed=frozenset(key for key, _ref, _stale, is_closed in links if is_closed),
    )


def _busy(
    cursor: CursorWrapper, asked: Mapping[str, Any], absences: _Absences
) -> dict[int, list[Interval]]:
    """Return the busy intervals of each practitioner (appointments, holds, absences), sorted by start."""
    practitioners = asked["practitioner_ids"]
    is_one = len(practitioners) == 1
    columns = _BUSY if is_one else _BUSY + _WHOSE
    occupying = _OCCUPYING + _NOT_ITSELF if asked["ignored"] else _OCCUPYING
    cursor.execute(columns + occupying + _BY_START, asked)
    rows = cursor.fetchall()
    # For one practitioner, the most frequent query, the rows are the intervals.
    busy: dict[int, list[Interval]] = (
        {practitioners[0]: rows} if is_one else {key: [] for key in practitioners}
    )
    if not is_one:
        for start, end, whose in rows:
            busy[whose].append((start, end))
    for key, taken in busy.items():
        away = [(start, end) for absent, start, end in absences if absent in {key, None}]
        if away:
            busy[key] = sorted(taken + away)
    return busy


def _places(
    rules: _Rules,
    wheres: Mapping[int, _Where],
    *,
    years: Iterable[int],
    horizon_days: int,
    now: datetime,
) -> dict[int, Place]:
    """Return the places by key, each with its closed holidays and its last bookable date."""
    places = {}
    for key, where in wheres.items():
        last_on = last_bookable_on(
            now=now,
            booked_at=rules.booked_at or now,
            zone=ZoneInfo(where.zone),
            horizon_days=horizon_days,
            retention_days=rules.retention_days,
        )
        closed = rules.opening.closed_holidays(
            key,
            territory=where.territory,
            postcode=where.postcode,
            customary=where.customary,
            years=years,
        )
        places[key] = Place(key, where.zone, closed, last_on)
    return places


def _shape(appointment_type: AppointmentType, now: datetime, *, by_staff: bool) -> SlotShape:
    delay = timedelta(minutes=0 if by_staff else appointment_type.min_notice_min)
    return SlotShape(
        appointment_type=appointment_type.pk,
        duration=appointment_type.duration_min,
        before=appointment_type.buffer_before_min,
        after=appointment_type.buffer_after_min,
        step=appointment_type.grid_min,
        earliest=minute_from(now + delay),
    )


def _slot(
    free: FreeStart,
    zone: str,
    length: timedelta,
    substitutes: Mapping[int, Sequence[SubstitutePeriod]],
) -> Slot:
    minute, practitioner, location = free
    starts_at = instant_of(minute)
    periods = substitutes.get(practitioner)
    name = substitute_among(periods, starts_at.astimezone(ZoneInfo(zone)).date()) if periods else ""
    return Slot(starts_at, starts_at + length, practitioner, location, zone, name)
