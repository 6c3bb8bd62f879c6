"""Linking an account: one attempt, bound to user, session and practice, used once (B-30).

The browser goes to Google and comes back; what it brings is sealed, and a worker exchanges it while
the page waits. Nothing of Google is called here but from the worker.
"""

import hmac
import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from django.db.models import F

from booking import google_oauth, kinds
from booking.google_calendar import GoogleError, Unavailable
from booking.google_oauth import Grant
from booking.models import Authorization, GoogleAccount, Practice, Practitioner
from booking.services import calendar_entries
from booking.services.google import reading
from booking.services.google.accounts import (
    Secret,
    default_level,
    locked,
    open_secret,
    seal_secret,
)
from booking.services.google.choices import shorten
from booking.services.google.leases import Busy, hold
from booking.services.google.writing import make_calendar
from tenants.accounts.models import User
from tenants.keyring import services as keyring
from tenants.keyring.errors import KeyDestroyedError, UnreadableError
from tenants.outbox.delivery import SENT, Outcome, TryAgain
from tenants.outbox.models import OutboxEntry
from tenants.outbox.services import Due, write
from tenants.refs import new_ref
from tenants.schema import Unit, current_schema, inside
from tenants.trail import services as trail

LIFE = timedelta(minutes=10)
KEPT = timedelta(hours=1)
TABLE = Authorization._meta.db_table
SEPARATOR = "."


class BadState(Exception):
    """Not an attempt of this person, in this session, of this practice, now; or it was used before."""


@dataclass(frozen=True)
class Begun:
    """Where the browser goes."""

    url: str


@dataclass(frozen=True)
class _Brought:
    """What is sealed in an attempt; ``code`` is there between the return and the exchange."""

    verifier: str
    nonce: str
    code: str = ""

    def to_bytes(self) -> bytes:
        return json.dumps(vars(self)).encode()


def begin(
    *,
    practitioner: Practitioner,
    user: User,
    session_key: str,
    is_instant: bool,
    now: datetime,
) -> Begun:
    """Note an attempt and return the address at which Google asks for consent."""
    token = secrets.token_urlsafe(32)
    # RFC 7636: 43 to 128 characters.
    brought = _Brought(verifier=secrets.token_urlsafe(48), nonce=secrets.token_urlsafe(24))
    ref, key = new_ref(), keyring.new_key(now=now)
    state = SEPARATOR.join((current_schema(), token))
    Authorization.objects.create(
        ref=ref,
        state_hash=keyring.token_hash(state),
        session_hash=_session_hash(session_key),
        user=user,
        practitioner=practitioner,
        data_key=key,
        sealed=keyring.seal(key=key, data=brought.to_bytes(), table=TABLE, ref=ref),
        wants_instant=is_instant,
        created_at=now,
        expires_at=now + LIFE,
    )
    return Begun(
        google_oauth.consent_url(
            state=state,
            verifier=brought.verifier,
            nonce=brought.nonce,
            scopes=google_oauth.scopes_for(is_instant=is_instant),
        )
    )


def is_known(*, state: str, now: datetime) -> bool:
    """Return whether an attempt of this state waits here: asked by the callback, which changes nothing."""
    waiting = Authorization.objects.filter(
        state_hash=keyring.token_hash(state),
        state=Authorization.State.ASKED,
        expires_at__gt=now,
    )
    return waiting.exists()


def take_back(
    *, state: str, code: str, user: User, session_key: str, now: datetime
) -> Authorization:
    """Use the attempt, once, and have its code exchanged; BadState for anybody else's.

    An empty code is a refusal: the attempt is over.
    """
    attempt = (
        Authorization.objects.select_for_update(of=("self",))
        .select_related("data_key", "practitioner")
        .filter(
            state_hash=keyring.token_hash(state),
            user=user,
            state=Authorization.State.ASKED,
            expires_at__gt=now,
        )
        .first()
    )
    if attempt is None or not hmac.compare_digest(
        bytes(attempt.session_hash), _session_hash(session_key)
    ):
        raise BadState
    if not code:
        _end(attempt, failure="refused_by_person")
        return attempt
    brought = _opened(attempt)
    _seal(attempt, _Brought(brought.verifier, brought.nonce, code))
    attempt.state = Authorization.State.EXCHANGING
    attempt.save(update_fields=["sealed", "state"])
    write(due=[Due(kinds.CALENDAR_CONNECT, attempt.pk, now)], now=now)
    return attempt


