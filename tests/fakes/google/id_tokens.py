"""Signing in: its scopes, and the id token that says whose account it is."""

import base64
import hmac
import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from tests.fakes.google.accounts import Account
from tests.fakes.google.contract import SCOPE

ISSUER = "https://accounts.google.com"
IDENTITY = {
    "openid": "openid",
    "email": f"{SCOPE}userinfo.email",
    "profile": f"{SCOPE}userinfo.profile",
    f"{SCOPE}userinfo.email": f"{SCOPE}userinfo.email",
    f"{SCOPE}userinfo.profile": f"{SCOPE}userinfo.profile",
}
"""The scopes of signing in, and the names under which the token answer gives them back."""
SIGN_IN = frozenset(IDENTITY.values())
_SECONDS = 3600


def claims(
    account: Account, client_id: str, scopes: Collection[str], nonce: str, *, now: datetime
) -> dict[str, Any]:
    """What is claimed: the domain for workspace accounts, the address only if its scope was granted."""
    issued = int(now.timestamp())
    found: dict[str, Any] = {
        "iss": ISSUER,
        "azp": client_id,
        "aud": client_id,
        "sub": account.subject,
        "iat": issued,
        "exp": issued + _SECONDS,
    }
    if account.is_workspace:
        found["hd"] = account.domain
    if IDENTITY["email"] in scopes:
        found |= {"email": account.email, "email_verified": True}
    if nonce:
        found["nonce"] = nonce
    return found


def signed(found: Mapping[str, Any], *, key: str) -> str:
    """A JWT. Google signs with RS256 and published keys; this server signs with HS256 and the client's secret."""
    text = f"{_segment({'alg': 'HS256', 'typ': 'JWT'})}.{_segment(found)}"
    return f"{text}.{encoded(hmac.digest(key.encode(), text.encode(), 'sha256'))}"


def encoded(value: bytes) -> str:
    """Base64 for addresses, without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _segment(value: Mapping[str, Any]) -> str:
    return encoded(json.dumps(value, separators=(",", ":")).encode())
