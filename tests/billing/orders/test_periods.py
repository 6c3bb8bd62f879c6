"""Periods of a subscription: no gap, each begins on the anchor day."""

import datetime as dt
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.orders.periods import all_periods, period_after, periods_until

DAYS = st.dates(dt.date(2026, 1, 1), dt.date(2035, 12, 31))


@pytest.mark.parametrize(
    ("first", "anchor", "rhythm", "ends"),
    [
        ("2026-12-01", 1, "month", ["2027-01-01", "2027-02-01"]),
        ("2026-12-17", 1, "month", ["2027-01-01", "2027-02-01"]),
        ("2026-12-17", 20, "month", ["2026-12-20", "2027-01-20"]),
        ("2027-01-31", 31, "month", ["2027-02-28", "2027-03-31", "2027-04-30"]),
        ("2026-12-17", 17, "year", ["2027-12-17", "2028-12-17"]),
        ("2028-02-29", 29, "year", ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
    ],
)
def test_the_ends_of_periods(first: str, anchor: int, rhythm: str, ends: list[str]) -> None:
    periods = all_periods(dt.date.fromisoformat(first), anchor_day=anchor, rhythm=rhythm)

    found = list(islice(periods, len(ends)))

    assert [end.isoformat() for _start, end in found] == ends
    assert found[0][0].isoformat() == first


@given(first=DAYS, anchor=st.integers(1, 31), rhythm=st.sampled_from(["month", "year"]))
def test_periods_have_no_gap_and_at_most_their_length(
    first: dt.date, anchor: int, rhythm: str
) -> None:
    found = list(islice(all_periods(first, anchor_day=anchor, rhythm=rhythm), 30))

    assert all(before[1] == after[0] for before, after in pairwise(found))
    longest = 31 if rhythm == "month" else 366
    assert all(0 < (end - start).days <= longest for start, end in found)


@given(first=DAYS, anchor=st.integers(1, 31), days=st.integers(0, 800))
def test_the_next_period_follows_those_that_are_invoiced(
    first: dt.date, anchor: int, days: int
) -> None:
    terms = {"anchor_day": anchor, "rhythm": "month"}
    until = first + dt.timedelta(days=days)

    begun = periods_until(first, **terms, until=until)  # type: ignore[arg-type]

    assert begun[0] == period_after(first, **terms, invoiced_to=None)  # type: ignore[arg-type]
    following = period_after(first, **terms, invoiced_to=begun[-1][1])  # type: ignore[arg-type]
    assert following[0] == begun[-1][1]
    assert following[0] > until
