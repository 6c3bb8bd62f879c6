"""P6 as a patient meets it: asking for an earlier slot, answering, leaving; nothing by GET, no cookie."""

from datetime import timedelta

import pytest
from django.http import HttpResponse

from booking.appointments.cancel import cancel
from booking.models import Appointment, Offer, Practice, WaitingEntry
from booking.patients import links
from booking.rules import kinds
from booking.waiting_list import (
    offers,
    waiting_contacts,
    waiting_entries,
)
from tenants.outbox.models import OutboxEntry
from tests.booking.web.public.conftest import (
    Visitor,
    address,
    hidden,
    text,
)
from tests.factories import NOW, Cabinet, make_appointment, make_person

TYPED = {"first_name": "Ane", "last_name": "Factice", "email": "ane@example.org"}


def join(visitor: Visitor, **typed: str) -> HttpResponse:
    """Open the form, read it at a person's pace, and send it."""
    page = visitor.get("/plus-tot/")
    visitor.wait(seconds=20)
    return visitor.post("/plus-tot/", hidden(text(page)) | TYPED | typed)


def plain(answer: HttpResponse) -> str:
    """Return the page with ordinary spaces."""
    return " ".join(text(answer).split())


def freed(cabinet: Cabinet) -> Appointment:
    """Cancel an appointment of next week."""
    booked = make_appointment(cabinet, NOW + timedelta(days=8), person=make_person(phone=""))
    return cancel(appointment=booked, by_patient=True, actor="patient", now=NOW)


def offered(cabinet: Cabinet) -> str:
    """Free a slot and return the address of the offer."""
    freed(cabinet)
    offer = Offer.objects.get(state=Offer.OfferState.OFFERED)
    return f"/offre/{offers.link_of(offer)}/"


def test_the_way_to_the_list_stands_under_the_slots(visitor: Visitor) -> None:
    assert 'href="/plus-tot/?motif=' in text(visitor.get("/creneaux/"))

    Practice.objects.update(waiting_minutes=0)

    assert "/plus-tot/" not in text(visitor.get("/creneaux/"))
    assert visitor.get("/plus-tot/").status_code == 409


def test_joining_seals_the_person_and_says_until_when(visitor: Visitor, cabinet: Cabinet) -> None:
    page = plain(visitor.get("/plus-tot/"))
    assert "Au plus tard le 10 décembre 2026" in page

    answer = join(visitor, days="1", half="morning")

    assert answer.status_code == 302
    assert answer.headers["Location"] == "/plus-tot/note/?par=mail"
    assert not answer.cookies
    entry = WaitingEntry.objects.get()
    assert (entry.weekdays, entry.half, entry.appointment_type) == (2, "morning", cabinet.type)
    person = waiting_contacts.open_entry(entry)
    assert person is not None
    assert (person.full_name, person.email) == ("Ane Factice", "ane@example.org")
    done = visitor.get(answer.headers["Location"])
    assert "C'est noté." in text(done)
    assert "no-store" in done.headers["Cache-Control"]


def test_the_answer_does_not_reveal_who_is_on_the_list(visitor: Visitor) -> None:
    first, second = join(visitor), join(visitor)

    assert first.headers["Location"] == second.headers["Location"]
    assert WaitingEntry.objects.count() == 1


def test_a_second_click_joins_once(visitor: Visitor) -> None:
    sent = hidden(text(visitor.get("/plus-tot/"))) | TYPED
    visitor.wait(seconds=20)

    assert [visitor.post("/plus-tot/", sent).status_code for _ in "12"] == [302, 302]
    assert WaitingEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"email": ""}, "Indiquez au moins un téléphone ou une adresse e-mail."),
        ({"email": "ane@"}, "Cette adresse e-mail ne semble pas valide."),
        ({"first_name": ""}, "Indiquez votre prénom."),
        ({"days": "9"}, "Choisissez parmi les jours proposés."),
        ({"half": "nuit"}, "Choisissez parmi les moments proposés."),
        ({"site_web": "https://example.org"}, "ressemble à celui d"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    visitor: Visitor, typed: dict[str, str], expected: str
) -> None:
    answer = join(visitor, last_name="Gardé", **typed)

    assert answer.status_code == 422
    assert expected in text(answer)
    assert 'value="Gardé"' in text(answer)
    assert not WaitingEntry.objects.exists()


