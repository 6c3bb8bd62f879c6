"""Figures read from the database for the exporter: how much is pending, how many practices, connections."""

from collections import Counter
from datetime import datetime

from django.db import connection
from django.db.models import Count

from config.health import promises
from tenants import across
from tenants.models import Tenant
from tenants.routing import kept_units
from tenants.schema import PUBLIC, ROUTER, SWEEPER, Unit, inside


def pending_by_kind() -> dict[str, int]:
    """Return how many outbox entries wait, by kind, in all schemas."""
    total: Counter[str] = Counter()
    for _unit, (kind, count) in across.read([PUBLIC, *kept_units()], _pending).rows:
        total[kind] += count
    return dict(total)


def _pending(unit: Unit) -> str:
    return (
        f'SELECT kind, count(*) FROM "{unit.schema}".outbox_outboxentry'  # noqa: S608
        " WHERE state = 'pending' GROUP BY kind"
    )


def spaces_by_state() -> dict[str, int]:
    """Return how many practices are in each state of their life."""
    with inside(ROUTER):
        rows = Tenant.objects.order_by().values_list("state").annotate(Count("id"))
        return dict(rows)


def connections() -> int:
    """Return how many connections the application's login holds."""
    with inside(SWEEPER), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = session_user")
        return int(cursor.fetchone()[0])


def promise_figures(*, now: datetime) -> tuple[dict[str, bool], dict[str, float]]:
    """Return which promise is kept, and every number of theirs as ``<promise>_<figure>``."""
    found = promises.all_promises(now=now)
    figures = {
        f"{promise.name}_{name}": float(value)
        for promise in found
        for name, value in promise.figures.items()
        if value is not None
    }
    return {promise.name: promise.is_kept for promise in found}, figures
