"""One log line per request, without data of the request, also for failures."""

import functools
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
import time_machine
from django.db import OperationalError
from django.test import Client
from pytest_django import Settings

from config.devtools.processes import ROOT
from config.logs import tenant_mark
from tenants import metrics, routing
from tenants.accounts.models import Role, User
from tenants.schema import Unit, inside
from tests.accounts import PASSWORD, add_totp, browser, make_member, sign_in, totp_code
from tests.config.urls_failing import SECRET, urlpatterns
from tests.conftest import PUBLIC_HOST, TENANT_ONE
from tests.factories import Cabinet

TOKEN = "jeton-canari"
MARKS = ("canari", "dupont", "%20", TOKEN)


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict]]:
    """Return a function that reads the lines written so far."""
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@functools.cache
def shared_client() -> Client:
    """Return a client whose middlewares are loaded once: WhiteNoise reads every folder."""
    return Client(raise_request_exception=False)


@pytest.fixture
def client(tenant: Unit, host: str) -> Client:
    """Return a client of the practice that receives error responses instead of exceptions."""
    routing.cache.clear()
    Cabinet()
    client = shared_client()
    client.defaults["HTTP_HOST"] = host
    client.cookies.clear()
    return client


@pytest.mark.parametrize("name", [str(pattern.name) for pattern in urlpatterns])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_failing_view_logs_nothing_of_the_request(
    client: Client, settings: Settings, capsys, name: str, method: str
) -> None:
    settings.ROOT_URLCONF = "tests.config.urls_failing"
    response = getattr(client, method)(
        f"/{name}/{TOKEN}/?q={quote(SECRET)}", {"name": SECRET}, headers={"user-agent": SECRET}
    )

    written = capsys.readouterr().err
    requests = [line for line in map(json.loads, written.splitlines()) if "route" in line]
    assert [(line["route"], line["status"]) for line in requests] == [(name, response.status_code)]
    for mark in MARKS:
        assert mark not in written.lower()
        assert mark not in response.content.decode().lower()
        assert mark not in str(response.headers).lower()


def test_a_crash_is_logged_by_type_and_line(client: Client, settings: Settings, lines) -> None:
    settings.ROOT_URLCONF = "tests.config.urls_failing"
    response = client.get(f"/crash/{TOKEN}/")

    (crash,) = [line for line in lines() if "exception" in line]
    assert response.status_code == 500
    assert crash["request"] == response["X-Request-ID"]
    assert [link["type"] for link in crash["exception"]] == [
        "builtins.RuntimeError",
        "builtins.ValueError",
    ]
    assert crash["exception"][0]["at"][-1].startswith("tests/config/urls_failing.py:")


def test_a_page_refused_to_a_member_is_logged_with_its_user(
    client: Client, host: str, lines
) -> None:
    user = make_member(Role.SECRETARY)
    member = browser(host, user)
    lines()

    member.get("/espace/equipe/")

    (line,) = [line for line in lines() if line["event"] == "request"]
    assert (line["route"], line["status"], line["user"]) == ("dashboard:team", 403, user.pk)


def test_the_line_of_a_request(client: Client, lines) -> None:
    response = client.get("/robots.txt")

    (line,) = lines()
    assert line.pop("time")
    assert line.pop("ms") >= 0
    assert line == {
        "level": "info",
        "event": "request",
        "logger": "request",
        "request": response["X-Request-ID"],
        "route": "booking:robots",
        "method": "GET",
        "status": 200,
        "tenant": tenant_mark(TENANT_ONE.schema),
    }


def test_a_request_id_of_the_client_is_ignored(client: Client) -> None:
    assert client.get("/robots.txt", headers={"x-request-id": SECRET})["X-Request-ID"] != SECRET


def test_a_user_is_logged_by_id(client: Client, lines) -> None:
    user = User.objects.create_user(email="canari@exemple.fr", password="x" * 20)
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    client.get("/espace/")

    (line,) = [line for line in lines() if line["event"] == "request"]
    assert line["user"] == user.pk
    assert "canari" not in json.dumps(line)


