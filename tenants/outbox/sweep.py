"""The due entries of all schemas, read with few queries as the sweeper: ids and instants only."""

import uuid
from datetime import datetime
from operator import itemgetter

from tenants import cross_schema
from tenants.routing import served_units
from tenants.schema import PUBLIC

LIMIT = 2_000
"""The number of entries enqueued per sweep; the next sweep, 30 s later, enqueues the rest."""


_DUE = """
SELECT ref, due_at, kind FROM {schema}.outbox_outboxentry
WHERE state = 'pending' AND due_at <= %s ORDER BY due_at LIMIT %s
"""


def due_entries(*, now: datetime) -> list[tuple[str, uuid.UUID, str]]:
    """Return (schema, ref, kind) of pending entries that are due, the oldest first."""
    found = cross_schema.read([PUBLIC, *served_units()], _DUE, [now, LIMIT], limit=LIMIT)
    oldest = sorted(
        ((due, unit.schema, ref, kind) for unit, (ref, due, kind) in found.rows), key=itemgetter(0)
    )
    return [(schema, ref, kind) for _due, schema, ref, kind in oldest[:LIMIT]]
