"""Amounts, rates and days as French documents write them."""

import datetime as dt
from decimal import Decimal

import pytest

from billing.figures import euros, in_groups, long_day, number, per_cent, short_day


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("0", "0,00\u00a0€"),
        ("34.8", "34,80\u00a0€"),
        ("1234.5", "1\u202f234,50\u00a0€"),
        ("1234567.89", "1\u202f234\u202f567,89\u00a0€"),
        ("0.0725", "0,0725\u00a0€"),
        ("29.0000", "29,00\u00a0€"),
        ("-4.35", "−4,35\u00a0€"),
        ("-1234", "−1\u202f234,00\u00a0€"),
    ],
)
def test_an_amount_is_written_in_french(value: str, written: str) -> None:
    assert euros(Decimal(value)) == written


@pytest.mark.parametrize(
    ("value", "written"), [("20", "20"), ("8.50", "8,5"), ("0.5161", "0,5161"), ("1E+1", "10")]
)
def test_a_quantity_has_no_needless_zero(value: str, written: str) -> None:
    assert number(Decimal(value)) == written
    assert per_cent(Decimal(value)) == f"{written}\u00a0%"


@pytest.mark.parametrize(
    ("day", "long", "short"),
    [
        ("2026-12-01", "1er\u00a0décembre 2026", "01/12/2026"),
        ("2027-08-31", "31\u00a0août 2027", "31/08/2027"),
    ],
)
def test_a_day_is_written_in_french(day: str, long: str, short: str) -> None:
    assert (long_day(dt.date.fromisoformat(day)), short_day(dt.date.fromisoformat(day))) == (
        long,
        short,
    )


def test_an_account_is_written_in_groups_that_do_not_break() -> None:
    assert in_groups("FR7630006000") == "FR76\u00a03000\u00a06000"
    assert in_groups("552100554", 3) == "552\u00a0100\u00a0554"
