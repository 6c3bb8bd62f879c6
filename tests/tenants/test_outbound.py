import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from django.core.checks import run_checks
from pytest_django import Settings

from tenants import outbound
from tenants.outbound import OutboundRefusedError
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


def ask(path: str = "smtp/statistics/events", **options: object) -> requests.Response:
    with outbound.session("brevo") as session:
        session.headers["api-key"] = API_KEY
        return session.get(outbound.base_address("brevo") + path, **options)  # type: ignore[arg-type]


def test_a_declared_service_is_reached(brevo: Brevo) -> None:
    assert ask().status_code == 200


@pytest.mark.parametrize(
    ("base", "is_demo", "is_real"),
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
def test_a_demonstration_may_mean_google_itself_and_nothing_else_outside(
    settings: Settings, base: str, is_demo: bool, is_real: bool
) -> None:
    settings.DEMO = is_demo

    assert outbound.is_real(base) is is_real


def test_what_is_meant_outside_is_a_public_address_and_no_other() -> None:
    addresses = ("8.8.8.8", "127.0.0.1", "10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1")

    allowed = [one for one in addresses if outbound.is_allowed_address(one, is_outside=True)]

    assert allowed == ["8.8.8.8"]


def test_an_undeclared_service_has_no_session(brevo: Brevo) -> None:
    with pytest.raises(KeyError):
        outbound.session("elsewhere")


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
    base = outbound.base_address("brevo")
    with outbound.session("brevo") as session, pytest.raises(OutboundRefusedError, match="origin"):
        session.get(address.format(origin=base.split("/")[2]))


def test_a_redirect_is_refused_even_when_asked_for(brevo: Brevo) -> None:
    brevo.faults.append("redirect")
    with (
        outbound.session("brevo") as session,
        pytest.raises(OutboundRefusedError, match="redirect"),
    ):
        session.post(outbound.base_address("brevo") + "smtp/email", json={}, allow_redirects=True)


def test_nothing_leaves_while_a_unit_of_work_is_open(brevo: Brevo, tenant: Unit) -> None:
    with pytest.raises(OutboundRefusedError, match="inside_a_unit_of_work"):
        ask()

    assert not brevo.requests


def test_proxies_of_the_environment_are_ignored(
    brevo: Brevo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    assert ask().status_code == 200


def test_production_refuses_a_peer_on_loopback_once_connected(
    brevo: Brevo, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.IS_LOCAL = False
    monkeypatch.setattr(outbound.GatedSession, "send", requests.Session.send)

    with pytest.raises(OutboundRefusedError, match="address"):
        ask()

    assert not brevo.requests


def test_production_refuses_plain_http(brevo: Brevo, settings: Settings) -> None:
    settings.IS_LOCAL = False

    with pytest.raises(OutboundRefusedError, match="not_https"):
        ask()


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
    assert outbound.is_allowed_address(address) is in_production
    settings.IS_LOCAL = True
    assert outbound.is_allowed_address(address) is in_a_local_run


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
def test_production_does_not_start_with_the_address_of_a_fake(
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

    assert outbound.refusals_of_settings() == []


def test_a_relay_on_this_machine_is_a_decision(settings: Settings) -> None:
    settings.IS_LOCAL = False
    settings.OUTBOUND = {}
    settings.EMAIL_HOST = "127.0.0.1"
    settings.MAIL_RELAY_IS_LOCAL = False
    assert outbound.refusals_of_settings()
    settings.MAIL_RELAY_IS_LOCAL = True
    assert outbound.refusals_of_settings() == []


def test_no_module_of_the_house_opens_a_way_out_of_its_own() -> None:
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
        "tenants/outbound.py",
        "tenants/mail.py",
        "booking/sms.py",
        "booking/google_calendar.py",
        "booking/google_oauth.py",
    }
