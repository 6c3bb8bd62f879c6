"""Google's OAuth 2.0: asking for consent, the one exchange of a code, refreshing, revoking (B-30).

The exchange is ours: a person may untick a permission, and Google's own library answers that with a bare
Warning. Refreshing is google-auth's. Everything but ``consent_url`` must be called outside any unit, and leaves
one line in the log (S-17): who asks is in the context of the line, bound by the caller.
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

from booking.google_calendar import GoogleError, Refused, Unavailable
from tenants import outbound

log = structlog.get_logger("google")

WRITE = "https://www.googleapis.com/auth/calendar.app.created"
BUSY = "https://www.googleapis.com/auth/calendar.freebusy"
INSTANT = "https://www.googleapis.com/auth/calendar.events.freebusy"
IDENTITY = "openid"
"""Says whether an organisation stands behind the account (hd), and not its address (B-36)."""
DEFAULT_SCOPES = (IDENTITY, WRITE, BUSY)
"""The narrowest that do the work (B-31)."""


class Dead(Exception):
    """The grant is gone: revoked, too old, or its password changed. Only the person can mend it."""


@dataclass(frozen=True)
class Grant:
    """What came of a consent; ``scopes`` are those granted, which may be fewer than asked."""

    refresh_token: str
    access_token: str
    expires_at: datetime
    scopes: frozenset[str]
    subject: str
    is_workspace: bool


@dataclass(frozen=True)
class Access:
    """A fresh access token; ``refresh_token`` is not empty when Google gave another one."""

    access_token: str
    expires_at: datetime
    refresh_token: str = ""


@contextmanager
def _noted(scenario: str) -> Iterator[None]:
    """Log a scenario and what came of it; never what was sent or answered."""
    started, outcome = time.monotonic(), "error"
    try:
        yield
        outcome = "ok"
    except Dead:
        outcome = "invalid_grant"
        raise
    except GoogleError as error:
        outcome = error.code
        raise
    finally:
        ms = round((time.monotonic() - started) * 1000)
        log.info("google_call", kind=scenario, reason=outcome, ms=ms)


def scopes_for(*, is_instant: bool) -> tuple[str, ...]:
    """Return what is asked for: the wider permission only by an explicit choice."""
    return (*DEFAULT_SCOPES, INSTANT) if is_instant else DEFAULT_SCOPES


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def consent_url(*, state: str, verifier: str, nonce: str, scopes: tuple[str, ...]) -> str:
    """Return where the browser goes to consent; ``prompt=consent`` so that a refresh token comes back."""
    asked = {
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
    return f"{settings.GOOGLE_CONSENT_URL}?{urlencode(asked)}"


@_noted("exchange")
def exchange(*, code: str, verifier: str, nonce: str, now: datetime) -> Grant:
    """Exchange a code, once. Refused: never again with this one; Unavailable: Google did not answer."""
    answer = _post(
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
    if answer.status_code >= 500 or answer.status_code == 429:
        raise Unavailable("google_fault")
    if not answer.ok:
        raise Refused("code_refused")
    try:
        return _grant(answer.json(), nonce=nonce, now=now)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
        raise Refused("answer_unreadable") from None


@_noted("refresh")
def refresh(*, refresh_token: str, now: datetime) -> Access:
    """Return a fresh access token. Dead: the grant is gone; Unavailable: ask again later.

    Only Google's own word ``invalid_grant`` ends a link: a proxy's page, a limit, or a secret of ours that
    is no longer good would otherwise ask every practitioner to connect again.
    """
    outbound.refuse_inside_a_unit()
    credentials: Any = Credentials(
        token=None,
        refresh_token=refresh_token,
        token_uri=outbound.base_address("google_oauth") + "token",
        client_id=settings.GOOGLE_CLIENT_ID,
        client_secret=settings.GOOGLE_CLIENT_SECRET,
    )
    with outbound.session("google_oauth") as session:
        try:
            # Left to itself it would wait two minutes for each answer.
            ask = functools.partial(Request(session=session), timeout=_patience())
            credentials.refresh(ask)
        except RefreshError as error:
            if _said(error) == "invalid_grant":
                raise Dead from None
            raise Unavailable("token_fault") from None
        except (GoogleAuthError, requests.RequestException, OSError):
            raise Unavailable("unreachable") from None
        except outbound.OutboundRefusedError:
            raise Unavailable("gate") from None
        except (ValueError, TypeError):
            raise Unavailable("unreadable") from None
    expiry = credentials.expiry.replace(tzinfo=UTC) if credentials.expiry else now
    newer = credentials.refresh_token
    return Access(credentials.token, expiry, newer if newer != refresh_token else "")


@_noted("revoke")
def revoke(*, token: str) -> None:
    """Ask Google to forget the grant, once; Unavailable when it did not answer. Dead already is as good."""
    answer = _post("revoke", {"token": token})
    if answer.status_code >= 500 or answer.status_code == 429:
        raise Unavailable("google_fault")


def _post(path: str, form: dict[str, str]) -> requests.Response:
    outbound.refuse_inside_a_unit()
    with outbound.session("google_oauth") as session:
        address = outbound.base_address("google_oauth") + path
        try:
            return session.post(address, data=form, timeout=_patience())
        except requests.RequestException:
            raise Unavailable("unreachable") from None
        except outbound.OutboundRefusedError:
            raise Unavailable("gate") from None


def _patience() -> tuple[float, float]:
    """Return how many seconds to wait for a connection, and for an answer."""
    seconds = settings.GOOGLE_TIMEOUT_SECONDS
    return min(outbound.CONNECT_SECONDS, seconds), seconds


def _said(error: RefreshError) -> str:
    """Return the code of Google's answer, if there was one that can be read."""
    answer = error.args[1] if len(error.args) > 1 else None
    return str(answer.get("error", "")) if isinstance(answer, dict) else ""


def _grant(said: dict[str, Any], *, nonce: str, now: datetime) -> Grant:
    claims = _claims(str(said.get("id_token", "")), nonce=nonce, now=now)
    return Grant(
        refresh_token=str(said.get("refresh_token", "")),
        access_token=str(said["access_token"]),
        expires_at=now + timedelta(seconds=int(said.get("expires_in", 0))),
        scopes=frozenset(str(said.get("scope", "")).split()),
        subject=str(claims.get("sub", "")),
        is_workspace=bool(claims.get("hd")),
    )


def _claims(token: str, *, nonce: str, now: datetime) -> dict[str, Any]:
    """Return what the identity token says; its sender is sure, since Google gave it to us over TLS.

    OpenID Connect Core 3.1.3.7 (6). ValueError when it is somebody else's, another's answer, or too old.
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
