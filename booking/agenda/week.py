"""Reads the agenda of several days for its grid, in eight queries at most.

Rows are plain tuples: a week of a full practice has a thousand of them, and model instances would cost more than
the decryption of the names.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from booking.agenda.rows import absences_between
from booking.formats.names import is_title
from booking.models import (
    Absence,
    AppointmentType,
    BusyInterval,
    Location,
    PatientContact,
    Practitioner,
)
from booking.rules.persons import Person
from booking.scheduling.opening_rules import closed_holiday, holiday_of, read_rules
from booking.scheduling.queries import Availability, Slot, availability
from tenants.keyring import services as keyring
from tenants.refs import spoken_code

TABLE = PatientContact._meta.db_table

_VISITS = """
SELECT a.ref, a.practitioner_id, a.location_id, a.appointment_type_id, a.status, a.is_overbooked,
    a.starts_at, a.ends_at, a.sequence, c.sealed, c.ref, k.wrapped, k.ref
FROM booking_appointment a
LEFT JOIN booking_patientcontact c ON c.appointment_id = a.id
LEFT JOIN keyring_datakey k ON k.id = c.data_key_id
WHERE a.practitioner_id = ANY(%(practitioners)s) AND a.starts_at >= %(since)s AND a.starts_at < %(before)s
  AND a.status IN ('booked', 'fulfilled', 'noshow')
ORDER BY a.starts_at, a.id
"""

# One statement with the related keys in arrays: the ORM would take longer to compose the queries than they run.
_APPOINTMENT_TYPES = """
SELECT t.*,
    ARRAY(SELECT practitioner_id FROM booking_appointmenttype_practitioners m
        WHERE m.appointmenttype_id = t.id) AS practitioner_ids,
    ARRAY(SELECT location_id FROM booking_appointmenttype_locations m
        WHERE m.appointmenttype_id = t.id ORDER BY location_id) AS location_ids
FROM booking_appointmenttype t WHERE t.is_active ORDER BY t.position, t.id
"""


class _Key(NamedTuple):
    wrapped: Any
    ref: UUID


class GridVisit(NamedTuple):
    """One appointment of the grid. ``person`` is None once erased, or when staff booked without a name."""

    ref: UUID
    practitioner_id: int
    location_id: int
    appointment_type_id: int
    status: str
    is_overbooked: bool
    starts_at: datetime
    ends_at: datetime
    sequence: int
    person: Person | None

    @property
    def name(self) -> str:
        """The last name, else the first name, the phone or the e-mail, else ""."""
        person = self.person
        if person is None:
            return ""
        return person.last_name or person.first_name or person.phone or person.email

    @property
    def first_name(self) -> str:
        """The first name, shown after the last name where there is room; "" without a last name."""
        person = self.person
        if person is None or not person.last_name or is_title(person.first_name):
            return ""
        return person.first_name

    @property
    def is_reachable(self) -> bool:
        """Whether the person has an address or a number."""
        return self.person is not None and bool(self.person.email or self.person.phone)

    @property
    def spoken_ref(self) -> str:
        """The short reference, shown instead of an erased name."""
        return spoken_code(self.ref)


class Busy(NamedTuple):
    """A busy time [starts_at, ends_at) of the practitioner's own calendar."""

    practitioner_id: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class BookableType:
    """One appointment type with the keys of its practitioners and locations."""

    row: AppointmentType
    practitioner_ids: Sequence[int]
    location_ids: Sequence[int]


@dataclass(frozen=True)
class ZonedLocation:
    """One location and its zone."""

    row: Location
    zone: ZoneInfo


@dataclass(frozen=True)
class Days:
    """The data of the grid of some days."""

    visits: list[GridVisit]
    absences: list[Absence]
    busy: list[Busy]
    free: list[Slot]
    appointment_types: list[BookableType]
    places: dict[int, ZonedLocation]
    closed_holidays: Mapping[date, str]
    """The dates on which a public holiday closes all these agendas, with its name (B-17)."""


