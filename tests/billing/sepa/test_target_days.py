"""TARGET days against a table computed another way, and the days of collections (F-44, F-45)."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.sepa.target_days import collection_day, file_due_on, is_target, roll, step

DAYS = st.dates(dt.date(2026, 1, 1), dt.date(2035, 12, 31))


def easter(year: int) -> dt.date:
    """Return Easter Sunday, by the anonymous Gregorian algorithm."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    length = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * length) // 451
    month, day = divmod(h + length - 7 * m + 114, 31)
    return dt.date(year, month, day + 1)


def closed(year: int) -> set[dt.date]:
    fixed = {dt.date(year, *day) for day in ((1, 1), (5, 1), (12, 25), (12, 26))}
    return fixed | {easter(year) - dt.timedelta(days=2), easter(year) + dt.timedelta(days=1)}


@pytest.mark.parametrize("year", range(2026, 2031))
def test_each_day_of_a_year_agrees_with_the_rules(year: int) -> None:
    days = [dt.date(year, 1, 1) + dt.timedelta(days=n) for n in range(365)]

    wrong = [
        day for day in days if is_target(day) == (day.weekday() > 4 or day in closed(day.year))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("day", "is_open"),
    [
        ("2026-07-14", True),
        ("2026-08-15", False),  # a Saturday
        ("2027-08-16", True),
        ("2026-04-03", False),
        ("2026-04-06", False),
        ("2026-05-01", False),
        ("2026-05-08", True),
        ("2026-05-14", True),
        ("2026-05-25", True),
        ("2026-12-24", True),
        ("2026-12-25", False),
        ("2026-12-31", True),
    ],
)
def test_holidays_of_france_are_open_and_those_of_the_ecb_closed(day: str, is_open: bool) -> None:
    assert is_target(dt.date.fromisoformat(day)) is is_open


@given(DAYS, st.integers(1, 20))
def test_steps_come_back(day: dt.date, count: int) -> None:
    assert step(step(roll(day), count), -count) == roll(day)


@pytest.mark.parametrize(
    ("due_on", "notified_on", "days_ahead", "collected_on", "handed_over_on"),
    [
        ("2026-04-03", "2026-03-01", 14, "2026-04-07", "2026-04-01"),  # Good Friday
        ("2026-07-14", "2026-06-01", 14, "2026-07-14", "2026-07-10"),
        ("2026-12-15", "2026-12-10", 14, "2026-12-24", "2026-12-22"),
        ("2026-12-15", "2026-12-10", 5, "2026-12-15", "2026-12-11"),
        ("2026-12-26", "2026-12-01", 14, "2026-12-28", "2026-12-23"),
    ],
)
def test_a_collection_waits_for_its_announcement_and_for_an_open_day(
    due_on: str, notified_on: str, days_ahead: int, collected_on: str, handed_over_on: str
) -> None:
    found = collection_day(
        dt.date.fromisoformat(due_on),
        notified_on=dt.date.fromisoformat(notified_on),
        days_ahead=days_ahead,
    )

    assert found.isoformat() == collected_on
    assert file_due_on(found).isoformat() == handed_over_on


@given(DAYS, DAYS, st.integers(0, 30))
def test_a_collection_is_never_early_and_never_on_a_closed_day(
    due_on: dt.date, notified_on: dt.date, days_ahead: int
) -> None:
    found = collection_day(due_on, notified_on=notified_on, days_ahead=days_ahead)

    assert is_target(found)
    assert found >= due_on
    assert (found - notified_on).days >= days_ahead
