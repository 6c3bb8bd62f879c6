import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from django.core.checks import run_checks
from pytest_django import Settings

from tenants import http_gateway
from tenants.http_gateway import OutboundRefusedError
from tenants.schema import Unit
from tests.fakes.brevo import API_KEY, Brevo, running

ROOT = Path(__file__).parents[2]
ROOMS = ("api", "billing", "booking", "compliance", "tenants")


@pytest.fixture
def brevo(settings: Settings) -> Iterator[Brevo]:
    server = Brevo()
    with running(server) as address:
        settings.OUTBOUND = {"brevo": address}
        yield server


def request_events(path: str = "smtp/statistics/events", **options: object) -> requests.Response:
    with http_gateway.session("brevo") as session:
        session.headers["api-key"] = API_KEY
        return session.get(http_gateway.base_address("brevo") + path, **options)  # type: ignore[arg-type]


def test_a_declared_service_is_reached(brevo: Brevo) -> None:
    assert request_events().status_code == 200


@pytest.mark.parametrize(
    ("base", "is_demo", "is_real_google"),
    [
        ("https://www.googleapis.com/", True, True),
        ("https://oauth2.googleapis.com/", True, True),
        ("http://www.googleapis.com/", True, False),
        ("https://api.brevo.com/v3/", True, False),
        ("https://www.googleapis.com.example/", True, False),
        ("http://127.0.0.1:8001/", True, False),
        ("https://www.googleapis.com/", False, False),
    ],
)
def test_a_demonstration_reaches_google_and_no_other_external_service(
    settings: Settings, base: str, is_demo: bool, is_real_google: bool
) -> None:
    settings.DEMO = is_demo

    assert http_gateway.is_real_google(base) is is_real_google


def test_an_external_peer_has_a_public_address() -> None:
    addresses = ("8.8.8.8", "127.0.0.1", "10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1")

    allowed = [
        address
        for address in addresses
        if http_gateway.is_allowed_address(address, is_external=True)
    ]

    assert allowed == ["8.8.8.8"]


def test_an_undeclared_service_has_no_session(brevo: Brevo) -> None:
    with pytest.raises(KeyError):
        http_gateway.session("elsewhere")


@pytest.mark.parametrize(
    "address",
    [
        "http://example.com/v3/",
        "https://127.0.0.1/v3/",
        "http://127.0.0.1:1/v3/",
        "http://user:pass@{origin}/v3/",
    ],
)
def test_a_session_reaches_its_own_origin_only(brevo: Brevo, address: str) -> None:
    base = http_gateway.base_address("brevo")
    with (
        http_gateway.session("brevo") as session,
        pytest.raises(OutboundRefusedError, match="origin"),
    ):
        session.get(address.format(origin=base.split("/")[2]))


def test_a_redirect_is_refused_even_when_asked_for(brevo: Brevo) -> None:
    brevo.faults.append("redirect")
    with (
        http_gateway.session("brevo") as session,
        pytest.raises(OutboundRefusedError, match="redirect"),
    ):
        session.post(
            http_gateway.base_address("brevo") + "smtp/email", json={}, allow_redirects=True
        )


def test_no_request_is_sent_inside_a_unit_of_work(brevo: Brevo, tenant: Unit) -> None:
    with pytest.raises(OutboundRefusedError, match="inside_a_unit_of_work"):
        request_events()

    assert not brevo.requests


def test_proxies_of_the_environment_are_ignored(
    brevo: Brevo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    assert request_events().status_code == 200


def test_production_refuses_a_peer_on_loopback_once_connected(
    brevo: Brevo, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.IS_LOCAL = False
    monkeypatch.setattr(http_gateway.GatewaySession, "send", requests.Session.send)

    with pytest.raises(OutboundRefusedError, match="address"):
        request_events()

    assert not brevo.requests


def test_production_refuses_plain_http(brevo: Brevo, settings: Settings) -> None:
    settings.IS_LOCAL = False

    with pytest.raises(OutboundRefusedError, match="not_https"):
        request_events()


@pytest.mark.parametrize(
    ("address", "in_production", "in_a_local_run"),
    [
        ("8.8.8.8", True, False),
        ("2001:4860:4860::8888", True, False),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("::ffff:127.0.0.1", False, True),
        ("10.0.0.1", False, False),
        ("192.168.1.1", False, False),
        ("169.254.169.254", False, False),
        ("fd00::1", False, False),
        ("100.64.0.1", False, False),
        ("0.0.0.0", False, False),
        ("224.0.0.1", False, False),
        ("::ffff:10.0.0.1", False, False),
    ],
)
def test_peers_by_kind_of_run(
    address: str, in_production: bool, in_a_local_run: bool, settings: Settings
) -> None:
    settings.IS_LOCAL = False
    assert http_gateway.is_allowed_address(address) is in_production
    settings.IS_LOCAL = True
    assert http_gateway.is_allowed_address(address) is in_a_local_run


@pytest.mark.parametrize(
    "address",
    [
        "http://api.brevo.com/v3/",
        "https://127.0.0.1:2580/v3/",
        "https://localhost/v3/",
        "https://brevo.lib-rdv.localhost/v3/",
        "https://10.0.0.4/v3/",
    ],
)
def test_production_does_not_start_with_the_address_of_a_fake_server(
    address: str, settings: Settings
) -> None:
    settings.IS_LOCAL = False
    settings.EMAIL_HOST = "relay.provider.example"
    settings.OUTBOUND = {"brevo": address}

    assert "tenants.E020" in {error.id for error in run_checks()}


def test_production_starts_with_public_services(settings: Settings) -> None:
    settings.IS_LOCAL = False
    settings.EMAIL_HOST = "relay.provider.example"
    settings.OUTBOUND = {"brevo": "https://api.brevo.com/v3/"}

    assert http_gateway.refusals_of_settings() == []


def test_a_local_relay_needs_its_setting(settings: Settings) -> None:
    settings.IS_LOCAL = False
    settings.OUTBOUND = {}
    settings.EMAIL_HOST = "127.0.0.1"
    settings.MAIL_RELAY_IS_LOCAL = False
    assert http_gateway.refusals_of_settings()
    settings.MAIL_RELAY_IS_LOCAL = True
    assert http_gateway.refusals_of_settings() == []


def test_no_module_sends_http_without_the_gateway() -> None:
    ways_out = re.compile(
        r"^\s*(?:import|from) (?:requests|urllib3|urllib\.request|http\.client|httpx|aiohttp|smtplib"
        r"|ftplib|socket|ssl|anymail|httplib2|googleapiclient|google\.(?:auth|oauth2))\b",
        re.MULTILINE,
    )
    found = {
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if ways_out.search(path.read_text("utf-8"))
    }

    # config is wiring: the supervisor of the demonstration asks its own servers whether they are up.
    assert found <= {
        "tenants/http_gateway.py",
        "tenants/email_transport.py",
        "booking/formats/sms.py",
        "booking/google/calendar_api.py",
        "booking/google/oauth.py",
    }
