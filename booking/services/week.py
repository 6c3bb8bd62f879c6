"""Reading the agenda of several days for its grid: eight questions, whatever it holds.

The rows come as plain tuples: a week of a full practice draws a thousand of them at once, and making
objects of models would cost more than opening the names.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from booking.models import (
    Absence,
    AppointmentType,
    BusyInterval,
    Location,
    PatientContact,
    Practitioner,
)
from booking.persons import Person
from booking.queries import Slot, free_slots
from booking.services.agenda import absences_between
from tenants.keyring import services as keyring
from tenants.refs import spoken

TABLE = PatientContact._meta.db_table

_VISITS = """
SELECT a.ref, a.practitioner_id, a.location_id, a.appointment_type_id, a.status, a.is_extra,
    a.starts_at, a.ends_at, a.sequence, c.sealed, c.ref, k.wrapped, k.ref
FROM booking_appointment a
LEFT JOIN booking_patientcontact c ON c.appointment_id = a.id
LEFT JOIN keyring_datakey k ON k.id = c.data_key_id
WHERE a.practitioner_id = ANY(%(who)s) AND a.starts_at >= %(since)s AND a.starts_at < %(before)s
  AND a.status IN ('booked', 'fulfilled', 'noshow')
ORDER BY a.starts_at, a.id
"""

# Rows of models with what belongs to them in arrays: composing these by the ORM costs more than sending them.
_MOTIFS = """
SELECT t.*,
    ARRAY(SELECT practitioner_id FROM booking_appointmenttype_practitioners m
        WHERE m.appointmenttype_id = t.id) AS who_ids,
    ARRAY(SELECT location_id FROM booking_appointmenttype_locations m
        WHERE m.appointmenttype_id = t.id ORDER BY location_id) AS place_ids
FROM booking_appointmenttype t WHERE t.is_active ORDER BY t.position, t.id
"""
_PLACES = """
SELECT l.*, ARRAY(SELECT on_date FROM booking_holidayopening o WHERE o.location_id = l.id) AS opened
FROM booking_location l ORDER BY l.is_active DESC, l.position, l.id
"""


class _Key(NamedTuple):
    wrapped: Any
    ref: UUID


class Visit(NamedTuple):
    """One appointment of the grid. ``person`` is None once erased, or when nothing was given."""

    ref: UUID
    practitioner_id: int
    location_id: int
    appointment_type_id: int
    status: str
    is_extra: bool
    starts_at: datetime
    ends_at: datetime
    sequence: int
    person: Person | None

    @property
    def name(self) -> str:
        """The word of the grid: the last name, what else is known of the person, or nothing."""
        who = self.person
        return (who.last_name or who.first_name or who.phone or who.email) if who else ""

    @property
    def first_name(self) -> str:
        """What follows the last name, where there is room."""
        return self.person.first_name if self.person and self.person.last_name else ""

    @property
    def is_reachable(self) -> bool:
        """Whether a message could go to somebody."""
        return self.person is not None and bool(self.person.email or self.person.phone)

    @property
    def spoken_ref(self) -> str:
        """What stands in the place of a name that is erased."""
        return spoken(self.ref)


class Busy(NamedTuple):
    """Time that a calendar outside says is taken; whose, and when."""

    practitioner_id: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Motif:
    """One motif, with who receives for it and where, by their keys."""

    row: AppointmentType
    who: Sequence[int]
    places: Sequence[int]


@dataclass(frozen=True)
class Place:
    """One place, its zone, and the public holidays on which it receives."""

    row: Location
    zone: ZoneInfo
    opened: frozenset[date]


@dataclass(frozen=True)
class Days:
    """Everything that the grid of some days draws."""

    visits: list[Visit]
    absences: list[Absence]
    busy: list[Busy]
    free: list[Slot]
    motifs: list[Motif]
    places: dict[int, Place]


def read_days(
    *,
    who: Sequence[Practitioner],
    first: date,
    last: date,
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
) -> Days:
    """Return what stands in these agendas on the local dates ``first`` to ``last``, both included.

    ``starts_at`` and ``ends_at`` are the instants at which these dates begin and end.
    """
    ids = [one.pk for one in who]
    motifs, places = _motifs(), _places()
    return Days(
        visits=visits_between(practitioner_ids=ids, starts_at=starts_at, ends_at=ends_at),
        absences=absences_between(practitioner_ids=ids, starts_at=starts_at, ends_at=ends_at),
        busy=busy_between(practitioner_ids=ids, starts_at=starts_at, ends_at=ends_at),
        free=_free(motifs, places, ids, first, last, now),
        motifs=motifs,
        places=places,
    )


def visits_between(
    *, practitioner_ids: Collection[int], starts_at: datetime, ends_at: datetime
) -> list[Visit]:
    """Return the appointments that start in [starts_at, ends_at), in order, their names opened."""
    with connection.cursor() as cursor:
        cursor.execute(
            _VISITS, {"who": list(practitioner_ids), "since": starts_at, "before": ends_at}
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
    read, make = Person.from_bytes, Visit._make
    return [
        make((*row[:9], None if blob is None else read(blob)))
        for row, blob in zip(rows, opened, strict=True)
    ]


def busy_between(
    *, practitioner_ids: Collection[int], starts_at: datetime, ends_at: datetime
) -> list[Busy]:
    """Return the time taken in practitioners' own calendars, as far as it is known."""
    rows = BusyInterval.objects.filter(
        practitioner__in=practitioner_ids, starts_at__lt=ends_at, ends_at__gt=starts_at
    ).order_by("starts_at")
    return [Busy(row.practitioner_id, row.starts_at, row.ends_at) for row in rows]


def _motifs() -> list[Motif]:
    rows = AppointmentType.objects.raw(_MOTIFS)
    return [Motif(row, vars(row)["who_ids"], vars(row)["place_ids"]) for row in rows]


def _places() -> dict[int, Place]:
    rows = Location.objects.raw(_PLACES)
    return {
        row.pk: Place(row, ZoneInfo(row.time_zone), frozenset(vars(row)["opened"])) for row in rows
    }


def _free(
    motifs: list[Motif],
    places: Mapping[int, Place],
    ids: Sequence[int],
    first: date,
    last: date,
    now: datetime,
) -> list[Slot]:
    """Return the free times of the first motif; three questions, or two where it has one place."""
    if not motifs:
        return []
    motif = motifs[0]
    where = [places[key].row for key in motif.places if places[key].row.is_active]
    return free_slots(
        appointment_type=motif.row,
        practitioners=[key for key in ids if key in motif.who],
        location=where[0] if len(where) == 1 else None,
        from_on=first,
        until_on=last,
        now=now,
        by_staff=True,
    )
