"""The one host to which Google sends people back, and at which it knocks: it believes nothing it cannot find."""

import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from booking.actors import poll
from booking.models import Authorization, Channel, GoogleAccount
from booking.services.google import authorizing
from tenants import routing
from tenants.accounts.models import Role, User
from tenants.keyring import services as keyring
from tenants.models import Tenant
from tenants.schema import PUBLIC, Unit, inside
from tests.accounts import browser, make_member
from tests.conftest import TWO
from tests.factories import NOW, Cabinet, make_link

HOST = "connect.lib-rdv.localhost"
BACK, CODE = "/google/retour", "4/fictif"
ISSUER = "https://accounts.google.com"
TOKEN = "a random token of this channel"


@pytest.fixture(autouse=True)
def offered(settings: Settings) -> None:
    settings.GOOGLE_CLIENT_ID = "fake-client"


@pytest.fixture
def google() -> Client:
    """Whoever comes to the connect host: a browser sent by Google, or Google itself."""
    return browser(HOST)


@pytest.fixture
def user(cabinet: Cabinet) -> User:
    return make_member(Role.OWNER)


@pytest.fixture
def state(cabinet: Cabinet, user: User) -> str:
    """Return the state of an attempt that waits."""
    begun = authorizing.begin(
        practitioner=cabinet.practitioner,
        user=user,
        session_key="a session",
        is_instant=False,
        now=NOW,
    )
    return parse_qs(urlsplit(begun.url).query)["state"][0]


def back(client: Client, **said: str) -> Any:
    """Come back from Google."""
    return client.get(BACK, said)


# --- Coming back ---------------------------------------------------------------------------------------------
def test_the_browser_is_sent_on_to_the_practice_that_asked(
    google: Client, state: str, host: str
) -> None:
    answer = back(google, state=state, code=CODE, iss=ISSUER, scope="x", authuser="0")

    parts = urlsplit(answer["Location"])
    assert answer.status_code == 303
    assert (parts.hostname, parts.path) == (host, reverse("dashboard:google_return"))
    assert parse_qs(parts.query) == {"state": [state], "code": [CODE]}
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in answer


def test_a_refusal_is_sent_on_too(google: Client, state: str) -> None:
    answer = back(google, state=state, error="access_denied")

    assert parse_qs(urlsplit(answer["Location"]).query)["error"] == ["access_denied"]


@pytest.mark.parametrize("method", ["get", "head"])
def test_coming_back_changes_nothing_here(google: Client, state: str, method: str) -> None:
    answer = getattr(google, method)(BACK, query_params={"state": state, "code": CODE})

    assert answer.status_code == 303
    assert Authorization.objects.get().state == "asked"


def test_the_address_is_the_practices_own_and_never_one_of_the_request(
    google: Client, state: str, host: str
) -> None:
    answer = google.get(
        BACK,
        {"state": state, "code": CODE, "next": "https://ailleurs.example/", "redirect_uri": "x"},
        headers={"X-Forwarded-Host": "ailleurs.example", "Forwarded": "host=ailleurs.example"},
    )

    assert urlsplit(answer["Location"]).hostname == host
    assert "ailleurs" not in answer["Location"]


@pytest.mark.parametrize(
    "issuer", ["https://comptes.example", "accounts.google.com", "", f"{ISSUER}/", "https://\x00"]
)
def test_another_issuer_is_refused(google: Client, state: str, issuer: str) -> None:
    assert back(google, state=state, code=CODE, iss=issuer).status_code == 400


@pytest.mark.parametrize(
    "unknown",
    [
        "",
        "t_one",
        "t_one.",
        "t_one.inconnu",
        "t_nobody.inconnu",
        "public.inconnu",
        'T_ONE"; DROP SCHEMA t_one; --.inconnu',
        "t_one.\x00",
        "é" * 1000,
        "t_one." + "x" * 2000,
    ],
)
def test_a_state_that_waits_nowhere_is_a_bad_request(
    google: Client, cabinet: Cabinet, unknown: str
) -> None:
    answer = back(google, state=unknown, code=CODE)

    assert answer.status_code == 400
    assert "Location" not in answer
    assert answer["Referrer-Policy"] == "no-referrer"


def test_nothing_at_all_is_a_bad_request(google: Client) -> None:
    assert google.get(BACK).status_code == 400


def test_a_code_without_end_is_a_bad_request(google: Client, state: str) -> None:
    assert back(google, state=state, code="x" * 2001).status_code == 400


def test_a_state_is_looked_up_in_the_practice_that_it_names_and_in_no_other(
    google: Client, state: str
) -> None:
    _schema, _dot, token = state.partition(".")

    assert back(google, state=f"{TWO.schema}.{token}", code=CODE).status_code == 400


@pytest.mark.parametrize("spent", ["exchanging", "done", "failed"])
def test_a_state_that_has_served_is_refused(google: Client, state: str, spent: str) -> None:
    Authorization.objects.update(state=spent)

    assert back(google, state=state, code=CODE).status_code == 400


def test_a_state_of_more_than_ten_minutes_is_refused(google: Client, state: str) -> None:
    Authorization.objects.update(expires_at=NOW)

    assert back(google, state=state, code=CODE).status_code == 400


