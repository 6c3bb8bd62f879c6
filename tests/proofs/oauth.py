"""Proof: a Google account is linked by the honest sequence of requests and by no other.

The requests go over HTTP to two practices and to the host to which Google sends people back; the fake Google
server plays Google, and a worker exchanges codes. Attacks: states that are replayed, of another practice, expired
and invented; other users, sessions and practices; codes and nonces of other attempts; permissions that were
unticked; redirects to other hosts; another issuer; forms without their token; values of any length. Beside each
refused request the honest one must still work.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace as changed
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.proofs.counter import CaseCounter
from tests.proofs.environment import open_environment
from tests.proofs.fake_google import run_fake_google
from tests.proofs.guards import Guard, GuardRemovalError, replace, wrap
from tests.proofs.raw_http import RawHttpClient

REFUSALS, EXCHANGES = "refusals", "exchanges"
PORT = "8000"


# --- The guards ---------------------------------------------------------------------------------------


def _accept_any_session() -> None:
    from booking.google import authorization
    from tenants.keyring import services as keyring

    hashed = keyring.token_hash("session")
    replace(authorization, "_session_hash", lambda session_key: hashed)


def _accept_any_user() -> None:
    from booking.google import authorization

    def receive_return(call: Any, arguments: Any) -> Any:
        attempt = _attempts_of(arguments["state"]).first()
        return call(user=attempt.user) if attempt else call()

    wrap(authorization, "receive_return", receive_return, uses=["state", "user"])


def _accept_a_state_again() -> None:
    from booking.google import authorization

    def reopen(call: Any, arguments: Any) -> Any:
        _attempts_of(arguments["state"]).filter(state="exchanging").update(state="asked")
        return call()

    for name in ("receive_return", "is_known"):
        wrap(authorization, name, reopen, uses=["state"])


def _accept_any_age() -> None:
    from datetime import UTC, datetime

    from booking.google import authorization

    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    for name in ("receive_return", "is_known"):
        wrap(authorization, name, lambda call, arguments: call(now=long_ago), uses=["now"])


def _attempts_of(state: str) -> Any:
    from booking.models import Authorization
    from tenants.keyring import services as keyring

    return Authorization.objects.filter(state_hash=keyring.token_hash(state))


def _use_one_verifier() -> None:
    from booking.google import authorization

    wrap(
        authorization,
        "_AttemptSecret",
        lambda call, arguments: call(verifier="v" * 64),
        uses=["verifier"],
    )


def _accept_any_nonce() -> None:
    from booking.google import oauth

    replace(oauth, "_claims", lambda token, *, nonce, now: {})


def _accept_any_scopes() -> None:
    from booking.google import oauth

    def exchange(call: Any, arguments: Any) -> Any:
        grant = call()
        return changed(grant, scopes=grant.scopes | {oauth.WRITE})

    wrap(oauth, "exchange", exchange)


class _AnyIssuer(str):
    """An issuer that is equal to every other one."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


def _accept_any_issuer() -> None:
    from django.conf import settings

    replace(settings, "GOOGLE_ISSUER", _AnyIssuer(settings.GOOGLE_ISSUER))


def _redirect_as_the_request_says() -> None:
    from booking.web import connect

    def back(call: Any, arguments: Any) -> Any:
        request, response = arguments["request"], call()
        target = request.headers.get("X-Forwarded-Host") or request.GET.get("next", "")
        if target and "Location" in response:
            host = urlsplit(response["Location"]).netloc
            other = urlsplit(target).netloc or target
            response["Location"] = response["Location"].replace(host, other, 1)
        return response

    wrap(connect, "back", back, uses=["request"])


def _check_no_form_token() -> None:
    from django.conf import settings

    kept = [name for name in settings.MIDDLEWARE if "Csrf" not in name]
    if len(kept) == len(settings.MIDDLEWARE):
        raise GuardRemovalError("there is no middleware against forged requests")
    replace(settings, "MIDDLEWARE", kept)


GUARDS: Mapping[str, Guard] = {
    "session": Guard(
        "an attempt belongs to the session that began it", (REFUSALS,), process=_accept_any_session
    ),
    "user": Guard(
        "an attempt belongs to the user who began it", (REFUSALS,), process=_accept_any_user
    ),
    "once": Guard("a state is accepted once", (REFUSALS,), process=_accept_a_state_again),
    "age": Guard("a state is accepted for ten minutes", (REFUSALS,), process=_accept_any_age),
    "issuer": Guard("another issuer is refused", (REFUSALS,), process=_accept_any_issuer),
    "state_host": Guard(
        "the redirect comes from the attempt, never from the request",
        (REFUSALS,),
        process=_redirect_as_the_request_says,
    ),
    "csrf": Guard(
        "the button is pressed on the product's own page", (REFUSALS,), process=_check_no_form_token
    ),
    "verifier": Guard(
        "each attempt has a verifier of its own", (EXCHANGES,), process=_use_one_verifier
    ),
    "nonce": Guard(
        "the identity token carries the attempt's nonce", (EXCHANGES,), process=_accept_any_nonce
    ),
    "scopes": Guard(
        "the granted permissions are compared with the needed ones",
        (EXCHANGES,),
        process=_accept_any_scopes,
    ),
}


# --- The run ------------------------------------------------------------------------------------------


def run(*, short: bool, sabotage: str | None) -> dict[str, Any]:
    """Send all requests; with ``sabotage`` only the sections of that guard. The short form is the full one."""
    guard = GUARDS[sabotage] if sabotage else None
    counter = CaseCounter(guard)
    sections = guard.sections if guard else (REFUSALS, EXCHANGES)
    with (
        tempfile.TemporaryDirectory(prefix="fake-google-") as folder,
        run_fake_google(Path(folder)) as fake_google,
        open_environment(
            proof="oauth",
            sabotage=sabotage,
            **fake_google.variables(),
            OUTBOX_BACKOFF_SECONDS="0.2",
            PUBLIC_PORT=PORT,
        ) as environment,
        environment.serve() as web,
    ):
        from tests.proofs.oauth_dataset import OAuthDataset
        from tests.proofs.oauth_exchanges import Exchanges
        from tests.proofs.oauth_refusals import OAuthRefusals

        dataset = OAuthDataset(environment, fake_google, RawHttpClient(web.port, timeout=60), PORT)
        plays: dict[str, Callable[[], None]] = {
            REFUSALS: OAuthRefusals(dataset, counter).try_all,
            EXCHANGES: lambda: _with_worker(environment, Exchanges(dataset, counter).try_all),
        }
        for section in sections:
            plays[section]()
        web.check()
        if counter.failed:
            environment.show_logs()
    return counter.report("oauth", accepted=counter.own_failures)


def _with_worker(environment: Any, play: Callable[[], None]) -> None:
    """Run this part with a worker; in the other part no code may be exchanged."""
    with environment.work():
        play()
