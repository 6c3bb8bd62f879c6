"""Figures of the database for the exporter: pending outbox entries, tenants by state, connections."""

from collections import Counter
from datetime import datetime

from django.db import connection
from django.db.models import Count

from config.health import promises
from tenants import cross_schema
from tenants.models import Tenant
from tenants.routing import kept_units
from tenants.schema import PUBLIC, ROUTER, SWEEPER, inside

_PENDING = """
SELECT kind, count(*) FROM {schema}.outbox_outboxentry WHERE state = 'pending' GROUP BY kind
"""


def pending_by_kind() -> dict[str, int]:
    """Return the number of pending outbox entries of all schemas by kind."""
    total: Counter[str] = Counter()
    for _unit, (kind, count) in cross_schema.read([PUBLIC, *kept_units()], _PENDING).rows:
        total[kind] += count
    return dict(total)


def tenants_by_state() -> dict[str, int]:
    """Return the number of tenants by state."""
    with inside(ROUTER):
        rows = Tenant.objects.order_by().values_list("state").annotate(Count("id"))
        return dict(rows)


def connections() -> int:
    """Return the number of open connections of the application's login."""
    with inside(SWEEPER), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = session_user")
        return int(cursor.fetchone()[0])


def promise_figures(*, now: datetime) -> tuple[dict[str, bool], dict[str, float]]:
    """Return whether each promise is kept, and the figures of all promises as ``<promise>_<figure>``."""
    found = promises.all_promises(now=now)
    figures = {
        f"{promise.name}_{name}": float(value)
        for promise in found
        for name, value in promise.figures.items()
        if value is not None
    }
    return {promise.name: promise.is_kept for promise in found}, figures
