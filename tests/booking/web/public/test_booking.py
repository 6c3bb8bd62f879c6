"""From a slot to a booking, and everything that can go wrong between them."""

import html
import re
from pathlib import Path

import pytest
from django.http import HttpResponse

from booking.abuse import limits, proof_of_work
from booking.models import Appointment, ExtraField, Location, PatientContact
from booking.patients import contacts, form_versions, links
from booking.patients.form_versions import FormQuestion
from booking.rules.persons import Person
from booking.web.public.forms import HONEYPOT
from tests.booking.web.public.conftest import (
    SLOT,
    Visitor,
    hidden,
    text,
)
from tests.factories import NOW, Cabinet, make_hours, make_location, make_practitioner, make_type

FAR = 12
NBSP = "\u00a0"
PHONE = "06 39 98 01 04"
NETWORK = "127.0.0.0/24"
"""The network of the visitor."""


def person_of(appointment: Appointment) -> Person:
    contact = contacts.contact_of(appointment)
    assert contact is not None
    person = contacts.open_contact(contact)
    assert person is not None
    return person


def test_a_slot_is_chosen_filled_and_booked(visitor: Visitor, cabinet: Cabinet) -> None:
    booked = visitor.book(2, phone=PHONE)

    assert booked.status == Appointment.Status.BOOKED
    assert booked.practitioner_id == cabinet.practitioner.pk
    person = person_of(booked)
    assert (person.first_name, person.last_name) == ("Camille", "Spécimen")
    assert (person.email, person.phone) == ("camille@example.org", "+33639980104")


def test_choosing_a_slot_holds_it_without_a_word_about_anybody(visitor: Visitor) -> None:
    visitor.choose()

    assert Appointment.objects.get().status == Appointment.Status.HELD
    assert not PatientContact.objects.exists()


def test_choosing_another_slot_of_the_page_frees_the_first(visitor: Visitor) -> None:
    page = text(visitor.get("/"))
    values = SLOT.findall(page)
    for value in values[:2]:
        visitor.post("/reserver/", hidden(page) | {"slot": value})

    assert Appointment.objects.count() == 1


def test_the_form_asks_for_exactly_what_is_published(visitor: Visitor) -> None:
    page = text(visitor.choose())

    of_the_head = {"viewport", "color-scheme", "referrer", "robots"}
    asked = set(re.findall(r' name="([^"]+)"', page)) - of_the_head
    assert asked == {
        "token", "appointment_type", "slot", "site_web",
        "first_name", "last_name", "phone", "email", "for_other", "other_first_name",
    }  # fmt: skip


def test_a_second_click_leads_to_the_same_booking(visitor: Visitor) -> None:
    details = visitor.choose()

    answers = [visitor.fill(details) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert Appointment.objects.count() == 1


def test_a_page_that_has_booked_starts_anew_and_shows_nobody(visitor: Visitor) -> None:
    page = text(visitor.get("/"))
    first, second = SLOT.findall(page)[:2]
    visitor.fill(visitor.press(hidden(page) | {"slot": first}))

    again = visitor.press(hidden(page) | {"slot": second})

    assert again.status_code == 200
    assert "Camille" not in text(again)
    assert {row.status for row in Appointment.objects.all()} == {"held", "booked"}


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"first_name": ""}, "Indiquez votre prénom."),
        ({"last_name": "  "}, "Indiquez votre nom."),
        ({"last_name": "123"}, "Écrivez ce nom en lettres."),
        ({"email": ""}, "Indiquez au moins un téléphone ou une adresse e-mail."),
        ({"phone": "06 39 98 01"}, "Ce numéro ne semble pas valide."),
        ({"phone": "3615"}, "Ce numéro ne semble pas valide."),
        ({"phone": "08 99 70 00 00"}, "Ce numéro ne semble pas valide."),
        ({"email": "camille@"}, "Cette adresse e-mail ne semble pas valide."),
        ({"for_other": "on"}, "Indiquez le prénom de cette personne."),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(
    visitor: Visitor, typed: dict[str, str], expected: str
) -> None:
    details = visitor.choose()

    answer = visitor.fill(details, other_first_name="", **typed)
    page = html.unescape(text(answer))

    assert answer.status_code == 422
    assert page.count(expected) == 2  # once in the summary, once beside the field
    assert "point à corriger" in page
    assert 'aria-invalid="true"' in page
    kept = {
        "first_name": "Camille",
        "last_name": "Spécimen",
        "email": "camille@example.org",
    } | typed
    for value in kept.values():
        assert not value.strip() or f'value="{value}"' in page or value == "on"
    assert Appointment.objects.get().status == Appointment.Status.HELD


