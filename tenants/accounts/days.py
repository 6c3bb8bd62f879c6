"""The local day of the requested host's practice, which decides whether a role is valid."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.http import HttpRequest

DEFAULT_ZONE = "Europe/Paris"


def zone_of(request: HttpRequest) -> ZoneInfo:
    """Return the time zone of the host's practice; Europe/Paris without one."""
    route = getattr(request, "route", None)
    return ZoneInfo(getattr(route, "time_zone", "") or DEFAULT_ZONE)


def local_today(request: HttpRequest, *, now: datetime) -> date:
    """Return the date at ``now`` in the zone of the host's practice."""
    return now.astimezone(zone_of(request)).date()
