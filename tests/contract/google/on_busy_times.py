"""Busy times."""

from datetime import UTC, timedelta
from typing import Any

from tests.contract.google.checks import Mark, check
from tests.contract.google.place import Place, refused

_QUERY = "reference/freebusy/query"


def _hours(place: Place, **query: Any) -> list[tuple[str, str]]:
    found = place.busy(**query)[place.calendar]["busy"]
    return [(item["start"], item["end"]) for item in found]


def _shown(place: Place, start: int, end: int) -> tuple[str, str]:
    first, last = (f"{place.at(hour).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for hour in (start, end))
    return first, last


@check(Mark.DOCUMENTED, _QUERY)
def an_event_is_busy_and_nothing_else_is_shown(place: Place) -> None:
    place.insert(9)

    found = place.busy()[place.calendar]

    assert found == {"busy": [dict(zip(("start", "end"), _shown(place, 9, 10), strict=True))]}


@check(Mark.ASSUMED, "answers quoted in issues")
def overlapping_events_are_one_interval(place: Place) -> None:
    place.insert(9, hours=2)
    place.insert(10, hours=2)

    assert _hours(place) == [_shown(place, 9, 12)]


@check(Mark.DOCUMENTED, "reference/events, transparency")
def a_free_event_is_not_busy(place: Place) -> None:
    place.insert(transparency="transparent")

    assert _hours(place) == []


@check(Mark.DOCUMENTED, "reference/events, status")
def a_deleted_event_is_not_busy(place: Place) -> None:
    place.delete(place.insert()["id"])

    assert _hours(place) == []


@check(Mark.ASSUMED, "no page says in which zone a whole day lies")
def a_whole_day_is_busy_in_the_zone_of_the_calendar(place: Place) -> None:
    day = place.at(0).date()
    dates = {"start": {"date": str(day)}, "end": {"date": str(day + timedelta(days=1))}}
    place.insert_raw({"summary": "Congé", **dates})

    found = place.busy(zone="Europe/Paris")[place.calendar]["busy"]

    assert found == [{"start": place.at(0).isoformat(), "end": place.at(0, day=1).isoformat()}]


@check(Mark.DOCUMENTED, "guides/recurringevents")
def each_occurrence_is_busy(place: Place) -> None:
    place.insert(recurrence=["RRULE:FREQ=DAILY;COUNT=3"])

    assert len(_hours(place)) == 3


@check(Mark.ASSUMED, "calendar.freebusy alone, never seen on a real account")
def the_main_calendar_is_answered_for_under_its_alias(place: Place) -> None:
    assert "busy" in place.busy("primary")["primary"]


@check(Mark.DOCUMENTED, f"{_QUERY}, errors")
def an_unknown_calendar_does_not_spoil_the_rest(place: Place) -> None:
    place.insert()

    found = place.busy("personne@exemple.invalid", place.calendar)

    assert found["personne@exemple.invalid"]["errors"][0]["reason"] == "notFound"
    assert len(found[place.calendar]["busy"]) == 1


@check(Mark.ASSUMED, f"{_QUERY}: 50 at most; the shape of the refusal is a guess")
def more_than_fifty_calendars_are_too_many(place: Place) -> None:
    names = [f"c{number}@group.calendar.google.com" for number in range(50)]

    found = place.busy(place.calendar, *names)

    assert found[place.calendar]["errors"][0]["reason"] == "tooManyCalendarsRequested"


@check(Mark.DOCUMENTED, "guides/errors, timeRangeEmpty")
def a_range_that_ends_before_it_starts_is_refused(place: Place) -> None:
    with refused(400, "timeRangeEmpty"):
        place.busy(days=-1)


@check(Mark.SEEN, "calcom/cal.com #11696 and #11962")
def a_range_of_more_than_ninety_days_is_too_long(place: Place) -> None:
    with refused(400, "timeRangeTooLong"):
        place.busy(days=120)


@check(Mark.DOCUMENTED, f"{_QUERY}, timeZone")
def times_are_shown_in_the_zone_asked_for(place: Place) -> None:
    place.insert(9)

    found = place.busy(zone="Europe/Paris")[place.calendar]["busy"][0]

    assert found["start"] == place.at(9).isoformat()
