"""An answer that waits for an outside waits outside: no unit, no transaction, no connection is held."""

from collections.abc import Callable

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from tenants.after_unit import AfterUnit
from tenants.middleware import UnitOfWork
from tenants.schema import Unit, current_unit
from tests.conftest import HOSTS, ONE


@pytest.fixture
def served() -> Callable[[Callable[[HttpRequest], HttpResponse]], HttpResponse]:
    def serve(view: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
        request = RequestFactory().get("/", headers={"Host": HOSTS[ONE.schema]})
        response = UnitOfWork(view)(request)
        assert isinstance(response, HttpResponse)
        return response

    return serve


def test_it_is_finished_when_the_unit_is_over(
    committed_tenant: Callable[[str], Unit], served: Callable[..., HttpResponse]
) -> None:
    units: list[Unit | None] = []

    def view(_request: HttpRequest) -> HttpResponse:
        units.append(current_unit())

        def finish() -> str:
            units.append(current_unit())
            return "été"

        return AfterUnit(finish)

    response = served(view)

    assert units == [ONE, None]
    assert response.content.decode() == "été"
    assert response["Content-Length"] == "5"


def test_the_connect_host_stands_for_no_practice_and_knows_no_session(
    committed_tenant: Callable[[str], Unit],
) -> None:
    client = Client(headers={"Host": "connect.lib-rdv.localhost"})
    client.cookies["__Host-session"] = "a" * 32

    assert client.get("/").status_code == 404
    assert client.get("/espace/").status_code == 404
    answer = client.get("/google/retour")
    assert answer.status_code == 400
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in answer
