"""Functions that create fictitious rows for tests, inside the current unit."""

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

from booking.appointments.book import book_by_staff
from booking.google.accounts import Secret, seal_secret
from booking.models import (
    Appointment,
    AppointmentType,
    CalendarEntry,
    GoogleAccount,
    Location,
    OpeningHours,
    Practice,
    Practitioner,
)
from booking.rules.persons import Person
from booking.scheduling.slots import SlotSelection
from tenants.keyring import services as keyring

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
"""The fixed instant of the tests: Tuesday 10 November 2026, 10:40 in Paris."""


def make_practice(**fields: Any) -> Practice:
    """Create or update the practice of the schema, with a complete legal identity."""
    values: dict[str, Any] = {
        "name": "Maite Exemple",
        "profession": "Ostéopathe",
        "town": "Bidart",
        "kind": Practice.PracticeKind.REGULATED,
        "phone": "+33536490012",
        "email": "cabinet@example.org",
        "legal_name": "Maite Exemple EI",
        "legal_form": "Entrepreneur individuel",
        "siren": "000000000",
        "street": "12 rue de la Falaise",
        "postcode": "64210",
        "legal_town": "Bidart",
        "publication_director": "Maite Exemple",
    }
    practice, _created = Practice.objects.update_or_create(id=1, defaults=values | fields)
    return practice


def make_location(**fields: Any) -> Location:
    """Create an office in Bidart, in the zone Europe/Paris."""
    values: dict[str, Any] = {
        "name": "Cabinet",
        "street": "12 rue de la Falaise",
        "postcode": "64210",
        "town": "Bidart",
        "time_zone": "Europe/Paris",
    }
    return Location.objects.create(**values | fields)


def make_practitioner(name: str = "Maite Exemple", **fields: Any) -> Practitioner:
    """Create a practitioner."""
    return Practitioner.objects.create(name=name, **fields)


def make_type(
    practitioners: list[Practitioner], locations: list[Location], **fields: Any
) -> AppointmentType:
    """Create an appointment type of 45 minutes for these practitioners and locations."""
    values: dict[str, Any] = {"label": "Consultation", "duration_min": 45}
    made = AppointmentType.objects.create(**values | fields)
    made.practitioners.set(practitioners)
    made.locations.set(locations)
    return made


def make_hours(
    practitioner: Practitioner,
    location: Location,
    *,
    weekdays: range | list[int] = range(5),
    starts_min: int = 9 * 60,
    ends_min: int = 18 * 60,
    **fields: Any,
) -> list[OpeningHours]:
    """Create one weekly range for each weekday (Monday is 0), in minutes of the local day."""
    return [
        OpeningHours.objects.create(
            practitioner=practitioner,
            location=location,
            weekday=weekday,
            starts_min=starts_min,
            ends_min=ends_min,
            **fields,
        )
        for weekday in weekdays
    ]


class Cabinet:
    """A practice of one practitioner, one office, one appointment type, open from Monday to Friday, 9 to 18."""

    def __init__(self, **practice: Any) -> None:
        self.practice = make_practice(**practice)
        self.location = make_location()
        self.practitioner = make_practitioner()
        self.type = make_type([self.practitioner], [self.location])
        self.hours = make_hours(self.practitioner, self.location)

    def selection(self, starts_at: datetime, **fields: Any) -> SlotSelection:
        """Return the selection of a slot of this practice."""
        values: dict[str, Any] = {
            "practitioner_id": self.practitioner.pk,
            "location_id": self.location.pk,
            "appointment_type_id": self.type.pk,
            "starts_at": starts_at,
        }
        return SlotSelection(**values | fields)


def local(on: date, hour: int, minute: int = 0, *, offset_hours: int = 1) -> datetime:
    """Return the UTC instant of a wall-clock time at a fixed offset in hours (1: Paris in winter)."""
    wall_clock = datetime(on.year, on.month, on.day, hour, minute, tzinfo=UTC)
    return wall_clock - timedelta(hours=offset_hours)


def make_person(**fields: str) -> Person:
    """Return a fictitious person with a phone number of the range reserved for fiction."""
    values = {
        "first_name": "Camille",
        "last_name": "Spécimen",
        "phone": "+33639980104",
        "email": "camille@example.org",
    }
    return Person(**values | fields)  # type: ignore[arg-type]  # extras is not given here


def make_appointment(
    cabinet: Cabinet, starts_at: datetime, *, person: Person | None = None, now: datetime = NOW
) -> Appointment:
    """Book an appointment as staff, through the service."""
    return book_by_staff(
        selection=cabinet.selection(starts_at),
        form_ref=uuid.uuid4(),
        person=make_person() if person is None else person,
        actor="system",
        now=now,
    )


def make_link(practitioner: Practitioner, *, now: datetime = NOW, **fields: Any) -> GoogleAccount:
    """Create the GoogleAccount of a practitioner; a data key of its own seals the tokens."""
    account = GoogleAccount(
        practitioner=practitioner,
        data_key=keyring.new_key(now=now),
        connected_at=now,
        **{"level": 1, "can_read_busy": True, "last_success_at": now} | fields,
    )
    seal_secret(
        account,
        Secret(refresh_token="fake-refresh", subject="1", calendar="fake-calendar"),
    )
    account.save()
    return account


def make_entry(
    appointment: Appointment, account: GoogleAccount | None, *, now: datetime = NOW, **fields: Any
) -> CalendarEntry:
    """Create or update the calendar entry of an appointment; by default in state written, version 1."""
    values = {"state": "written", "version": 1, "pushed": 1, "changed_at": now, "level": 1}
    made, _created = CalendarEntry.objects.update_or_create(
        appointment=appointment, account=account, defaults=values | fields
    )
    return made
