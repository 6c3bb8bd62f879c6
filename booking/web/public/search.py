"""The filters of a visitor, and the matching slots, ready to be drawn."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils.translation import gettext as _

from booking.actors import enqueue_stale_polls
from booking.formats import french
from booking.models import AppointmentType, Location, Practitioner
from booking.scheduling import catalogue
from booking.scheduling.queries import (
    Availability,
    Slot,
    availability,
)
from booking.scheduling.slots import ResolvedSlot
from tenants.query_parameters import parameters_of

_VALUE = re.compile(r"([0-9a-z]{1,8})-([0-9a-f]{8})-([0-9a-f]{8})")
Place = TypeVar("Place", Practitioner, Location)
Named = TypeVar("Named", AppointmentType, Practitioner, Location)
CHOOSE = "choose"
"""Purpose of the token that stands on pages with slots."""
WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_AROUND, _AN_HOUR = timedelta(days=28), timedelta(hours=1)
_NEAR = (timedelta(days=1), timedelta(days=7))
_FIRST_STEP = 7
"""Days of the first search; each further search doubles them until enough slots are found."""
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class SearchLink:
    """One choice of a filter: a link with the whole search in its address, shareable and without a script."""

    label: str
    query: str
    is_current: bool


@dataclass(frozen=True)
class Search:
    """The current filters: an appointment type and a place, the practitioner is optional.

    Without ``is_chosen`` the type is the first of several and nobody has asked for it: no slot of it is shown.
    """

    types: Sequence[AppointmentType]
    appointment_type: AppointmentType
    locations: Sequence[Location]
    location: Location
    practitioners: Sequence[Practitioner]
    practitioner: Practitioner | None
    is_chosen: bool = True
    named: str = ""
    """The place and the practitioner that the address names, as a query string: they stay with another type."""

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
        return self._query(self.appointment_type, self.location, self.practitioner)

    @property
    def type_links(self) -> list[tuple[AppointmentType, str]]:
        """Each appointment type with the query string that chooses it."""
        named = f"&{self.named}" if self.named else ""
        return [(row, f"motif={row.ref.hex}{named}") for row in self.types]

    @property
    def location_links(self) -> list[SearchLink]:
        """The places to choose between; empty with one."""
        if len(self.locations) < 2:
            return []
        return [
            SearchLink(
                row.name,
                self._query(self.appointment_type, row, self.practitioner),
                row == self.location,
            )
            for row in self.locations
        ]

    @property
    def practitioner_links(self) -> list[SearchLink]:
        """Whoever is free first, then each practitioner; empty with one."""
        if len(self.practitioners) < 2:
            return []
        return [
            SearchLink(
                row.name if row else _("Première personne libre"),
                self._query(self.appointment_type, self.location, row),
                row == self.practitioner,
            )
            for row in (None, *self.practitioners)
        ]

    @staticmethod
    def _query(
        appointment_type: AppointmentType, location: Location, practitioner: Practitioner | None
    ) -> str:
        parts = [f"motif={appointment_type.ref.hex}", f"lieu={location.ref.hex}"]
        if practitioner:
            parts.append(f"avec={practitioner.ref.hex}")
        return "&".join(parts)


@dataclass(frozen=True)
class SlotButton:
    """One free slot: ``value`` goes back in the form, ``starts_at`` is in the zone of the place."""

    value: str
    starts_at: datetime
    practitioner: Practitioner
    practitioner_name: str
    substitute: str = ""
    """The substitute of the practitioner on that day (B-15)."""

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


@dataclass(frozen=True)
class _Names:
    """The names under which a request carries the three filters."""

    appointment_type: str
    location: str
    practitioner: str


_IN_ADDRESS = _Names("motif", "lieu", "avec")
_IN_FORM = _Names("appointment_type", "location", "practitioner")


def read_search(request: HttpRequest) -> Search | None:
    """Read the filters of a form that is posted, else of the address.

    An unknown place or practitioner falls back to the first choice; an unknown type of several is not chosen.
    Return None when no appointment type can be booked.
    """
    is_form = request.method == "POST"
    sent, names = (request.POST, _IN_FORM) if is_form else (parameters_of(request), _IN_ADDRESS)
    types = catalogue.bookable_appointment_types()
    if not types:
        return None
    chosen = _named(types, sent.get(names.appointment_type))
    appointment_type = chosen or types[0]
    locations = _active(appointment_type.locations.all())
    practitioners = _active(appointment_type.practitioners.all())
    only = practitioners[0] if len(practitioners) == 1 else None
    return Search(
        types=types,
        appointment_type=appointment_type,
        locations=locations,
        location=_named(locations, sent.get(names.location)) or locations[0],
        practitioners=practitioners,
        practitioner=_named(practitioners, sent.get(names.practitioner)) or only,
        is_chosen=chosen is not None or len(types) == 1,
        named=_named_query(types, sent, names),
    )


def _named_query(types: Sequence[AppointmentType], sent: Mapping[str, str], names: _Names) -> str:
    """Return the place and the practitioner that a request names, of any type, as a query string."""
    location = _named(
        [row for each in types for row in each.locations.all()], sent.get(names.location)
    )
    practitioner = _named(
        [row for each in types for row in each.practitioners.all()], sent.get(names.practitioner)
    )
    parts = [
        f"{name}={row.ref.hex}"
        for name, row in (
            (_IN_ADDRESS.location, location),
            (_IN_ADDRESS.practitioner, practitioner),
        )
        if row is not None
    ]
    return "&".join(parts)


def search_for(
    appointment_type: AppointmentType, location: Location, practitioner: Practitioner | None
) -> Search:
    """Return the search that finds slots like this one."""
    return Search(
        types=[appointment_type],
        appointment_type=appointment_type,
        locations=[location],
        location=location,
        practitioners=catalogue.practitioners_receiving(appointment_type),
        practitioner=practitioner,
    )


@dataclass(frozen=True)
class SlotOffer:
    """The free slots that answer a search; a button is made only for those that are asked for."""

    search: Search
    availability: Availability

    def between(self, from_on: date, until_on: date) -> list[SlotButton]:
        """Return the free slots of these local dates, both included, the same hour once, by start."""
        return self._buttons(self.availability.slots(from_on, until_on, once=True))

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
        while day <= self.availability.until_on:
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
        on, read = around.astimezone(self.search.zone).date(), self.availability
        closest = partial(read.closest, around, count=count, without=without)
        for near in _NEAR:
            slots = closest(on - near, on + near)
            # Slots beyond these days are further away: a local day has at least 23 hours.
            if len(slots) == count and abs(slots[-1].starts_at - around) < near - _AN_HOUR:
                break
        else:
            slots = closest(read.from_on, read.until_on)
        return self._buttons(sorted(slots))


def search_slots(
    search: Search,
    *,
    from_on: date,
    until_on: date,
    now: datetime,
    ignore_appointment: int | None = None,
) -> SlotOffer:
    """Read the free slots between two local dates, both included: two queries.

    External calendars whose last reading is stale are read again after the page.
    """
    practitioners = [search.practitioner] if search.practitioner else search.practitioners
    found = availability(
        appointment_type=search.appointment_type,
        practitioners=[practitioner.pk for practitioner in practitioners],
        location=search.location,
        from_on=from_on,
        until_on=until_on,
        now=now,
        ignore_appointment=ignore_appointment,
    )
    enqueue_stale_polls(found.stale)
    return SlotOffer(search, found)


def search_around(
    search: Search,
    moment: datetime,
    *,
    now: datetime,
    until_on: date,
    ignore_appointment: int | None = None,
) -> SlotOffer:
    """Read the free slots of the four weeks before and after an instant, up to a local date."""
    today, on = now.astimezone(search.zone).date(), moment.astimezone(search.zone).date()
    return search_slots(
        search,
        from_on=max(today, on - _AROUND),
        until_on=min(until_on, max(today, on) + _AROUND),
        now=now,
        ignore_appointment=ignore_appointment,
    )


def days_of(buttons: Sequence[SlotButton]) -> list[DayOfSlots]:
    """Group slots by local date."""
    return [
        DayOfSlots(day, list(slots))
        for day, slots in groupby(buttons, key=lambda button: button.day)
    ]


def last_day(search: Search, *, today: date) -> date:
    """Return the last local date that can be booked: the appointment type's horizon (B-22)."""
    return today + timedelta(days=search.appointment_type.horizon_days)


