"""What the visitor looks for, and the slots that answer it, ready to be drawn."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from booking import french
from booking.models import AppointmentType, Location, Practitioner, Replacement
from booking.queries import Slot, Vacancies, vacancies
from booking.services.choice import Choice, Placed
from booking.views.public.freshness import read_again

_VALUE = re.compile(r"([0-9a-z]{1,8})-([0-9a-f]{8})-([0-9a-f]{8})")
Place = TypeVar("Place", Practitioner, Location)
Named = TypeVar("Named", AppointmentType, Practitioner, Location)
WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_AROUND, _AN_HOUR = timedelta(days=28), timedelta(hours=1)
_NEAR = (timedelta(days=1), timedelta(days=7))
_FIRST_STEP = 7
"""Days that are looked at first, then twice as many, until enough is found."""
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
# Whoever presses a slot asks these, and of a crowd most are refused: written out, they cost half as much.
_MOTIF = "SELECT * FROM booking_appointmenttype WHERE ref = %s AND is_active"
_WHO = """
SELECT p.* FROM booking_practitioner p
JOIN booking_appointmenttype_practitioners m ON m.practitioner_id = p.id
WHERE m.appointmenttype_id = %s AND p.is_active AND p.ref BETWEEN %s AND %s LIMIT 2
"""
_RECEIVING = """
SELECT p.* FROM booking_practitioner p
JOIN booking_appointmenttype_practitioners m ON m.practitioner_id = p.id
WHERE m.appointmenttype_id = %s AND p.is_active ORDER BY p.position, p.id
"""
_WHERE = """
SELECT l.* FROM booking_location l
JOIN booking_appointmenttype_locations m ON m.location_id = l.id
WHERE m.appointmenttype_id = %s AND l.is_active AND l.ref BETWEEN %s AND %s LIMIT 2
"""


@dataclass(frozen=True)
class Search:
    """Filters as they stand: a motif and a place are always chosen, the person may stay open."""

    types: Sequence[AppointmentType]
    appointment_type: AppointmentType
    locations: Sequence[Location]
    location: Location
    practitioners: Sequence[Practitioner]
    practitioner: Practitioner | None

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the place: the one of every hour shown."""
        return ZoneInfo(self.location.time_zone)

    @property
    def zone_mention(self) -> str:
        """The name of the hour where it is not that of Paris (B-19)."""
        is_paris = self.location.time_zone == "Europe/Paris"
        return "" if is_paris else french.zone_name(self.location.time_zone)

    @property
    def query(self) -> str:
        """The filters as a query string, for the links between weeks."""
        parts = [f"motif={self.appointment_type.ref.hex}", f"lieu={self.location.ref.hex}"]
        if self.practitioner:
            parts.append(f"avec={self.practitioner.ref.hex}")
        return "&".join(parts)

    @property
    def has_filters(self) -> bool:
        """Whether there is anything to choose between."""
        return len(self.types) > 1 or len(self.locations) > 1 or len(self.practitioners) > 1


@dataclass(frozen=True)
class SlotButton:
    """One free slot: ``value`` goes back in the form, ``starts_at`` is in the zone of the place."""

    value: str
    starts_at: datetime
    practitioner: Practitioner
    who: str
    substitute: str = ""
    """Who receives in the practitioner's place that day (B-15)."""

    @property
    def clock(self) -> str:
        """The hour with its minutes, so that columns align: "9 h 00"."""
        return clock(self.starts_at)

    @property
    def day(self) -> date:
        """The local date."""
        return self.starts_at.date()


@dataclass(frozen=True)
class DayOfSlots:
    """The free slots of one local date."""

    day: date
    slots: Sequence[SlotButton]


def clock(moment: datetime) -> str:
    """Return "9 h 00": hours in a column always carry their minutes."""
    return french.clock(moment)


