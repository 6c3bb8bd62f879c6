"""Google's quotas and the circuit breaker of all accounts, counted in Redis.

Without Redis neither is enforced: a request then leaves uncounted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from booking.google.calendar_api import RequestPostponed
from tenants import rate_counters

PER_ACCOUNT = 540
"""Requests a minute of one account: Google allows 600 per user and project."""
PER_PROJECT = 9_000
"""Requests a minute of all accounts: Google allows 10,000 per project."""
FAULTS_TO_BREAK = 50
"""Failed requests of one minute from which the circuit breaker may open."""
SHARE_TO_BREAK = 0.8
"""Share of failed requests in one minute at which the circuit breaker opens: Google itself has a fault then,
and more requests would add to it."""


@dataclass(frozen=True)
class AccountMeter:
    """Counts the requests of one account for its client."""

    schema: str
    account: UUID
    clock: Callable[[], datetime]

    def count_request(self) -> None:
        """Count a request before it leaves; raises RequestPostponed."""
        count_request(schema=self.schema, account=self.account, now=self.clock())

    def count_fault(self) -> None:
        """Count a request that Google did not carry out."""
        count_fault(now=self.clock())


def count_request(*, schema: str, account: UUID, now: datetime) -> None:
    """Count one request of an account in the current minute.

    Raises RequestPostponed, with the delay, when a quota is reached or the circuit breaker is open.
    """
    minute = f"{now:%H%M}"
    own_key, all_key = f"google|{schema}|{account.hex}|{minute}", f"google|calls|{minute}"
    faults_key = _faults_key(now)
    try:
        counts = rate_counters.count({own_key: 120, all_key: 120}, read_keys=[faults_key])
    except rate_counters.Unavailable:
        return
    rest = timedelta(seconds=60 - now.second)
    if counts[own_key] > PER_ACCOUNT or counts[all_key] > PER_PROJECT:
        raise RequestPostponed("quota", after=rest)
    faults = counts[faults_key]
    if faults >= FAULTS_TO_BREAK and faults >= SHARE_TO_BREAK * counts[all_key]:
        raise RequestPostponed("breaker", after=timedelta(seconds=30))


def count_fault(*, now: datetime) -> None:
    """Count one request that Google did not carry out, in the current minute."""
    try:
        rate_counters.count({_faults_key(now): 120})
    except rate_counters.Unavailable:
        return


def _faults_key(now: datetime) -> str:
    # The same minute as the requests of which the faults are a share.
    return f"google|faults|{now:%H%M}"
