"""freebusy.query: merged busy intervals, per calendar."""

from datetime import datetime, timedelta
from typing import Any

from tests.fakes.google import events, times
from tests.fakes.google.accounts import Account, Calendar
from tests.fakes.google.errors import Refused

MOST_CALENDARS = 50
LONGEST = timedelta(days=90)
"""Not documented: cal.com cuts its queries there because longer ones were refused."""


def query(account: Account, body: dict[str, Any]) -> dict[str, Any]:
    """The answer; a calendar that is not there has an error of its own."""
    for name in ("timeMin", "timeMax"):
        if name not in body:
            raise Refused(400, "required", f"Missing {name} parameter.", location=name)
    zone = times.zone_named(body.get("timeZone", "UTC"))
    lower, upper = times.parse(body["timeMin"], zone), times.parse(body["timeMax"], zone)
    if lower >= upper:
        raise Refused(400, "timeRangeEmpty", location="timeMax")
    if upper - lower > LONGEST:
        raise Refused(400, "timeRangeTooLong", location="timeMax")
    names = [item["id"] for item in body.get("items", ())]
    most = min(body.get("calendarExpansionMax", MOST_CALENDARS), MOST_CALENDARS)
    found: dict[str, Any] = {}
    for name in names:
        calendar = account.calendar(name)
        if len(names) > most:
            found[name] = _error("tooManyCalendarsRequested")
        elif calendar is None:
            found[name] = _error("notFound")
        else:
            found[name] = {
                "busy": [
                    {"start": times.show(start, zone), "end": times.show(end, zone)}
                    for start, end in busy(calendar, lower, upper)
                ]
            }
    return {
        "kind": "calendar#freeBusy",
        "timeMin": times.show(lower, zone),
        "timeMax": times.show(upper, zone),
        "calendars": found,
    }


def busy(calendar: Calendar, lower: datetime, upper: datetime) -> list[tuple[datetime, datetime]]:
    """What blocks time within the window: cut to it, touching intervals merged."""
    spans = sorted(
        (max(event.start, lower), min(event.end, upper))
        for event in events.touching(calendar, lower, upper)
        if event.is_busy
    )
    merged: list[tuple[datetime, datetime]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _error(reason: str) -> dict[str, Any]:
    return {"errors": [{"domain": "global", "reason": reason}], "busy": []}