def test_each_field_is_tied_to_its_error_its_help_and_the_erasure(visitor: Visitor) -> None:
    page = text(visitor.fill(visitor.choose(), last_name=""))

    tied = 'aria-describedby="id_last_name_error id_last_name_help vd_effacement"'
    assert tied in page
    for name in ("id_last_name_error", "id_last_name_help", "vd_effacement"):
        assert page.count(f'id="{name}"') == 1


def test_after_a_mistake_the_same_page_books(visitor: Visitor) -> None:
    wrong = visitor.fill(visitor.choose(), last_name="")

    assert visitor.fill(wrong).status_code == 302


@pytest.mark.parametrize(
    "name", ["O", "Nuñez d'Aragón", "Le Goff-Ó Súilleabháin", "李", "Мария", "é" * 80]
)
def test_names_are_kept_as_they_are_written(visitor: Visitor, name: str) -> None:
    assert person_of(visitor.book(last_name=name)).last_name == name


def test_without_the_tick_the_other_person_is_ignored(visitor: Visitor) -> None:
    assert person_of(visitor.book(other_first_name="Zoé")).relative == ""


def test_a_relative_is_known_by_first_name_only(visitor: Visitor) -> None:
    booked = visitor.book(for_other="on", other_first_name="Zoé")

    assert person_of(booked).relative == "Zoé"


def test_a_number_is_read_in_the_territory_of_the_place(visitor: Visitor, cabinet: Cabinet) -> None:
    Location.objects.update(territory="GP", time_zone="America/Guadeloupe", postcode="97110")

    assert person_of(visitor.book(phone="06 90 12 34 56")).phone == "+590690123456"


