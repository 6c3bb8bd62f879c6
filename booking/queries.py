"""What pages and services read of the agendas: the free slots, in three queries at most."""

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
from booking.erasure import last_bookable_on
from booking.holidays import public_holidays
from booking.intervals import Interval
from booking.models import AppointmentType, Location
from booking.models.appointment_type import MAX_HORIZON_DAYS

_EPOCH = date(1970, 1, 1).toordinal()
FRESH = timedelta(seconds=60)
"""A page that meets busy times older than this has them read again, and uses them as they are."""
_LONGEST_MARGIN, _LONGEST = timedelta(hours=4), timedelta(hours=12)
"""The CHECKs of AppointmentType: no margin and no appointment is longer."""

# Who receives the motif, and where; asked only when the caller has not said both.
_OFFERED = """
SELECT 'who', p.id, p.position::int, NULL, NULL, NULL
FROM booking_practitioner p
JOIN booking_appointmenttype_practitioners m ON m.practitioner_id = p.id
WHERE m.appointmenttype_id = %(motif)s AND p.is_active
UNION ALL
SELECT 'place', l.id, l.position::int, l.time_zone, l.territory, l.postcode
FROM booking_location l
JOIN booking_appointmenttype_locations m ON m.location_id = l.id
WHERE m.appointmenttype_id = %(motif)s AND l.is_active
ORDER BY 3, 2
"""

# The rules in one message: one row, each table as an array of rows that Python joins; dates are days
# since 1970. Planning a join, or asking table by table, costs more than reading them.
# What lies after the dates asked for is read too: there is little of it.
_RULES = """
SELECT (SELECT retention_days FROM booking_practice),
ARRAY(SELECT ARRAY[practitioner_id, location_id, id, weekday, starts_min, ends_min, every_n_weeks,
        valid_from - date 'epoch', valid_to - date 'epoch', anchor_on - date 'epoch']
    FROM booking_openinghours WHERE practitioner_id = ANY(%(who)s)),
ARRAY(SELECT ARRAY[openinghours_id, appointmenttype_id]
    FROM booking_openinghours_appointment_types),
ARRAY(SELECT ARRAY[practitioner_id, location_id, on_date - date 'epoch', starts_min, ends_min]
    FROM booking_openingexception WHERE on_date >= %(from_on)s),
ARRAY(SELECT ARRAY[location_id, on_date - date 'epoch']
    FROM booking_holidayopening WHERE on_date >= %(from_on)s),
ARRAY(SELECT ARRAY[practitioner_id, floor(date_part('epoch', starts_at) / 60)::int,
        ceil(date_part('epoch', ends_at) / 60)::int]
    FROM booking_absence WHERE ends_at > %(low)s
    UNION ALL SELECT ARRAY[practitioner_id, floor(date_part('epoch', starts_at) / 60)::int,
        ceil(date_part('epoch', ends_at) / 60)::int]
    FROM booking_busyinterval
    WHERE practitioner_id = ANY(%(who)s) AND ends_at > %(low)s AND expires_at > %(now)s),
ARRAY(SELECT json_build_array(practitioner_id, ref,
        state = 'connected' AND can_read_busy AND (busy_at IS NULL OR busy_at < %(stale)s),
        state = 'reconnect' AND closes_when_lost)
    FROM booking_googleaccount WHERE practitioner_id = ANY(%(who)s)),
ARRAY(SELECT json_build_array(practitioner_id, from_on - date 'epoch', to_on - date 'epoch',
        substitute_name)
    FROM booking_replacement WHERE to_on >= %(from_on)s)
"""
_FIRST_BOOKED = """,
(SELECT booked_at FROM booking_appointment WHERE id = %(ignored)s)
"""

