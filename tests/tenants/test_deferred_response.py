"""A response that waits for an external service does so without a unit, transaction or connection."""

from collections.abc import Callable

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from tenants.deferred_response import DeferredResponse
from tenants.middleware import UnitOfWork
from tenants.schema import Unit, current_unit
from tests.conftest import HOSTS, TENANT_ONE


@pytest.fixture
def served() -> Callable[[Callable[[HttpRequest], HttpResponse]], HttpResponse]:
    def serve(view: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
        request = RequestFactory().get("/", headers={"Host": HOSTS[TENANT_ONE.schema]})
        response = UnitOfWork(view)(request)
        assert isinstance(response, HttpResponse)
        return response

    return serve


def test_the_response_is_completed_after_the_unit(
    committed_tenant: Callable[[str], Unit], served: Callable[..., HttpResponse]
) -> None:
    units: list[Unit | None] = []

    def view(_request: HttpRequest) -> HttpResponse:
        units.append(current_unit())

        def finish() -> str:
            units.append(current_unit())
            return "été"

        return DeferredResponse(finish)

    response = served(view)

    assert units == [TENANT_ONE, None]
    assert response.content.decode() == "été"
    assert response["Content-Length"] == "5"


def test_the_connect_host_has_no_tenant_and_no_session(
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
