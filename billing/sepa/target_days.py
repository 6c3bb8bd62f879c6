"""TARGET days, on which the banks of the SEPA area settle (F-44, F-45), by the ECB's calendar of ``holidays``.

14 July, 15 August and the other holidays of France are open.
"""

import datetime as dt
from functools import lru_cache

from holidays import financial_holidays

ONE_DAY = dt.timedelta(days=1)
LEAD = 2
"""TARGET days between handing the file over and the collection; the bank's contract may say less."""


@lru_cache(maxsize=16)
def _closed(year: int) -> frozenset[dt.date]:
    return frozenset(financial_holidays("XECB", years=year))


def is_target(day: dt.date) -> bool:
    """Return whether banks settle on a day. The table of the library leaves weekends out."""
    return day.weekday() < 5 and day not in _closed(day.year)


def roll(day: dt.date) -> dt.date:
    """Return the day itself, or the next TARGET day."""
    while not is_target(day):
        day += ONE_DAY
    return day


def step(day: dt.date, count: int) -> dt.date:
    """Return the TARGET day that is ``count`` TARGET days later, or earlier for a negative count."""
    direction = ONE_DAY if count > 0 else -ONE_DAY
    for _ in range(abs(count)):
        day += direction
        while not is_target(day):
            day += direction
    return day


def collection_day(due_on: dt.date, *, notified_on: dt.date, days_ahead: int) -> dt.date:
    """Return the day of a collection: the due date, or later for its announcement or TARGET."""
    return roll(max(due_on, notified_on + dt.timedelta(days=days_ahead)))


def file_due_on(collected_on: dt.date, *, lead: int = LEAD) -> dt.date:
    """Return the last day to hand the file over."""
    return step(collected_on, -lead)