# Minutes are rounded outwards. A hold that has expired hides nothing: a constraint cannot know the
# clock, so the row may still be there.
_BUSY = """
SELECT floor(date_part('epoch', lower(during)) / 60)::int,
    ceil(date_part('epoch', upper(during)) / 60)::int
"""
_WHOSE = ", practitioner_id"
_OCCUPYING = """
FROM booking_appointment
WHERE practitioner_id = ANY(%(who)s) AND starts_at >= %(since)s AND starts_at < %(before)s
  AND status IN ('held', 'booked', 'fulfilled', 'noshow')
  AND (held_until IS NULL OR held_until > %(now)s)
"""
_NOT_ITSELF = "AND id <> %(ignored)s"
_BY_START = " ORDER BY starts_at"


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


class Draft(NamedTuple):
    """Weekly hours that are not written yet: those of one practitioner, in place of the rows ``replaces``."""

    practitioner: int
    hours: Sequence[WeeklyHours]
    replaces: frozenset[int] = frozenset()


_Absences = Sequence[tuple[int | None, int, int]]
"""Whose (None: the whole practice's), and minutes [start, end)."""


class _Where(NamedTuple):
    """What is needed of a place: its zone, and what decides its holidays."""

    zone: str
    territory: str
    postcode: str


@dataclass(frozen=True)
class _Rules:
    """What the practice has written, sorted out by practitioner and place."""

    retention_days: int
    booked_at: datetime | None
    hours: Mapping[int, list[WeeklyHours]]
    exceptions: Mapping[int, list[DayException]]
    opened: frozenset[tuple[int, date]]
    absences: _Absences
    substitutes: Mapping[int, list[tuple[date, date, str]]]
    stale: tuple[UUID, ...]
    closed: frozenset[int]
    """Who is not booked online while the link with their own calendar is lost (B-35)."""


class Question(TypedDict):
    """What is asked of the agendas.

    ``practitioners`` are keys of active ones who receive the motif, in the order in which they are
    listed at the same hour; ``location`` is an active place of the motif; None stands for all of
    them. The local dates ``from_on`` to ``until_on`` are both included. A move gives the key of its
    appointment: its own time counts as free, and the last date counts from its first booking act
    (B-22). For staff neither the notice nor the motif's horizon counts, only that limit. A ``draft``
    answers as if it were written, and writes nothing.
    """

    appointment_type: AppointmentType
    practitioners: NotRequired[Iterable[int] | None]
    location: NotRequired[Location | None]
    from_on: date
    until_on: date
    now: datetime
    ignore_appointment: NotRequired[int | None]
    by_staff: NotRequired[bool]
    draft: NotRequired[Draft | None]


