"""Google's OAuth 2.0: address of the consent, exchange of a code, refresh and revocation of tokens (B-30).

lib-rdv implements the exchange itself: a person may untick a permission, and Google's own library then raises a
bare Warning. google-auth implements the refresh. Every call to Google must be made outside any unit of work and
writes one line to the log (S-17); the caller binds the account to the context of the line.
"""

import base64
import functools
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import requests
import structlog
from django.conf import settings
from google.auth.exceptions import GoogleAuthError, RefreshError
from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials

from booking.google.calendar_api import (
    GoogleError,
    Refused,
    Unavailable,
)
from tenants import http_gateway

log = structlog.get_logger("google")

WRITE = "https://www.googleapis.com/auth/calendar.app.created"
BUSY = "https://www.googleapis.com/auth/calendar.freebusy"
INSTANT = "https://www.googleapis.com/auth/calendar.events.freebusy"
IDENTITY = "openid"
"""Tells whether the account belongs to an organisation (claim ``hd``), without its e-mail address (B-36)."""
DEFAULT_SCOPES = (IDENTITY, WRITE, BUSY)
"""The narrowest scopes that suffice (B-31)."""


class GrantRevoked(Exception):
    """Google no longer accepts the refresh token: revoked, expired, or the password of the account has changed.

    Only another consent of the person creates a new one.
    """


@dataclass(frozen=True)
class Grant:
    """The result of a consent; ``scopes`` are the granted ones, which may be fewer than the requested ones."""

    refresh_token: str
    access_token: str
    expires_at: datetime
    scopes: frozenset[str]
    subject: str
    is_workspace: bool


@dataclass(frozen=True)
class AccessToken:
    """A new access token; ``refresh_token`` is empty unless Google has replaced the refresh token."""

    access_token: str
    expires_at: datetime
    refresh_token: str = ""


@contextmanager
def _logged(scenario: str) -> Iterator[None]:
    """Log a call with its outcome and duration; never the content of the request or of the response."""
    started, outcome = time.monotonic(), "error"
    try:
        yield
        outcome = "ok"
    except GrantRevoked:
        outcome = "invalid_grant"
        raise
    except GoogleError as error:
        outcome = error.code
        raise
    finally:
        ms = round((time.monotonic() - started) * 1000)
        log.info("google_call", kind=scenario, reason=outcome, ms=ms)


def scopes_for(*, is_instant: bool) -> tuple[str, ...]:
    """Return the scopes to request; the wider permission only by an explicit choice."""
    return (*DEFAULT_SCOPES, INSTANT) if is_instant else DEFAULT_SCOPES


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def consent_url(*, state: str, verifier: str, nonce: str, scopes: tuple[str, ...]) -> str:
    """Return the address of Google's consent page; ``prompt=consent`` makes Google return a refresh token."""
    parameters = {
        "client_id": settings.GOOGLE_CLIENT_ID,
        "redirect_uri": settings.GOOGLE_REDIRECT_URI,
        "response_type": "code",
        "scope": " ".join(scopes),
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
        "access_type": "offline",
        "prompt": "consent",
        "include_granted_scopes": "false",
    }
    return f"{settings.GOOGLE_CONSENT_URL}?{urlencode(parameters)}"


@_logged("exchange")
def exchange(*, code: str, verifier: str, nonce: str, now: datetime) -> Grant:
    """Exchange a code for tokens, once.

    Raises Refused when the code or the response is invalid, Unavailable when Google did not respond.
    """
    response = _post(
        "token",
        {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": settings.GOOGLE_REDIRECT_URI,
            "client_id": settings.GOOGLE_CLIENT_ID,
            "client_secret": settings.GOOGLE_CLIENT_SECRET,
        },
    )
    if response.status_code >= 500 or response.status_code == 429:
        raise Unavailable("google_fault")
    if not response.ok:
        raise Refused("code_refused")
    try:
        return _grant(response.json(), nonce=nonce, now=now)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
        raise Refused("answer_unreadable") from None


