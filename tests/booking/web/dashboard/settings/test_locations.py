"""Locations in the dashboard: what each kind needs, and what the page says."""

import uuid

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from booking.models import (
    Location,
)
from tenants.accounts.models import Role
from tests.accounts import browser, make_member
from tests.factories import (
    Cabinet,
)


@pytest.fixture
def owner(cabinet: Cabinet, host: str) -> Client:
    """Return the owner's browser."""
    return browser(host, make_member(Role.OWNER))


def page(name: str, *refs: uuid.UUID) -> str:
    """Return the address of a page of the dashboard."""
    return reverse(f"dashboard:{name}", args=refs)


def test_places_ask_what_their_kind_needs(owner: Client) -> None:
    typed = {"name": "Domicile", "kind": "home", "time_zone": "Europe/Paris", "territory": ""}

    refused = owner.post(page("place_add"), typed)
    wrong = owner.post(page("place_add"), {**typed, "served_postcodes": "64210, abc"})
    passed = owner.post(page("place_add"), {**typed, "served_postcodes": "64210, 64500"})

    assert (refused.status_code, wrong.status_code, passed.status_code) == (422, 422, 302)
    assert Location.objects.get(name="Domicile").served_postcodes == ["64210", "64500"]


def test_places_say_that_home_visits_need_an_address(owner: Client, host: str) -> None:
    expected = "l’adresse n’est pas demandée"
    before = owner.get(page("places")).content.decode()
    Location.objects.create(name="Domicile", kind="home", served_postcodes=["64210"])
    lacking = owner.get(page("places")).content.decode()

    answer = owner.post(page("place_address"))

    after = owner.get(page("places")).content.decode()
    assert answer.status_code == 302
    assert [expected in page for page in (before, lacking, after)] == [False, True, False]
    assert (
        "À quelle adresse venir"
        in Client(SERVER_NAME=host).get("/confidentialite/").content.decode()
    )


def test_a_video_place_keeps_an_https_link_and_no_other(owner: Client) -> None:
    typed = {"name": "En visio", "kind": "video", "time_zone": "Europe/Paris", "territory": ""}
    link = "https://visio.example/salle?a=1"

    refused = owner.post(page("place_add"), {**typed, "video_url": "http://visio.example/salle"})
    passed = owner.post(page("place_add"), {**typed, "video_url": f" {link} "})

    place = Location.objects.get(name="En visio")
    assert (refused.status_code, passed.status_code) == (422, 302)
    assert "http://visio.example/salle" in refused.content.decode()
    assert place.video_url == link
    change = {**typed, "kind": "home", "served_postcodes": "64210", "video_url": link}
    assert owner.post(page("place_edit", place.ref), change).status_code == 302
    place.refresh_from_db()
    assert place.video_url == ""


@pytest.mark.parametrize("link", ["http://visio.example/salle", "javascript:alert(1)"])
def test_the_database_refuses_another_link(cabinet: Cabinet, link: str) -> None:
    with pytest.raises(IntegrityError, match="location_video_link"), transaction.atomic():
        Location.objects.filter(pk=cabinet.location.pk).update(kind="video", video_url=link)


def test_an_office_has_no_video_link(cabinet: Cabinet) -> None:
    with pytest.raises(IntegrityError, match="location_video_link"), transaction.atomic():
        Location.objects.filter(pk=cabinet.location.pk).update(video_url="https://visio.example/s")


def test_a_text_for_messages_takes_no_web_address(owner: Client) -> None:
    typed = {
        "name": "Cabinet", "kind": "office", "street": "1 rue", "postcode": "64210", "town": "Bidart",
        "time_zone": "Europe/Paris", "territory": "", "access_text": "Plan : https://x.example/plan",
    }  # fmt: skip

    refused = owner.post(page("place_add"), typed)

    assert refused.status_code == 422
    assert "Pas d’adresse de site ici" in refused.content.decode()
    assert "https://x.example/plan" in refused.content.decode()
