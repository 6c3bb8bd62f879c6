"""Behind the link of one appointment: move, cancel, correct, erase, take a copy."""

import html
import json
import re
from datetime import timedelta

import pytest
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from pytest_django import Settings

from booking.formats import french
from booking.models import (
    Appointment,
    AppointmentType,
    ExtraField,
    Location,
    PatientContact,
    Practice,
    Practitioner,
)
from booking.patients import contacts, form_versions, links
from booking.patients.form_versions import FormQuestion
from booking.rules import kinds
from booking.rules.persons import Person
from tenants.audit import receipts
from tenants.outbox.models import OutboxEntry
from tests.booking.web.public.conftest import (
    SLOT,
    Visitor,
    address,
    text,
)
from tests.factories import NOW, Cabinet

FAR = 12
"""Number of a button of the front page whose day is not today."""


def fresh(appointment: Appointment) -> Appointment:
    return Appointment.objects.select_related("practitioner", "location", "appointment_type").get(
        pk=appointment.pk
    )


def kinds_due(appointment: Appointment) -> set[str]:
    pending = OutboxEntry.objects.filter(
        subject_id=appointment.pk, state=OutboxEntry.EntryState.PENDING
    )
    return set(pending.values_list("kind", flat=True))


HOME = FormQuestion(
    key="adresse",
    label="À quelle adresse venir ?",
    kind=ExtraField.FieldKind.ADDRESS,
    purpose="venir chez vous",
    retention="effacée avec le rendez-vous",
    is_mandatory=True,
    place_kind="home",
)
PARKING = FormQuestion(
    key="garage",
    label="Où se garer ?",
    kind=ExtraField.FieldKind.SHORT_TEXT,
    purpose="arriver à l'heure",
    retention="effacée avec le rendez-vous",
)
INPUT = re.compile(r'<input(?=[^>]* name="([^"]+)")(?:(?=[^>]* value="([^"]*)"))?[^>]*>')


def shown_values(page: str) -> dict[str, str]:
    """Return the fields of the form that corrects everything, with their values."""
    form = page.partition("coordonnees/")[2].partition("</form>")[0]
    return {name: html.unescape(value) for name, value in INPUT.findall(form)}


def person_of(appointment: Appointment) -> Person:
    contact = contacts.contact_of(appointment)
    assert contact is not None
    person = contacts.open_contact(contact)
    assert person is not None
    return person


def test_the_page_shows_three_slots_to_move_to(visitor: Visitor) -> None:
    page = text(visitor.get(address(visitor.book(FAR))))

    assert len(SLOT.findall(page)) == 3


def test_one_press_moves_and_keeps_the_link(visitor: Visitor) -> None:
    booked = visitor.book(FAR)
    slot = SLOT.findall(text(visitor.get(address(booked))))[0]

    answer = visitor.post(address(booked, "deplacer/"), {"slot": slot})

    moved = fresh(booked)
    assert answer.status_code == 302
    assert moved.starts_at != booked.starts_at
    assert (moved.booked_at, moved.sequence) == (booked.booked_at, booked.sequence + 1)
    assert "déplacé" in text(visitor.get(answer.headers["Location"]))


def test_pressing_a_slot_asks_to_confirm_the_new_date_and_moves_nothing(visitor: Visitor) -> None:
    booked = visitor.book(FAR)
    page = text(visitor.get(address(booked)))
    slot = SLOT.findall(page)[0]

    asked = text(visitor.get(address(booked, f"deplacer/?creneau={slot}")))

    assert f'name="creneau" value="{slot}"' in page
    assert f'name="slot" value="{slot}"' in asked
    assert "Confirmer la nouvelle date" in asked
    assert fresh(booked).starts_at == booked.starts_at


@pytest.mark.parametrize("value", ["", "x", "zzzzzz-00000000-00000000", "9" * 3000])
def test_a_chosen_slot_that_cannot_be_read_shows_the_other_dates(
    visitor: Visitor, value: str
) -> None:
    booked = visitor.book(FAR)

    answer = visitor.get(address(booked, f"deplacer/?creneau={value}"))

    assert answer.status_code == 200
    assert "Choisir une autre date" in text(answer)


