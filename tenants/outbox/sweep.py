"""Finding what is due in all schemas with few queries, as the sweeper: ids and instants only."""

import uuid
from datetime import datetime
from operator import itemgetter

from tenants import across
from tenants.routing import served_units
from tenants.schema import PUBLIC, Unit

LIMIT = 2_000
"""Entries rung per sweep: the rest is found by the next one, thirty seconds later."""


def due_entries(*, now: datetime) -> list[tuple[str, uuid.UUID, str]]:
    """Return (schema, ref, kind) of pending entries that are due, the oldest first."""

    def part(unit: Unit) -> str:
        return (
            f'SELECT ref, due_at, kind FROM "{unit.schema}".outbox_outboxentry'  # noqa: S608
            " WHERE state = 'pending' AND due_at <= %s ORDER BY due_at LIMIT %s"
        )

    found = across.read([PUBLIC, *served_units()], part, [now, LIMIT], limit=LIMIT)
    oldest = sorted(
        ((due, unit.schema, ref, kind) for unit, (ref, due, kind) in found.rows), key=itemgetter(0)
    )
    return [(schema, ref, kind) for _due, schema, ref, kind in oldest[:LIMIT]]
