"""Finding what is due in all schemas with few queries, as the sweeper: ids and instants only."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import connection

from tenants.routing import served_units
from tenants.schema import PUBLIC, SWEEPER, Unit, inside

SCHEMAS_PER_QUERY = 100
LIMIT = 2_000
"""Entries rung per sweep: the rest is found by the next one, thirty seconds later."""


def chunks(units: Sequence[Unit], size: int = SCHEMAS_PER_QUERY) -> Iterator[Sequence[Unit]]:
    """Cut the schemas into groups that fit in one UNION ALL."""
    for start in range(0, len(units), size):
        yield units[start : start + size]


def due_entries(*, now: datetime) -> list[tuple[str, uuid.UUID, str]]:
    """Return (schema, ref, kind) of pending entries that are due, oldest first within a group."""
    found: list[tuple[str, uuid.UUID, str]] = []
    for group in chunks([PUBLIC, *served_units()]):
        found.extend(_due_in(group, now=now, limit=LIMIT - len(found)))
        if len(found) >= LIMIT:
            break
    return found


def _due_in(
    group: Sequence[Unit], *, now: datetime, limit: int
) -> list[tuple[str, uuid.UUID, str]]:
    # Schema names come from Unit, which refuses anything but [a-z0-9_]; values are bound.
    parts = [
        f"SELECT '{unit.schema}', ref, due_at, kind FROM \"{unit.schema}\".outbox_outboxentry"  # noqa: S608
        " WHERE state = 'pending' AND due_at <= %s"
        for unit in group
    ]
    statement = " UNION ALL ".join(parts) + " ORDER BY 3 LIMIT %s"
    with inside(SWEEPER), connection.cursor() as cursor:
        cursor.execute(statement, [*([now] * len(group)), limit])
        return [(schema, ref, kind) for schema, ref, _due, kind in cursor.fetchall()]
