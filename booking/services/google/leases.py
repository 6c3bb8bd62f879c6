"""One worker at a time speaks for an account: a lease in its row, renewed while it works.

So writing is serial per account, and a token has one refresher. Everything here runs outside any unit
and enters one for a moment at a time.
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

from booking import google_oauth
from booking.google_calendar import Client, Expired, HeldBack, Refused, Unavailable
from booking.google_oauth import Dead
from booking.models import GoogleAccount
from booking.services.google import limits, links
from booking.services.google.accounts import Secret, change_secret, open_secret
from tenants.schema import Unit, inside

LEASE = timedelta(seconds=settings.GOOGLE_LEASE_SECONDS)
"""Renewed before each event: longer than one takes, whatever Google answers and does not."""
EARLY = timedelta(minutes=12)
"""A token is refreshed this long before it ends: longer than from one poll to the next, so that a page that
needs a name (``names``) always meets one that is accepted."""
FAILURES_TO_BREAK = 5
T = TypeVar("T")


class Busy(Exception):
    """Another worker speaks for this account, or the breaker is open, or the account is not connected."""


class Held:
    """An account in hand: its client, what it met, and the lease that makes it ours."""

    def __init__(
        self, unit: Unit, account: GoogleAccount, lease: uuid.UUID, clock: Callable[[], datetime]
    ) -> None:
        self._state = account.state
        self.unit, self.account_id, self.ref = unit, account.pk, account.ref
        self.clock = clock
        self.failures = account.failures
        self.last_error = ""
        self.has_succeeded = False
        self.is_broken = False
        self._lease = lease
        self._client: Client | None = None

    def call(self, ask: Callable[[Client], T]) -> T:
        """Ask Google, refreshing the token once when it is not accepted; count what came of it."""
        try:
            answer = self._ask(ask)
        except HeldBack:
            raise  # our own limit is no failure of the account
        except (Unavailable, Refused) as error:
            self._failed(error.code)
            raise
        self.has_succeeded, self.failures = True, 0
        return answer

    def secret(self) -> Secret:
        """Return what is sealed in the account."""
        with inside(self.unit):
            account = GoogleAccount.objects.select_related("data_key").get(pk=self.account_id)
            return open_secret(account)

    def renew(self) -> None:
        """Keep the lease; Busy when it was lost."""
        with inside(self.unit):
            self.check_ours()

    def check_ours(self) -> None:
        """Inside a unit: renew the lease, or raise Busy.

        When somebody else has it by now, or the account is no longer what it was taken for: being left.
        """
        mine = GoogleAccount.objects.filter(
            pk=self.account_id, lease=self._lease, state=self._state
        )
        if not mine.update(leased_until=self.clock() + LEASE):
            raise Busy

    def release(self) -> None:
        """Give the account back with what was learnt of it."""
        if self._client is not None:
            self._client.close()
        now = self.clock()
        learnt: dict[str, object] = {"failures": self.failures}
        if self.has_succeeded:
            learnt["last_success_at"] = now
        if self.last_error:
            learnt |= {"last_error": self.last_error, "last_error_at": now}
        if self.failures >= FAILURES_TO_BREAK:
            seconds = settings.GOOGLE_BREAKER_SECONDS
            learnt["open_until"] = now + timedelta(seconds=seconds)
        mine = GoogleAccount.objects.filter(pk=self.account_id, lease=self._lease)
        with inside(self.unit):
            mine.update(lease=None, leased_until=None, **learnt)

    def _ask(self, ask: Callable[[Client], T]) -> T:
        try:
            return ask(self._opened())
        except Expired:
            self._refresh(self.secret())
        try:
            return ask(self._opened())
        except Expired:
            # A new token that is not accepted either: no event is at fault, and none gets through.
            wait = timedelta(seconds=settings.GOOGLE_LONGEST_WAIT_SECONDS)
            raise Unavailable("token_refused", after=wait) from None

    def _opened(self) -> Client:
        if self._client is None:
            secret = self.secret()
            until = secret.access_ends_at
            if until is None or until <= self.clock() + EARLY:
                self._refresh(secret)
            else:
                self._use(secret.access_token)
        assert self._client is not None  # noqa: S101  # _use() has set it
        return self._client

    def _refresh(self, secret: Secret) -> None:
        try:
            access = google_oauth.refresh(refresh_token=secret.refresh_token, now=self.clock())
        except Dead:
            self._failed("invalid_grant")
            with inside(self.unit):
                self.check_ours()  # another consent may have been given while Google answered
                links.lose(account_id=self.account_id, now=self.clock())
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
        self._use(access.access_token)

    def _use(self, token: str) -> None:
        if self._client is not None:
            self._client.close()
        meter = limits.AccountMeter(self.unit.schema, self.ref, self.clock)
        self._client = Client(token=token, account=self.ref.hex, meter=meter)

    def _failed(self, code: str) -> None:
        self.failures += 1
        self.last_error = code


@contextmanager
def hold(
    *,
    unit: Unit,
    account_id: int,
    clock: Callable[[], datetime],
    state: str = GoogleAccount.State.CONNECTED,
) -> Iterator[Held]:
    """Take the account in hand for the block; Busy when somebody else has it or it may not be used.

    Raises Dead when the grant turns out to be gone: the account then waits to be reconnected.
    """
    now, lease = clock(), uuid.uuid4()
    with inside(unit):
        free = GoogleAccount.objects.filter(
            Q(leased_until__isnull=True) | Q(leased_until__lte=now),
            Q(open_until__isnull=True) | Q(open_until__lte=now),
            pk=account_id,
            state=state,
        )
        if not free.update(lease=lease, leased_until=now + LEASE, open_until=None):
            raise Busy
        account = GoogleAccount.objects.get(pk=account_id)
    held = Held(unit, account, lease, clock)
    try:
        # For the log (S-17): a refresh and a revocation know no account.
        with structlog.contextvars.bound_contextvars(entry=account.ref.hex):
            yield held
    finally:
        held.release()


def jitter(attempts: int) -> timedelta:
    """Return how long to wait after so many failures: full jitter, fifteen minutes at most (section 8)."""
    first, longest = settings.GOOGLE_BACKOFF_SECONDS, settings.GOOGLE_LONGEST_WAIT_SECONDS
    most = min(longest, first * 2 ** min(attempts, 12))
    return timedelta(seconds=random.uniform(0, most))  # noqa: S311
