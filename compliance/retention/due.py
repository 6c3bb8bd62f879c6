"""Counts the due erasures of all schemas with few queries, as the sweeper: counts and instants only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tenants import cross_schema
from tenants.routing import kept_units
from tenants.schema import Unit

OVERDUE_AFTER = timedelta(minutes=60)
"""The delay after which an erasure is overdue (B-27)."""


_PEOPLE_DUE = """
SELECT count(*), min(erase_at) FROM (
    SELECT erase_at FROM {schema}.booking_patientcontact WHERE erase_at <= %s
    UNION ALL SELECT erase_at FROM {schema}.booking_waitingentry WHERE erase_at <= %s
) people HAVING count(*) > 0
"""


@dataclass(frozen=True)
class Backlog:
    """The due erasures of one schema: number of persons and the oldest due instant."""

    unit: Unit
    count: int
    oldest_at: datetime


def backlog(*, until: datetime) -> list[Backlog]:
    """Return the schemas with persons whose ``erase_at`` is not after ``until``.

    An unreadable schema is skipped, so that it does not block the others; ``/promises`` counts it.
    """
    found = cross_schema.read(kept_units(), _PEOPLE_DUE, [until, until])
    return [Backlog(unit=unit, count=count, oldest_at=at) for unit, (count, at) in found.rows]


def overdue(*, now: datetime) -> list[Backlog]:
    """Return the schemas with an erasure that is more than 60 minutes late."""
    return backlog(until=now - OVERDUE_AFTER)
