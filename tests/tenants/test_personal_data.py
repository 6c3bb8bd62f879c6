"""Every field of every model is declared, and the live schemas have only declared columns."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import models

from booking.models import PatientContact
from tenants import personal_data
from tenants.management.commands.register import differences
from tenants.personal_data import DeclarationError, declare, personal_values, undeclared
from tenants.schema import Unit
from tests.conftest import TENANT_ONE, owner_cursor

COMPLETE = {
    "subjects": "patients",
    "purpose": "organiser le rendez-vous",
    "legal_basis": "6.1.b",
    "recipients": ("cabinet",),
    "source": "la personne",
    "retention": "un an",
    "personal": {"sealed": "identité"},
    "harmless": ("id",),
}


def test_every_field_of_every_model_is_declared() -> None:
    assert undeclared() == []


def test_an_undeclared_field_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = PatientContact.personal_data
    without = declare(
        subjects=declared.subjects,
        purpose=declared.purpose,
        legal_basis=declared.legal_basis,
        recipients=declared.recipients,
        source=declared.source,
        retention=declared.retention,
        personal={"sealed": "identité"},
        harmless=(*declared.harmless, "phone_index", "gone"),
    )
    monkeypatch.setattr(PatientContact, "personal_data", without)

    assert undeclared() == [
        "booking.PatientContact.email_index",
        "booking.PatientContact.gone (no such field)",
    ]


def test_all_fields_of_an_undeclared_model_are_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(personal_data, "LIBRARY_DECLARATIONS", {})

    assert "sessions.Session.session_data" in undeclared()


@pytest.mark.parametrize(
    "changed",
    [
        {"subjects": ""},
        {"purpose": ""},
        {"legal_basis": "consentement"},
        {"recipients": ()},
        {"source": ""},
        {"retention": ""},
        {"personal": {"sealed": ""}},
        {"harmless": ("sealed",)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_personal_field_needs_every_column_of_the_register(changed: dict[str, object]) -> None:
    with pytest.raises(DeclarationError):
        declare(**COMPLETE | changed)  # type: ignore[arg-type]  # one dict for brevity


def test_a_table_without_personal_data_needs_no_purpose() -> None:
    assert declare(harmless=("id",)).fields == {"id"}


def test_the_personal_values_of_a_row_are_those_declared() -> None:
    contact = PatientContact(sealed=b"blob", email_index=b"e", phone_index=None)

    assert personal_values(contact) == {
        "sealed": b"blob",
        "email_index": b"e",
        "phone_index": None,
    }


def test_an_undeclared_model_has_no_personal_values() -> None:
    class Undeclared(models.Model):
        class Meta:
            app_label = "booking"
            managed = False

        def __str__(self) -> str:
            return ""

    try:
        with pytest.raises(DeclarationError):
            personal_values(Undeclared())
    finally:
        del Undeclared._meta.apps.all_models["booking"]["undeclared"]


def test_a_live_tenant_has_the_declared_columns(tenant: Unit) -> None:
    assert differences(tenant) == []


def test_the_public_schema_has_the_declared_columns(public: Unit) -> None:
    assert differences(public) == []


def test_a_column_added_or_lost_in_one_schema_is_found(committed_tenant) -> None:
    unit = committed_tenant("columns")
    with owner_cursor() as cursor:
        cursor.execute(f"ALTER TABLE {unit.schema}.booking_patientcontact ADD COLUMN notes text")
        cursor.execute(f"ALTER TABLE {unit.schema}.booking_practice DROP COLUMN town")

    assert differences(unit) == [
        "booking_patientcontact.notes is not declared",
        "booking_practice.town is declared and not there",
    ]
    with pytest.raises(CommandError, match="2 differences"):
        call_command("register", "--check", stdout=StringIO(), stderr=StringIO())


def test_the_register_lists_the_tables_with_personal_data() -> None:
    out = StringIO()

    call_command("register", stdout=out)

    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    contact = next(line for line in lines if line["table"] == "booking_patientcontact")
    assert contact["legal_basis"] == "6.1.b"
    assert "sealed" in contact["personal"]
    assert TENANT_ONE.schema not in out.getvalue()
