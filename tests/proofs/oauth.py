"""An account of Google is linked in the honest way and in no other, whoever tries what.

Over HTTP, on the hosts of two practices and on the one to which Google sends people back, with the double as
Google and a worker that exchanges: states replayed, foreign, expired and invented; other users, sessions and
practices; codes and nonces of other attempts; permissions that were unticked; redirects that somebody else
would like; another issuer; forms without their token; values of any length. Beside each door that must stay
shut, the honest way through it is walked.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.proofs import double as doubles
from tests.proofs.sabotage import Guard
from tests.proofs.stage import set_stage
from tests.proofs.tally import Tally
from tests.proofs.wire import Wire

DOORS, EXCHANGES = "doors", "exchanges"
PORT = "8000"


# --- The guards ---------------------------------------------------------------------------------------


def _module(name: str) -> Any:
    """A module of the product whose names are about to be replaced."""
    return importlib.import_module(name)


def _authorizing() -> Any:
    return _module("booking.services.google.authorizing")


def _any_session() -> None:
    hashed = _authorizing().keyring.token_hash
    _authorizing()._session_hash = lambda _key: hashed("session")


def _any_user() -> None:
    authorizing = _authorizing()
    take_back = authorizing.take_back

    def generous(*, state: str, user: Any, **facts: Any) -> Any:
        digest = authorizing.keyring.token_hash(state)
        found = authorizing.Authorization.objects.filter(state_hash=digest).first()
        return take_back(state=state, user=found.user if found else user, **facts)

    authorizing.take_back = generous


def _again_and_again() -> None:
    authorizing = _authorizing()
    take_back, is_known = authorizing.take_back, authorizing.is_known

    def reopen(state: str) -> None:
        digest = authorizing.keyring.token_hash(state)
        rows = authorizing.Authorization.objects.filter(state_hash=digest)
        rows.filter(state="exchanging").update(state="asked")

    def forgetful(*, state: str, **facts: Any) -> Any:
        reopen(state)
        return take_back(state=state, **facts)

    def knowing(*, state: str, **facts: Any) -> Any:
        reopen(state)
        return is_known(state=state, **facts)

    authorizing.take_back, authorizing.is_known = forgetful, knowing


def _any_age() -> None:
    from datetime import UTC, datetime

    authorizing = _authorizing()
    take_back, is_known = authorizing.take_back, authorizing.is_known
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    authorizing.take_back = lambda **facts: take_back(**facts | {"now": long_ago})
    authorizing.is_known = lambda **facts: is_known(**facts | {"now": long_ago})


def _one_verifier_for_all() -> None:
    brought = _authorizing()._Brought
    _authorizing()._Brought = lambda verifier, nonce, code="": brought("v" * 64, nonce, code)


def _any_nonce() -> None:
    oauth = _module("booking.google_oauth")
    grant = oauth._grant

    def generous(said: dict[str, Any], **facts: Any) -> Any:
        return grant(said | {"id_token": ""}, **facts)

    oauth._grant = generous


def _whatever_was_granted() -> None:
    from dataclasses import replace

    oauth = _module("booking.google_oauth")
    exchange = oauth.exchange

    def generous(**facts: Any) -> Any:
        grant = exchange(**facts)
        return replace(grant, scopes=grant.scopes | {oauth.WRITE})

    oauth.exchange = generous


class _Anybody(str):
    """An issuer that is everybody."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


def _any_issuer() -> None:
    from django.conf import settings

    settings.GOOGLE_ISSUER = _Anybody(settings.GOOGLE_ISSUER)


def _wherever_it_is_said() -> None:
    connect = _module("booking.views.connect")
    back = connect.back

    def obliging(request: Any) -> Any:
        response = back(request)
        wanted = request.headers.get("X-Forwarded-Host") or request.GET.get("next", "")
        if wanted and "Location" in response:
            host = urlsplit(response["Location"]).netloc
            other = urlsplit(wanted).netloc or wanted
            response["Location"] = response["Location"].replace(host, other, 1)
        return response

    connect.back = obliging


def _no_token_of_forms() -> None:
    from django.conf import settings

    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Csrf" not in name]


GUARDS: Mapping[str, Guard] = {
    "session": Guard(
        "an attempt belongs to the session in which it was begun", (DOORS,), process=_any_session
    ),
    "user": Guard("an attempt belongs to who has begun it", (DOORS,), process=_any_user),
    "once": Guard("a state serves once", (DOORS,), process=_again_and_again),
    "age": Guard("a state serves for ten minutes", (DOORS,), process=_any_age),
    "issuer": Guard("another issuer is not listened to", (DOORS,), process=_any_issuer),
    "state_host": Guard(
        "the way on comes from the attempt, never from the request",
        (DOORS,),
        process=_wherever_it_is_said,
    ),
    "csrf": Guard("the button is pressed on our own page", (DOORS,), process=_no_token_of_forms),
    "verifier": Guard(
        "each attempt has a verifier of its own", (EXCHANGES,), process=_one_verifier_for_all
    ),
    "nonce": Guard(
        "the identity token carries the attempt's nonce", (EXCHANGES,), process=_any_nonce
    ),
    "scopes": Guard(
        "what was granted is compared with what is needed",
        (EXCHANGES,),
        process=_whatever_was_granted,
    ),
}


# --- The run ------------------------------------------------------------------------------------------


def run(*, short: bool, sabotage: str | None) -> dict[str, Any]:
    """Try everything; with a sabotage only the part that shows it. It is the same in its short form."""
    tally = Tally(sabotage)
    sections = GUARDS[sabotage].sections if sabotage else (DOORS, EXCHANGES)
    with (
        tempfile.TemporaryDirectory(prefix="double-") as folder,
        doubles.running(Path(folder)) as double,
        set_stage(**double.environment(), OUTBOX_BACKOFF_SECONDS="0.2", PUBLIC_PORT=PORT) as stage,
        stage.serve(proof="oauth", sabotage=sabotage) as served,
    ):
        from tests.proofs.oauth_doors import Doors
        from tests.proofs.oauth_exchanges import Exchanges
        from tests.proofs.oauth_world import World

        world = World(stage, double, Wire(served.port, timeout=60), PORT)
        plays: dict[str, Callable[[], None]] = {
            DOORS: Doors(world, tally).try_all,
            EXCHANGES: lambda: _exchange(stage, sabotage, Exchanges(world, tally).try_all),
        }
        for section in sections:
            plays[section]()
        served.check()
        if tally.failed:
            stage.show_logs()
    return tally.report("oauth", accepted=tally.failed - tally.broken_controls)


def _exchange(stage: Any, sabotage: str | None, play: Callable[[], None]) -> None:
    """Only here a worker runs: before, what was taken back must stay as it was brought."""
    with stage.work(proof="oauth", sabotage=sabotage):
        play()