def read_search(asked: Mapping[str, str]) -> Search | None:
    """Read the filters; what is unknown falls back to the first choice. None: nothing can be booked."""
    types = [
        offered
        for offered in AppointmentType.objects.filter(
            is_active=True, channel=AppointmentType.Channel.ONLINE
        ).prefetch_related("practitioners", "locations")
        if any(person.is_active for person in offered.practitioners.all())
        and any(place.is_active for place in offered.locations.all())
    ]
    if not types:
        return None
    appointment_type = _named(types, asked.get("motif")) or types[0]
    locations = _active(appointment_type.locations.all())
    practitioners = _active(appointment_type.practitioners.all())
    only = practitioners[0] if len(practitioners) == 1 else None
    return Search(
        types=types,
        appointment_type=appointment_type,
        locations=locations,
        location=_named(locations, asked.get("lieu")) or locations[0],
        practitioners=practitioners,
        practitioner=_named(practitioners, asked.get("avec")) or only,
    )


def search_for(
    appointment_type: AppointmentType, location: Location, practitioner: Practitioner | None
) -> Search:
    """Return the search that finds slots like this one."""
    return Search(
        types=[appointment_type],
        appointment_type=appointment_type,
        locations=[location],
        location=location,
        practitioners=list(Practitioner.objects.raw(_RECEIVING, [appointment_type.pk])),
        practitioner=practitioner,
    )


@dataclass(frozen=True)
class Offer:
    """The free slots that answer a search; a button is made only for those that are asked for."""

    search: Search
    vacancies: Vacancies

    def between(self, from_on: date, until_on: date) -> list[SlotButton]:
        """Return the free slots of these local dates, both included, the same hour once, by start."""
        return self._buttons(self.vacancies.slots(from_on, until_on, once=True))

    def _buttons(self, slots: Iterable[Slot]) -> list[SlotButton]:
        names_them = len(self.search.practitioners) > 1
        by_id = {person.pk: person for person in self.search.practitioners}
        return [
            _button(slot, self.search, by_id[slot.practitioner_id], names_them=names_them)
            for slot in slots
        ]

    def days_from(self, day: date) -> Iterator[DayOfSlots]:
        """Walk through the days that have a free slot, from a local date to the horizon."""
        step = _FIRST_STEP
        while day <= self.vacancies.until_on:
            until = day + timedelta(days=step - 1)
            yield from days_of(self.between(day, until))
            day, step = until + timedelta(days=1), 2 * step

    def next_day(self, day: date) -> DayOfSlots | None:
        """Return the first day with a free slot, from a local date on."""
        return next(self.days_from(day), None)

    def nearest(
        self, around: datetime, *, count: int = 3, without: datetime | None = None
    ) -> list[SlotButton]:
        """Return the ``count`` slots closest to an instant, by start; ``without`` leaves one start out."""
        on, read = around.astimezone(self.search.zone).date(), self.vacancies
        closest = partial(read.closest, around, count=count, without=without)
        for near in _NEAR:
            slots = closest(on - near, on + near)
            # What lies beyond these days is further away than this: a local day has 23 hours at least.
            if len(slots) == count and abs(slots[-1].starts_at - around) < near - _AN_HOUR:
                break
        else:
            slots = closest(read.from_on, read.until_on)
        return self._buttons(sorted(slots))


def look(
    search: Search,
    *,
    from_on: date,
    until_on: date,
    now: datetime,
    ignore_appointment: int | None = None,
) -> Offer:
    """Read what is free between these local dates, both included: two queries.

    Calendars outside that were read a while ago are read again after the page.
    """
    wanted = [search.practitioner] if search.practitioner else search.practitioners
    found = vacancies(
        appointment_type=search.appointment_type,
        practitioners=[person.pk for person in wanted],
        location=search.location,
        from_on=from_on,
        until_on=until_on,
        now=now,
        ignore_appointment=ignore_appointment,
    )
    read_again(found.stale)
    return Offer(search, found)


def look_around(
    search: Search,
    moment: datetime,
    *,
    now: datetime,
    until_on: date,
    ignore_appointment: int | None = None,
) -> Offer:
    """Read what is free in the four weeks before and after an instant, until a local date."""
    today, on = now.astimezone(search.zone).date(), moment.astimezone(search.zone).date()
    return look(
        search,
        from_on=max(today, on - _AROUND),
        until_on=min(until_on, max(today, on) + _AROUND),
        now=now,
        ignore_appointment=ignore_appointment,
    )


