"""What every patient page keeps: methods, headers, no cookie, no third party, links that lead somewhere."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from booking.appointments.cancel import cancel
from booking.models import Appointment, Offer, PatientContact, WaitingEntry
from booking.patients import links
from booking.waiting_list import offers, waiting_entries
from booking.waiting_list.waiting_entries import Wish
from booking.web.public import urls
from tests.booking.web.public.conftest import (
    SLOT,
    Visitor,
    address,
    hidden,
    text,
)
from tests.factories import NOW, Cabinet, make_appointment, make_person

PUBLIC = (
    "/",
    "/creneaux/",
    "/mes-donnees/",
    "/mon-rendez-vous/",
    "/mes-donnees/envoye/",
    "/confidentialite/",
    "/mentions-legales/",
    "/accessibilite/",
)
LINKED = ("", "confirme/", "deplacer/", "sans-rappel/", "rendez-vous.ics")
POST_ONLY = ("annuler/", "coordonnees/", "effacer/", "donnees/")


@pytest.mark.parametrize("path", PUBLIC)
def test_public_pages_open_without_a_cookie(visitor: Visitor, path: str) -> None:
    response = visitor.get(path)

    assert response.status_code == 200
    assert not response.cookies
    assert not visitor.client.cookies


@pytest.mark.parametrize("path", PUBLIC)
def test_public_pages_name_no_foreign_host_but_the_map(visitor: Visitor, path: str) -> None:
    page = text(visitor.get(path))

    hosts = set(re.findall(r"(?:https?:)?//([a-z0-9.-]+)", page))
    assert hosts <= {"www.openstreetmap.org"}
    assert not re.search(r"<(?:script|img|iframe|link|source)[^>]+//", page)


@pytest.mark.parametrize("path", PUBLIC)
def test_every_link_of_a_public_page_leads_somewhere(visitor: Visitor, path: str) -> None:
    page = text(visitor.get(path))

    for target in set(re.findall(r'href="(/[^"#]*)', page)):
        if not target.startswith("/static/"):
            assert visitor.get(target.replace("&amp;", "&")).status_code == 200, target
    for anchor in set(re.findall(r'href="#([^"]+)"', page)):
        assert f'id="{anchor}"' in page, anchor


@pytest.mark.parametrize("path", PUBLIC)
def test_public_pages_refuse_other_methods_in_french(visitor: Visitor, path: str) -> None:
    for method in ("put", "patch", "delete"):
        response = getattr(visitor.client, method)(path)
        assert response.status_code == 405
        assert "GET" in response.headers["Allow"]
        assert "Rien" in response.content.decode()


def test_choosing_and_confirming_are_posts(visitor: Visitor) -> None:
    for path in ("/reserver/", "/reserver/confirmer/"):
        response = visitor.get(path)
        assert (response.status_code, response.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("action", LINKED)
def test_pages_behind_a_link_are_neither_stored_nor_indexed(visitor: Visitor, action: str) -> None:
    response = visitor.get(address(visitor.book(), action))

    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    if action != "rendez-vous.ics":
        assert "noindex" in response.headers["X-Robots-Tag"]


@pytest.mark.parametrize("action", [*LINKED, *POST_ONLY])
def test_a_stranger_with_a_wrong_link_finds_nothing(visitor: Visitor, action: str) -> None:
    visitor.book()
    path = f"/rdv/{'A' * 43}/{action}"

    assert visitor.client.generic("GET" if action in LINKED else "POST", path).status_code == 404


@pytest.mark.parametrize("action", POST_ONLY)
def test_acts_behind_a_link_refuse_to_be_opened(visitor: Visitor, action: str) -> None:
    path = address(visitor.book(), action)

    for method in ("get", "head", "put", "delete"):
        assert getattr(visitor.client, method)(path).status_code == 405


@pytest.mark.parametrize("method", ["get", "head"])
def test_opening_every_page_changes_nothing(visitor: Visitor, method: str) -> None:
    booked = visitor.book()
    before = everything()

    for pattern in urls.urlpatterns:
        path = "/" + str(pattern.pattern).replace("<str:token>", links.manage_token(booked))
        getattr(visitor.client, method)(path, {"outcome": "cancel", "slot": "x"})

    assert everything() == before


def everything() -> list[list[object]]:
    """What is recorded of the only appointment and its person."""
    rows = (Appointment.objects.values_list().get(), PatientContact.objects.values_list().get())
    return [[bytes(cell) if isinstance(cell, memoryview) else cell for cell in row] for row in rows]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://x.test"},
    ],
)
def test_a_form_of_another_site_is_refused(visitor: Visitor, headers: dict[str, str]) -> None:
    booked = visitor.book()

    assert visitor.post(address(booked, "annuler/"), None, **headers).status_code == 400
    booked.refresh_from_db()
    assert booked.status == Appointment.Status.BOOKED


def test_the_eleventh_wrong_link_of_a_network_waits(visitor: Visitor) -> None:
    answers = [visitor.get(f"/rdv/{number:043d}/") for number in range(11)]

    assert [answer.status_code for answer in answers] == [404] * 10 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert "patience" in text(answers[-1])


TOKEN_PATHS = [
    str(pattern.pattern) for pattern in urls.urlpatterns if "<str:token>" in str(pattern.pattern)
]
"""Every address of a patient that holds a secret: a new one is tried too."""


@pytest.mark.parametrize("path", TOKEN_PATHS)
def test_a_valid_link_opens_whatever_its_neighbours_have_tried(
    visitor: Visitor, cabinet: Cabinet, path: str
) -> None:
    """Ten wrong links of one network do not shut its good ones; a wrong one is counted at every address."""
    for number in range(11):
        visitor.get(f"/rdv/{number:043d}/")
    good = token_of(path.partition("/")[0], visitor, cabinet)

    def statuses(token: str) -> set[int]:
        address = "/" + path.replace("<str:token>", token)
        return {visitor.get(address).status_code, visitor.post(address).status_code} - {405}

    opened = statuses(good)

    assert 429 not in opened
    assert 404 not in opened
    assert 429 in statuses("x" * 43)


def first_slot(page: HttpResponse) -> dict[str, str]:
    """Return the field of the first slot button of a page."""
    return {"slot": SLOT.findall(text(page))[0]}


def token_of(place: str, visitor: Visitor, cabinet: Cabinet) -> str:
    """Return a valid token for the addresses that begin with ``place``."""
    if place in {"rdv", "r"}:
        booked = visitor.book()
        return links.manage_token(booked) if place == "rdv" else links.short_token(booked)
    if place == "reserver":
        pressed = visitor.press(hidden(text(page := visitor.get("/"))) | first_slot(page))
        return hidden(text(pressed))["token"]
    waiting_entries.join(
        wish=Wish(cabinet.type, cabinet.location, None),
        person=make_person(),
        form_ref=uuid4(),
        origin=WaitingEntry.EntryOrigin.PATIENT,
        actor="patient",
        now=NOW,
    )
    if place == "attente":
        return waiting_entries.link_of(WaitingEntry.objects.get())
    left = make_appointment(cabinet, NOW + timedelta(days=8), person=make_person(phone=""))
    cancel(appointment=left, by_patient=True, actor="patient", now=NOW)
    return offers.link_of(Offer.objects.get())


def test_looking_at_slots_too_often_waits(visitor: Visitor) -> None:
    answers = [visitor.get("/creneaux/").status_code for _ in range(61)]

    assert answers[-2:] == [200, 429]


def test_a_link_dies_at_the_start_of_the_appointment(visitor: Visitor) -> None:
    booked = visitor.book()
    visitor.wait(days=30)

    for action in ("", "confirme/", "rendez-vous.ics"):
        answer = visitor.get(address(booked, action))
        assert answer.status_code == 410
        assert "passé" in text(answer)
    assert visitor.post(address(booked, "annuler/")).status_code == 410


def test_pages_behind_a_link_show_neither_name_nor_number(visitor: Visitor) -> None:
    booked = visitor.book(phone="06 39 98 01 04", last_name="Zweigstein")
    visitor.wait(hours=2)

    for action in ("", "deplacer/", "sans-rappel/"):
        page = text(visitor.get(address(booked, action)))
        for word in ("Camille", "Zweigstein", "98 01 04", "+3363", "camille@"):
            assert word not in page


def test_an_unknown_page_says_so_in_french(visitor: Visitor, cabinet: Cabinet) -> None:
    response = visitor.get("/nulle-part/")

    assert response.status_code == 404
    assert "n&#x27;existe pas" in text(response) or "n'existe pas" in text(response)
    assert cabinet.practice.name in text(response)


@pytest.mark.parametrize("path", ["/", "/creneaux/"])
def test_pages_with_slots_ask_the_database_ten_times_at_most(visitor: Visitor, path: str) -> None:
    visitor.get(path)  # from now on the process knows the host

    with CaptureQueriesContext(connection) as asked:
        visitor.get(path)

    assert len(asked) <= 10  # one of them for what the practice has published


@pytest.mark.parametrize("path", ["/", "/creneaux/", "/mes-donnees/"])
def test_every_form_names_the_controller_and_leads_to_the_rights(
    visitor: Visitor, cabinet: Cabinet, path: str
) -> None:
    page = text(visitor.get(path))

    assert "<form" in page
    assert cabinet.practice.name in page
    for target in ("/mes-donnees/", "/confidentialite/"):
        assert f'href="{target}"' in page
