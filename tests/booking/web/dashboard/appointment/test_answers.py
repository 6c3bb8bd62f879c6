"""Staff record what the patients' form records: the address of a home visit, the answers, and the relative."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.test import Client
from django.urls import reverse

from booking.appointments import rights
from booking.appointments.offer_acceptance import accept
from booking.models import Appointment, ExtraField, Location, Offer, PatientContact, WaitingEntry
from booking.patients import contacts
from booking.patients.form_versions import FormQuestion, publish
from booking.rules.persons import Person
from booking.scheduling.slots import ResolvedSlot
from booking.waiting_list import offers
from tenants.accounts.models import Role
from tenants.outbox.models import OutboxEntry
from tests.accounts import browser, make_member
from tests.factories import (
    NOW,
    Cabinet,
    local,
    make_appointment,
    make_location,
)
from tests.page_forms import shown_values

DAY = date(2026, 11, 12)
AT = local(DAY, 14)
ADDRESS = "3 chemin des Genêts, 64210 Bidart"
QUESTIONS = (
    FormQuestion(
        key="adresse",
        label="À quelle adresse venir ?",
        kind=ExtraField.FieldKind.ADDRESS,
        purpose="venir chez vous",
        retention="effacée avec le rendez-vous",
        is_mandatory=True,
        place_kind="home",
    ),
    FormQuestion(
        key="venue",
        label="Êtes-vous déjà venu ?",
        kind=ExtraField.FieldKind.CHOICE,
        purpose="préparer votre dossier",
        retention="effacée avec le rendez-vous",
        choices=("Jamais", "Souvent"),
        is_mandatory=True,
    ),
)


@pytest.fixture
def home(cabinet: Cabinet) -> Location:
    """Return the area of home visits of a practice whose form asks for the address."""
    home = make_location(name="À domicile", kind="home", served_postcodes=["64210"])
    cabinet.type.locations.add(home)
    publish(questions=QUESTIONS, actor="system", now=NOW)
    return home


@pytest.fixture
def owner(home: Location, host: str) -> Client:
    """Return the owner's browser."""
    return browser(host, make_member(Role.OWNER))


BOOK = "/espace/rendez-vous/nouveau/"


def typed(owner: Client, place: Location, **fields: str) -> dict[str, Any]:
    """Return what the page of a new appointment sends for this place."""
    shown = shown_values(owner.get(BOOK).text)
    slot = {"day": DAY.isoformat(), "hour": "14h", "place": str(place.ref), "anyway": "on"}
    return shown | {"name": "Camille Spécimen", "contact": "06 39 98 01 04"} | slot | fields


def booked() -> Appointment:
    """Return the only appointment."""
    return Appointment.objects.select_related("location", "practitioner").get()


def person_of(appointment: Appointment) -> Person:
    """Return the person of an appointment as sealed."""
    contact = contacts.contact_of(appointment)
    person = contacts.open_contact(contact) if contact else None
    assert person is not None
    return person


def panel(owner: Client, appointment: Appointment) -> str:
    """Return the page of an appointment."""
    page: str = owner.get(reverse("dashboard:appointment", args=[appointment.ref])).text
    return page


def correct_page(appointment: Appointment) -> str:
    """Return the address of the page that corrects the data of a person."""
    return reverse("dashboard:correct", args=[appointment.ref])


def test_booking_at_the_desk_records_address_answer_and_relative(
    owner: Client, home: Location
) -> None:
    fields = {"extra_adresse": ADDRESS, "extra_venue": "Souvent", "other_first_name": "Noé"}

    answer = owner.post(BOOK, typed(owner, home, **fields))

    assert answer.status_code == 302
    person = person_of(booked())
    assert person.extras == {"adresse": ADDRESS, "venue": "Souvent"}
    assert person.relative == "Noé"
    page = panel(owner, booked())
    for words in ("À quelle adresse venir ?", ADDRESS, "Souvent", "Noé"):
        assert words in page
    assert "Adresse à compléter" not in page
    assert ADDRESS.encode() not in bytes(PatientContact.objects.get().sealed)


def test_a_home_visit_without_its_address_is_booked_and_marked(
    owner: Client, home: Location
) -> None:
    """On the telephone the slot counts first: the booking holds, and says what is missing until it is given."""
    answer = owner.post(BOOK, typed(owner, home), follow=True)

    assert "à compléter" in answer.text
    assert "Adresse à compléter" in panel(owner, booked())
    day = owner.get("/espace/", {"jour": DAY.isoformat()}).text
    assert "Adresse à compléter" in day

    shown = shown_values(owner.get(correct_page(booked())).text)
    owner.post(correct_page(booked()), shown | {"extra_adresse": ADDRESS})

    assert person_of(booked()).extras == {"adresse": ADDRESS}
    assert "Adresse à compléter" not in panel(owner, booked())
    assert "Adresse à compléter" not in owner.get("/espace/", {"jour": DAY.isoformat()}).text