def write_value(starts_at: datetime, practitioner: Practitioner, location: Location) -> str:
    """Return the value of a slot button: the start in minutes and the first digits of two refs."""
    minutes, prefix = int(starts_at.timestamp()) // 60, ""
    while minutes:
        minutes, digit = divmod(minutes, 36)
        prefix = _DIGITS[digit] + prefix
    return f"{prefix}-{practitioner.ref.hex[:8]}-{location.ref.hex[:8]}"


def read_value(value: str, appointment_type: str) -> ResolvedSlot | None:
    """Return the slot of a button value, or None for an invalid one: three queries."""
    match, ref = _VALUE.fullmatch(value), _ref(appointment_type)
    minutes = int(match[1], 36) if match else 0
    if match is None or ref is None or minutes > 60_000_000:
        return None
    rows = catalogue.rows_of_slot(
        type_ref=ref, practitioner_refs=_refs_from(match[2]), location_refs=_refs_from(match[3])
    )
    if rows is None:
        return None
    row_of_type, practitioner, location = rows
    starts_at = datetime.fromtimestamp(minutes * 60, tz=ZoneInfo(location.time_zone))
    return ResolvedSlot(practitioner, location, row_of_type, starts_at)


def _ref(text: str) -> UUID | None:
    try:
        return UUID(hex=text)
    except ValueError:
        return None


def _refs_from(prefix: str) -> tuple[UUID, UUID]:
    """Return the lowest and the highest ref with this prefix of eight hexadecimal digits."""
    return UUID(hex=prefix + "0" * 24), UUID(hex=prefix + "f" * 24)


def _button(slot: Slot, search: Search, person: Practitioner, *, names_them: bool) -> SlotButton:
    starts_at = slot.starts_at.astimezone(search.zone)
    name = slot.substitute_name or (person.name if names_them else "")
    return SlotButton(
        value=write_value(starts_at, person, search.location),
        starts_at=starts_at,
        practitioner=person,
        practitioner_name=_short(name) if name else "",
        substitute=slot.substitute_name,
    )


def substitutes_of(found: Iterable[SlotButton]) -> list[tuple[str, str, str]]:
    """Return (short name, full name, replaced practitioner) for the slots of a replacement."""
    named = ((slot.practitioner_name, slot.substitute, slot.practitioner.name) for slot in found)
    return sorted({names for names in named if names[1]})


def _short(name: str) -> str:
    """Return "Léa M.": a short form that distinguishes colleagues on a small button."""
    first, _separator, last = name.rpartition(" ")
    return f"{first}{french.NBSP}{last[0]}." if first and last else name


def _active(rows: Iterable[Place]) -> list[Place]:
    return sorted((row for row in rows if row.is_active), key=lambda row: (row.position, row.pk))


def _named(rows: Iterable[Named], ref: str | None) -> Named | None:
    try:
        known_ref = UUID(hex=ref or "")
    except ValueError:
        return None
    return next((row for row in rows if row.ref == known_ref), None)
