"""The copy of the data of a person holds every declared field, also fields that are added later."""

import json
from dataclasses import fields
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from booking.appointments import rights
from booking.models import Appointment, PatientContact
from booking.patients import contacts
from booking.rules.persons import Person
from tenants.personal_data import personal_values
from tenants.schema import Unit
from tests.factories import Cabinet, local, make_appointment

PARIS = ZoneInfo("Europe/Paris")
EVERYTHING = Person(
    first_name="Camille",
    last_name="Exemple",
    phone="+33639980001",
    email="camille@example.org",
    relative="Lou",
    extras={"Étage": "troisième"},
)


@pytest.fixture
def appointment(tenant: Unit) -> Appointment:
    return make_appointment(Cabinet(), local(date(2026, 11, 24), 14, 30), person=EVERYTHING)


def copy(appointment: Appointment) -> dict[str, str]:
    contact = contacts.contact_of(appointment)
    copied: dict[str, str] = json.loads(
        rights.export(appointment, contact, zone=PARIS, as_json=True)
    )
    return copied


def test_a_copy_holds_every_field_of_the_person(appointment: Appointment) -> None:
    copied = copy(appointment).values()

    for field in fields(EVERYTHING):
        value = getattr(EVERYTHING, field.name)
        given = value.values() if isinstance(value, dict) else [value] if value else []
        assert set(given) <= set(copied), field.name


@pytest.mark.parametrize("model", [PatientContact, Appointment])
def test_a_copy_names_every_declared_field_with_a_value(
    appointment: Appointment, model: type[PatientContact | Appointment]
) -> None:
    row = model.objects.get()
    booked = {name for name, value in personal_values(row).items() if value} - {rights.SEALED}
    copied = {label.lower() for label in copy(appointment)}

    assert booked
    for name in booked:
        assert model.personal_data.personal[name].lower() in copied


def test_the_copy_of_an_erased_person_holds_the_visit_only(appointment: Appointment) -> None:
    contact = contacts.contact_of(appointment)
    assert contact is not None
    contacts.erase(contact=contact, rule="person", now=appointment.ends_at)

    copied = copy(appointment)

    assert "Camille" not in str(copied)
    assert "Prénom" not in copied
