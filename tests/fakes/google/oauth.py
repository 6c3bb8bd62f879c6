"""Google's OAuth 2.0: consent, codes, tokens, revocation.

A grant is what one account once allowed one client. Stricter than Google in two things: PKCE is asked for,
and only S256; the redirect list is matched to the character, as Google does.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus, urlencode

from tests.fakes.google import id_tokens
from tests.fakes.google.accounts import Account
from tests.fakes.google.contract import contract
from tests.fakes.google.errors import OAuthRefused, Refused
from tests.fakes.google.id_tokens import IDENTITY, ISSUER

CODE_SECONDS = 600
MOST_REFRESH_TOKENS = 100
"""Per account and client; the oldest then dies without a word."""


@dataclass
class Client:
    """A registered application."""

    id: str
    secret: str
    redirects: list[str]


@dataclass
class Request:
    """A valid request for consent."""

    client: Client
    redirect: str
    scopes: list[str]
    state: str
    challenge: str
    nonce: str
    is_offline: bool
    asks_again: bool
    keeps_granted: bool


@dataclass
class Grant:
    """What an account allowed; `refresh` is empty when it was not offline."""

    account: Account
    client_id: str
    scopes: list[str]
    refresh: str = ""
    is_dead: bool = False


@dataclass
class Access:
    """An access token."""

    grant: Grant
    scopes: list[str]
    expires: datetime


@dataclass
class _Code:
    request: Request
    grant: Grant
    expires: datetime
    gives_refresh: bool
    is_used: bool = False


@dataclass
class OAuth:
    """The authorization server. `token_seconds` is the life of an access token.

    `revokes_every_grant`: a revoked token ends all that its account allowed the client, as Google does.
    """

    clock: Callable[[], datetime]
    clients: dict[str, Client]
    token_seconds: int = 3600
    revokes_every_grant: bool = True
    grants: list[Grant] = field(default_factory=list)
    _codes: dict[str, _Code] = field(default_factory=dict)
    _access: dict[str, Access] = field(default_factory=dict)
    _refresh: dict[str, Grant] = field(default_factory=dict)

    def request(self, query: Mapping[str, str]) -> Request:
        """Check a request for consent; what is wrong is shown on a page, never redirected."""
        client = self.clients.get(query.get("client_id", ""))
        if client is None:
            raise OAuthRefused(401, "invalid_client", "The OAuth client was not found.")
        redirect = query.get("redirect_uri", "")
        if redirect not in client.redirects:
            raise OAuthRefused(400, "redirect_uri_mismatch", "Bad Request")
        if query.get("response_type") != "code":
            raise OAuthRefused(400, "unsupported_response_type", "Invalid response_type")
        scopes = query.get("scope", "").split()
        known = contract().scopes | set(IDENTITY)
        if not scopes or set(scopes) - known:
            raise OAuthRefused(400, "invalid_scope", "Some requested scopes were invalid.")
        challenge = query.get("code_challenge", "")
        if query.get("code_challenge_method") != "S256" or len(challenge) != 43:
            raise OAuthRefused(400, "invalid_request", "Only S256 code challenges.")
        return Request(
            client=client,
            redirect=redirect,
            scopes=list(dict.fromkeys(IDENTITY.get(scope, scope) for scope in scopes)),
            state=query.get("state", ""),
            challenge=challenge,
            nonce=query.get("nonce", ""),
            is_offline=query.get("access_type") == "offline",
            asks_again="consent" in query.get("prompt", "").split(),
            keeps_granted=query.get("include_granted_scopes") == "true",
        )

    def allow(self, request: Request, account: Account, scopes: Collection[str]) -> str:
        """Grant the scopes that were left ticked; return the address of the redirect."""
        granted = [scope for scope in request.scopes if scope in scopes]
        if not granted:
            return self.deny(request)
        earlier = self._live(account, request.client.id)
        if request.keeps_granted:
            granted += [scope for grant in earlier for scope in grant.scopes]
        grant = Grant(account, request.client.id, list(dict.fromkeys(granted)))
        self.grants.append(grant)
        code = f"4/0Fake{secrets.token_urlsafe(40)}"
        expires = self.clock() + timedelta(seconds=CODE_SECONDS)
        gives_refresh = request.is_offline and (request.asks_again or not earlier)
        self._codes[code] = _Code(request, grant, expires, gives_refresh)
        answer = {"state": request.state, "iss": ISSUER, "code": code}
        answer |= {"scope": " ".join(grant.scopes), "authuser": "0", "prompt": "consent"}
        if account.is_workspace:
            answer["hd"] = account.domain
        return _redirect(request.redirect, answer)

    def deny(self, request: Request) -> str:
        """The user said no; return the address of the redirect."""
        answer = {"error": "access_denied", "state": request.state, "iss": ISSUER}
        return _redirect(request.redirect, answer)

    def token(self, form: Mapping[str, str], basic: str) -> dict[str, Any]:
        """POST /token, `basic` being the Authorization header, if any."""
        client = self._client(form, basic)
        kind = form.get("grant_type", "")
        if kind == "authorization_code":
            return self._exchange(client, form)
        if kind == "refresh_token":
            return self._refreshed(client, form)
        raise OAuthRefused(400, "unsupported_grant_type", f"Invalid grant_type: {kind}")

    def revoke(self, token: str) -> Account:
        """POST /revoke, for a refresh or an access token: whose it was; 400 when it is no longer good."""
        access = self._access.get(token)
        grant = self._refresh.get(token) or (access.grant if access else None)
        if grant is None or grant.is_dead:
            raise OAuthRefused(400, "invalid_token", "Token expired or revoked")
        self._kill(grant)
        return grant.account

    def revoke_account(self, account: Account) -> int:
        """What the user does in the settings of the account; return how many grants ended."""
        found = [grant for grant in self.grants if grant.account is account and not grant.is_dead]
        for grant in found:
            grant.is_dead = True
        return len(found)

    def issue(self, account: Account, client_id: str, scopes: list[str]) -> tuple[str, str]:
        """Make an access and a refresh token without any consent."""
        grant = Grant(account, client_id, scopes)
        self.grants.append(grant)
        return self._new_access(grant, scopes), self._new_refresh(grant)

    def bearer(self, header: str) -> Access:
        """The access token of an Authorization header; 401 when it is not, or no longer, good."""
        kind, _, token = header.partition(" ")
        access = self._access.get(token) if kind.lower() == "bearer" else None
        if access is None or access.grant.is_dead or access.expires <= self.clock():
            raise Refused(401, "authError", location="Authorization", location_type="header")
        return access

    def whose(self, header: str) -> str:
        """The account behind a token, good or not, for the journal."""
        access = self._access.get(header.partition(" ")[2])
        return access.grant.account.email if access else ""

    def expire_access_tokens(self) -> None:
        """Let every access token be old now."""
        for access in self._access.values():
            access.expires = self.clock()

    def _client(self, form: Mapping[str, str], basic: str) -> Client:
        name, secret = form.get("client_id", ""), form.get("client_secret", "")
        if basic.startswith("Basic "):
            try:
                pair = base64.b64decode(basic[6:], validate=True).decode()
            except ValueError:
                raise OAuthRefused(401, "invalid_client", "Unauthorized") from None
            name, secret = (unquote_plus(part) for part in pair.partition(":")[::2])
        client = self.clients.get(name)
        if client is None:
            raise OAuthRefused(401, "invalid_client", "The OAuth client was not found.")
        if not hmac.compare_digest(client.secret.encode(), secret.encode()):
            raise OAuthRefused(401, "invalid_client", "Unauthorized")
        return client

    def _exchange(self, client: Client, form: Mapping[str, str]) -> dict[str, Any]:
        code = self._codes.get(form.get("code", ""))
        if code is None:
            raise OAuthRefused(400, "invalid_grant", "Malformed auth code.")
        is_old = code.is_used or code.expires <= self.clock() or code.grant.is_dead
        if is_old or code.request.client is not client:
            raise OAuthRefused(400, "invalid_grant", "Bad Request")
        if form.get("redirect_uri") != code.request.redirect:
            raise OAuthRefused(400, "redirect_uri_mismatch", "Bad Request")
        verifier = form.get("code_verifier", "")
        if not verifier:
            raise OAuthRefused(400, "invalid_grant", "Missing code verifier.")
        if _challenge(verifier) != code.request.challenge:
            raise OAuthRefused(400, "invalid_grant", "Invalid code verifier.")
        code.is_used = True
        answer = self._answer(code.grant, code.grant.scopes, code.request.nonce)
        if code.gives_refresh:
            answer["refresh_token"] = self._new_refresh(code.grant)
        return answer

    def _refreshed(self, client: Client, form: Mapping[str, str]) -> dict[str, Any]:
        grant = self._refresh.get(form.get("refresh_token", ""))
        if grant is None:
            raise OAuthRefused(400, "invalid_grant", "Bad Request")
        if grant.is_dead:
            raise OAuthRefused(400, "invalid_grant", "Token has been expired or revoked.")
        if grant.client_id != client.id:
            raise OAuthRefused(401, "unauthorized_client", "Unauthorized")
        scopes = form.get("scope", "").split() or grant.scopes
        if set(scopes) - set(grant.scopes):
            raise OAuthRefused(400, "invalid_scope", "Bad Request")
        return self._answer(grant, scopes, "")

    def _answer(self, grant: Grant, scopes: list[str], nonce: str) -> dict[str, Any]:
        answer = {
            "access_token": self._new_access(grant, scopes),
            "expires_in": self.token_seconds - 1,
            "scope": " ".join(scopes),
            "token_type": "Bearer",
        }
        if "openid" in scopes:
            client = self.clients[grant.client_id]
            claims = id_tokens.claims(grant.account, client.id, scopes, nonce, now=self.clock())
            answer["id_token"] = id_tokens.signed(claims, key=client.secret)
        return answer

    def _new_access(self, grant: Grant, scopes: list[str]) -> str:
        token = f"ya29.fake-{secrets.token_urlsafe(32)}"
        expires = self.clock() + timedelta(seconds=self.token_seconds)
        self._access[token] = Access(grant, scopes, expires)
        return token

    def _new_refresh(self, grant: Grant) -> str:
        grant.refresh = f"1//fake-{secrets.token_urlsafe(32)}"
        self._refresh[grant.refresh] = grant
        live = [each for each in self._live(grant.account, grant.client_id) if each.refresh]
        for oldest in live[:-MOST_REFRESH_TOKENS]:
            oldest.is_dead = True
        return grant.refresh

    def _live(self, account: Account, client_id: str) -> list[Grant]:
        return [
            grant
            for grant in self.grants
            if grant.account is account and grant.client_id == client_id and not grant.is_dead
        ]

    def _kill(self, grant: Grant) -> None:
        grant.is_dead = True
        if self.revokes_every_grant:
            for other in self._live(grant.account, grant.client_id):
                other.is_dead = True


def _redirect(address: str, answer: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(answer)}"


def _challenge(verifier: str) -> str:
    return id_tokens.encoded(hashlib.sha256(verifier.encode()).digest())