def test_an_office_visit_takes_no_address_and_lacks_none(
    owner: Client, home: Location, cabinet: Cabinet
) -> None:
    owner.post(BOOK, typed(owner, cabinet.location, extra_adresse=ADDRESS))

    assert person_of(booked()).extras == {}
    assert "Adresse à compléter" not in panel(owner, booked())


def test_an_address_outside_the_served_towns_is_a_hint_for_staff(
    owner: Client, home: Location
) -> None:
    answer = owner.post(
        BOOK, typed(owner, home, extra_adresse="1 rue Neuve, 75001 Paris"), follow=True
    )

    assert "hors des communes" in answer.text
    assert booked().location == home


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("extra_adresse", "voir www.exemple.com"),
        ("extra_adresse", "x" * 201),
        ("extra_venue", "Parfois"),
        ("other_first_name", "www.exemple.com"),
        ("other_first_name", "x" * 81),
    ],
)
@pytest.mark.parametrize("page", ["book", "wait", "correct"])
def test_the_fields_of_staff_have_the_bounds_of_those_of_patients(
    owner: Client, cabinet: Cabinet, home: Location, field: str, text: str, page: str
) -> None:
    """What was typed is kept, and the reason stands beside the field."""
    appointment = make_appointment(cabinet, AT, person=Person(last_name="Essai"))
    Appointment.objects.filter(pk=appointment.pk).update(location=home)
    address = {
        "book": BOOK,
        "wait": reverse("dashboard:waiting_add"),
        "correct": correct_page(appointment),
    }[page]
    shown = shown_values(owner.get(address).text)
    shown |= {
        "name": "Ane Essai",
        "contact": "06 39 98 01 04",
        "day": DAY.isoformat(),
        "hour": "9h",
    }

    answer = owner.post(address, shown | {"place": str(home.ref), field: text})

    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in answer.text
    if field != "extra_venue":
        assert text in answer.text
    assert Appointment.objects.count() == 1
    assert not WaitingEntry.objects.exists()


def test_the_waiting_list_keeps_them_until_the_booking(
    owner: Client, cabinet: Cabinet, home: Location
) -> None:
    page = reverse("dashboard:waiting_add")
    sent = {
        "name": "Camille Spécimen",
        "contact": "camille@example.org",
        "place": str(home.ref),
        "extra_adresse": ADDRESS,
        "other_first_name": "Noé",
    }
    assert owner.post(page, shown_values(owner.get(page).text) | sent).status_code == 302
    entry = WaitingEntry.objects.get()
    listed = owner.get(reverse("dashboard:waiting")).text

    slot = ResolvedSlot(cabinet.practitioner, home, cabinet.type, AT)
    made = offers.offer_by_hand(entry=entry, selection=slot.selection, actor="system", now=NOW)
    assert made is not None
    appointment = accept(offer=Offer.objects.get(), actor="system", now=NOW)

    assert ADDRESS in listed
    assert "Noé" in listed
    assert person_of(appointment).extras == {"adresse": ADDRESS}
    assert person_of(appointment).relative == "Noé"
    assert not WaitingEntry.objects.exists()


def test_correcting_changes_answers_and_relative_and_nothing_else(
    owner: Client, home: Location
) -> None:
    owner.post(BOOK, typed(owner, home, extra_adresse=ADDRESS, extra_venue="Souvent"))
    before = person_of(booked())
    shown = shown_values(owner.get(correct_page(booked())).text)
    assert shown["extra_adresse"] == ADDRESS

    sent = {
        "extra_adresse": "5 rue Neuve, 64210 Bidart",
        "extra_venue": "",
        "other_first_name": "Noé",
    }
    answer = owner.post(correct_page(booked()), shown | sent)

    assert answer.status_code == 302
    after = person_of(booked())
    assert after.extras == {"adresse": "5 rue Neuve, 64210 Bidart"}
    assert after.relative == "Noé"
    assert (after.phone, after.last_name) == (before.phone, before.last_name)


