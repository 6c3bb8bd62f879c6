"""Sign-in by password, with growing locks and a second factor, for accounts with a role only."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from axes.models import AccessAttempt
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.cache import cache

from tenants.accounts.models import Role, User
from tenants.schema import Unit
from tests.accounts import (
    PASSWORD,
    SECRET,
    add_totp,
    browser,
    make_member,
    make_user,
    sign_in,
    totp_code,
)

NOON = datetime(2026, 11, 10, 11, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _empty_cache(services: object) -> None:
    cache.clear()


@pytest.mark.parametrize("path", ["/connexion/", "/mot-de-passe/oublie/"])
def test_the_forms_of_accounts_stand_above_their_privacy_notice(
    tenant: Unit, host: str, public_host: str, path: str
) -> None:
    for name in (host, public_host):
        page = browser(name).get(path).text

        assert page.rfind("<form") < page.find("Vos données de compte")


def test_a_member_signs_in_and_arrives_at_today(tenant: Unit, host: str) -> None:
    user = make_member()
    client = browser(host)

    answer = sign_in(client, user.email)

    assert (answer.status_code, answer["Location"]) == (302, "/espace/")


def test_the_session_key_changes_at_sign_in(tenant: Unit, host: str) -> None:
    """A key that somebody has put into the browser beforehand opens nothing afterwards."""
    user = make_member()
    known = SessionStore()
    known.create()
    client = browser(host)
    key = str(known.session_key)
    client.cookies["__Host-session"] = key

    sign_in(client, user.email)
    stranger = browser(host)
    stranger.cookies["__Host-session"] = key

    assert client.cookies["__Host-session"].value != key
    assert client.get("/espace/").status_code == 200
    assert stranger.get("/espace/").status_code == 302
    assert not Session.objects.filter(pk=key).exists()


@pytest.mark.parametrize("path", ["/connexion/confirmer/", "/connexion/confirmer/code/"])
def test_the_session_key_changes_when_an_identity_is_confirmed(
    tenant: Unit, host: str, path: str
) -> None:
    user = make_member()
    add_totp(user)
    client = browser(host, user)
    client.get("/espace/")
    keys = [client.cookies["__Host-session"].value]

    for data in (
        {"password": "faux", "code": "000000"},
        {"password": PASSWORD, "code": totp_code()},
    ):
        client.post(path, data)
        keys.append(client.cookies["__Host-session"].value)

    assert keys[0] == keys[1] != keys[2]
    assert not Session.objects.filter(pk=keys[0]).exists()
    assert client.get("/espace/").status_code == 200


def test_signing_in_redirects_to_the_requested_page(tenant: Unit, host: str) -> None:
    user = make_member()
    client = browser(host)

    asked = client.get("/espace/")
    answer = client.post(asked["Location"], {"login": user.email, "password": PASSWORD})

    assert (asked.status_code, answer["Location"]) == (302, "/espace/")


def test_a_wrong_password_is_refused(tenant: Unit, host: str) -> None:
    user = make_member()

    answer = sign_in(browser(host), user.email, "Autre-mot-de-passe-9")

    assert answer.status_code == 200
    assert AccessAttempt.objects.get().failures_since_start == 1


def test_the_sixth_attempt_is_refused_even_with_the_right_password(tenant: Unit, host: str) -> None:
    user = make_member()
    client = browser(host)
    for _try in range(5):
        sign_in(client, user.email, "Autre-mot-de-passe-9")

    answer = sign_in(client, user.email)

    assert answer.status_code == 429
    assert "__Host-session" not in answer.cookies


def test_the_lock_ends_by_itself(tenant: Unit, host: str) -> None:
    user = make_member()
    client = browser(host)
    with time_machine.travel(NOON, tick=False):
        for _try in range(5):
            sign_in(client, user.email, "Autre-mot-de-passe-9")

    with time_machine.travel(NOON + timedelta(minutes=6), tick=False):
        answer = sign_in(client, user.email)

    assert answer.status_code == 302


def test_failures_from_another_address_do_not_lock_the_owner_out(tenant: Unit, host: str) -> None:
    user = make_member()
    elsewhere = browser(host, ip="203.0.113.9")
    for _try in range(8):
        sign_in(elsewhere, user.email, "Autre-mot-de-passe-9")

    answer = sign_in(browser(host, ip="198.51.100.7"), user.email)

    assert answer.status_code == 302


def test_a_failure_of_one_account_does_not_unlock_another(tenant: Unit, host: str) -> None:
    locked, other = make_member(), make_member(Role.SECRETARY)
    client = browser(host)
    with time_machine.travel(NOON, tick=False):
        for _try in range(5):
            sign_in(client, locked.email, "Autre-mot-de-passe-9")
    with time_machine.travel(NOON + timedelta(minutes=4), tick=False):
        sign_in(client, other.email, "Autre-mot-de-passe-9")

        answer = sign_in(client, locked.email)

    assert answer.status_code == 429


def test_neither_password_nor_address_is_kept_with_a_failure(tenant: Unit, host: str) -> None:
    user = make_member()

    sign_in(browser(host), user.email, "Autre-mot-de-passe-9")

    attempt = AccessAttempt.objects.get()
    assert "Autre" not in attempt.post_data
    assert user.email not in attempt.post_data


def test_an_account_without_role_is_refused(tenant: Unit, host: str) -> None:
    user = make_user()
    client = browser(host)

    answer = sign_in(client, user.email)

    assert answer["Location"] == "/connexion/"
    assert client.get("/espace/").status_code == 302


@pytest.mark.parametrize(
    ("on", "lands"),
    [
        (date(2026, 11, 8), "/connexion/"),
        (date(2026, 11, 10), "/espace/"),
        (date(2026, 11, 13), "/connexion/"),
    ],
)
def test_a_replacement_signs_in_between_its_dates_only(
    tenant: Unit, host: str, on: date, lands: str
) -> None:
    user = make_member(Role.REPLACEMENT, from_on=date(2026, 11, 9), until_on=date(2026, 11, 12))

    with time_machine.travel(datetime(on.year, on.month, on.day, 12, tzinfo=UTC), tick=False):
        answer = sign_in(browser(host), user.email)

    assert answer["Location"] == lands


def test_a_closed_account_loses_its_open_session(tenant: Unit, host: str) -> None:
    user = make_member()
    client = browser(host, user)
    assert client.get("/espace/").status_code == 200

    User.objects.filter(pk=user.pk).update(is_active=False)

    assert client.get("/espace/").status_code == 302


def test_a_second_factor_is_asked_for(tenant: Unit, host: str) -> None:
    user = make_member()
    add_totp(user)
    client = browser(host)

    first = sign_in(client, user.email)
    half_way = client.get("/espace/").status_code
    second = client.post("/connexion/code/", {"code": totp_code()})

    assert first["Location"] == "/connexion/code/"
    assert half_way == 302
    assert second["Location"] == "/espace/"


def test_the_totp_secret_is_sealed_at_rest(tenant: Unit) -> None:
    user = make_user()

    add_totp(user)

    authenticator = Authenticator.objects.get(user=user)
    assert SECRET not in str(authenticator.data)
    assert authenticator.wrap().validate_code(totp_code())


def test_an_idle_session_ends_after_half_an_hour(tenant: Unit, host: str) -> None:
    user = make_member()
    with time_machine.travel(NOON, tick=False):
        client = browser(host, user)
        client.get("/espace/")
    with time_machine.travel(NOON + timedelta(minutes=29), tick=False):
        assert client.get("/espace/").status_code == 200

    with time_machine.travel(NOON + timedelta(minutes=60), tick=False):
        answer = client.get("/espace/")

    assert answer.status_code == 302


def test_an_automatic_refresh_is_no_activity(tenant: Unit, host: str) -> None:
    user = make_member()
    with time_machine.travel(NOON, tick=False):
        client = browser(host, user)
        client.get("/espace/")
    with time_machine.travel(NOON + timedelta(minutes=20), tick=False):
        client.get("/espace/", headers={"x-refresh": "1"})

    with time_machine.travel(NOON + timedelta(minutes=31), tick=False):
        answer = client.get("/espace/")

    assert answer.status_code == 302


def test_there_is_no_sign_up(tenant: Unit, host: str) -> None:
    client = browser(host)

    statuses = [
        client.get(path).status_code
        for path in ("/signup/", "/inscription/", "/connexion/inscription/")
    ]

    assert statuses == [404, 404, 404]


def test_staff_without_a_second_factor_only_reach_the_page_that_adds_it(
    public: Unit, public_host: str
) -> None:
    user = make_user("iban@example.org", is_staff=True)
    client = browser(public_host)

    sign_in(client, user.email)

    assert client.get("/bureau/")["Location"] == "/compte/securite/"


def test_staff_with_a_second_factor_reach_the_staff_pages(public: Unit, public_host: str) -> None:
    user = make_user("iban@example.org", is_staff=True)
    add_totp(user)
    client = browser(public_host)
    sign_in(client, user.email)

    answer = client.post("/connexion/code/", {"code": totp_code()})

    assert answer["Location"] == "/bureau/"
    assert client.get("/bureau/").status_code == 200


def test_an_account_that_is_not_staff_does_not_enter_the_public_host(
    public: Unit, public_host: str
) -> None:
    user = make_user()

    answer = sign_in(browser(public_host), user.email)

    assert answer["Location"] == "/connexion/"


@pytest.mark.parametrize(
    "target",
    [
        "https://ailleurs.example/",
        "//ailleurs.example/",
        "http://two.lib-rdv.localhost/espace/",
        "javascript:alert(1)",
        "\\\\ailleurs.example",
    ],
)
def test_signing_in_never_leads_to_another_site(tenant: Unit, host: str, target: str) -> None:
    user = make_member()

    answer = browser(host).post(
        "/connexion/", {"login": user.email, "password": PASSWORD, "next": target}
    )

    assert answer["Location"] == "/espace/"


@pytest.mark.parametrize("method", ["get", "post"])
def test_signing_out_needs_a_post(tenant: Unit, host: str, method: str) -> None:
    client = browser(host, make_member())

    getattr(client, method)("/deconnexion/", {"next": "https://ailleurs.example/"})

    assert client.get("/espace/").status_code == (200 if method == "get" else 302)


def test_signing_out_ends_the_session_itself(tenant: Unit, host: str) -> None:
    """Whoever has copied the cookie has nothing afterwards."""
    client, thief = browser(host, make_member()), browser(host)
    key = client.cookies["__Host-session"].value
    thief.cookies["__Host-session"] = key
    assert thief.get("/espace/").status_code == 200

    client.post("/deconnexion/")

    assert thief.get("/espace/").status_code == 302
    assert not Session.objects.filter(pk=key).exists()


ACCOUNT_PAGES = [
    "/compte/securite/",
    "/compte/profil/",
    "/compte/adresse/",
    "/compte/mot-de-passe/",
    "/compte/sessions/",
    "/compte/securite/cles/",
    "/compte/securite/codes/",
    "/espace/",
    "/espace/equipe/",
]


@pytest.mark.parametrize("path", ACCOUNT_PAGES)
def test_each_signed_in_page_leads_to_signing_out(tenant: Unit, host: str, path: str) -> None:
    user = make_member()
    add_totp(user)
    RecoveryCodes.activate(user)
    client = browser(host, user)
    client.post("/connexion/confirmer/", {"password": PASSWORD})

    answer = client.get(path, follow=True)

    assert answer.status_code == 200
    assert 'href="/deconnexion/"' in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/compte/securite/application/retirer/",
        "/compte/securite/codes/",
        "/compte/securite/codes/nouveaux/",
        "/compte/securite/codes/fichier/",
        "/compte/securite/cles/ajouter/",
    ],
)
def test_a_second_factor_is_changed_by_who_has_just_confirmed_an_identity(
    tenant: Unit, host: str, path: str
) -> None:
    """An open session on a shared computer is not enough; a confirmation counts for a quarter of an hour."""
    user = make_member()
    add_totp(user)
    RecoveryCodes.activate(user)
    with time_machine.travel(NOON, tick=False):
        client = browser(host, user)
        client.get("/espace/")
        client.post("/connexion/confirmer/", {"password": PASSWORD})
        fresh = client.get(path)
    with time_machine.travel(NOON + timedelta(minutes=16), tick=False):
        late = client.get(path)

    assert "/connexion/confirmer/" not in fresh.get("Location", "")
    assert late["Location"].startswith("/connexion/confirmer/")