def days_of(buttons: Sequence[SlotButton]) -> list[DayOfSlots]:
    """Group slots by local date."""
    return [
        DayOfSlots(day, list(slots)) for day, slots in groupby(buttons, key=lambda one: one.day)
    ]


def last_day(search: Search, *, today: date) -> date:
    """Return the last local date that can be booked: the motif's horizon (B-22)."""
    return today + timedelta(days=search.appointment_type.horizon_days)


def write_value(starts_at: datetime, practitioner: Practitioner, location: Location) -> str:
    """Return what a slot button sends: the instant and the random references' first letters."""
    minutes, letters = int(starts_at.timestamp()) // 60, ""
    while minutes:
        minutes, digit = divmod(minutes, 36)
        letters = _DIGITS[digit] + letters
    return f"{letters}-{practitioner.ref.hex[:8]}-{location.ref.hex[:8]}"


def read_value(value: str, motif: str) -> Choice | None:
    """Return the choice that a slot button sent, or None for what no button of ours says: three queries."""
    match, ref = _VALUE.fullmatch(value), _ref(motif)
    minutes = int(match[1], 36) if match else 0
    if match is None or ref is None or minutes > 60_000_000:
        return None
    types = list(AppointmentType.objects.raw(_MOTIF, [ref]))
    if not types:
        return None
    receiving = list(Practitioner.objects.raw(_WHO, [types[0].pk, *_refs_from(match[2])]))
    places = list(Location.objects.raw(_WHERE, [types[0].pk, *_refs_from(match[3])]))
    if len(receiving) != 1 or len(places) != 1:
        return None
    starts_at = datetime.fromtimestamp(minutes * 60, tz=ZoneInfo(places[0].time_zone))
    return Placed(receiving[0], places[0], types[0], starts_at).choice


def rows_of(choice: Choice) -> Placed:
    """Return the rows of a choice that was read here."""
    assert choice.placed is not None  # noqa: S101  # every choice that a page reads has them
    return choice.placed


def _ref(text: str) -> UUID | None:
    try:
        return UUID(hex=text)
    except ValueError:
        return None


def _refs_from(letters: str) -> tuple[UUID, UUID]:
    """Return the first and the last reference that begins with eight letters."""
    return UUID(hex=letters + "0" * 24), UUID(hex=letters + "f" * 24)


def substitute_on(practitioner: Practitioner, day: date) -> str:
    """Return the name of who replaces the practitioner on a local date, or nothing (B-15)."""
    found = Replacement.objects.filter(practitioner=practitioner, from_on__lte=day, to_on__gte=day)
    return found.values_list("substitute_name", flat=True).first() or ""


def _button(slot: Slot, search: Search, person: Practitioner, *, names_them: bool) -> SlotButton:
    starts_at = slot.starts_at.astimezone(search.zone)
    who = slot.substitute_name or (person.name if names_them else "")
    return SlotButton(
        value=write_value(starts_at, person, search.location),
        starts_at=starts_at,
        practitioner=person,
        who=_short(who) if who else "",
        substitute=slot.substitute_name,
    )


def substitutes_of(found: Iterable[SlotButton]) -> list[tuple[str, str, str]]:
    """Return (as on the buttons, full name, whom they replace) for the slots of a replacement."""
    named = ((slot.who, slot.substitute, slot.practitioner.name) for slot in found)
    return sorted({one for one in named if one[1]})


def _short(name: str) -> str:
    """Return "Léa M.": enough to tell colleagues apart on a small button."""
    first, _space, last = name.rpartition(" ")
    return f"{first}{french.NBSP}{last[0]}." if first and last else name


def _active(rows: Iterable[Place]) -> list[Place]:
    return sorted((row for row in rows if row.is_active), key=lambda row: (row.position, row.pk))


def _named(rows: Iterable[Named], ref: str | None) -> Named | None:
    try:
        wanted = UUID(hex=ref or "")
    except ValueError:
        return None
    return next((row for row in rows if row.ref == wanted), None)