def test_a_failed_login_is_logged_without_the_name(client: Client, lines) -> None:
    before = metrics.REFUSED.labels("login")._value.get()
    client.post(
        "/connexion/",
        {"login": "canari@exemple.fr", "password": SECRET},
        headers={"x-forwarded-for": "192.0.2.77"},
        REMOTE_ADDR="198.51.100.23",
    )

    written = lines()
    (failed,) = [line for line in written if line["event"] == "login_failed"]
    assert failed["network"] == "198.51.100.0/24"
    assert failed["tenant"] == tenant_mark(TENANT_ONE.schema)
    assert metrics.REFUSED.labels("login")._value.get() == before + 1
    for mark in (*MARKS, "exemple.fr", "198.51.100.23"):
        assert mark not in json.dumps(written).lower()


def test_an_unknown_host_is_logged_without_its_name(client: Client, lines) -> None:
    client.get("/", headers={"host": "canari.example"})

    written = lines()
    assert [line["event"] for line in written] == ["unknown_host", "request"]
    assert "canari" not in json.dumps(written)


def test_a_host_is_not_unknown_while_the_database_does_not_answer(
    client: Client, lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each visitor of an outage would stand in the security log, with the whole address."""

    def fail(host: str) -> None:
        raise OperationalError

    monkeypatch.setattr("tenants.middleware.find_route", fail)
    client.raise_request_exception = False
    response = client.get("/", headers={"host": "one.lib-rdv.localhost"})

    assert response.status_code == 500
    assert "unknown_host" not in [line["event"] for line in lines()]


@pytest.mark.parametrize("host", ["unknown.example", "one.lib-rdv.localhost"])
def test_plain_texts_of_the_middleware_say_their_characters(
    client: Client, host: str, monkeypatch
) -> None:
    """Without a charset browsers showed « Aucun site Ã  cette adresse »."""
    monkeypatch.setattr("tenants.middleware.CURRENT_VERSION", "newer")
    response = client.get("/", headers={"host": host})

    assert response.status_code in {404, 503}
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert "à" in response.content.decode()


def test_no_plain_text_of_the_product_is_without_its_charset() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for room in ("api", "billing", "booking", "compliance", "config", "tenants")
        for path in (ROOT / room).rglob("*.py")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if re.search(r"text/(plain|html|csv|css|calendar)(?!; ?charset=utf-8)", line)
        and re.search("content_type|Content-Type", line)
    ]

    assert found == []


def test_a_successful_probe_is_not_logged(client: Client, lines) -> None:
    client.get("/healthz")

    assert lines() == []


def test_a_failed_probe_is_logged(client: Client, lines, monkeypatch) -> None:
    monkeypatch.setattr("config.health.readiness.reasons_not_ready", lambda: ["database"])
    client.get("/readyz")

    assert [(line["route"], line["status"]) for line in lines()] == [("readyz", 503)]


@pytest.mark.parametrize("method", ["CANARI", "PROPFIND"])
def test_an_unknown_method_is_not_logged(client: Client, lines, method: str) -> None:
    client.generic(method, "/robots.txt")

    assert {line["method"] for line in lines() if "route" in line} == {"OTHER"}


def test_labels_come_from_the_code_only(client: Client) -> None:
    for path in (f"/rdv/{TOKEN}/", f"/{TOKEN}/{quote(SECRET)}", f"/?name={SECRET}"):
        client.get(path)
    with inside(TENANT_ONE):
        client.get("/", headers={"host": PUBLIC_HOST})

    labels = {value for key in metrics.REQUESTS._metrics for value in key}
    for mark in MARKS:
        assert not any(mark in label.lower() for label in labels)
    assert {"booking:manage", "no_route", "booking:home"} <= labels


def test_each_use_of_an_account_is_logged_with_its_way(tenant: Unit, host: str, lines) -> None:
    """By the user's number and the ways used; no address, no code and no password."""
    user = make_member()
    add_totp(user)
    client = browser(host)
    lines()
    with time_machine.travel(datetime(2026, 11, 10, 11, tzinfo=UTC), tick=False):
        sign_in(client, user.email, "Autre-mot-de-passe-9")
        sign_in(client, user.email)
        client.post("/connexion/code/", {"code": "000000"})
        client.post("/connexion/code/", {"code": totp_code()})
        client.post("/connexion/confirmer/", {"password": PASSWORD})

    written = lines()
    events = [line for line in written if line["logger"] in {"accounts", "security"}]
    assert [(line["event"], line.get("user"), line.get("kind")) for line in events] == [
        ("login_failed", None, None),
        ("code_refused", user.pk, None),
        ("signed_in", user.pk, "password.totp"),
        ("identity_confirmed", user.pk, "password.totp.password"),
    ]
    assert user.email not in json.dumps(written)
