"""Codes of the second step: each serves once within its whole validity, also without Redis."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core.cache import cache
from django.db import connections
from django.test import Client
from pytest_django import Settings

from tenants.accounts.models import User
from tenants.accounts.services.codes import TooManyCodesError, use_code
from tenants.schema import Unit, inside
from tests.accounts import add_totp, browser, make_member, make_user, sign_in, totp_code

NOON = datetime(2026, 11, 10, 11, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _empty_counters(services: object) -> None:
    cache.clear()


@pytest.fixture
def no_redis(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": settings.REDIS_URL}}


def _code(seconds: int = 0) -> str:
    return totp_code((NOON + timedelta(seconds=seconds)).timestamp())


def _is_used(user: User, code: str, *, after: int) -> bool:
    now = NOON + timedelta(seconds=after)
    return use_code(user=user, code=code, now=now) is not None


# --- Once ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [-30, 0, 29, 59])
@pytest.mark.parametrize("again", [0, 1, 33, 60, 90])
def test_a_code_serves_once_within_its_validity(tenant: Unit, first: int, again: int) -> None:
    user = make_member()
    add_totp(user)

    assert _is_used(user, _code(), after=first)
    assert not _is_used(user, _code(), after=first + again)


@pytest.mark.parametrize(
    ("after", "is_valid"), [(-31, False), (-30, True), (0, True), (59, True), (60, False)]
)
def test_a_code_is_valid_for_a_period_and_one_on_each_side(
    tenant: Unit, after: int, is_valid: bool
) -> None:
    user = make_member()
    add_totp(user)

    assert _is_used(user, _code(), after=after) == is_valid


def test_the_next_code_serves_and_ends_the_ones_before(tenant: Unit) -> None:
    user = make_member()
    add_totp(user)

    found = [_is_used(user, code, after=31) for code in (_code(30), _code(0), _code(60))]

    assert found == [True, False, True]


def _second_step(client: Client, code: str) -> bool:
    client.post("/connexion/code/", {"code": code})
    return bool(client.get("/espace/").status_code == 200)


@pytest.mark.parametrize("after", [0, 33, 60, 90])
def test_a_code_opens_one_session_only(tenant: Unit, host: str, after: int) -> None:
    user = make_member()
    add_totp(user)
    first, second = browser(host), browser(host)
    with time_machine.travel(NOON, tick=False):
        sign_in(first, user.email)
        sign_in(second, user.email)
        assert _second_step(first, _code())

    with time_machine.travel(NOON + timedelta(seconds=after), tick=False):
        assert not _second_step(second, _code())


@pytest.mark.parametrize("after", [0, 33, 60, 90])
def test_a_code_of_the_sign_in_does_not_confirm_an_identity(
    tenant: Unit, host: str, after: int
) -> None:
    user = make_member()
    add_totp(user)
    client = browser(host)
    with time_machine.travel(NOON, tick=False):
        sign_in(client, user.email)
        assert _second_step(client, _code())

    with time_machine.travel(NOON + timedelta(seconds=after), tick=False):
        answer = client.post("/connexion/confirmer/code/", {"code": _code()})
        fresh = client.post("/connexion/confirmer/code/", {"code": _code(after + 30)})

    assert (answer.status_code, fresh.status_code) == (200, 302)


@pytest.mark.parametrize("after", [0, 1, 33, 60, 90])
def test_a_code_opens_the_staff_pages_once(public: Unit, public_host: str, after: int) -> None:
    user = make_user("iban@example.org", is_staff=True)
    add_totp(user)
    first, second = browser(public_host), browser(public_host)
    with time_machine.travel(NOON, tick=False):
        for client in (first, second):
            sign_in(client, user.email)
        assert first.post("/connexion/code/", {"code": _code()})["Location"] == "/bureau/"

    with time_machine.travel(NOON + timedelta(seconds=after), tick=False):
        second.post("/connexion/code/", {"code": _code()})

        assert second.get("/bureau/").status_code == 302


def test_the_code_that_adds_an_app_serves_for_nothing_else(tenant: Unit, host: str) -> None:
    user = make_member()
    client = browser(host)
    with time_machine.travel(NOON, tick=False):
        sign_in(client, user.email)
        client.post("/connexion/confirmer/", {"password": "Galet-dune-marée-47"})
        secret = client.get("/compte/securite/application/").context["form"].secret
        code = _code_of(secret)
        answer = client.post("/compte/securite/application/", {"code": code})

    assert answer.status_code == 302
    assert use_code(user=user, code=code, now=NOON + timedelta(seconds=33)) is None


def _code_of(secret: str) -> str:
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

    return str(format_hotp_value(hotp_value(secret, int(NOON.timestamp()) // 30)))


def test_a_recovery_code_serves_once(tenant: Unit) -> None:
    user = make_member()
    add_totp(user)
    code = RecoveryCodes.activate(user).generate_codes()[0]

    assert [_is_used(user, code, after=n) for n in (0, 1, 400)] == [True, False, False]


def test_of_many_at_once_one_uses_a_code(committed_tenant: Any) -> None:
    unit: Unit = committed_tenant("codes")
    with inside(unit):
        user = make_member()
        add_totp(user)

    def use(_number: int) -> bool:
        try:
            with inside(unit):
                return _is_used(user, _code(), after=0)
        except TooManyCodesError:
            return False
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(use, range(4))) == [False, False, False, True]


# --- Wrong codes ---------------------------------------------------------------------------------------


def test_the_sixth_code_is_refused_even_when_it_is_right(tenant: Unit, host: str) -> None:
    user = make_member()
    add_totp(user)
    client = browser(host)
    with time_machine.travel(NOON, tick=False):
        sign_in(client, user.email)
        wrong = [client.post("/connexion/code/", {"code": "000000"}) for _try in range(5)]
        answer = client.post("/connexion/code/", {"code": _code()})

        assert client.get("/espace/").status_code == 302

    assert [each.status_code for each in wrong] == [200] * 5
    assert (answer.status_code, answer["Retry-After"]) == (429, "900")
    assert "Recommencez dans 15 minutes" in answer.content.decode()


def test_wrong_codes_count_for_a_quarter_of_an_hour(tenant: Unit) -> None:
    user = make_member()
    add_totp(user)
    for number in range(5):
        assert not _is_used(user, "000000", after=number)
    with pytest.raises(TooManyCodesError):
        _is_used(user, _code(10), after=10)

    assert _is_used(user, _code(900), after=900)


def test_a_right_code_deletes_the_wrong_ones(tenant: Unit) -> None:
    user = make_member()
    RecoveryCodes.activate(user)
    add_totp(user)
    for number in range(4):
        _is_used(user, "000000", after=number)

    assert _is_used(user, _code(), after=4)
    assert not any(
        factor.data.get("failed_at") for factor in Authenticator.objects.filter(user=user)
    )


def test_an_account_without_a_factor_has_no_code(tenant: Unit) -> None:
    assert not _is_used(make_member(), "000000", after=0)


# --- Without Redis ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_redis")
def test_a_member_signs_in_without_redis(tenant: Unit, host: str) -> None:
    user = make_member()
    add_totp(user)
    client = browser(host)

    wrong = sign_in(client, user.email, "Autre-mot-de-passe-9")
    first = sign_in(client, user.email)
    second = client.post("/connexion/code/", {"code": totp_code()})

    assert (wrong.status_code, first["Location"]) == (200, "/connexion/code/")
    assert second["Location"] == "/espace/"
    assert client.get("/espace/").status_code == 200


@pytest.mark.usefixtures("no_redis")
def test_staff_sign_in_without_redis(public: Unit, public_host: str) -> None:
    user = make_user("iban@example.org", is_staff=True)
    add_totp(user)
    client = browser(public_host)

    sign_in(client, user.email)
    client.post("/connexion/code/", {"code": totp_code()})

    assert client.get("/bureau/").status_code == 200


@pytest.mark.usefixtures("no_redis")
@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/mot-de-passe/oublie/", {"email": "owner@example.org"}),
        ("/connexion/confirmer/", {"password": "Galet-dune-marée-47"}),
        (
            "/compte/mot-de-passe/",
            {
                "oldpassword": "Galet-dune-marée-47",
                "password1": "Rocher-lande-83x",
                "password2": "Rocher-lande-83x",
            },
        ),
        ("/compte/adresse/", {"email": "autre@example.org", "password": "Galet-dune-marée-47"}),
    ],
)
def test_account_pages_answer_without_redis(
    tenant: Unit, host: str, path: str, data: dict[str, str]
) -> None:
    answer = browser(host, make_member()).post(path, data)

    assert answer.status_code == 302


@pytest.mark.usefixtures("no_redis")
def test_codes_serve_once_and_are_limited_without_redis(tenant: Unit, host: str) -> None:
    user = make_member()
    add_totp(user)
    first, second = browser(host), browser(host)
    with time_machine.travel(NOON, tick=False):
        for client in (first, second):
            sign_in(client, user.email)
        assert _second_step(first, _code())
        assert not _second_step(second, _code())
        answers = [
            second.post("/connexion/code/", {"code": "000000"}).status_code for _try in range(5)
        ]

    assert answers == [200, 200, 200, 200, 429]
