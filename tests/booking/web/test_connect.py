"""The connect host: OAuth callback and push notifications of Google, which trusts only stored values."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from booking.actors import poll
from booking.google import authorization
from booking.models import Authorization, Channel, GoogleAccount
from tenants import routing
from tenants.accounts.models import Role, User
from tenants.keyring import services as keyring
from tenants.models import Tenant
from tenants.schema import PUBLIC, Unit, inside
from tests.accounts import browser, make_member
from tests.conftest import TENANT_TWO
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
    """A client of the connect host: a browser redirected by Google, or Google itself."""
    return browser(HOST)


@pytest.fixture
def user(cabinet: Cabinet) -> User:
    return make_member(Role.OWNER)


@pytest.fixture
def state(cabinet: Cabinet, user: User) -> str:
    """Return the OAuth state of an open attempt."""
    consent = authorization.begin(
        practitioner=cabinet.practitioner,
        user=user,
        session_key="a session",
        is_instant=False,
        now=NOW,
    )
    return parse_qs(urlsplit(consent.url).query)["state"][0]


def back(client: Client, **parameters: str) -> Any:
    """Request the OAuth callback, as a browser redirected by Google."""
    return client.get(BACK, parameters)


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

    assert back(google, state=f"{TENANT_TWO.schema}.{token}", code=CODE).status_code == 400


@pytest.mark.parametrize("spent", ["exchanging", "done", "failed"])
def test_a_state_that_has_served_is_refused(google: Client, state: str, spent: str) -> None:
    Authorization.objects.update(state=spent)

    assert back(google, state=state, code=CODE).status_code == 400


def test_a_state_of_more_than_ten_minutes_is_refused(google: Client, state: str) -> None:
    Authorization.objects.update(expires_at=NOW)

    assert back(google, state=state, code=CODE).status_code == 400


def test_a_terminated_practice_receives_no_redirect(
    google: Client, state: str, tenant: Unit
) -> None:
    with inside(PUBLIC):
        Tenant.objects.filter(schema_name=tenant.schema).update(state=Tenant.State.TERMINATED)
    routing.cache.clear()

    assert back(google, state=state, code=CODE).status_code == 400


def test_a_session_means_nothing_here(google: Client, state: str, user: User, host: str) -> None:
    """A cookie of another host, forged or real, has no effect."""
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


# --- Notifications -----------------------------------------------------------------------------------------------
@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The polls that are enqueued after the commit: schema and account of each."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr("booking.actors.enqueue_on_commit", lambda _send, *args: calls.append(args))
    return calls


@pytest.fixture
def channel(cabinet: Cabinet) -> Channel:
    """Return a channel of an account whose next poll is in ten minutes."""
    return make_channel(cabinet)


def make_channel(cabinet: Cabinet) -> Channel:
    """Create an account whose next poll is in ten minutes, with one channel."""
    account = make_link(cabinet.practitioner, poll_at=NOW + timedelta(minutes=10))
    return Channel.objects.create(
        account=account,
        target=Channel.Target.OWN,
        token_hash=keyring.token_hash(TOKEN),
        sealed=b"",
        created_at=NOW,
        expires_at=NOW + timedelta(days=7),
    )


def hit(
    client: Client, channel: uuid.UUID | str, *, token: str = TOKEN, schema: str = "t_one",
    state: str = "exists",
) -> int:  # fmt: skip
    """Send a notification as Google does and return the HTTP status."""
    headers = {
        "X-Goog-Channel-ID": str(channel),
        "X-Goog-Channel-Token": token,
        "X-Goog-Resource-State": state,
    }
    return int(client.post(f"/google/signal/{schema}/", headers=headers).status_code)


def test_a_notification_enqueues_a_poll_at_once(
    google: Client, channel: Channel, enqueued: list[tuple[Any, ...]]
) -> None:
    assert hit(google, channel.ref) == 204

    account = GoogleAccount.objects.get()
    assert account.poll_at == NOW
    assert enqueued == [("t_one", account.ref.hex)]


@time_machine.travel(NOW, tick=False)
def test_a_poll_is_enqueued_after_the_commit_only(
    google: Client, committed_tenant: Callable[[str], Unit], monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = committed_tenant("signal")
    with inside(unit):
        ref = make_channel(Cabinet()).ref
    in_transaction: list[bool] = []
    monkeypatch.setattr(
        poll, "send", lambda *_args: in_transaction.append(connection.in_atomic_block)
    )

    assert hit(google, ref, schema=unit.schema) == 204

    # A worker that starts before the commit would find an account that is not due.
    assert in_transaction == [False]


def test_a_second_notification_before_the_poll_enqueues_nothing(
    google: Client, channel: Channel, enqueued: list[tuple[Any, ...]]
) -> None:
    assert [hit(google, channel.ref) for _ in range(3)] == [204, 204, 204]

    assert len(enqueued) == 1


def test_the_sync_message_enqueues_no_poll(
    google: Client, channel: Channel, enqueued: list[tuple[Any, ...]]
) -> None:
    assert hit(google, channel.ref, state="sync") == 204

    assert enqueued == []
    assert GoogleAccount.objects.get().poll_at == NOW + timedelta(minutes=10)


@pytest.mark.parametrize("state", ["exists", "not_exists", "", "mot de demain"])
def test_any_other_resource_state_enqueues_a_poll(
    google: Client, channel: Channel, enqueued: list[tuple[Any, ...]], state: str
) -> None:
    assert hit(google, channel.ref, state=state) == 204

    assert len(enqueued) == 1


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
def test_a_notification_of_an_unknown_channel_is_not_found(
    google: Client, channel: Channel, enqueued: list[tuple[Any, ...]], wrong: dict[str, Any]
) -> None:
    assert hit(google, **{"channel": channel.ref} | wrong) == 404

    assert enqueued == []
    assert GoogleAccount.objects.get().poll_at == NOW + timedelta(minutes=10)


def test_an_expired_channel_is_not_found(
    google: Client, channel: Channel, enqueued: list[tuple[Any, ...]]
) -> None:
    Channel.objects.update(expires_at=NOW)

    assert hit(google, channel.ref) == 404
    assert enqueued == []


def test_a_link_that_waits_to_be_made_again_is_not_read(
    google: Client, channel: Channel, enqueued: list[tuple[Any, ...]]
) -> None:
    GoogleAccount.objects.update(state="reconnect", poll_at=None)

    assert hit(google, channel.ref) == 204
    assert enqueued == []


def test_google_sends_no_token_of_ours_against_forgery(channel: Channel) -> None:
    """Django's CSRF check is off for this view only: the token of the channel replaces it."""
    strict = Client(enforce_csrf_checks=True, headers={"host": HOST})

    assert hit(strict, channel.ref, token="wrong") == 404
    assert strict.get("/google/signal/t_one/").status_code == 405
