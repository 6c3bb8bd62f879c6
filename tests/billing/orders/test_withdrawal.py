"""The right to withdraw: the four combinations, and its days (F-33)."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.orders.withdrawal import first_payment_on, has_right, last_day


@pytest.mark.parametrize(
    ("place", "is_at_most_five", "right"),
    [
        ("client", True, True),
        ("client", False, False),
        ("online", True, False),
        ("online", False, False),
        ("fair", True, True),
        ("fair", False, False),
        ("office", True, False),
        ("client", None, True),
        ("online", None, False),
    ],
)
def test_the_place_and_the_headcount_decide(
    place: str, is_at_most_five: bool | None, right: bool
) -> None:
    assert has_right(place=place, is_at_most_five=is_at_most_five) is right


@pytest.mark.parametrize(
    ("signed_on", "last"),
    [
        ("2026-12-01", "2026-12-15"),
        ("2026-12-04", "2026-12-18"),
        ("2026-12-05", "2026-12-21"),  # the fourteenth day is a Saturday
        ("2026-12-11", "2026-12-28"),  # Christmas, a Friday, then a weekend
        ("2027-03-15", "2027-03-30"),  # Easter Monday
        ("2027-06-30", "2027-07-15"),  # 14 July
    ],
)
def test_the_last_day_is_a_working_day(signed_on: str, last: str) -> None:
    assert last_day(dt.date.fromisoformat(signed_on)).isoformat() == last


@given(st.dates(dt.date(2026, 1, 1), dt.date(2035, 12, 1)))
def test_the_right_lasts_fourteen_days_and_hardly_more(signed_on: dt.date) -> None:
    last = last_day(signed_on)

    assert 14 <= (last - signed_on).days <= 18
    assert last.weekday() < 5


def test_no_payment_in_the_first_seven_days() -> None:
    signed_on = dt.date(2026, 12, 1)

    assert first_payment_on(signed_on, is_withdrawable=True) == dt.date(2026, 12, 9)
    assert first_payment_on(signed_on, is_withdrawable=False) == signed_on
