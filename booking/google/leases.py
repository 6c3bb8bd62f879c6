"""Leases on Google accounts: one worker at a time calls Google for an account.

A lease is two columns of GoogleAccount (``lease``, ``leased_until``). It makes writes to one calendar serial
and leaves one worker to refresh a token. The functions run outside any unit of work and enter one for each
read or write of the database.
"""

import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from django.conf import settings
from django.db.models import Q

from booking.google import limits, oauth, revocation
from booking.google.accounts import (
    Secret,
    change_secret,
    open_secret,
)
from booking.google.calendar_api import (
    Client,
    Refused,
    RequestPostponed,
    TokenExpired,
    Unavailable,
)
from booking.google.oauth import GrantRevoked
from booking.models import GoogleAccount
from tenants.schema import Unit, inside

LEASE = timedelta(seconds=settings.GOOGLE_LEASE_SECONDS)
"""Duration of a lease, renewed before each event: longer than the writing of one event, time-outs included."""
REFRESH_MARGIN = timedelta(minutes=12)
"""An access token is refreshed this long before its end. The margin exceeds the interval between two polls, so
that a page that needs a name (``names``) finds a valid token."""
FAILURES_TO_BREAK = 5
"""Consecutive failures that open the circuit breaker of an account."""
T = TypeVar("T")


class LeaseUnavailable(Exception):
    """Another worker has the lease, the circuit breaker is open, or the account is not in the expected state."""


class AccountLease:
    """One account under lease: its client, the calls' outcome, and the identifier of the lease."""

    def __init__(
        self, unit: Unit, account: GoogleAccount, lease_id: uuid.UUID, clock: Callable[[], datetime]
    ) -> None:
        self._state = account.state
        self.unit, self.account_id, self.ref = unit, account.pk, account.ref
        self.clock = clock
        self.failures = account.failures
        self.last_error = ""
        self.has_succeeded = False
        self._lease_id = lease_id
        self._client: Client | None = None

    def call(self, request: Callable[[Client], T]) -> T:
        """Send a request and record its outcome; a rejected access token is refreshed once.

        Raises GoogleError, and GrantRevoked when the refresh token is no longer valid.
        """
        try:
            response = self._send(request)
        except RequestPostponed:
            raise  # our own limit is no failure of the account
        except (Unavailable, Refused) as error:
            self._record_failure(error.code)
            raise
        self.has_succeeded, self.failures = True, 0
        return response

    def secret(self) -> Secret:
        """Return the sealed values of the account, in a unit of its own."""
        with inside(self.unit):
            account = GoogleAccount.objects.select_related("data_key").get(pk=self.account_id)
            return open_secret(account)

    def renew(self) -> None:
        """Extend the lease by ``LEASE``; raises LeaseUnavailable when another worker has it."""
        with inside(self.unit):
            self.check_ours()

    def check_ours(self) -> None:
        """Extend the lease, inside a unit of the caller.

        Raises LeaseUnavailable when another worker has the lease, or when the state of the account has changed
        since the lease began (a disconnection, for example).
        """
        leased = GoogleAccount.objects.filter(
            pk=self.account_id, lease=self._lease_id, state=self._state
        )
        if not leased.update(leased_until=self.clock() + LEASE):
            raise LeaseUnavailable

    def release(self) -> None:
        """End the lease and store the outcome of its calls; the last of too many failures opens the breaker."""
        if self._client is not None:
            self._client.close()
        now = self.clock()
        outcome: dict[str, object] = {"failures": self.failures}
        if self.has_succeeded:
            outcome["last_success_at"] = now
        if self.last_error:
            outcome |= {"last_error": self.last_error, "last_error_at": now}
        if self.failures >= FAILURES_TO_BREAK:
            seconds = settings.GOOGLE_BREAKER_SECONDS
            outcome["open_until"] = now + timedelta(seconds=seconds)
        leased = GoogleAccount.objects.filter(pk=self.account_id, lease=self._lease_id)
        with inside(self.unit):
            leased.update(lease=None, leased_until=None, **outcome)

    def _send(self, request: Callable[[Client], T]) -> T:
        try:
            return request(self._valid_client())
        except TokenExpired:
            self._refresh(self.secret())
        try:
            return request(self._valid_client())
        except TokenExpired:
            # Google rejects the new token too, so every other request of the account would fail as well.
            wait = timedelta(seconds=settings.GOOGLE_LONGEST_WAIT_SECONDS)
            raise Unavailable("token_refused", after=wait) from None

    def _valid_client(self) -> Client:
        if self._client is not None:
            return self._client
        secret = self.secret()
        until = secret.access_ends_at
        if until is None or until <= self.clock() + REFRESH_MARGIN:
            return self._refresh(secret)
        return self._open_client(secret.access_token)

    def _refresh(self, secret: Secret) -> Client:
        try:
            access = oauth.refresh(refresh_token=secret.refresh_token, now=self.clock())
        except GrantRevoked:
            self._record_failure("invalid_grant")
            with inside(self.unit):
                self.check_ours()  # the practitioner may have given another consent meanwhile
                revocation.mark_lost(account_id=self.account_id, now=self.clock())
            raise
        values = {
            "access_token": access.access_token,
            "expires_at": access.expires_at.isoformat(),
        }
        if access.refresh_token:
            values["refresh_token"] = access.refresh_token
        with inside(self.unit):
            self.check_ours()
            change_secret(account_id=self.account_id, **values)
        return self._open_client(access.access_token)

    def _open_client(self, token: str) -> Client:
        if self._client is not None:
            self._client.close()
        meter = limits.AccountMeter(self.unit.schema, self.ref, self.clock)
        self._client = Client(token=token, account=self.ref.hex, meter=meter)
        return self._client

    def _record_failure(self, code: str) -> None:
        self.failures += 1
        self.last_error = code


@contextmanager
def acquire_lease(
    *,
    unit: Unit,
    account_id: int,
    clock: Callable[[], datetime],
    state: str = GoogleAccount.LinkState.CONNECTED,
) -> Iterator[AccountLease]:
    """Lease the account for the block; raises LeaseUnavailable when it cannot be leased.

    The account must be in ``state``, without a running lease and without an open circuit breaker. GrantRevoked,
    raised by a call in the block, leaves the account in the state RECONNECT.
    """
    now, lease_id = clock(), uuid.uuid4()
    with inside(unit):
        free = GoogleAccount.objects.filter(
            Q(leased_until__isnull=True) | Q(leased_until__lte=now),
            Q(open_until__isnull=True) | Q(open_until__lte=now),
            pk=account_id,
            state=state,
        )
        if not free.update(lease=lease_id, leased_until=now + LEASE, open_until=None):
            raise LeaseUnavailable
        account = GoogleAccount.objects.get(pk=account_id)
    lease = AccountLease(unit, account, lease_id, clock)
    try:
        # For the log (S-17): the calls that refresh and revoke a token do not know the account.
        with structlog.contextvars.bound_contextvars(entry=account.ref.hex):
            yield lease
    finally:
        lease.release()


def retry_delay(attempts: int) -> timedelta:
    """Return the delay before the next attempt: exponential with full jitter, at most
    ``GOOGLE_LONGEST_WAIT_SECONDS`` (design section 11)."""
    first, longest = settings.GOOGLE_BACKOFF_SECONDS, settings.GOOGLE_LONGEST_WAIT_SECONDS
    most = min(longest, first * 2 ** min(attempts, 12))
    return timedelta(seconds=random.SystemRandom().uniform(0, most))
