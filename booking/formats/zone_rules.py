"""The VTIMEZONE of a zone by yearly rules: one STANDARD and, where clocks change, one DAYLIGHT (RFC 5545 3.6.5).

Calendar programs read such a rule alike. Lists of dates (RDATE) are read differently: some take the first
date of a list only, others none, and show an appointment one hour late.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo

import icalendar

FIRST_YEAR = 1970
"""The year in which the written rules begin, as in the files of other calendar programs."""
LAST_YEAR = 2037
"""The last year that the rules are checked against; time zone data on some systems end there."""
RULE_SINCE = 2026
"""The first year that the rules are checked against: no appointment of the product is older."""
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, order=True)
class YearlyChange:
    """One change of the clocks that happens every year.

    `nth` counts the weekday (0 is Monday) in the month: 2 is the second, -1 the last. `at` is the local time
    before the change, `before` and `after` are the offsets from UTC, `name` is the abbreviation after it.
    """

    month: int
    nth: int
    weekday: int
    at: dt.time
    before: dt.timedelta
    after: dt.timedelta
    is_daylight: bool
    name: str

    def in_year(self, year: int) -> dt.datetime:
        """Return the local time of the change in a year, by the clock before it."""
        first = dt.date(year, self.month, 1)
        days = [first + _DAY * offset for offset in range(31)]
        found = [d for d in days if d.month == self.month and d.weekday() == self.weekday]
        return dt.datetime.combine(found[self.nth if self.nth < 0 else self.nth - 1], self.at)


@dataclass(frozen=True)
class _Change:
    at: dt.datetime
    before: dt.timedelta
    after: dt.timedelta
    is_daylight: bool
    name: str


@cache
def yearly_changes(zone: ZoneInfo) -> tuple[YearlyChange, ...]:
    """Return the changes of the clocks of a zone, in order of the year; empty where clocks never change.

    Raises ValueError for a zone whose changes do not follow the same rule from RULE_SINCE to LAST_YEAR.
    """
    years = [list(_changes(zone, year)) for year in range(RULE_SINCE, LAST_YEAR + 1)]
    if len({len(changes) for changes in years}) != 1:
        raise ValueError(f"the clocks of {zone.key} do not change by yearly rules")
    return tuple(_rule(zone, same) for same in zip(*years, strict=True))


def _changes(zone: ZoneInfo, year: int) -> Iterator[_Change]:
    moment = dt.datetime(year, 1, 1, tzinfo=dt.UTC)
    end = dt.datetime(year + 1, 1, 1, tzinfo=dt.UTC)
    while moment < end:
        before, after = moment.astimezone(zone), (moment + _DAY).astimezone(zone)
        if before.utcoffset() != after.utcoffset():
            yield _change(zone, moment)
        moment += _DAY


def _change(zone: ZoneInfo, day: dt.datetime) -> _Change:
    """Return the change within the day that begins at an instant, to the minute."""
    before = day.astimezone(zone)
    low, high = 0, 24 * 60
    while high - low > 1:
        middle = (low + high) // 2
        is_before = (day + dt.timedelta(minutes=middle)).astimezone(
            zone
        ).utcoffset() == before.utcoffset()
        low, high = (middle, high) if is_before else (low, middle)
    instant = day + dt.timedelta(minutes=high)
    after = instant.astimezone(zone)
    offset = before.utcoffset() or dt.timedelta()
    return _Change(
        at=instant.replace(tzinfo=None) + offset,
        before=offset,
        after=after.utcoffset() or dt.timedelta(),
        is_daylight=bool(after.dst()),
        name=after.tzname() or zone.key,
    )


def _rule(zone: ZoneInfo, changes: tuple[_Change, ...]) -> YearlyChange:
    """Return the rule of one change over the years."""
    days = [change.at.date() for change in changes]
    is_last = all((day + 7 * _DAY).month != day.month for day in days)
    rules = {
        YearlyChange(
            month=change.at.month,
            nth=-1 if is_last else (change.at.day - 1) // 7 + 1,
            weekday=change.at.weekday(),
            at=change.at.time(),
            before=change.before,
            after=change.after,
            is_daylight=change.is_daylight,
            name=change.name,
        )
        for change in changes
    }
    if len(rules) != 1:
        raise ValueError(f"the clocks of {zone.key} do not change by yearly rules")
    return rules.pop()


def vtimezone(zone: ZoneInfo) -> icalendar.Timezone:
    """Return the VTIMEZONE of a zone; the same for each appointment and each year."""
    component = icalendar.Timezone()
    component.add("tzid", zone.key)
    changes = yearly_changes(zone)
    if not changes:
        component.add_component(_without_change(zone))
    for change in sorted(changes, key=lambda rule: rule.is_daylight):
        component.add_component(_part(change))
    return component


def _without_change(zone: ZoneInfo) -> icalendar.TimezoneStandard:
    moment = dt.datetime(RULE_SINCE, 1, 1, tzinfo=zone)
    offset = moment.utcoffset() or dt.timedelta()
    part = icalendar.TimezoneStandard()
    part.add("dtstart", dt.datetime(FIRST_YEAR, 1, 1))  # noqa: DTZ001  # local time (RFC 5545)
    part.add("tzoffsetfrom", offset)
    part.add("tzoffsetto", offset)
    part.add("tzname", moment.tzname() or zone.key)
    return part


def _part(change: YearlyChange) -> icalendar.TimezoneStandard | icalendar.TimezoneDaylight:
    part = icalendar.TimezoneDaylight() if change.is_daylight else icalendar.TimezoneStandard()
    part.add("dtstart", change.in_year(FIRST_YEAR))
    part.add(
        "rrule",
        {
            "freq": "yearly",
            "bymonth": change.month,
            "byday": f"{change.nth}{_WEEKDAYS[change.weekday]}",
        },
    )
    part.add("tzoffsetfrom", change.before)
    part.add("tzoffsetto", change.after)
    part.add("tzname", change.name)
    return part