def test_a_visit_of_a_type_that_only_the_practice_gives_moves_online(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    booked = visitor.book(FAR)
    AppointmentType.objects.update(channel=AppointmentType.BookableBy.STAFF)
    slot = SLOT.findall(text(visitor.get(address(booked))))[0]

    answer = visitor.post(address(booked, "deplacer/"), {"slot": slot})

    assert answer.status_code == 302
    assert fresh(booked).starts_at != booked.starts_at
    assert fresh(booked).appointment_type == booked.appointment_type


@pytest.mark.parametrize("closed", ["type", "location", "practitioner", "type elsewhere"])
def test_slots_that_cannot_be_had_are_not_offered(
    visitor: Visitor, cabinet: Cabinet, closed: str
) -> None:
    booked = visitor.book(FAR)
    slot = SLOT.findall(text(visitor.get(address(booked))))[0]
    match closed:
        case "type":
            AppointmentType.objects.update(is_active=False)
        case "location":
            Location.objects.update(is_active=False)
        case "practitioner":
            Practitioner.objects.update(is_active=False)
        case "type elsewhere":
            cabinet.type.locations.clear()
    Practice.objects.update(phone="+33536490012")

    page = text(visitor.get(address(booked)))
    dates = visitor.get(address(booked, "deplacer/"))
    pressed = visitor.post(address(booked, "deplacer/"), {"slot": slot})

    assert SLOT.findall(page) == []
    assert "Ce rendez-vous ne se déplace pas en ligne." in page
    assert "appelez le" in page
    assert 'id="annuler"' in page
    assert (dates.status_code, pressed.status_code) == (409, 409)
    assert SLOT.findall(text(dates)) == []
    assert fresh(booked).starts_at == booked.starts_at


def test_a_move_keeps_the_length_that_staff_gave(visitor: Visitor) -> None:
    booked = visitor.book(FAR)
    shorter = booked.ends_at - timedelta(minutes=15)
    Appointment.objects.filter(pk=booked.pk).update(
        ends_at=shorter, during=DateTimeTZRange(booked.starts_at, shorter)
    )
    slot = SLOT.findall(text(visitor.get(address(booked))))[0]

    visitor.post(address(booked, "deplacer/"), {"slot": slot})

    moved = fresh(booked)
    assert moved.ends_at - moved.starts_at == shorter - booked.starts_at


def test_another_date_is_chosen_week_by_week(visitor: Visitor) -> None:
    booked = visitor.book()
    page = text(visitor.get(address(booked, "deplacer/?semaine=2026-11-23")))

    assert "23 au 28\u00a0novembre" in page or "23 au 28 novembre" in page
    answer = visitor.post(address(booked, "deplacer/"), {"slot": SLOT.findall(page)[-1]})
    assert answer.status_code == 302
    assert fresh(booked).starts_at.day >= 23


def test_moving_to_a_slot_that_is_gone_changes_nothing(visitor: Visitor) -> None:
    booked = visitor.book()
    slot = SLOT.findall(text(visitor.get(address(booked))))[0]
    visitor.fill(
        visitor.post("/reserver/", {**front(visitor), "slot": slot}), email="b@example.org"
    )

    answer = visitor.post(address(booked, "deplacer/"), {"slot": slot})

    assert answer.status_code == 409
    assert "n'a pas bougé" in html.unescape(text(answer))
    assert fresh(booked).starts_at == booked.starts_at


def front(visitor: Visitor) -> dict[str, str]:
    found = re.findall(
        r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text(visitor.get("/"))
    )
    return dict(found)


def test_cancelling_frees_the_slot_and_a_second_click_says_the_same(visitor: Visitor) -> None:
    booked = visitor.book()

    answers = [visitor.post(address(booked, "annuler/")) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert fresh(booked).status == Appointment.Status.CANCELLED_BY_PATIENT
    assert "annulé" in text(visitor.get(answers[1].headers["Location"]))
    assert kinds_due(booked) >= {kinds.CANCELLED_BY_PATIENT, kinds.SLOT_FREED}


def test_past_the_limit_of_the_appointment_type_one_telephones(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    cabinet.type.cancel_hours = 48
    cabinet.type.save(update_fields=["cancel_hours"])
    booked = visitor.book()

    page = text(visitor.get(address(booked)))
    answer = visitor.post(address(booked, "annuler/"))

    assert "À moins de 48\u00a0h du rendez-vous" in html.unescape(page)
    assert f"appelez le {french.phone(cabinet.practice.phone)}" in page
    assert not SLOT.findall(page)
    assert answer.status_code == 409
    assert fresh(booked).status == Appointment.Status.BOOKED


def test_a_cancelled_appointment_downloads_its_withdrawal(visitor: Visitor) -> None:
    booked = visitor.book()
    before = text(visitor.get(address(booked, "rendez-vous.ics")))
    visitor.post(address(booked, "annuler/"))
    after = text(visitor.get(address(booked, "rendez-vous.ics")))

    assert "METHOD:PUBLISH" in before
    assert "METHOD:CANCEL" in after
    uid = re.search(r"UID:\S+", before)
    assert uid is not None
    assert uid[0] in after
    assert "BEGIN:VTIMEZONE" in before


def test_a_corrected_address_is_kept_and_the_old_one_notified(visitor: Visitor) -> None:
    booked = visitor.book()

    answer = visitor.post(
        address(booked, "coordonnees/"), {"email": "neuve@example.org", "phone": ""}
    )

    contact = contacts.contact_of(booked)
    assert contact is not None
    person = contacts.open_contact(contact)
    assert person is not None
    assert answer.status_code == 302
    assert person.email == "neuve@example.org"
    assert kinds.CONTACT_CORRECTED in kinds_due(booked)


@pytest.mark.parametrize("typed", [{}, {"email": "x"}, {"phone": "12"}])
def test_a_correction_that_cannot_be_read_is_shown_again(
    visitor: Visitor, typed: dict[str, str]
) -> None:
    answer = visitor.post(address(visitor.book(), "coordonnees/"), typed)

    assert answer.status_code == 422
    assert '<details class="fold" name="choice" id="corriger" open>' in text(answer)


def test_patients_correct_everything_they_gave(visitor: Visitor, cabinet: Cabinet) -> None:
    """Name, relative, answers and the address of a home visit, not only how to be reached."""
    Location.objects.update(kind="home", street="", served_postcodes=["64210"])
    form_versions.publish(questions=[HOME, PARKING], actor="system", now=NOW)
    booked = visitor.book(extra_adresse="1 rue du Port, 64210 Bidart", extra_garage="Devant")
    path = address(booked, "coordonnees/")
    page = text(visitor.post(path, {"all": "1"}))
    assert 'value="Spécimen"' in page
    assert 'value="1 rue du Port, 64210 Bidart"' in page

    full = shown_values(page) | {
        "first_name": "Camille",
        "last_name": "Témoin",
        "other_first_name": "Ane",
        "extra_adresse": "2 rue du Port, 64210 Bidart",
        "extra_garage": "",
    }
    answer = visitor.post(path, full)

    assert answer.headers["Location"].endswith("?fait=coordonnees")
    person = person_of(booked)
    assert (person.last_name, person.relative) == ("Témoin", "Ane")
    assert person.extras == {"adresse": "2 rue du Port, 64210 Bidart"}
    assert person.email == "camille@example.org"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"last_name": ""}, "Indiquez votre nom."),
        ({"last_name": "x" * 81}, "Écrivez 80 caractères au plus."),
        ({"email": "", "phone": ""}, "Indiquez au moins un téléphone ou une adresse e-mail."),
        ({"extra_adresse": ""}, "Répondez à cette question."),
        ({"extra_adresse": "1 quai, 75001 Paris"}, "Les visites à domicile se font"),
    ],
)
def test_a_correction_has_the_bounds_of_the_booking(
    visitor: Visitor, typed: dict[str, str], expected: str
) -> None:
    Location.objects.update(kind="home", street="", served_postcodes=["64210"])
    form_versions.publish(questions=[HOME], actor="system", now=NOW)
    booked = visitor.book(extra_adresse="1 rue du Port, 64210 Bidart")
    path = address(booked, "coordonnees/")
    before = person_of(booked)

    answer = visitor.post(path, shown_values(text(visitor.post(path, {"all": "1"}))) | typed)

    assert answer.status_code == 422
    assert expected in text(answer)
    assert person_of(booked) == before


