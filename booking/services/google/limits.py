"""Google's quotas and the breaker of the whole house, counted in Redis; both may be lost with it."""

from datetime import datetime, timedelta
from uuid import UUID

from booking.google_calendar import Unavailable
from tenants import counters

PER_ACCOUNT = 540
"""Calls a minute of one account: Google allows 600 per user and project."""
PER_PROJECT = 9_000
"""Calls a minute of all accounts: Google allows 10,000 per project."""
FAULTS_TO_BREAK = 50
SHARE_TO_BREAK = 0.8
"""Of the calls of a minute: past it Google itself is ill, and asking on only adds to it."""


def pass_or_wait(*, schema: str, account: UUID, now: datetime) -> None:
    """Count one call; Unavailable, with how long to wait, when a limit is reached or Google is ill."""
    minute = f"{now:%H%M}"
    own, all_ = f"google|{schema}|{account.hex}|{minute}", f"google|calls|{minute}"
    ill = _faults(now)
    try:
        found = counters.count({own: 120, all_: 120}, look_at=[ill])
    except counters.Unavailable:
        return
    rest = timedelta(seconds=60 - now.second)
    if found[own] > PER_ACCOUNT or found[all_] > PER_PROJECT:
        raise Unavailable("quota", after=rest)
    faults = found[ill]
    if faults >= FAULTS_TO_BREAK and faults >= SHARE_TO_BREAK * found[all_]:
        raise Unavailable("breaker", after=timedelta(seconds=30))


def count_fault(*, now: datetime) -> None:
    """Count one call that Google did not do."""
    try:
        counters.count({_faults(now): 120})
    except counters.Unavailable:
        return


def _faults(now: datetime) -> str:
    # Of the same minute as the calls they are a share of.
    return f"google|faults|{now:%H%M}"
