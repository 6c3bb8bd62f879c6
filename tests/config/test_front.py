"""The home page of lib-rdv's public host."""

import pytest
from django.test import Client

from tenants.schema import Unit
from tests.conftest import PUBLIC_HOST


@pytest.fixture
def client() -> Client:
    return Client(headers={"host": PUBLIC_HOST})


def test_the_home_page_sets_no_cookie(public: Unit, client: Client) -> None:
    response = client.get("/")

    assert response.status_code == 200
    assert "05&nbsp;59&nbsp;23&nbsp;08&nbsp;04" in response.content.decode()
    assert not response.cookies


def test_clients_are_listed_in_the_demonstration_only(
    public: Unit, client: Client, settings
) -> None:
    hidden = client.get("/").content.decode()
    settings.DEMO = True
    shown = client.get("/").content.decode()

    assert "one.lib-rdv.localhost" not in hidden
    assert "one.lib-rdv.localhost" in shown


def test_the_home_page_refuses_a_post(public: Unit, client: Client) -> None:
    assert client.post("/").status_code == 405