def read_days(
    *,
    practitioners: Sequence[Practitioner],
    first: date,
    last: date,
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
) -> Days:
    """Return the data of these agendas on the local dates ``first`` to ``last``, both included.

    ``starts_at`` and ``ends_at`` are the instants at which these dates begin and end.
    """
    ids = [practitioner.pk for practitioner in practitioners]
    appointment_types, places = _appointment_types(), _places()
    read = _availability(appointment_types, places, ids, first, last, now)
    return Days(
        visits=visits_between(practitioner_ids=ids, starts_at=starts_at, ends_at=ends_at),
        absences=absences_between(practitioner_ids=ids, starts_at=starts_at, ends_at=ends_at),
        busy=busy_between(practitioner_ids=ids, starts_at=starts_at, ends_at=ends_at),
        free=read.slots(first, last),
        appointment_types=appointment_types,
        places=places,
        closed_holidays=_closed_holidays(read, places, ids, first, last),
    )


def visits_between(
    *, practitioner_ids: Collection[int], starts_at: datetime, ends_at: datetime
) -> list[GridVisit]:
    """Return the appointments that start in [starts_at, ends_at), in order, with decrypted names."""
    with connection.cursor() as cursor:
        cursor.execute(
            _VISITS,
            {"practitioners": list(practitioner_ids), "since": starts_at, "before": ends_at},
        )
        rows = cursor.fetchall()
    if not rows:
        return []
    opened = keyring.open_many(
        table=TABLE,
        rows=[
            (None if row[12] is None else _Key(row[11], row[12]), row[9], row[10]) for row in rows
        ],
    )
    read, make = Person.from_bytes, GridVisit._make
    return [
        make((*row[:9], None if blob is None else read(blob)))
        for row, blob in zip(rows, opened, strict=True)
    ]


def busy_between(
    *, practitioner_ids: Collection[int], starts_at: datetime, ends_at: datetime
) -> list[Busy]:
    """Return the stored busy times of the practitioners' own calendars that overlap [starts_at, ends_at)."""
    rows = BusyInterval.objects.filter(
        practitioner__in=practitioner_ids, starts_at__lt=ends_at, ends_at__gt=starts_at
    ).order_by("starts_at")
    return [Busy(row.practitioner_id, row.starts_at, row.ends_at) for row in rows]


def _appointment_types() -> list[BookableType]:
    rows = AppointmentType.objects.raw(_APPOINTMENT_TYPES)
    return [
        BookableType(row, vars(row)["practitioner_ids"], vars(row)["location_ids"]) for row in rows
    ]


def _places() -> dict[int, ZonedLocation]:
    rows = Location.objects.order_by("-is_active", "position", "id")
    return {row.pk: ZonedLocation(row, ZoneInfo(row.time_zone)) for row in rows}


def _closed_holidays(
    read: Availability,
    places: Mapping[int, ZonedLocation],
    ids: Collection[int],
    first: date,
    last: date,
) -> dict[date, str]:
    """Return the closed holidays of these dates; one query when ``read`` does not cover the first holiday."""
    active = [place.row for place in places.values() if place.row.is_active]
    dates = (first + timedelta(days=shift) for shift in range((last - first).days + 1))
    holidays = [on for on in dates if any(holiday_of(place, on) for place in active)]
    if not holidays:
        return {}
    rules = read.opening
    if rules is None or holidays[0] < read.from_on:
        rules = read_rules(practitioner_ids=ids, from_on=first)
    names = {
        on: closed_holiday(rules=rules, practitioner_ids=ids, places=active, on=on)
        for on in holidays
    }
    return {on: name for on, name in names.items() if name}


def _availability(
    appointment_types: list[BookableType],
    places: Mapping[int, ZonedLocation],
    ids: Sequence[int],
    first: date,
    last: date,
    now: datetime,
) -> Availability:
    """Read the free times of the first appointment type: three queries, or two when it has one location."""
    if not appointment_types:
        return Availability(first, last)
    appointment_type = appointment_types[0]
    where = [places[key].row for key in appointment_type.location_ids if places[key].row.is_active]
    return availability(
        appointment_type=appointment_type.row,
        practitioners=[key for key in ids if key in appointment_type.practitioner_ids],
        location=where[0] if len(where) == 1 else None,
        from_on=first,
        until_on=last,
        now=now,
        by_staff=True,
    )
