"""Whose date has come, in all schemas with few queries, as the sweeper: ids and instants only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tenants import across
from tenants.routing import kept_units
from tenants.schema import Unit

OVERDUE_AFTER = timedelta(minutes=60)
"""An erasure this late breaks the promise (B-27)."""


@dataclass(frozen=True)
class Backlog:
    """What one schema still has to erase: how many people, and the oldest date."""

    unit: Unit
    count: int
    oldest_at: datetime


def backlog(*, until: datetime) -> list[Backlog]:
    """Return the schemas with people whose ``erase_at`` is not after ``until``; empty is good.

    A schema that cannot be read is left out: nobody else waits for it, and ``/promises`` counts it.
    """
    found = across.read(kept_units(), _people_due, [until, until])
    return [Backlog(unit=unit, count=count, oldest_at=at) for unit, (count, at) in found.rows]


def overdue(*, now: datetime) -> list[Backlog]:
    """Return the schemas in which an erasure is more than 60 minutes late; empty keeps the promise."""
    return backlog(until=now - OVERDUE_AFTER)


def _people_due(unit: Unit) -> str:
    return (
        "SELECT count(*), min(erase_at) FROM"  # noqa: S608
        f' (SELECT erase_at FROM "{unit.schema}".booking_patientcontact WHERE erase_at <= %s'
        f' UNION ALL SELECT erase_at FROM "{unit.schema}".booking_waitingentry WHERE erase_at <= %s'
        ") people HAVING count(*) > 0"
    )
