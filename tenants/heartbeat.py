"""Records the last success of each recurring duty and returns its age, for the monitor."""

from datetime import datetime, timedelta

from django.conf import settings

from tenants.models import Heartbeat
from tenants.schema import PUBLIC, SWEEPER, inside

Duty = Heartbeat.Duty
TOLERANCE = {
    Duty.SWEEP: timedelta(minutes=2),
    Duty.EXPIRY: timedelta(minutes=15),
    Duty.SEAL: timedelta(minutes=15),
    Duty.AUDIT: timedelta(hours=26),
    Duty.INVOICES: timedelta(hours=26),
    Duty.PERIODS: timedelta(hours=3),
    Duty.BACKUP: timedelta(hours=36),
}
"""A few missed runs: the sweep runs every 30 s, the expiry every 5 minutes, the sealing every minute, the drafts
of periods every hour, the verifications and the backup once a day."""
CLOCK_TOLERANCE = timedelta(minutes=1)
"""How far the clocks of two machines may differ."""


def beat(*, duty: Heartbeat.Duty, now: datetime) -> None:
    """Record that ``duty`` succeeded at ``now``; call it last, outside any unit."""
    with inside(PUBLIC):
        Heartbeat.objects.update_or_create(duty=duty, defaults={"at": now})


def ages(*, now: datetime) -> dict[Heartbeat.Duty, timedelta | None]:
    """Return for every duty the time since its last success, None without a success."""
    with inside(SWEEPER):
        known = dict(Heartbeat.objects.values_list("duty", "at"))
    return {duty: now - known[duty] if duty in known else None for duty in Heartbeat.Duty}


def monitored() -> list[Heartbeat.Duty]:
    """Return the duties that must be done; a demonstration is not backed up."""
    return [duty for duty in Heartbeat.Duty if duty != Duty.BACKUP or not settings.DEMO]


def is_on_time(*, duty: Heartbeat.Duty, age: timedelta | None) -> bool:
    """Return whether a duty was last done within its tolerance.

    A heartbeat in the future is not on time: it was written by a clock that was ahead, and would hide a dead
    worker until that hour.
    """
    return age is not None and -CLOCK_TOLERANCE <= age <= TOLERANCE[duty]
