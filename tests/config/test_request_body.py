"""A body is bounded, and a form is read before the unit of work opens."""

import io
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from config.request_body import MOST_BYTES, MOST_PICTURE_BYTES, PICTURE_PATH, BodyFirst
from tenants.schema import Unit
from tests.accounts import browser


class Broken(io.BytesIO):
    """A body that ends before its announced length."""

    def read(self, *_: Any) -> bytes:
        """Fail as the server's stream does when the client has gone."""
        raise OSError

    def seekable(self) -> bool:
        """Say that it is a stream, as the server's."""
        return False


@pytest.fixture
def middleware() -> BodyFirst:
    """Return the middleware in front of a page that must not be reached with a bad body."""
    return BodyFirst(lambda request: HttpResponse(request.POST.get("a", "")))


def post(path: str, **extra: Any) -> HttpRequest:
    return RequestFactory().post(path, {"a": "1"}, **extra)


@pytest.mark.parametrize(
    ("path", "length", "status"),
    [
        ("/espace/", MOST_BYTES, 200),
        ("/espace/", MOST_BYTES + 1, 413),
        (f"{PICTURE_PATH}photo/", MOST_PICTURE_BYTES, 200),
        (f"{PICTURE_PATH}photo/", MOST_PICTURE_BYTES + 1, 413),
        (f"/x{PICTURE_PATH}", MOST_BYTES + 1, 413),
    ],
)
def test_only_pictures_may_be_longer_than_a_form(
    middleware: BodyFirst, path: str, length: int, status: int
) -> None:
    request = RequestFactory().generic("POST", path, b"x" * length, content_type="text/plain")

    answer = middleware(request)

    assert answer.status_code == status
    assert status == 200 or "trop volumineux" in answer.text  # type: ignore[attr-defined]


def test_a_body_that_breaks_off_is_no_error_of_ours(middleware: BodyFirst) -> None:
    request = post("/espace/")
    request._stream = Broken()

    answer = middleware(request)

    assert answer.status_code == 408
    assert "recommencez" in answer.text  # type: ignore[attr-defined]


def test_the_body_is_read_outside_of_any_transaction(
    middleware: BodyFirst,
) -> None:
    """The page finds the form in memory, whatever becomes of the connection."""
    request = post("/espace/")
    middleware(request)
    request._stream = Broken()

    assert request.POST["a"] == "1"


def test_the_body_comes_before_the_unit_of_work(settings: Any) -> None:
    order = settings.MIDDLEWARE

    assert order.index("config.request_body.BodyFirst") < order.index(
        "tenants.middleware.UnitOfWork"
    )


@pytest.mark.parametrize(
    "path", ["/%00", "/image/00000000-0000-0000-0000-000000000000/%00/", "/rdv/a%00b/"]
)
def test_an_address_with_a_nul_is_not_found(tenant: Unit, host: str, path: str) -> None:
    """PostgreSQL refuses the character: the picture of such a size answered 500."""
    client: Client = browser(host)

    assert client.get(path).status_code == 404


@pytest.mark.parametrize("name", ["statement_timeout", "lock_timeout"])
def test_no_statement_of_a_request_works_for_long(tenant: Unit, name: str) -> None:
    """The deadlines of the login apply inside a unit too."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting::int FROM pg_settings WHERE name = %s", [name])
        assert 0 < cursor.fetchone()[0] <= 15_000
