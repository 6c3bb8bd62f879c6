"""Connection of a Google account: one attempt, bound to user, session and practice, used once (B-30).

The browser goes to Google and returns with a code. The code is sealed, and a worker exchanges it for tokens while
the page waits. Only the worker calls Google.
"""

import hmac
import json
import secrets
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from booking.calendar_sync import calendar_entries
from booking.google import oauth, pull
from booking.google.accounts import (
    Secret,
    default_level,
    locked,
    open_secret,
    seal_secret,
)
from booking.google.calendar_api import GoogleError, Unavailable
from booking.google.choices import recompute_deadlines
from booking.google.leases import LeaseUnavailable, acquire_lease
from booking.google.oauth import Grant
from booking.google.push import make_calendar
from booking.models import Authorization, GoogleAccount, Practitioner
from booking.rules import kinds
from booking.scheduling.catalogue import bump_notice_version
from tenants.accounts.models import User
from tenants.audit import services as audit
from tenants.keyring import services as keyring
from tenants.keyring.errors import KeyDestroyedError, UnreadableError
from tenants.outbox.delivery import SENT, DeliveryCall, Handler, Outcome, TryAgain, not_sent
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NO_PAYLOAD, NoPayload
from tenants.outbox.services import Due, subject_of, write
from tenants.refs import new_ref
from tenants.schema import Unit, current_schema, inside

LIFE = timedelta(minutes=10)
"""Time in which the browser must return from Google."""
KEPT = timedelta(hours=1)
"""Age at which the row of an attempt is deleted."""
TABLE = Authorization._meta.db_table
SEPARATOR = "."
"""Between the schema and the token in the OAuth ``state``."""
MOST_CHARACTERS = 2_000
"""The longest ``state`` or ``code`` that is read from an address."""


class BadState(Exception):
    """No open attempt of this user, session and practice has this state; or the attempt was used before."""


class NotPermitted(Exception):
    """The user no longer has the permission to connect this agenda."""


@dataclass(frozen=True)
class ConsentAddress:
    """Google's address at which the browser asks for consent."""

    url: str


@dataclass(frozen=True)
class _AttemptSecret:
    """The sealed values of an attempt; ``code`` is empty except between the return and the exchange."""

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
) -> ConsentAddress:
    """Create an attempt and return the address at which Google asks for consent."""
    token = secrets.token_urlsafe(32)
    # RFC 7636: 43 to 128 characters.
    secret = _AttemptSecret(verifier=secrets.token_urlsafe(48), nonce=secrets.token_urlsafe(24))
    ref, key = new_ref(), keyring.new_key(now=now)
    state = SEPARATOR.join((current_schema(), token))
    Authorization.objects.create(
        ref=ref,
        state_hash=keyring.token_hash(state),
        session_hash=_session_hash(session_key),
        user=user,
        practitioner=practitioner,
        data_key=key,
        sealed=keyring.seal(key=key, data=secret.to_bytes(), table=TABLE, ref=ref),
        is_instant_wanted=is_instant,
        created_at=now,
        expires_at=now + LIFE,
    )
    return ConsentAddress(
        oauth.consent_url(
            state=state,
            verifier=secret.verifier,
            nonce=secret.nonce,
            scopes=oauth.scopes_for(is_instant=is_instant),
        )
    )


def is_known(*, state: str, now: datetime) -> bool:
    """Return whether an open attempt has this state; used by the OAuth callback, which changes nothing."""
    waiting = Authorization.objects.filter(
        state_hash=keyring.token_hash(state),
        state=Authorization.AttemptState.ASKED,
        expires_at__gt=now,
    )
    return waiting.exists()


def receive_return(
    *,
    state: str,
    code: str,
    user: User,
    session_key: str,
    practitioner_ids: Collection[int],
    now: datetime,
) -> Authorization:
    """Use the attempt once and enqueue the exchange of its code.

    An empty code is a refusal of the consent and ends the attempt. Raises BadState for an attempt of another user
    or session, and NotPermitted when its practitioner is not in ``practitioner_ids``, those that the user may
    connect now (the role may have ended meanwhile). Neither error changes the attempt.
    """
    attempt = (
        Authorization.objects.select_for_update(of=("self",))
        .select_related("data_key", "practitioner")
        .filter(
            state_hash=keyring.token_hash(state),
            user=user,
            state=Authorization.AttemptState.ASKED,
            expires_at__gt=now,
        )
        .first()
    )
    if attempt is None or not hmac.compare_digest(
        bytes(attempt.session_hash), _session_hash(session_key)
    ):
        raise BadState
    if attempt.practitioner_id not in practitioner_ids:
        raise NotPermitted
    if not code:
        _end(attempt, failure="refused_by_person")
        return attempt
    secret = _open(attempt)
    _seal(attempt, _AttemptSecret(secret.verifier, secret.nonce, code))
    attempt.state = Authorization.AttemptState.EXCHANGING
    attempt.save(update_fields=["sealed", "state"])
    write(due=[Due(kinds.CALENDAR_CONNECT, subject_of(attempt), NO_PAYLOAD, now)], now=now)
    return attempt