def test_a_correction_shows_what_the_practice_changed_meanwhile(visitor: Visitor) -> None:
    booked = visitor.book()
    path = address(booked, "coordonnees/")
    shown = shown_values(text(visitor.post(path, {"all": "1"})))
    contacts.correct(
        appointment=booked, phone=None, email=None, last_name="Cabinet", actor="system", now=NOW
    )

    stale = visitor.post(path, shown | {"last_name": "Moi"})

    assert stale.status_code == 409
    assert "Valeur actuelle : Cabinet" in text(stale).replace("\u00a0", " ")
    assert 'value="Moi"' in text(stale)
    assert person_of(booked).last_name == "Cabinet"
    again = visitor.post(path, shown_values(text(stale)))
    assert again.status_code == 302
    assert person_of(booked).last_name == "Moi"


def test_a_changed_address_of_the_full_form_is_confirmed(visitor: Visitor) -> None:
    booked = visitor.book()
    path = address(booked, "coordonnees/")
    shown = shown_values(text(visitor.post(path, {"all": "1"})))

    answer = visitor.post(path, shown | {"email": "neuve@example.org"})

    assert answer.headers["Location"].endswith("?fait=nouvelle-adresse")
    assert kinds.CONTACT_CORRECTED in kinds_due(booked)


def test_reading_the_page_shows_no_name(visitor: Visitor) -> None:
    """Programs that follow the links of a mail read no person: the form is the answer to a button."""
    booked = visitor.book()

    assert "Spécimen" not in text(visitor.get(address(booked)))
    assert visitor.get(address(booked, "coordonnees/")).status_code == 405


