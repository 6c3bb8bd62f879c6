"""The time by which people are erased and messages leave: never ahead of the database's clock."""

from datetime import datetime

import structlog
from django.db import connection

from tenants.heartbeat import CLOCK_TOLERANCE
from tenants.schema import SWEEPER, inside

log = structlog.get_logger("clock")


def not_ahead(now: datetime) -> datetime:
    """Return this machine's ``now``, or the database's when this machine's clock is ahead; outside any unit.

    A worker whose clock was hours ahead erased people before their appointments. Two machines must be wrong for
    that; on one machine both clocks are one (NTP: docs/running.md).
    """
    with inside(SWEEPER), connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        there: datetime = cursor.fetchone()[0]
    if now - there <= CLOCK_TOLERANCE:
        return now
    log.error("clock_ahead", seconds=int((now - there).total_seconds()))
    return there
