"""Privacy: what is held, a retention that only shortens, and what that does, shown before (B-25)."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from booking.models import PatientContact, Practice
from booking.scheduling.catalogue import RetentionCannotGrow, save_practice
from tenants.accounts.models import Role
from tenants.audit import receipts
from tests.accounts import browser, make_member
from tests.factories import NOW, Cabinet, local, make_appointment
from tests.page_forms import shown_values

PAGE = reverse("dashboard:privacy", urlconf="config.urls_tenant")


@pytest.fixture
def owner(cabinet: Cabinet, host: str) -> Client:
    """Return the owner's browser."""
    return browser(host, make_member(Role.OWNER))


def shorten(owner: Client, days: object, **fields: str) -> object:
    """Send the form."""
    return owner.post(PAGE, {"retention_days": days, **fields})


def test_the_page_counts_who_is_held_and_says_the_next_erasure(
    owner: Client, cabinet: Cabinet
) -> None:
    empty = owner.get(PAGE).text
    make_appointment(cabinet, local(NOW.date() + timedelta(days=2), 14))
    first_page = owner.get(PAGE).text

    assert "Personne n’a de coordonnées" in empty
    assert "1 personne a des coordonnées" in first_page
    assert "Aucun effacement en retard" in first_page
    assert "Le prochain : jeudi 12\u00a0novembre, 14\u00a0h\u00a045." in first_page


def test_a_late_erasure_is_said(owner: Client, cabinet: Cabinet) -> None:
    make_appointment(cabinet, local(NOW.date() + timedelta(days=2), 14))
    PatientContact.objects.update(
        booked_at=NOW - timedelta(days=9), erase_at=NOW - timedelta(minutes=61)
    )

    assert "1 effacement en retard" in owner.get(PAGE).text


def test_what_it_does_is_shown_before_and_nothing_changes_yet(
    owner: Client, cabinet: Cabinet
) -> None:
    make_appointment(cabinet, local(NOW.date() + timedelta(days=2), 14))
    make_appointment(cabinet, local(NOW.date() + timedelta(days=10), 14))

    shown = owner.post(PAGE, {"retention_days": "8"})

    assert shown.status_code == 200
    assert shown_values(shown.text)["version"]  # the second step is no older page
    assert "1 personne garde une date plus lointaine" in shown.text
    assert "effacée le 20\u00a0novembre\u00a02026" in shown.text
    assert "pas au-delà du 16\u00a0novembre\u00a02026" in shown.text
    assert "Vous ne pourrez pas revenir en arrière" in shown.text
    assert Practice.objects.get().retention_days == 357


def test_a_confirmed_period_holds_for_new_bookings_and_people_keep_their_announced_date(
    owner: Client, cabinet: Cabinet
) -> None:
    make_appointment(cabinet, local(NOW.date() + timedelta(days=10), 14))
    before = PatientContact.objects.get().erase_at

    answer = owner.post(PAGE, {"retention_days": "8", "confirmed": "on"}, follow=True)

    assert "La durée est raccourcie" in answer.text
    assert (Practice.objects.get().retention_days, Practice.objects.get().notice_version) == (8, 2)
    assert PatientContact.objects.get().erase_at == before


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("181", "ne peut que raccourcir"),
        ("6", "supérieure ou égale à 7"),
        ("", "obligatoire"),
        ("un mois", "nombre entier"),
    ],
)
def test_a_retention_that_cannot_be_is_refused(
    owner: Client, cabinet: Cabinet, typed: str, expected: str
) -> None:
    owner.post(PAGE, {"retention_days": "180", "confirmed": "on"})

    answer = owner.post(PAGE, {"retention_days": typed, "confirmed": "on"})

    assert answer.status_code == 422
    assert expected in answer.text
    assert Practice.objects.get().retention_days == 180


def test_the_same_retention_changes_nothing(owner: Client, cabinet: Cabinet) -> None:
    answer = owner.post(PAGE, {"retention_days": "357"}, follow=True)

    assert "déjà la durée actuelle" in answer.text
    assert Practice.objects.get().notice_version == 1


def test_the_service_refuses_a_longer_one_too(cabinet: Cabinet) -> None:
    save_practice(values={"retention_days": 90}, actor="system", now=NOW)

    with pytest.raises(RetentionCannotGrow):
        save_practice(values={"retention_days": 91}, actor="system", now=NOW)


def test_receipts_are_listed_by_page_without_a_name(owner: Client, cabinet: Cabinet) -> None:
    empty = owner.get(PAGE).text
    refs = [(cabinet.practice.ref, f"{number:064x}") for number in range(25)]
    receipts.write_many(
        subjects=refs, kind="booking_patientcontact", rule="person", fields="x", now=NOW
    )

    first = owner.get(PAGE).text

    assert "Aucun pour le moment" in empty
    assert first.count("Demande de la personne") == 20
    assert "1 à 20 sur 25" in first
