"""Extra fields need a purpose and a retention to be published, and some are denied (B-03)."""

from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction

from booking.models import ExtraField, FormVersion, Location, Practice
from booking.patients.form_versions import (
    FieldRefused,
    FormQuestion,
    ask_address,
    lacks_address,
    publish,
)
from tenants.schema import Unit
from tests.factories import NOW, make_location, make_practice

ADDRESS = FormQuestion(
    key="adresse",
    label="Adresse de la visite",
    kind=ExtraField.FieldKind.ADDRESS,
    purpose="savoir où se rendre",
    retention="effacée avec le rendez-vous",
    is_mandatory=True,
    place_kind="home",
)


@pytest.fixture(autouse=True)
def practice(tenant: Unit) -> Practice:
    return make_practice()


def test_publishing_makes_a_new_form_version_and_a_new_notice_version(practice: Practice) -> None:
    first = publish(questions=[ADDRESS], actor="system", now=NOW)
    second = publish(questions=[], actor="system", now=NOW)
    practice.refresh_from_db()

    assert (first.number, second.number, practice.notice_version) == (1, 2, 3)
    assert [field.key for field in first.fields.all()] == ["adresse"]


@pytest.mark.parametrize(
    "label",
    ["Numéro de sécurité sociale", "Date de naissance", "Vos symptômes", "Êtes-vous enceinte ?"],
)
def test_a_denied_question_publishes_nothing(label: str) -> None:
    question = FormQuestion("x", label, ExtraField.FieldKind.SHORT_TEXT, purpose="p", retention="r")

    with pytest.raises(FieldRefused):
        publish(questions=[ADDRESS, question], actor="system", now=NOW)
    assert not FormVersion.objects.exists()


@pytest.mark.parametrize(("purpose", "retention"), [("", "r"), ("p", " ")])
def test_a_question_needs_a_purpose_and_a_retention(purpose: str, retention: str) -> None:
    question = FormQuestion(
        "etage", "Étage", ExtraField.FieldKind.SHORT_TEXT, purpose=purpose, retention=retention
    )

    with pytest.raises(FieldRefused):
        publish(questions=[question], actor="system", now=NOW)


def test_the_database_refuses_a_question_without_a_purpose() -> None:
    version = publish(questions=[], actor="system", now=NOW)

    with pytest.raises(IntegrityError), transaction.atomic():
        ExtraField.objects.create(version=version, key="x", label="x", kind="yes_no", retention="r")


def test_home_visits_without_a_question_for_the_address_are_found() -> None:
    assert not lacks_address()
    place = make_location(kind=Location.LocationKind.HOME, served_postcodes=["64210"])
    assert lacks_address()
    place.is_active = False
    place.save()
    assert not lacks_address()


def test_asking_for_the_address_keeps_the_other_questions_and_makes_a_new_notice_version(
    practice: Practice,
) -> None:
    make_location(kind=Location.LocationKind.HOME, served_postcodes=["64210"])
    parking = FormQuestion(
        key="parking", label="Peut-on se garer ?", kind=ExtraField.FieldKind.CHOICE, purpose="venir",
        retention="effacée avec le rendez-vous", choices=("oui", "non"), place_kind="home",
    )  # fmt: skip
    publish(questions=[parking], actor="system", now=NOW)

    version = ask_address(actor="system", now=NOW)
    again = ask_address(actor="system", now=NOW)

    practice.refresh_from_db()
    assert version is not None
    assert again is None
    assert not lacks_address()
    address, kept = version.fields.all()
    assert (address.kind, address.place_kind, address.is_mandatory) == ("address", "home", True)
    assert (kept.key, kept.choices, kept.purpose) == ("parking", ["oui", "non"], "venir")
    assert practice.notice_version == 3


def test_an_address_asked_elsewhere_only_does_not_serve_home_visits() -> None:
    make_location(kind=Location.LocationKind.HOME, served_postcodes=["64210"])
    publish(questions=[replace(ADDRESS, place_kind="video")], actor="system", now=NOW)

    assert lacks_address()
