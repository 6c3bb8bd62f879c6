"""Google's quotas and the breaker of the whole house, counted in Redis; both may be lost with it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from booking.google_calendar import HeldBack
from tenants import counters

PER_ACCOUNT = 540
"""Requests a minute of one account: Google allows 600 per user and project."""
PER_PROJECT = 9_000
"""Requests a minute of all accounts: Google allows 10,000 per project."""
FAULTS_TO_BREAK = 50
SHARE_TO_BREAK = 0.8
"""Of the requests of a minute: past it Google itself is ill, and asking on only adds to it."""


@dataclass(frozen=True)
class AccountMeter:
    """Counts the requests of one account, for its client."""

    schema: str
    account: UUID
    clock: Callable[[], datetime]

    def pass_or_wait(self) -> None:
        """Count a request that is about to leave, or raise as the function does."""
        pass_or_wait(schema=self.schema, account=self.account, now=self.clock())

    def count_fault(self) -> None:
        """Count a request that Google did not do."""
        count_fault(now=self.clock())


def pass_or_wait(*, schema: str, account: UUID, now: datetime) -> None:
    """Count one request; HeldBack, with how long to wait, when a limit is reached or Google is ill."""
    minute = f"{now:%H%M}"
    own, all_ = f"google|{schema}|{account.hex}|{minute}", f"google|calls|{minute}"
    ill = _faults(now)
    try:
        found = counters.count({own: 120, all_: 120}, look_at=[ill])
    except counters.Unavailable:
        return
    rest = timedelta(seconds=60 - now.second)
    if found[own] > PER_ACCOUNT or found[all_] > PER_PROJECT:
        raise HeldBack("quota", after=rest)
    faults = found[ill]
    if faults >= FAULTS_TO_BREAK and faults >= SHARE_TO_BREAK * found[all_]:
        raise HeldBack("breaker", after=timedelta(seconds=30))


def count_fault(*, now: datetime) -> None:
    """Count one request that Google did not do."""
    try:
        counters.count({_faults(now): 120})
    except counters.Unavailable:
        return


def _faults(now: datetime) -> str:
    # Of the same minute as the requests they are a share of.
    return f"google|faults|{now:%H%M}"