def test_a_slot_taken_meanwhile_offers_three_others_and_keeps_what_was_typed(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    details = visitor.choose()
    appointment = Appointment.objects.get()
    Appointment.objects.filter(pk=appointment.pk).delete()
    other = Visitor(str(visitor.client.defaults["SERVER_NAME"]), visitor.clock)
    other.book(email="autre@example.org")

    answer = visitor.fill(details, phone=PHONE)
    page = text(answer)

    assert answer.status_code == 409
    assert len(SLOT.findall(page)) == 3
    chosen = visitor.post("/reserver/", hidden(page) | {"slot": SLOT.findall(page)[0]})
    for value in ("Camille", "Spécimen", "camille@example.org", PHONE):
        assert f'value="{value}"' in text(chosen)
    assert visitor.post(
        "/reserver/confirmer/",
        hidden(text(chosen)) | {"first_name": "Camille", "last_name": "S", "phone": PHONE},
    ).status_code in {302, 422}


def test_a_hold_that_ran_out_still_books_when_the_slot_is_free(visitor: Visitor) -> None:
    details = visitor.choose()
    visitor.wait(minutes=30)

    assert visitor.fill(details).status_code == 302


def test_a_form_of_another_practice_is_refused(visitor: Visitor) -> None:
    fields = hidden(text(visitor.choose()))
    wrong = fields | {"token": fields["token"][:-4] + "AAAA"}

    assert visitor.post("/reserver/confirmer/", wrong).status_code == 400
    assert visitor.post("/reserver/", wrong | {"slot": fields["slot"]}).status_code == 400


def test_a_form_sent_in_one_second_is_shown_again_and_then_books(visitor: Visitor) -> None:
    details = visitor.choose()
    values = {"first_name": "Camille", "last_name": "Spécimen", "email": "camille@example.org"}
    fast = visitor.post("/reserver/confirmer/", hidden(text(details)) | values)

    assert fast.status_code == 422
    assert "attendez 3\u00a0s, puis confirmez de nouveau" in html.unescape(text(fast))
    assert "à corriger" not in text(fast)  # nothing that was typed is wrong
    assert visitor.fill(fast).status_code == 302


def test_the_hidden_field_catches_robots(visitor: Visitor) -> None:
    answer = visitor.fill(visitor.choose(), site_web="https://x.test")

    assert answer.status_code == 422
    assert Appointment.objects.get().status == Appointment.Status.HELD


def test_a_page_left_open_for_a_day_is_shown_again_with_what_was_typed(visitor: Visitor) -> None:
    details = visitor.choose(9)  # a slot of another day
    visitor.wait(hours=5)
    stale = visitor.fill(details)

    assert stale.status_code == 422
    assert 'value="Spécimen"' in text(stale)
    assert visitor.fill(stale).status_code == 302


def test_a_waiting_room_holds_twenty_slots_at_once(visitor: Visitor) -> None:
    """The limit of holds counts what a program does, not the persons who share a network."""
    answers = [visitor.choose() for _ in range(21)]

    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert answers[-1].headers["Retry-After"] == "600"


def test_a_network_that_sends_refused_forms_holds_three_slots(visitor: Visitor) -> None:
    for _ in range(8):
        limits.record_abuse_signal(NETWORK, now=NOW)

    assert [visitor.choose().status_code for _ in range(4)] == [200, 200, 200, 429]


def test_the_fourth_booking_of_a_person_in_a_day_goes_by_telephone(visitor: Visitor) -> None:
    for number in range(3):
        visitor.book(number)

    answer = visitor.fill(visitor.choose())

    assert answer.status_code == 422
    assert "05\u00a036\u00a049\u00a000\u00a012" in text(answer)
    assert Appointment.objects.filter(status="booked").count() == 3


def test_the_eleventh_form_of_a_network_and_address_waits(visitor: Visitor) -> None:
    details = visitor.choose()
    answers = [visitor.fill(details, last_name="").status_code for _ in range(10)]
    # All within one window of ten minutes: the visitor's clock moves by 20 seconds a form.
    last = visitor.fill(details, last_name="")

    assert set(answers) == {422}
    assert last.status_code == 429
    assert 0 < int(last.headers["Retry-After"]) <= 600


def test_under_attack_the_form_works_slowly_without_javascript(visitor: Visitor) -> None:
    for _ in range(30):
        limits.record_abuse_signal(NETWORK, now=NOW)
    details = visitor.choose()
    page = text(details)

    assert "data-challenge" in page
    assert "30 secondes" in page
    assert visitor.fill(details).status_code == 422
    assert visitor.fill(details).status_code == 302


def test_under_attack_work_opens_the_form_at_once(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(30):
        limits.record_abuse_signal(NETWORK, now=NOW)
    details = visitor.choose()
    monkeypatch.setattr(proof_of_work, "is_solved", lambda solution, **_named: solution == "done")

    assert visitor.fill(details, work="done").status_code == 302


def test_in_peace_no_page_carries_a_script(visitor: Visitor) -> None:
    assert "<script" not in text(visitor.choose())


@pytest.mark.parametrize(
    "slot", ["", "x", "zzzzzzzz-00000000-00000000", "1-1-1", "0-" + "0" * 8 + "-" + "0" * 8]
)
def test_a_slot_that_no_button_says_is_refused(visitor: Visitor, slot: str) -> None:
    fields = hidden(text(visitor.get("/")))

    assert visitor.post("/reserver/", fields | {"slot": slot}).status_code == 400


def test_a_published_question_is_asked_kept_and_explained(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    publish(ExtraField.FieldKind.ADDRESS, label="Adresse de la visite", key="address")
    page = text(visitor.choose())
    booked = visitor.book(1, extra_address="3 impasse Fictive, 64210 Bidart")

    assert "Adresse de la visite" in page
    assert "savoir où venir" in page
    assert person_of(booked).extras == {"address": "3 impasse Fictive, 64210 Bidart"}
    assert "Adresse de la visite" in text(visitor.get("/confidentialite/"))


def test_home_visits_outside_the_zone_are_refused_with_the_zone(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    publish(ExtraField.FieldKind.ADDRESS, label="Adresse de la visite", key="address")
    Location.objects.update(kind=Location.LocationKind.HOME, served_postcodes=["64210", "64200"])

    answer = visitor.fill(visitor.choose(), extra_address="1 rue Fictive, 33000 Bordeaux")

    assert answer.status_code == 422
    page = html.unescape(text(answer)).replace("\u00a0", " ")
    assert (
        "dans ces communes : 64210, 64200. Pour une autre commune, appelez le 05 36 49 00 12."
        in page
    )


def test_a_suspended_practice_takes_no_booking(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    details = visitor.choose()
    monkeypatch.setattr("booking.web.public.page.Site.is_open", property(lambda _site: False))

    assert visitor.fill(details).status_code == 409
    assert "pas ouverte" in text(visitor.get("/"))
    assert not SLOT.findall(text(visitor.get("/creneaux/")))


def test_the_privacy_notice_names_the_controller_the_date_and_the_rights(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    page = html.unescape(text(visitor.choose()))

    assert f"{cabinet.practice.name}, responsable du traitement" in page
    assert "2\u00a0novembre\u00a02027" in page  # 357 days after the pretended now
    assert 'href="/mes-donnees/"' in page
    assert 'href="/confidentialite/"' in page


def test_with_a_choice_of_colleagues_the_slot_says_who(visitor: Visitor, cabinet: Cabinet) -> None:
    other = make_practitioner("Hugo Fictif")
    cabinet.type.practitioners.add(other)

    page = text(visitor.get("/"))

    assert "Maite\u00a0E." in page
    assert "Première personne libre" in page


def test_far_from_paris_the_hour_is_named(visitor: Visitor) -> None:
    Location.objects.update(time_zone="Indian/Reunion", territory="RE", postcode="97400")

    for page in (visitor.get("/"), visitor.get("/creneaux/"), visitor.choose()):
        assert "eure de La Réunion" in text(page)


def test_filters_lead_to_the_slots_of_an_appointment_type(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    place = make_location(name="Maison de santé")
    long = make_type(
        [cabinet.practitioner], [cabinet.location, place], label="Bilan", duration_min=90
    )

    page = text(visitor.get(f"/creneaux/?motif={long.ref.hex}"))

    assert '<p class="what">Bilan</p> <p class="terms"> 90 min' in page
    assert re.search(rf'href="/creneaux/\?motif={long.ref.hex}&(amp;)?lieu={place.ref.hex}', page)


@pytest.mark.parametrize(
    "query",
    [
        "semaine=x",
        "jour=x",
        "jour=2026-11-15",
        "semaine=9999-12-31",
        "semaine=0001-01-01",
        "motif=zz",
        "avec=%00",
        "lieu=" + "f" * 32,
    ],
)
def test_strange_filters_never_fail(visitor: Visitor, query: str) -> None:
    assert visitor.get(f"/creneaux/?{query}").status_code == 200


@pytest.mark.parametrize(
    "junk",
    [
        "\x00",
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
        "A" * 10_000,
        "<script>alert(1)</script>",
    ],
)
def test_strange_input_is_refused_or_escaped(visitor: Visitor, junk: str) -> None:
    answer = visitor.fill(visitor.choose(), first_name=junk, phone=junk)

    assert answer.status_code == 422
    assert "<script>alert" not in text(answer)


def publish(kind: ExtraField.FieldKind, *, label: str, key: str) -> None:
    question = FormQuestion(
        key=key, label=label, kind=kind, purpose="savoir où venir", retention="fin du rendez-vous"
    )
    form_versions.publish(questions=[question], actor="system", now=NOW)


def test_a_crowded_week_stays_small_and_each_day_shows_all_its_hours(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    cabinet.type.duration_min = cabinet.type.step_min = 15
    cabinet.type.save(update_fields=["duration_min", "step_min"])
    for name in ("Hugo Fictif", "Léa Modèle-Dupuis"):
        colleague = make_practitioner(name)
        cabinet.type.practitioners.add(colleague)
        make_hours(
            colleague, cabinet.location, weekdays=range(7), starts_min=8 * 60, ends_min=20 * 60
        )

    week = visitor.get("/creneaux/?semaine=2026-11-16")
    day = visitor.get("/creneaux/?jour=2026-11-19")

    style = len(Path("config/static/ui.css").read_bytes())
    assert len(week.content) + style < 48_000
    assert len(day.content) + style < 48_000
    assert len(set(SLOT.findall(text(week)))) == 7 * 2 * 8 + 1
    assert "Voir les 48 heures libres" in text(week)
    assert len(set(SLOT.findall(text(day)))) == 48 + 1


@pytest.mark.parametrize(
    ("reached", "expected"),
    [
        ({}, "ou appelez le 05 36 49 00 12."),
        ({"phone": ""}, "ou écrivez à cabinet@example.org."),
        ({"phone": "", "email": ""}, ": confirmez de nouveau."),
    ],
)
def test_a_complaint_names_no_number_that_is_not_there(
    visitor: Visitor, cabinet: Cabinet, reached: dict[str, str], expected: str
) -> None:
    for name, value in reached.items():
        setattr(cabinet.practice, name, value)
    cabinet.practice.save()

    answer = visitor.fill(visitor.choose(), **{HONEYPOT: "x"})

    assert expected in html.unescape(text(answer)).replace("\u00a0", " ")


def test_a_likely_typing_error_is_asked_about_and_never_blocks(visitor: Visitor) -> None:
    typed = {"email": "camille@gmial.com"}
    details = visitor.choose(FAR)
    asked = visitor.fill(details, **typed)
    page = html.unescape(text(asked))

    assert asked.status_code == 422
    assert f"Vouliez-vous dire camille@gmail.com{NBSP}?" in page
    assert 'value="camille@gmial.com"' in page
    # The Enter key presses the first button of a form, which must not change the address.
    assert page.index("<button hidden") < page.index('name="email_suggested"')

    accepted = visitor.fill(asked, **typed, email_suggested="camille@gmail.com")
    assert accepted.status_code == 302
    assert open_person(accepted).email == "camille@gmail.com"


def test_the_same_form_again_keeps_the_address_as_typed(visitor: Visitor) -> None:
    typed = {"email": "camille@gmial.com"}
    asked = visitor.fill(visitor.choose(FAR), **typed)

    kept = visitor.fill(asked, **typed)

    assert kept.status_code == 302
    assert open_person(kept).email == "camille@gmial.com"


def test_no_address_but_the_proposed_one_replaces_what_was_typed(visitor: Visitor) -> None:
    answer = visitor.fill(visitor.choose(FAR), email_suggested="other@gmail.com")

    assert answer.status_code == 302
    assert open_person(answer).email == "camille@example.org"


def open_person(answer: HttpResponse) -> Person:
    """Return the person of the appointment that an answer leads to."""
    booked = links.find_by_token(answer.headers["Location"].split("/")[2])
    assert booked is not None
    return person_of(booked)
