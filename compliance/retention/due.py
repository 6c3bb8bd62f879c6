"""Whose date has come, in all schemas with few queries, as the sweeper: ids and instants only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from tenants.outbox.sweep import chunks
from tenants.routing import kept_units
from tenants.schema import SWEEPER, Unit, inside

OVERDUE_AFTER = timedelta(minutes=60)
"""An erasure this late breaks the promise (B-27)."""


@dataclass(frozen=True)
class Backlog:
    """What one schema still has to erase: how many people, and the oldest date."""

    unit: Unit
    count: int
    oldest_at: datetime


def backlog(*, until: datetime) -> list[Backlog]:
    """Return the schemas with people whose ``erase_at`` is not after ``until``; empty is good."""
    units = kept_units()
    return [entry for group in chunks(units) for entry in _backlog_of(group, until=until)]


def overdue(*, now: datetime) -> list[Backlog]:
    """Return the schemas in which an erasure is more than 60 minutes late; empty keeps the promise."""
    return backlog(until=now - OVERDUE_AFTER)


def _backlog_of(group: Sequence[Unit], *, until: datetime) -> list[Backlog]:
    # Schema names come from Unit, which refuses anything but [a-z0-9_]; values are bound.
    parts = [
        f"SELECT {number}, count(*), min(erase_at) FROM"  # noqa: S608
        f' (SELECT erase_at FROM "{unit.schema}".booking_patientcontact WHERE erase_at <= %s'
        f' UNION ALL SELECT erase_at FROM "{unit.schema}".booking_waitingentry WHERE erase_at <= %s'
        ") people HAVING count(*) > 0"
        for number, unit in enumerate(group)
    ]
    with inside(SWEEPER), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), [until] * 2 * len(group))
        rows = cursor.fetchall()
    return [Backlog(unit=group[number], count=count, oldest_at=at) for number, count, at in rows]
