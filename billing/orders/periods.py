"""The periods by which a subscription is invoiced (F-05). Pure.

Days are those of Paris, periods are half-open: ``end`` is the first day after them. A period begins on the anchor
day of its month, or on its last day; the first one begins with the subscription and ends on the next anchor day.
"""

import datetime as dt
from collections.abc import Iterator
from itertools import count, takewhile

from billing.amounts import add_months

MONTHS = {"month": 1, "year": 12}
"""Months of a period, by the rhythm of the subscription."""


def all_periods(
    first: dt.date, *, anchor_day: int, rhythm: str
) -> Iterator[tuple[dt.date, dt.date]]:
    """Yield the periods of a subscription that begins on ``first``, without end and without gap."""
    month = first.replace(day=1)
    starts = (add_months(month, number * MONTHS[rhythm], anchor=anchor_day) for number in count())
    start = first
    for end in starts:
        if end > start:
            yield start, end
            start = end


def periods_until(
    first: dt.date, *, anchor_day: int, rhythm: str, until: dt.date
) -> list[tuple[dt.date, dt.date]]:
    """Return the periods that begin on ``until`` or earlier."""
    periods = all_periods(first, anchor_day=anchor_day, rhythm=rhythm)
    return list(takewhile(lambda period: period[0] <= until, periods))


def period_after(
    first: dt.date, *, anchor_day: int, rhythm: str, invoiced_to: dt.date | None
) -> tuple[dt.date, dt.date]:
    """Return the first period that is not invoiced; ``invoiced_to`` is the end of the last one that is."""
    periods = all_periods(first, anchor_day=anchor_day, rhythm=rhythm)
    return next(period for period in periods if invoiced_to is None or period[0] >= invoiced_to)
