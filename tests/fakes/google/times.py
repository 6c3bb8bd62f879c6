"""Instants, dates and zones as Google's interface writes them."""

import re
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tests.fakes.google.errors import Refused

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?")
DATE = re.compile(r"\d{4}-\d\d-\d\d")


def zone_named(name: str) -> ZoneInfo:
    """The zone; 400 for a name that is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refused(
            400, "invalid", "Invalid time zone definition.", location="timeZone"
        ) from None


def parse(text: str, zone: ZoneInfo | None = None) -> datetime:
    """An instant; a local time needs `zone`, else 400."""
    if not (RFC3339.fullmatch(text) or (zone is not None and LOCAL.fullmatch(text))):
        raise Refused(400, "required", "Missing time zone definition.", location="timeZone")
    value = datetime.fromisoformat(text)
    return value.replace(tzinfo=zone) if value.tzinfo is None else value


def show(value: datetime, zone: ZoneInfo) -> str:
    """An instant in a zone, as RFC 3339."""
    return value.astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")


def stamp(value: datetime) -> str:
    """An instant of the service itself: UTC, milliseconds."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The beginning of a day in a zone."""
    return datetime.combine(day, time(), zone)


def event_date_time(
    given: dict[str, Any], zone: ZoneInfo, name: str
) -> tuple[dict[str, Any], datetime]:
    """An EventDateTime as the service gives it back, and its instant.

    An all-day bound is midnight in the calendar's zone.
    """
    if ("date" in given) == ("dateTime" in given):
        raise Refused(400, "invalid", f"Invalid {name} time.", location=name)
    own = zone_named(given["timeZone"]) if given.get("timeZone") else None
    if not "1900" <= str(given.get("date") or given["dateTime"])[:4] <= "9990":
        raise Refused(400, "invalid", f"Invalid {name} time.", location=name)
    if "date" in given:
        return {"date": given["date"]}, midnight(date.fromisoformat(given["date"]), zone)
    at = parse(given["dateTime"], own)
    return {"dateTime": show(at, zone), "timeZone": (own or zone).key}, at
