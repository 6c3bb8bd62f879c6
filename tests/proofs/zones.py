"""Time zones of France in which it is day, or night, at this moment: reminders are sent by day only."""

from datetime import datetime
from zoneinfo import ZoneInfo

ZONES = ("Europe/Paris", "Indian/Reunion", "America/Martinique", "Pacific/Tahiti", "Pacific/Noumea")
"""At any instant it is between 9 and 19 h in one of them, and between 20 and 7 h in another one."""
NOON = 13


def zone_of_day(now: datetime) -> ZoneInfo:
    """Return the zone in which the hour is nearest to 13 h."""
    return min((ZoneInfo(name) for name in ZONES), key=lambda zone: _from_noon(now, zone))


def zone_of_night(now: datetime) -> ZoneInfo:
    """Return the zone in which the hour is farthest from 13 h."""
    return max((ZoneInfo(name) for name in ZONES), key=lambda zone: _from_noon(now, zone))


def _from_noon(now: datetime, zone: ZoneInfo) -> int:
    return abs(now.astimezone(zone).hour - NOON)