@dataclass(frozen=True)
class Vacancies:
    """What was read of the agendas; the slots of dates within it are computed when they are asked for.

    A page shows a few hours of a long horizon: it reads the whole once and computes those days.
    """

    from_on: date
    until_on: date
    wanted: Wanted | None = None
    agendas: Sequence[Agenda] = ()
    places: Mapping[int, Place] = field(default_factory=dict)
    substitutes: Mapping[int, Sequence[tuple[date, date, str]]] = field(default_factory=dict)
    stale: tuple[UUID, ...] = ()
    """Calendars outside whose busy times were read more than a minute ago, by the account's ref."""

    def slots(self, from_on: date, until_on: date, *, once: bool = False) -> list[Slot]:
        """Return the free slots of these local dates, both included, by start.

        At the same start, practitioners stand in the order in which they were asked for; with ``once``
        only the first of them: any will do.
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

        The same hour once; at the same distance the earlier one. ``without`` leaves one start out.
        """
        minute = around.timestamp() / 60
        left_out = without.timestamp() / 60 if without else None
        free = (
            (abs(one.minute - minute), one)
            for one in self._free(from_on, until_on, once=True)
            if one.minute != left_out
        )
        return self._slots([one for _distance, one in nsmallest(count, free)])

    def _free(self, from_on: date, until_on: date, *, once: bool) -> list[FreeStart]:
        if self.wanted is None:
            return []
        found = free_starts(
            wanted=self.wanted,
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
        if self.wanted is None:
            return []
        length = timedelta(minutes=self.wanted.duration)
        zones = {key: place.zone for key, place in self.places.items()}
        substitutes = self.substitutes
        return [_slot(free, zones[free.location], length, substitutes) for free in found]


def free_slots(**question: Unpack[Question]) -> list[Slot]:
    """Return the free slots of the local dates asked about, by start. Queries as ``vacancies``."""
    read = vacancies(**question)
    return read.slots(read.from_on, read.until_on)


def vacancies(**question: Unpack[Question]) -> Vacancies:
    """Read what decides the free slots: two queries, and a third when a choice is left open."""
    motif, now = question["appointment_type"], question["now"]
    by_staff, ignored = question.get("by_staff", False), question.get("ignore_appointment")
    horizon_days = MAX_HORIZON_DAYS if by_staff else motif.horizon_days
    who, wheres = _offered(motif, question.get("practitioners"), question.get("location"))
    # Nobody makes us walk through a century.
    from_on = max(question["from_on"], (now - timedelta(days=1)).date())
    until_on = min(question["until_on"], (now + timedelta(days=horizon_days + 1)).date())
    if not who or not wheres or from_on > until_on:
        return Vacancies(from_on, until_on)
    asked = {
        "who": who,
        "ignored": ignored or 0,
        "now": now,
        "stale": now - FRESH,
        "from_on": from_on,
        **_bounds(wheres, from_on, until_on),
    }
    with connection.cursor() as cursor:
        rules = _rules(cursor, asked, question.get("draft"))
        busy = _busy(cursor, asked, rules.absences)
    if not by_staff:
        who = [one for one in who if one not in rules.closed]
    return Vacancies(
        from_on,
        until_on,
        wanted=_wanted(motif, now, notice=not by_staff),
        agendas=[Agenda(one, rules.hours[one], rules.exceptions[one], busy[one]) for one in who],
        places=_places(
            rules,
            wheres,
            years=range(from_on.year, until_on.year + 1),
            horizon_days=horizon_days,
            now=now,
        ),
        substitutes=rules.substitutes,
        stale=rules.stale,
    )


def _offered(
    motif: AppointmentType, practitioners: Iterable[int] | None, location: Location | None
) -> tuple[list[int], dict[int, _Where]]:
    """Return who receives the motif, in order, and where; asks only when something is left open."""
    who = [] if practitioners is None else list(practitioners)
    wheres = {}
    if location is not None:
        wheres[location.pk] = _Where(location.time_zone, location.territory, location.postcode)
    if practitioners is not None and location is not None:
        return who, wheres
    with connection.cursor() as cursor:
        cursor.execute(_OFFERED, {"motif": motif.pk})
        rows = cursor.fetchall()
    receiving = [key for kind, key, *_ in rows if kind == "who"]
    who = receiving if practitioners is None else [one for one in who if one in receiving]
    if location is None:
        wheres = {key: _Where(*texts) for kind, key, _, *texts in rows if kind == "place"}
    return who, wheres


def _bounds(wheres: Mapping[int, _Where], from_on: date, until_on: date) -> dict[str, datetime]:
    """Return the instants between which something may touch a slot of these local dates."""
    spans = [day_span(where.zone, from_on, until_on) for where in wheres.values()]
    low = instant_of(min(start for start, _ in spans)) - _LONGEST_MARGIN
    high = instant_of(max(end for _, end in spans)) + _LONGEST_MARGIN
    return {
        "low": low,
        "since": low - _LONGEST - _LONGEST_MARGIN,
        "before": high + _LONGEST_MARGIN,
    }


def _rules(cursor: CursorWrapper, asked: Mapping[str, Any], draft: Draft | None) -> _Rules:
    """Read what the practice has written, and take the draft for written."""
    cursor.execute(_RULES + _FIRST_BOOKED if asked["ignored"] else _RULES, asked)
    retention_days, all_hours, kept, all_exceptions, opened, absences, links, *others = (
        cursor.fetchone()
    )
    replaced, *booked = others
    motifs: dict[int, set[int]] = defaultdict(set)
    for key, motif in kept:
        motifs[key].add(motif)
    hours: dict[int, list[WeeklyHours]] = defaultdict(list)
    replaced_rows = draft.replaces if draft else frozenset()
    for who, *row in all_hours:
        if row[1] not in replaced_rows:
            hours[who].append(_hours(row, motifs))
    if draft:
        hours[draft.practitioner].extend(draft.hours)
    exceptions: dict[int, list[DayException]] = defaultdict(list)
    for who, where, on, starts, ends in all_exceptions:
        exceptions[who].append(DayException(where, _date(on), starts, ends))
    substitutes: dict[int, list[tuple[date, date, str]]] = defaultdict(list)
    for who, first, last, name in replaced:
        substitutes[who].append((_date(first), _date(last), name))
    return _Rules(
        # A practice without settings has promised nothing yet: no date is within it.
        retention_days=retention_days or 0,
        booked_at=booked[0] if booked else None,
        hours=hours,
        exceptions=exceptions,
        opened=frozenset((where, _date(on)) for where, on in opened),
        absences=absences,
        substitutes=substitutes,
        stale=tuple(UUID(ref) for _who, ref, is_stale, _closed in links if is_stale),
        closed=frozenset(who for who, _ref, _stale, is_closed in links if is_closed),
    )


def _busy(
    cursor: CursorWrapper, asked: Mapping[str, Any], absences: _Absences
) -> dict[int, list[Interval]]:
    """Return when each practitioner is taken or away, sorted by start."""
    who = asked["who"]
    is_one = len(who) == 1
    columns = _BUSY if is_one else _BUSY + _WHOSE
    occupying = _OCCUPYING + _NOT_ITSELF if asked["ignored"] else _OCCUPYING
    cursor.execute(columns + occupying + _BY_START, asked)
    rows = cursor.fetchall()
    # For one practitioner, the commonest question, the rows are the intervals.
    busy: dict[int, list[Interval]] = {who[0]: rows} if is_one else {one: [] for one in who}
    if not is_one:
        for start, end, whose in rows:
            busy[whose].append((start, end))
    for one, taken in busy.items():
        away = [(start, end) for absent, start, end in absences if absent in {one, None}]
        if away:
            busy[one] = sorted(taken + away)
    return busy


def _hours(row: Sequence[Any], motifs: Mapping[int, set[int]]) -> WeeklyHours:
    where, key, weekday, starts, ends, every_n_weeks, valid_from, valid_to, anchor = row
    return WeeklyHours(
        where,
        weekday,
        starts,
        ends,
        None if valid_from is None else _date(valid_from),
        None if valid_to is None else _date(valid_to),
        every_n_weeks,
        None if anchor is None else _date(anchor),
        frozenset(motifs[key]) if key in motifs else None,
    )


def _date(days: int) -> date:
    """Return the date of a number of days since 1970."""
    return date.fromordinal(_EPOCH + days)


def _places(
    rules: _Rules,
    wheres: Mapping[int, _Where],
    *,
    years: Iterable[int],
    horizon_days: int,
    now: datetime,
) -> dict[int, Place]:
    """Give each place its closed holidays and its last date."""
    places = {}
    for key, where in wheres.items():
        last_on = last_bookable_on(
            now=now,
            booked_at=rules.booked_at or now,
            zone=ZoneInfo(where.zone),
            horizon_days=horizon_days,
            retention_days=rules.retention_days,
        )
        closed = frozenset(
            on
            for year in years
            for on in public_holidays(territory=where.territory, postcode=where.postcode, year=year)
            if (key, on) not in rules.opened
        )
        places[key] = Place(key, where.zone, closed, last_on)
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


def _slot(
    free: FreeStart,
    zone: str,
    length: timedelta,
    substitutes: Mapping[int, Sequence[tuple[date, date, str]]],
) -> Slot:
    minute, who, where = free
    starts_at = instant_of(minute)
    name = ""
    for from_on, to_on, substitute in substitutes.get(who, ()):
        if from_on <= starts_at.astimezone(ZoneInfo(zone)).date() <= to_on:
            name = substitute
    return Slot(starts_at, starts_at + length, who, where, zone, name)