def test_the_page_shows_the_address_masked(visitor: Visitor) -> None:
    page = text(visitor.get(address(visitor.book())))

    assert "c•••••@example.org" in page
    assert "camille@example.org" not in page


def test_erasing_asks_what_becomes_of_the_appointment(visitor: Visitor) -> None:
    booked = visitor.book()

    answer = visitor.post(address(booked, "effacer/"))

    assert answer.status_code == 422
    assert "Choisissez ce que devient le rendez-vous" in text(answer)
    assert PatientContact.objects.exists()


def test_erasing_and_cancelling_leaves_a_receipt_and_nobody(visitor: Visitor) -> None:
    booked = visitor.book()

    answer = visitor.post(address(booked, "effacer/"), {"outcome": "cancel"})
    page = text(visitor.get(answer.headers["Location"]))

    receipt = receipts.find(booked.ref)
    assert receipt is not None
    assert receipt.ref.hex in page
    assert not PatientContact.objects.exists()
    assert kinds_due(booked) == {kinds.SLOT_FREED}


def test_erasing_and_keeping_stops_every_message(visitor: Visitor) -> None:
    booked = visitor.book(FAR)

    answer = visitor.post(address(booked, "effacer/"), {"outcome": "keep"})

    assert fresh(booked).status == Appointment.Status.BOOKED
    assert not kinds_due(booked)
    assert "plus aucun message" in text(visitor.get(answer.headers["Location"]))


def test_after_the_erasure_the_old_link_shows_the_receipt_and_still_cancels(
    visitor: Visitor,
) -> None:
    booked = visitor.book(FAR)
    contact = contacts.contact_of(booked)
    assert contact is not None
    contacts.erase(contact=contact, rule="due", now=contact.booked_at)

    page = text(visitor.get(address(booked)))
    visitor.post(address(booked, "annuler/"))

    assert "Coordonnées effacées" in page
    assert "Reçu" in page
    assert fresh(booked).status == Appointment.Status.CANCELLED_BY_PATIENT
    assert "imprimer cette page" in text(visitor.get(address(booked)))


def test_the_reminder_is_stopped_by_a_press_never_by_opening(visitor: Visitor) -> None:
    booked = visitor.book(FAR)
    visitor.get(address(booked, "sans-rappel/"))
    opened = fresh(booked).has_reminder

    answer = visitor.post(address(booked, "sans-rappel/"), {"List-Unsubscribe": "One-Click"})

    assert opened
    assert answer.status_code == 302
    assert not fresh(booked).has_reminder
    assert kinds.REMINDER not in kinds_due(booked)


def test_the_copy_holds_everything_that_is_recorded(visitor: Visitor) -> None:
    booked = visitor.book(phone="06 39 98 01 04", for_other="on", other_first_name="Zoé")

    read = text(visitor.post(address(booked, "donnees/"), {"format": "text"}))
    reused = json.loads(text(visitor.post(address(booked, "donnees/"), {"format": "json"})))

    for value in ("Camille", "Spécimen", "+33639980104", "camille@example.org", "Zoé"):
        assert value in read
        assert value in reused.values()


