"""Records the last success of each recurring duty and returns its age, for the monitor."""

from datetime import datetime, timedelta

from tenants.models import Heartbeat
from tenants.schema import PUBLIC, SWEEPER, inside

Duty = Heartbeat.Duty


def beat(*, duty: Heartbeat.Duty, now: datetime) -> None:
    """Record that ``duty`` succeeded at ``now``; call it last, outside any unit."""
    with inside(PUBLIC):
        Heartbeat.objects.update_or_create(duty=duty, defaults={"at": now})


def ages(*, now: datetime) -> dict[Heartbeat.Duty, timedelta | None]:
    """Return for every duty the time since its last success, None without a success."""
    with inside(SWEEPER):
        known = dict(Heartbeat.objects.values_list("duty", "at"))
    return {duty: now - known[duty] if duty in known else None for duty in Heartbeat.Duty}