def test_a_practice_that_is_not_served_gets_nobody_back(
    google: Client, state: str, tenant: Unit
) -> None:
    with inside(PUBLIC):
        Tenant.objects.filter(schema_name=tenant.schema).update(state=Tenant.State.TERMINATED)
    routing.cache.clear()

    assert back(google, state=state, code=CODE).status_code == 400


def test_a_session_means_nothing_here(google: Client, state: str, user: User, host: str) -> None:
    """A cookie of another host, forged or real, opens and breaks nothing."""
    signed_in = browser(host, user)
    google.cookies = signed_in.cookies
    google.cookies["__Host-csrf"] = "x"

    answer = back(google, state=state, code=CODE)
    elsewhere = google.get(reverse("dashboard:today"))

    assert answer.status_code == 303
    assert "Set-Cookie" not in answer
    assert elsewhere.status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/espace/",
        "/espace/google/",
        "/connexion/",
        "/bureau/",
        "/google/",
        "/creneaux/",
        "/rdv/x/",
    ],
)
def test_nothing_else_answers_here(google: Client, tenant: Unit, path: str) -> None:
    assert google.get(path).status_code == 404
    assert google.post(path).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_coming_back_is_a_get(google: Client, tenant: Unit, method: str) -> None:
    assert getattr(google, method)(BACK).status_code == 405


# --- Knocking ------------------------------------------------------------------------------------------------
@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the worker is rung for."""
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(poll, "send", lambda *said: sent.append(said))
    return sent


@pytest.fixture
def channel(cabinet: Cabinet) -> Channel:
    """Return a channel of a link whose next reading is in ten minutes."""
    account = make_link(cabinet.practitioner, poll_at=NOW + timedelta(minutes=10))
    return Channel.objects.create(
        account=account,
        target=Channel.Target.OWN,
        token_hash=keyring.token_hash(TOKEN),
        sealed=b"",
        created_at=NOW,
        expires_at=NOW + timedelta(days=7),
    )


def knock(
    client: Client, channel: uuid.UUID | str, *, token: str = TOKEN, schema: str = "t_one",
    state: str = "exists",
) -> int:  # fmt: skip
    """Knock as Google does and return the status."""
    headers = {
        "X-Goog-Channel-ID": str(channel),
        "X-Goog-Channel-Token": token,
        "X-Goog-Resource-State": state,
    }
    return int(client.post(f"/google/signal/{schema}/", headers=headers).status_code)


def test_a_knock_has_the_calendar_read_at_once(
    google: Client, channel: Channel, rung: list[tuple[Any, ...]]
) -> None:
    assert knock(google, channel.ref) == 204

    account = GoogleAccount.objects.get()
    assert account.poll_at == NOW
    assert rung == [("t_one", account.ref.hex)]


def test_a_second_knock_before_we_have_looked_says_nothing_new(
    google: Client, channel: Channel, rung: list[tuple[Any, ...]]
) -> None:
    assert [knock(google, channel.ref) for _ in range(3)] == [204, 204, 204]

    assert len(rung) == 1


def test_a_greeting_is_no_news(
    google: Client, channel: Channel, rung: list[tuple[Any, ...]]
) -> None:
    assert knock(google, channel.ref, state="sync") == 204

    assert rung == []
    assert GoogleAccount.objects.get().poll_at == NOW + timedelta(minutes=10)


@pytest.mark.parametrize("state", ["exists", "not_exists", "", "mot de demain"])
def test_whatever_else_is_said_we_look_for_ourselves(
    google: Client, channel: Channel, rung: list[tuple[Any, ...]], state: str
) -> None:
    assert knock(google, channel.ref, state=state) == 204

    assert len(rung) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": "another token"},
        {"token": ""},
        {"token": "é\xff"},
        {"channel": uuid.UUID(int=7)},
        {"channel": "no channel"},
        {"channel": ""},
        {"schema": "t_two"},
        {"schema": "t_nobody"},
        {"schema": "public"},
        {"schema": "T_ONE"},
    ],
)
def test_a_knock_that_is_not_ours_is_not_found(
    google: Client, channel: Channel, rung: list[tuple[Any, ...]], wrong: dict[str, Any]
) -> None:
    assert knock(google, **{"channel": channel.ref} | wrong) == 404

    assert rung == []
    assert GoogleAccount.objects.get().poll_at == NOW + timedelta(minutes=10)


def test_a_channel_whose_life_is_over_is_not_found(
    google: Client, channel: Channel, rung: list[tuple[Any, ...]]
) -> None:
    Channel.objects.update(expires_at=NOW)

    assert knock(google, channel.ref) == 404
    assert rung == []


def test_a_link_that_waits_to_be_made_again_is_not_read(
    google: Client, channel: Channel, rung: list[tuple[Any, ...]]
) -> None:
    GoogleAccount.objects.update(state="reconnect", poll_at=None)

    assert knock(google, channel.ref) == 204
    assert rung == []


def test_google_sends_no_token_of_ours_against_forgery(channel: Channel) -> None:
    """Django's own check is off for this view only: the channel's token does its work."""
    strict = Client(enforce_csrf_checks=True, headers={"host": HOST})

    assert knock(strict, channel.ref, token="wrong") == 404
    assert strict.get("/google/signal/t_one/").status_code == 405
