"""Locations in the dashboard: what each kind needs, and what the page says."""

import uuid

import pytest
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