def test_an_answer_to_a_question_that_is_asked_no_more_stays_and_can_be_corrected(
    owner: Client, home: Location
) -> None:
    owner.post(BOOK, typed(owner, home, extra_adresse=ADDRESS, extra_venue="Souvent"))
    publish(questions=QUESTIONS[:1], actor="system", now=NOW)

    shown = shown_values(owner.get(correct_page(booked())).text)
    owner.post(correct_page(booked()), shown | {"phone": "06 39 98 01 05"})

    assert shown["extra_venue"] == "Souvent"
    assert person_of(booked()).extras == {"adresse": ADDRESS, "venue": "Souvent"}
    assert "Êtes-vous déjà venu ?" in panel(owner, booked())


def test_two_who_correct_see_what_the_other_wrote(owner: Client, home: Location) -> None:
    owner.post(BOOK, typed(owner, home, extra_adresse=ADDRESS))
    page = correct_page(booked())
    shown = shown_values(owner.get(page).text)
    owner.post(page, shown | {"extra_adresse": "5 rue Neuve, 64210 Bidart"})

    late = owner.post(page, shown | {"extra_adresse": "7 rue Haute, 64210 Bidart"})

    assert late.status_code == 409
    assert "Valeur actuelle : 5 rue Neuve, 64210 Bidart" in late.text.replace("\u00a0", " ")
    assert shown_values(late.text)["extra_adresse"] == "7 rue Haute, 64210 Bidart"
    assert person_of(booked()).extras == {"adresse": "5 rue Neuve, 64210 Bidart"}


def test_the_person_of_a_visit_without_name_is_added_once_and_confirmed(
    owner: Client, home: Location
) -> None:
    owner.post(BOOK, typed(owner, home, name="", contact=""))
    assert not PatientContact.objects.exists()
    assert "Ajouter les coordonnées" in panel(owner, booked())
    page = correct_page(booked())
    shown = shown_values(owner.get(page).text)
    before = OutboxEntry.objects.filter(kind="booking.confirmation").count()

    sent = {"last_name": "Spécimen", "email": "camille@example.org", "extra_adresse": ADDRESS}
    assert owner.post(page, shown | sent).status_code == 302

    assert person_of(booked()).extras == {"adresse": ADDRESS}
    contact = PatientContact.objects.get()
    assert contact.erase_at <= contact.booked_at + timedelta(days=contact.retention_days)
    assert contact.erase_at >= booked().ends_at
    assert OutboxEntry.objects.filter(kind="booking.confirmation").count() == before + 1
    late = owner.post(page, shown | {"last_name": "Autre"})
    assert late.status_code == 409
    assert person_of(booked()).last_name == "Spécimen"


@pytest.mark.parametrize("state", ["over", "cancelled", "erased"])
def test_no_person_is_added_to_a_visit_that_is_over_cancelled_or_erased(
    owner: Client, home: Location, state: str
) -> None:
    owner.post(BOOK, typed(owner, home, name="", contact=""))
    past, ended = NOW - timedelta(days=2), NOW - timedelta(days=2, minutes=-45)
    changes: dict[str, dict[str, Any]] = {
        "over": {"starts_at": past, "ends_at": ended, "during": DateTimeTZRange(past, ended)},
        "cancelled": {"status": Appointment.Status.CANCELLED_BY_PRACTITIONER, "cancelled_at": NOW},
        "erased": {"erased_at": NOW},
    }
    Appointment.objects.update(**changes[state])

    answer = owner.post(correct_page(booked()), {"last_name": "Spécimen"})

    assert answer.status_code == 302
    assert not PatientContact.objects.exists()
    assert "Ajouter les coordonnées" not in panel(owner, booked())


def test_the_copy_of_the_data_holds_them_under_their_questions(
    owner: Client, home: Location
) -> None:
    fields = {"extra_adresse": ADDRESS, "extra_venue": "Souvent", "other_first_name": "Noé"}
    owner.post(BOOK, typed(owner, home, **fields))
    contact = contacts.contact_of(booked())

    text = rights.export(booked(), contact, zone=ZoneInfo("Europe/Paris"), as_json=False)

    for words in (f"À quelle adresse venir ?\u00a0: {ADDRESS}", "Souvent", "Noé"):
        assert words in text


def test_their_erasure_leaves_nothing_of_them(owner: Client, home: Location) -> None:
    owner.post(BOOK, typed(owner, home, extra_adresse=ADDRESS))

    assert contacts.erase_due(now=PatientContact.objects.get().erase_at) == 1

    assert not PatientContact.objects.exists()
    page = panel(owner, booked())
    assert ADDRESS not in page
    assert "Adresse à compléter" not in page