@_logged("refresh")
def refresh(*, refresh_token: str, now: datetime) -> AccessToken:
    """Return a new access token; raises GrantRevoked, or Unavailable when a later attempt may succeed.

    Only Google's error code ``invalid_grant`` raises GrantRevoked. A proxy's page, a rate limit or an invalid
    client secret would otherwise make every practitioner reconnect.
    """
    http_gateway.refuse_inside_a_unit()
    credentials: Any = Credentials(
        token=None,
        refresh_token=refresh_token,
        token_uri=http_gateway.base_address("google_oauth") + "token",
        client_id=settings.GOOGLE_CLIENT_ID,
        client_secret=settings.GOOGLE_CLIENT_SECRET,
    )
    with http_gateway.session("google_oauth") as session:
        try:
            # Without a time-out google-auth waits two minutes for each response.
            send = functools.partial(Request(session=session), timeout=_timeouts())
            credentials.refresh(send)
        except RefreshError as error:
            if _error_code(error) == "invalid_grant":
                raise GrantRevoked from None
            raise Unavailable("token_fault") from None
        except (GoogleAuthError, requests.RequestException, OSError):
            raise Unavailable("unreachable") from None
        except http_gateway.OutboundRefusedError:
            raise Unavailable("egress_refused") from None
        except (ValueError, TypeError):
            raise Unavailable("unreadable") from None
    expiry = credentials.expiry.replace(tzinfo=UTC) if credentials.expiry else now
    new_refresh_token = credentials.refresh_token
    return AccessToken(
        credentials.token,
        expiry,
        new_refresh_token if new_refresh_token != refresh_token else "",
    )


@_logged("revoke")
def revoke(*, token: str) -> None:
    """Revoke the grant at Google, once; a grant that is revoked already counts as a success.

    Raises Unavailable when Google did not respond.
    """
    response = _post("revoke", {"token": token})
    if response.status_code >= 500 or response.status_code == 429:
        raise Unavailable("google_fault")


def _post(path: str, form: dict[str, str]) -> requests.Response:
    http_gateway.refuse_inside_a_unit()
    with http_gateway.session("google_oauth") as session:
        address = http_gateway.base_address("google_oauth") + path
        try:
            return session.post(address, data=form, timeout=_timeouts())
        except requests.RequestException:
            raise Unavailable("unreachable") from None
        except http_gateway.OutboundRefusedError:
            raise Unavailable("egress_refused") from None


def _timeouts() -> tuple[float, float]:
    """Return the time-outs of the connection and of the response, in seconds."""
    seconds = settings.GOOGLE_TIMEOUT_SECONDS
    return min(http_gateway.CONNECT_SECONDS, seconds), seconds


def _error_code(error: RefreshError) -> str:
    """Return the error code of Google's response, or "" when the response is unreadable."""
    response = error.args[1] if len(error.args) > 1 else None
    return str(response.get("error", "")) if isinstance(response, dict) else ""


def _grant(response: dict[str, Any], *, nonce: str, now: datetime) -> Grant:
    claims = _claims(str(response.get("id_token", "")), nonce=nonce, now=now)
    return Grant(
        refresh_token=str(response.get("refresh_token", "")),
        access_token=str(response["access_token"]),
        expires_at=now + timedelta(seconds=int(response.get("expires_in", 0))),
        scopes=frozenset(str(response.get("scope", "")).split()),
        subject=str(claims.get("sub", "")),
        is_workspace=bool(claims.get("hd")),
    )


def _claims(token: str, *, nonce: str, now: datetime) -> dict[str, Any]:
    """Return the claims of the identity token; no signature is checked, since Google sent the token over TLS.

    Rule: OpenID Connect Core 3.1.3.7 (6). Raises ValueError for another issuer, client or nonce, or after its end.
    """
    if not token:
        return {}
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    issuers = {settings.GOOGLE_ISSUER, settings.GOOGLE_ISSUER.removeprefix("https://")}
    is_ours = claims["iss"] in issuers and claims["aud"] == settings.GOOGLE_CLIENT_ID
    is_now = datetime.fromtimestamp(claims["exp"], tz=UTC) > now
    if not (is_ours and is_now and claims.get("nonce") == nonce):
        raise ValueError
    return claims