def forget_old(*, now: datetime, limit: int = 500) -> int:
    """Delete attempts that are over, and their keys; return how many."""
    old = list(
        Authorization.objects.select_related("data_key").filter(created_at__lte=now - KEPT)[:limit]
    )
    keyring.destroy_many(keys=[attempt.data_key for attempt in old if attempt.data_key])
    Authorization.objects.filter(pk__in=[attempt.pk for attempt in old]).delete()
    return len(old)


def latest(*, practitioner: Practitioner, user: User, now: datetime) -> Authorization | None:
    """Return the last attempt of this person for this agenda, while it tells something."""
    return (
        Authorization.objects.filter(
            practitioner=practitioner, user=user, created_at__gt=now - KEPT
        )
        .exclude(state=Authorization.State.ASKED)
        .order_by("-id")
        .first()
    )


class Connect:
    """Exchanges the code of one attempt and makes the account of it."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def prepare(
        self, entry: OutboxEntry, *, unit: Unit, now: datetime
    ) -> Outcome | Callable[[], Outcome]:
        """Open what was brought; one try only, for a code is good once."""
        attempt = _attempt(entry)
        if attempt is None or attempt.state != Authorization.State.EXCHANGING:
            return Outcome(OutboxEntry.State.DROPPED, "over")
        try:
            brought = _opened(attempt)
        except (KeyDestroyedError, UnreadableError):
            return Outcome(OutboxEntry.State.DROPPED, "over")
        return partial(self._exchange, attempt, brought, unit)

    def settle(self, entry: OutboxEntry, outcome: Outcome, *, unit: Unit, now: datetime) -> None:
        """Note why it failed, and destroy what was brought."""
        attempt = _attempt(entry)
        if attempt is not None and attempt.state == Authorization.State.EXCHANGING:
            _end(attempt, failure=outcome.reason)

    def _exchange(self, attempt: Authorization, brought: _Brought, unit: Unit) -> Outcome:
        try:
            # For the log (S-17): there is no account before the exchange.
            with structlog.contextvars.bound_contextvars(entry=attempt.ref.hex):
                grant = google_oauth.exchange(
                    code=brought.code,
                    verifier=brought.verifier,
                    nonce=brought.nonce,
                    now=self._clock(),
                )
        except Unavailable as error:
            if self._clock() >= attempt.expires_at:
                return Outcome(OutboxEntry.State.FAILED, error.code)
            raise TryAgain(error.code, after=timedelta(seconds=2)) from None
        except GoogleError as error:
            return Outcome(OutboxEntry.State.FAILED, error.code)
        if google_oauth.WRITE not in grant.scopes:
            return Outcome(OutboxEntry.State.FAILED, "no_right_to_write")
        if not grant.refresh_token:
            return Outcome(OutboxEntry.State.FAILED, "no_refresh_token")
        with inside(unit):
            account_id = _keep_for(attempt, grant, now=self._clock())
        if account_id is None:
            with suppress(Unavailable):
                google_oauth.revoke(token=grant.refresh_token)
            return Outcome(OutboxEntry.State.DROPPED, "over")
        _start(unit=unit, account_id=account_id, clock=self._clock)
        return SENT


def _keep_for(attempt: Authorization, grant: Grant, *, now: datetime) -> int | None:
    """Store the link and end the attempt.

    None when, while Google answered, its giver has lost their part or the link was given up: what is being
    left has a goodbye under way, which would take the new link with it.
    """
    # The link before the attempt, as whoever ends both does; locked, so that nobody leaves it from here on.
    links = GoogleAccount.objects.select_for_update(of=("self",))
    link = links.filter(practitioner=attempt.practitioner).first()
    waiting = Authorization.objects.select_for_update(of=("self",)).filter(
        pk=attempt.pk, state=Authorization.State.EXCHANGING
    )
    if waiting.first() is None or (link and link.state == GoogleAccount.State.LEAVING):
        return None
    account = keep(practitioner=attempt.practitioner, user_id=attempt.user_id, grant=grant, now=now)
    # With the link, for the code is used up: whoever is killed from here on has nothing to repeat.
    _end(attempt, failure="")
    return int(account.pk)


def keep(*, practitioner: Practitioner, user_id: int, grant: Grant, now: datetime) -> GoogleAccount:
    """Store the link under a key of its own, or put new tokens into the one that waited for them.

    What is coming is noted for its calendar in the same transaction. Another account of Google than before
    is another recipient: nothing that was said or instructed of the first holds for it (B-33, B-36).
    """
    account = GoogleAccount.objects.filter(practitioner=practitioner).first()
    is_new = account is None
    if account is None:
        account = GoogleAccount(
            ref=new_ref(),
            practitioner=practitioner,
            data_key=keyring.new_key(now=now),
            connected_at=now,
        )
        known = Secret(grant.refresh_token)
    else:
        account = locked(account.pk)
        known = open_secret(account)
    is_same = not known.subject or known.subject == grant.subject
    if not is_same:
        _leave_behind(account, now=now)
    if is_new or not is_same:
        account.kind = _kind_of(grant)
        account.has_addendum = False
        account.level = default_level(kind=account.kind, has_addendum=False)
        Practice.objects.update(notice_version=F("notice_version") + 1)
    seal_secret(
        account,
        Secret(
            refresh_token=grant.refresh_token,
            access_token=grant.access_token,
            expires_at=grant.expires_at.isoformat(),
            subject=grant.subject,
            # Another account of Google has none of our calendars.
            calendar=known.calendar if is_same else "",
        ),
    )
    account.state = GoogleAccount.State.CONNECTED
    account.can_read_busy = google_oauth.BUSY in grant.scopes
    account.is_instant = google_oauth.INSTANT in grant.scopes
    account.poll_at, account.failures, account.open_until = now, 0, None
    account.last_error = ""
    # Whoever speaks for the account speaks with what it was given before: perhaps to another calendar.
    account.lease, account.leased_until = None, None
    account.save()
    calendar_entries.push_all(account=account, since=now, now=now)
    if not is_same:
        shorten(account=account, now=now)
    verb = "calendar.connected" if is_new or not is_same else "calendar.reconnected"
    trail.record(verb=verb, ref=account.ref, actor=trail.actor_of(user_id), now=now)
    return account


def _kind_of(grant: Grant) -> GoogleAccount.Kind:
    return GoogleAccount.Kind.WORKSPACE if grant.is_workspace else GoogleAccount.Kind.CONSUMER


def _leave_behind(account: GoogleAccount, *, now: datetime) -> None:
    """What stands in the calendar of another account of Google is reached no more."""
    calendar_entries.outlive(account=account, is_all_gone=False, now=now)
    account.busy.all().delete()
    account.channels.all().delete()
    account.busy_at, account.checked_at = None, None
    account.connected_at, account.last_success_at = now, None
    # The doorbells of its events count from one again: those of the first would answer for them.
    OutboxEntry.objects.filter(kind=kinds.CALENDAR_PUSH, audience=str(account.pk)).delete()


def _start(*, unit: Unit, account_id: int, clock: Callable[[], datetime]) -> None:
    """Make our calendar and read what is busy; what fails is the next poll's."""
    try:
        with hold(unit=unit, account_id=account_id, clock=clock) as held:
            if not held.secret().calendar:
                make_calendar(held)
            reading.read(held)
    except (Busy, GoogleError, google_oauth.Dead):
        return


def _attempt(entry: OutboxEntry) -> Authorization | None:
    return (
        Authorization.objects.select_related("data_key", "practitioner")
        .filter(pk=entry.object_id or 0)
        .first()
    )


def _opened(attempt: Authorization) -> _Brought:
    opened = keyring.open_sealed(
        key=attempt.data_key, sealed=attempt.sealed, table=TABLE, ref=attempt.ref
    )
    return _Brought(**json.loads(opened))


def _seal(attempt: Authorization, brought: _Brought) -> None:
    if attempt.data_key is None:
        raise KeyDestroyedError
    attempt.sealed = keyring.seal(
        key=attempt.data_key, data=brought.to_bytes(), table=TABLE, ref=attempt.ref
    )


def _end(attempt: Authorization, *, failure: str) -> None:
    """Close the attempt and destroy what it had sealed."""
    if attempt.data_key is not None:
        keyring.destroy(key=attempt.data_key)
    attempt.state = Authorization.State.FAILED if failure else Authorization.State.DONE
    attempt.failure, attempt.sealed = failure, b""
    attempt.save(update_fields=["state", "failure", "sealed"])


def _session_hash(session_key: str) -> bytes:
    return keyring.token_hash(f"session|{session_key}")
