"""The exchange of a code: the identity token must belong to the attempt."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses
from pytest_django.fixtures import Settings

from booking.google import oauth
from booking.google.calendar_api import Refused, Unavailable
from tenants.http_gateway import OutboundRefusedError

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
TOKEN = "https://oauth2.example/token"


@pytest.fixture(autouse=True)
def google(settings: Settings) -> None:
    settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET = "ours", "secret"
    settings.OUTBOUND = {**settings.OUTBOUND, "google_oauth": "https://oauth2.example/"}


def identity(**changes: Any) -> str:
    claims = {
        "iss": "https://accounts.google.com",
        "aud": "ours",
        "sub": "1234",
        "exp": int((NOW + timedelta(hours=1)).timestamp()),
        "nonce": "n",
    }
    body = base64.urlsafe_b64encode(json.dumps(claims | changes).encode()).rstrip(b"=").decode()
    return f"e30.{body}.sig"


def exchange(token: str | None, **answer: Any) -> oauth.Grant:
    body = {
        "access_token": "a",
        "refresh_token": "r",
        "expires_in": 3600,
        "scope": " ".join(oauth.DEFAULT_SCOPES),
        **({"id_token": token} if token is not None else {}),
        **answer,
    }
    with responses.RequestsMock() as wire:
        wire.post(TOKEN, json=body)
        return oauth.exchange(code="c", verifier="v" * 43, nonce="n", now=NOW)


def test_an_honest_answer_is_taken() -> None:
    grant = exchange(identity(hd="cabinet.example"))

    assert (grant.subject, grant.is_workspace) == ("1234", True)
    assert grant.expires_at == NOW + timedelta(hours=1)


def test_an_account_without_an_organisation_is_a_personal_one() -> None:
    assert not exchange(identity()).is_workspace


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "of another attempt"},
        {"nonce": None},
        {"aud": "somebody else"},
        {"iss": "https://elsewhere.example"},
        {"exp": int(NOW.timestamp())},
    ],
)
def test_an_identity_that_is_not_this_attempts_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        exchange(identity(**changes))


@pytest.mark.parametrize("token", ["x", "a.b.c", "a.bm90IGpzb24.c", "..", "a.e30.c"])
def test_what_is_no_identity_token_is_refused(token: str) -> None:
    with pytest.raises(Refused):
        exchange(token)


def test_without_an_identity_the_account_counts_as_personal() -> None:
    assert exchange(None).subject == ""


def test_an_answer_without_a_token_is_refused() -> None:
    with pytest.raises(Refused):
        exchange(identity(), expires_in="soon")


@pytest.mark.parametrize(
    ("status", "error"), [(400, Refused), (401, Refused), (429, Unavailable), (503, Unavailable)]
)
def test_refusals_are_distinguished_from_faults(status: int, error: type[Exception]) -> None:
    with responses.RequestsMock() as wire:
        wire.post(TOKEN, json={"error": "invalid_grant"}, status=status)
        with pytest.raises(error):
            oauth.exchange(code="c", verifier="v" * 43, nonce="n", now=NOW)


def test_scopes_are_the_narrowest_that_do_the_work() -> None:
    assert oauth.DEFAULT_SCOPES == (
        "openid",
        "https://www.googleapis.com/auth/calendar.app.created",
        "https://www.googleapis.com/auth/calendar.freebusy",
    )
    assert oauth.INSTANT not in oauth.DEFAULT_SCOPES


def test_the_challenge_is_that_of_the_standard() -> None:
    # RFC 7636, appendix B.
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert oauth.challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert oauth.challenge_of(verifier) != verifier


def test_a_redirect_is_followed_nowhere_and_tried_again_later() -> None:
    with responses.RequestsMock() as wire:
        wire.post(TOKEN, status=302, headers={"Location": "https://elsewhere.example/"})
        with pytest.raises(Unavailable):
            oauth.exchange(code="c", verifier="v" * 43, nonce="n", now=NOW)


def test_nothing_is_asked_while_a_unit_is_open(tenant: object) -> None:
    with pytest.raises(OutboundRefusedError):
        oauth.revoke(token="r")
