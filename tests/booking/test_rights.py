"""What a person is told of their own data: all that is declared, whatever is added to it later."""

import json
from dataclasses import fields
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from booking.models import Appointment, PatientContact
from booking.persons import Person
from booking.services import contacts, rights
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
    told: dict[str, str] = json.loads(rights.export(appointment, contact, zone=PARIS, as_json=True))
    return told


def test_a_copy_holds_every_field_of_the_person(appointment: Appointment) -> None:
    told = copy(appointment).values()

    for field in fields(EVERYTHING):
        value = getattr(EVERYTHING, field.name)
        given = value.values() if isinstance(value, dict) else [value] if value else []
        assert set(given) <= set(told), field.name


@pytest.mark.parametrize("model", [PatientContact, Appointment])
def test_a_copy_names_every_declared_field_that_holds_something(
    appointment: Appointment, model: type[PatientContact | Appointment]
) -> None:
    row = model.objects.get()
    held = {name for name, value in personal_values(row).items() if value} - {rights.SEALED}
    told = {label.lower() for label in copy(appointment)}

    assert held
    for name in held:
        assert model.personal_data.personal[name].lower() in told


def test_of_an_erased_person_nothing_is_told_but_the_visit(appointment: Appointment) -> None:
    contact = contacts.contact_of(appointment)
    assert contact is not None
    contacts.erase(contact=contact, rule="person", now=appointment.ends_at)

    told = copy(appointment)

    assert "Camille" not in str(told)
    assert "Prénom" not in told