def test_the_done_page_greets_for_an_hour_then_shows_no_name(visitor: Visitor) -> None:
    booked = visitor.book(FAR)
    greeted = text(visitor.get(address(booked, "confirme/")))
    visitor.wait(hours=1)
    later = visitor.get(address(booked, "confirme/"))

    assert "C'est noté, Camille." in html.unescape(greeted)
    assert later.status_code == 302
    assert later.headers["Location"] == address(booked)


def test_with_a_phone_alone_the_done_page_is_the_one_to_keep(visitor: Visitor) -> None:
    booked = visitor.book(FAR, email="", phone="06 39 98 01 04")

    page = text(visitor.get(address(booked, "confirme/")))

    assert "photographiez-la" in page
    assert booked.spoken_ref in page
    assert f"/r/{links.short_token(booked)}/" in page
    assert "SMS" not in page
    assert visitor.get(f"/r/{links.short_token(booked)}/").status_code == 200


def test_within_the_limit_the_done_page_promises_no_change(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    far = html.unescape(text(visitor.get(address(visitor.book(FAR), "confirme/"))))
    cabinet.type.cancel_hours = 24 * 14
    cabinet.type.save(update_fields=["cancel_hours"])

    near = html.unescape(text(visitor.get(address(visitor.book(), "confirme/"))))

    assert "Déplacer ou annuler" in far
    assert "Déplacer ou annuler" not in near
    assert "Voir mon rendez-vous" in near
    assert "À moins de 336\u00a0h du rendez-vous" in near


def test_the_pages_of_the_visit_say_what_one_needs_and_the_public_ones_do_not(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    link = "https://visio.example/salle"
    cabinet.location.kind, cabinet.location.video_url = "video", link
    cabinet.location.access_text = "Testez votre micro."
    cabinet.location.save()
    cabinet.type.instructions = "Apportez vos examens."
    cabinet.type.save(update_fields=["instructions"])
    form = text(visitor.choose(FAR))
    booked = visitor.book(FAR)

    for action in ("confirme/", ""):
        page = text(visitor.get(address(booked, action)))
        assert f'href="{link}"' in page
        assert "Testez votre micro." in page
        assert "Apportez vos examens." in page
    file = text(visitor.get(address(booked, "rendez-vous.ics"))).replace("\r\n ", "")
    assert link in file
    assert "Apportez vos examens." in file
    assert link not in form
    assert link not in text(visitor.get("/"))
    visitor.post(address(booked, "annuler/"))
    assert link not in text(visitor.get(address(booked)))


def test_without_sms_the_form_says_beside_the_phone_that_no_message_comes(visitor: Visitor) -> None:
    page = text(visitor.choose())

    assert "vous ne recevrez pas de message" in page
    assert "SMS" not in page


def test_the_thread_promises_a_reminder_only_to_who_can_get_one(visitor: Visitor) -> None:
    form = html.unescape(text(visitor.choose(FAR)))
    mailed = text(visitor.get(address(visitor.book(FAR))))
    called = text(visitor.get(address(visitor.book(FAR, email="", phone="06 39 98 01 04"))))

    assert "Le rappel part, si vous donnez un e-mail." in form
    assert "Le rappel part." in mailed
    assert "Le rappel part" not in called


def test_a_practice_with_sms_says_so_where_a_gateway_is_there(
    visitor: Visitor, cabinet: Cabinet, settings: Settings
) -> None:
    cabinet.practice.sms_enabled = True
    cabinet.practice.save(update_fields=["sms_enabled"])
    without = text(visitor.choose())
    settings.SMS_GATEWAY = "brevo"
    booked = visitor.book(FAR, email="", phone="06 39 98 01 04")

    assert "SMS" not in without
    assert "Un mobile permet le rappel par SMS" in text(visitor.choose())
    done = text(visitor.get(address(booked, "confirme/")))
    assert "vers votre téléphone" in done
    assert booked.spoken_ref in done
    fixed = visitor.book(FAR, email="", phone="05 36 49 00 12")
    assert "Un téléphone fixe ne reçoit pas nos messages." in html.unescape(
        text(visitor.get(address(fixed, "confirme/")))
    )