def test_a_robot_is_refused(visitor: Visitor) -> None:
    page = text(visitor.get("/plus-tot/"))

    assert visitor.post("/plus-tot/", hidden(page) | TYPED).status_code == 422
    assert visitor.post("/plus-tot/", TYPED | {"token": "faux"}).status_code == 400
    cross = {"Origin": "https://autre.example", "Sec-Fetch-Site": "cross-site"}
    visitor.wait(seconds=20)
    assert visitor.post("/plus-tot/", hidden(page) | TYPED, **cross).status_code == 400
    assert not WaitingEntry.objects.exists()


def test_the_mail_leads_to_the_place_on_the_list_and_out_of_it(visitor: Visitor) -> None:
    join(visitor)
    link = f"/attente/{waiting_entries.link_of(WaitingEntry.objects.get())}/"

    for _ in "12":
        page = visitor.get(link)
        assert page.status_code == 200
        assert "Vous êtes sur la liste" in text(page)
        assert "Ane" not in text(page)
    assert WaitingEntry.objects.exists()
    left = visitor.post(link)

    assert "Vous n'êtes plus sur la liste" in text(left)
    assert not WaitingEntry.objects.exists()
    assert visitor.get(link).status_code == 404


def test_an_offer_is_read_without_harm_and_accepted_in_one_tap(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    join(visitor)
    link = offered(cabinet)

    page = visitor.get(link)
    assert page.status_code == 200
    assert "Accepter ce créneau" in text(page)
    assert "Ane" not in text(page)
    assert not page.cookies
    assert len(page.content) < 50_000
    assert Appointment.objects.filter(status=Appointment.Status.HELD).count() == 1

    answer = visitor.post(link, {"answer": "accept"})

    booked = Appointment.objects.get(status=Appointment.Status.BOOKED)
    assert answer.headers["Location"] == f"/rdv/{links.manage_token(booked)}/confirme/"
    assert "C'est noté, Ane." in text(visitor.get(answer.headers["Location"]))
    assert not WaitingEntry.objects.exists()
    assert visitor.post(link, {"answer": "accept"}).headers["Location"].endswith("/confirme/")
    assert "Vous avez accepté" in text(visitor.get(link))


def test_an_offer_is_refused_and_the_person_stays(visitor: Visitor, cabinet: Cabinet) -> None:
    join(visitor)
    link = offered(cabinet)

    assert visitor.post(link, {"answer": "refuse"}).status_code == 302

    page = visitor.get(link)
    assert page.status_code == 410
    assert "Vous restez sur la liste" in text(page)
    assert WaitingEntry.objects.exists()
    assert not Appointment.objects.filter(status=Appointment.Status.HELD).exists()


def test_leaving_from_an_offer_erases(visitor: Visitor, cabinet: Cabinet) -> None:
    join(visitor)
    link = offered(cabinet)

    assert visitor.post(link, {"answer": "leave"}).status_code == 200

    assert not WaitingEntry.objects.exists()
    assert visitor.get(link).status_code == 410


def test_an_offer_whose_time_is_over_books_nothing(visitor: Visitor, cabinet: Cabinet) -> None:
    join(visitor)
    link = offered(cabinet)
    visitor.wait(minutes=31)

    assert visitor.get(link).status_code == 410
    assert visitor.post(link, {"answer": "accept"}).status_code == 409
    assert not Appointment.objects.filter(status=Appointment.Status.BOOKED).exists()


@pytest.mark.parametrize("path", ["/offre/inconnu/", "/attente/inconnu/"])
def test_an_unknown_link_is_404_and_counted(visitor: Visitor, path: str) -> None:
    statuses = [visitor.get(path).status_code for _ in range(12)]

    assert statuses[0] == 404
    assert statuses[-1] == 429


@pytest.mark.parametrize("path", ["/offre/x/", "/attente/x/", "/plus-tot/", "/plus-tot/note/"])
def test_other_methods_are_refused(visitor: Visitor, path: str) -> None:
    assert visitor.client.put(path).status_code == 405


def test_an_answer_that_is_none_changes_nothing(visitor: Visitor, cabinet: Cabinet) -> None:
    join(visitor)
    link = offered(cabinet)

    assert visitor.post(link, {"answer": "?"}).status_code == 400
    assert Offer.objects.get().state == Offer.OfferState.OFFERED


def test_from_an_appointment_of_the_practice_nothing_is_typed_again(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    old = make_appointment(cabinet, NOW + timedelta(days=12))
    manage = text(visitor.get(address(old)))
    assert address(old, "plus-tot/") in manage
    page = plain(visitor.get(address(old, "plus-tot/")))
    assert "Au plus tard le 22 novembre 2026" in page
    assert "Spécimen" not in page

    answer = visitor.post(address(old, "plus-tot/"), {"half": "morning"})

    entry = WaitingEntry.objects.get()
    assert answer.headers["Location"] == f"/attente/{waiting_entries.link_of(entry)}/"
    assert (entry.appointment, entry.half) == (old, "morning")
    assert waiting_contacts.open_entry(entry) == make_person()
    assert "Voir ou quitter la liste" in text(visitor.get(address(old)))
    again = visitor.post(address(old, "plus-tot/"), {})
    assert again.headers["Location"] == answer.headers["Location"]
    assert WaitingEntry.objects.count() == 1


def test_accepting_by_link_gives_the_old_appointment_back(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    old = make_appointment(cabinet, NOW + timedelta(days=12))
    visitor.post(address(old, "plus-tot/"), {})
    link = offered(cabinet)
    assert "est annulé en même temps" in text(visitor.get(link))

    visitor.post(link, {"answer": "accept"})

    old.refresh_from_db()
    assert old.status == Appointment.Status.CANCELLED_BY_PATIENT
    booked = Appointment.objects.get(status=Appointment.Status.BOOKED)
    assert booked.starts_at == NOW + timedelta(days=8)


def test_past_the_limit_of_the_appointment_type_the_old_appointment_is_not_given_back_online(
    visitor: Visitor, cabinet: Cabinet
) -> None:
    old = make_appointment(cabinet, NOW + timedelta(days=12))
    visitor.post(address(old, "plus-tot/"), {})
    link = offered(cabinet)
    cabinet.type.cancel_hours = 12 * 24 + 1
    cabinet.type.save(update_fields=["cancel_hours"])

    answer = visitor.post(link, {"answer": "accept"})

    assert answer.status_code == 409
    assert "ne peut plus être annulé en ligne" in text(answer)
    assert Appointment.objects.filter(status=Appointment.Status.BOOKED).get() == old


def test_whoever_is_erased_cannot_join(visitor: Visitor, cabinet: Cabinet) -> None:
    nameless = make_appointment(
        cabinet,
        NOW + timedelta(days=12),
        person=make_person(first_name="", last_name="", phone="", email=""),
    )

    assert "/plus-tot/" not in text(visitor.get(address(nameless)))
    assert visitor.post(address(nameless, "plus-tot/")).status_code == 302
    assert not WaitingEntry.objects.exists()


def test_a_suspended_practice_takes_nobody(
    visitor: Visitor, cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    from booking.web.public.page import Site

    join(visitor)
    link = offered(cabinet)
    monkeypatch.setattr(Site, "is_open", False)

    assert visitor.get("/plus-tot/").status_code == 409
    assert visitor.post(link, {"answer": "accept"}).status_code == 409
    assert not Appointment.objects.filter(status=Appointment.Status.BOOKED).exists()


def test_the_link_of_the_list_is_sent_again_from_my_data(visitor: Visitor) -> None:
    join(visitor)
    page = visitor.get("/mes-donnees/")
    visitor.wait(seconds=20)

    visitor.post("/mes-donnees/", hidden(text(page)) | {"contact": "ane@example.org"})

    assert OutboxEntry.objects.filter(kind=kinds.WAITING_JOINED).count() == 2