def delete_old_attempts(*, now: datetime, limit: int = 500) -> int:
    """Delete attempts older than ``KEPT`` with their keys; return how many."""
    old = list(
        Authorization.objects.select_related("data_key").filter(created_at__lte=now - KEPT)[:limit]
    )
    keyring.destroy_many(keys=[attempt.data_key for attempt in old if attempt.data_key])
    Authorization.objects.filter(pk__in=[attempt.pk for attempt in old]).delete()
    return len(old)


def latest_attempt(
    *, practitioner: Practitioner, user: User, now: datetime
) -> Authorization | None:
    """Return the user's last attempt for this agenda within ``KEPT``; None while it waits for Google."""
    return (
        Authorization.objects.filter(
            practitioner=practitioner, user=user, created_at__gt=now - KEPT
        )
        .exclude(state=Authorization.AttemptState.ASKED)
        .order_by("-id")
        .first()
    )


class ConnectionHandler(Handler[NoPayload]):
    """Exchanges the code of one attempt for tokens and stores the account."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def prepare(
        self, entry: OutboxEntry, payload: NoPayload, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Return the call that exchanges the code; not sent when the attempt has ended or its key is destroyed."""
        attempt = _attempt(entry)
        if attempt is None or attempt.state != Authorization.AttemptState.EXCHANGING:
            return not_sent("over")
        try:
            secret = _open(attempt)
        except (KeyDestroyedError, UnreadableError):
            return not_sent("over")
        return partial(self._exchange, attempt, secret, unit)

    def complete(
        self,
        entry: OutboxEntry,
        payload: NoPayload,
        outcome: Outcome,
        *,
        unit: Unit,
        now: datetime,
    ) -> None:
        """Store the failure code of an attempt that is still open, and destroy its secret."""
        attempt = _attempt(entry)
        if attempt is not None and attempt.state == Authorization.AttemptState.EXCHANGING:
            _end(attempt, failure=outcome.reason)

    def _exchange(self, attempt: Authorization, secret: _AttemptSecret, unit: Unit) -> Outcome:
        try:
            # For the log (S-17): no account exists before the exchange.
            with structlog.contextvars.bound_contextvars(entry=attempt.ref.hex):
                grant = oauth.exchange(
                    code=secret.code,
                    verifier=secret.verifier,
                    nonce=secret.nonce,
                    now=self._clock(),
                )
        except Unavailable as error:
            if self._clock() >= attempt.expires_at:
                return Outcome(OutboxEntry.EntryState.FAILED, error.code)
            raise TryAgain(error.code, after=timedelta(seconds=2)) from None
        except GoogleError as error:
            return Outcome(OutboxEntry.EntryState.FAILED, error.code)
        if oauth.WRITE not in grant.scopes:
            return Outcome(OutboxEntry.EntryState.FAILED, "no_right_to_write")
        if not grant.refresh_token:
            return Outcome(OutboxEntry.EntryState.FAILED, "no_refresh_token")
        with inside(unit):
            account_id = _save_for_attempt(attempt, grant, now=self._clock())
        if account_id is None:
            with suppress(Unavailable):
                oauth.revoke(token=grant.refresh_token)
            return not_sent("over")
        _run_first_sync(unit=unit, account_id=account_id, clock=self._clock)
        return SENT


def _save_for_attempt(attempt: Authorization, grant: Grant, *, now: datetime) -> int | None:
    """Store the account and end the attempt; return the key of the account.

    None when the user lost the role during the exchange (the attempt is then no longer open), or when the account
    is being disconnected: the disconnection would delete the new link.
    """
    # The account is locked before the attempt, in the order of the code that ends both. From here on no
    # disconnection can begin.
    locked_accounts = GoogleAccount.objects.select_for_update(of=("self",))
    former = locked_accounts.filter(practitioner=attempt.practitioner).first()
    exchanging = Authorization.objects.select_for_update(of=("self",)).filter(
        pk=attempt.pk, state=Authorization.AttemptState.EXCHANGING
    )
    is_disconnecting = former and former.state == GoogleAccount.LinkState.DISCONNECTING
    if exchanging.first() is None or is_disconnecting:
        return None
    account = save_account(
        practitioner=attempt.practitioner, user_id=attempt.user_id, grant=grant, now=now
    )
    # In the same transaction: the code is used up, so a worker that is killed later must not repeat the exchange.
    _end(attempt, failure="")
    return int(account.pk)


