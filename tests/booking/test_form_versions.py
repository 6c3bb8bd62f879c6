"""Extra fields exist only when published with their purpose, and some never."""

import pytest
from django.db import IntegrityError, transaction

from booking.models import ExtraField, FormVersion, Practice
from booking.services.form_versions import FieldRefused, Question, publish
from tenants.schema import Unit
from tests.factories import NOW, make_practice

ADDRESS = Question(
    key="adresse",
    label="Adresse de la visite",
    kind=ExtraField.Kind.ADDRESS,
    purpose="savoir où se rendre",
    retention="effacée avec le rendez-vous",
    is_mandatory=True,
    place_kind="home",
)


@pytest.fixture(autouse=True)
def practice(tenant: Unit) -> Practice:
    return make_practice()


def test_publishing_makes_a_new_version_and_moves_the_notice(practice: Practice) -> None:
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
    asked = Question("x", label, ExtraField.Kind.SHORT_TEXT, purpose="p", retention="r")

    with pytest.raises(FieldRefused):
        publish(questions=[ADDRESS, asked], actor="system", now=NOW)
    assert not FormVersion.objects.exists()


@pytest.mark.parametrize(("purpose", "retention"), [("", "r"), ("p", " ")])
def test_a_question_says_why_and_until_when(purpose: str, retention: str) -> None:
    asked = Question(
        "etage", "Étage", ExtraField.Kind.SHORT_TEXT, purpose=purpose, retention=retention
    )

    with pytest.raises(FieldRefused):
        publish(questions=[asked], actor="system", now=NOW)


def test_the_database_refuses_a_question_without_a_purpose() -> None:
    version = publish(questions=[], actor="system", now=NOW)

    with pytest.raises(IntegrityError), transaction.atomic():
        ExtraField.objects.create(version=version, key="x", label="x", kind="yes_no", retention="r")