def save_account(
    *, practitioner: Practitioner, user_id: int, grant: Grant, now: datetime
) -> GoogleAccount:
    """Create the account of a practitioner under a new key, or store new tokens in the existing one.

    Schedules a push of all coming appointments in the same transaction. Another Google account than before is
    another recipient: the level, the addendum and the instruction of the former one do not apply (B-33, B-36).
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
        former_secret = Secret(grant.refresh_token)
    else:
        account = locked(account.pk)
        former_secret = open_secret(account)
    is_same = not former_secret.subject or former_secret.subject == grant.subject
    if not is_same:
        _detach_former_account(account, now=now)
    if is_new or not is_same:
        account.kind = _kind_of(grant)
        account.has_addendum = account.writes_home_address = False
        account.level = default_level(kind=account.kind, has_addendum=False)
        bump_notice_version()
    seal_secret(
        account,
        Secret(
            refresh_token=grant.refresh_token,
            access_token=grant.access_token,
            expires_at=grant.expires_at.isoformat(),
            subject=grant.subject,
            # Another Google account does not hold the calendar of the former one.
            calendar=former_secret.calendar if is_same else "",
        ),
    )
    account.state = GoogleAccount.LinkState.CONNECTED
    account.can_read_busy = oauth.BUSY in grant.scopes
    account.is_instant = oauth.INSTANT in grant.scopes
    account.poll_at, account.failures, account.open_until = now, 0, None
    account.last_error = ""
    # A worker with the current lease uses the former tokens, perhaps those of another Google account.
    account.lease, account.leased_until = None, None
    account.save()
    calendar_entries.push_all(account=account, since=now, now=now)
    if not is_same:
        recompute_deadlines(account=account, now=now)
    verb = "calendar.connected" if is_new or not is_same else "calendar.reconnected"
    audit.record(verb=verb, ref=account.ref, actor=audit.actor_of(user_id), now=now)
    return account


def _kind_of(grant: Grant) -> GoogleAccount.AccountKind:
    return (
        GoogleAccount.AccountKind.WORKSPACE
        if grant.is_workspace
        else GoogleAccount.AccountKind.CONSUMER
    )


def _detach_former_account(account: GoogleAccount, *, now: datetime) -> None:
    """Detach the events of the former Google account, which lib-rdv can no longer access."""
    calendar_entries.detach_events(account=account, is_all_gone=False, now=now)
    account.busy.all().delete()
    account.channels.all().delete()
    account.busy_at, account.checked_at = None, None
    account.connected_at, account.last_success_at = now, None
    # The versions of events restart at one: outbox entries of the former account would match the new ones.
    pushes = OutboxEntry.objects.filter(kind=kinds.CALENDAR_PUSH)
    pushes.filter(payload__account_id=account.pk).delete()


def _run_first_sync(*, unit: Unit, account_id: int, clock: Callable[[], datetime]) -> None:
    """Create the calendar and read the busy times; the next poll repeats what fails."""
    try:
        with acquire_lease(unit=unit, account_id=account_id, clock=clock) as lease:
            if not lease.secret().calendar:
                make_calendar(lease)
            pull.read(lease)
    except (LeaseUnavailable, GoogleError, oauth.GrantRevoked):
        return


def _attempt(entry: OutboxEntry) -> Authorization | None:
    return (
        Authorization.objects.select_related("data_key", "practitioner")
        .filter(pk=entry.subject_id)
        .first()
    )


def _open(attempt: Authorization) -> _AttemptSecret:
    opened = keyring.open_sealed(
        key=attempt.data_key, sealed=attempt.sealed, table=TABLE, ref=attempt.ref
    )
    return _AttemptSecret(**json.loads(opened))


def _seal(attempt: Authorization, secret: _AttemptSecret) -> None:
    if attempt.data_key is None:
        raise KeyDestroyedError
    attempt.sealed = keyring.seal(
        key=attempt.data_key, data=secret.to_bytes(), table=TABLE, ref=attempt.ref
    )


def _end(attempt: Authorization, *, failure: str) -> None:
    """End the attempt and destroy its key and its sealed values."""
    if attempt.data_key is not None:
        keyring.destroy(key=attempt.data_key)
    attempt.state = (
        Authorization.AttemptState.FAILED if failure else Authorization.AttemptState.DONE
    )
    attempt.failure, attempt.sealed = failure, b""
    attempt.save(update_fields=["state", "failure", "sealed"])


def _session_hash(session_key: str) -> bytes:
    return keyring.token_hash(f"session|{session_key}")
