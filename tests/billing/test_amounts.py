"""Amounts: examples with figures worked out by hand, and properties."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.amounts import (
    MixedReasons,
    RateUnknown,
    ReferenceRates,
    add_months,
    cents,
    late_interest,
    late_rate,
    line_net,
    prorata,
    split,
    totals,
)

AMOUNTS = st.integers(0, 10_000_00).map(lambda units: Decimal(units) / 100)
DATES = st.dates(dt.date(2024, 1, 1), dt.date(2032, 12, 31))
RATES = [  # invented figures
    ReferenceRates(dt.date(2026, 1, 1), Decimal("2.15"), Decimal("2.62")),
    ReferenceRates(dt.date(2026, 7, 1), Decimal("2.15"), Decimal("2.71")),
    ReferenceRates(dt.date(2027, 1, 1), Decimal("2.40"), Decimal("2.80")),
]


@dataclass(frozen=True)
class Item:
    """A line, as far as the totals read it."""

    net: Decimal
    category: str = "S"
    rate: Decimal = Decimal(20)
    vatex: str = ""
    mention: str = ""


def items(*nets: str, rate: str = "20") -> list[Item]:
    return [Item(Decimal(net), rate=Decimal(rate)) for net in nets]


# --- VAT ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "rounded"),
    [("0.005", "0.01"), ("-0.005", "-0.01"), ("0.0049", "0.00"), ("2.675", "2.68"), ("1", "1.00")],
)
def test_a_half_cent_is_rounded_away_from_zero(value: str, rounded: str) -> None:
    assert str(cents(Decimal(value))) == rounded


@given(st.decimals("0", "9999", places=3))
def test_rounding_is_symmetric(value: Decimal) -> None:
    assert cents(-value) == -cents(value)


def test_vat_is_rounded_once_on_the_sum_and_not_line_by_line() -> None:
    # 3 x 0.04: line by line 3 x 0.01 of VAT, on the sum 0.024, so 0.02
    found = totals(items("0.04", "0.04", "0.04"))

    assert (found.net, found.tax, found.gross) == (
        Decimal("0.12"),
        Decimal("0.02"),
        Decimal("0.14"),
    )


def test_each_rate_has_its_own_group_in_a_fixed_order() -> None:
    found = totals([*items("29.00"), *items("10.00", rate="8.5"), *items("1.00")])

    assert [(group.rate, group.base, group.tax) for group in found.groups] == [
        (Decimal("8.5"), Decimal("10.00"), Decimal("0.85")),
        (Decimal(20), Decimal("30.00"), Decimal("6.00")),
    ]


def test_a_group_without_tax_keeps_its_reason() -> None:
    line = Item(Decimal("11.99"), "E", Decimal(0), "VATEX-EU-79-C", "Débours")

    [group] = totals([line, line]).groups

    assert (group.base, group.tax, group.vatex, group.mention) == (
        Decimal("23.98"),
        Decimal("0.00"),
        "VATEX-EU-79-C",
        "Débours",
    )


def test_two_reasons_in_one_group_are_refused() -> None:
    with pytest.raises(MixedReasons):
        totals(
            [
                Item(Decimal(1), "E", Decimal(0), "", "one"),
                Item(Decimal(1), "E", Decimal(0), "", "two"),
            ]
        )


@given(
    st.lists(
        st.tuples(AMOUNTS, st.sampled_from([Decimal(20), Decimal("8.5")])), min_size=1, max_size=20
    )
)
def test_totals_agree_with_a_calculation_in_whole_cents(
    lines: list[tuple[Decimal, Decimal]],
) -> None:
    found = totals([Item(net, rate=rate) for net, rate in lines])

    # half up in integers: tenths of a per cent times cents, over 1000
    tax = 0
    for rate in {rate for _net, rate in lines}:
        base = sum(int(net * 100) for net, other in lines if other == rate)
        tax += (base * int(rate * 10) * 2 + 1000) // 2000
    assert int(found.tax * 100) == tax
    assert found.net == sum(net for net, _rate in lines)
    assert found.gross == found.net + found.tax


def test_the_net_of_a_line_is_rounded_before_its_discount() -> None:
    assert line_net(Decimal("0.5161"), Decimal("29.0000")) == Decimal("14.97")
    assert line_net(Decimal(1), Decimal("29.00"), Decimal("4.35")) == Decimal("24.65")


# --- Shares ------------------------------------------------------------------------------------------


@given(AMOUNTS, st.lists(st.integers(1, 10_000).map(Decimal), min_size=1, max_size=8))
def test_nothing_is_lost_when_an_amount_is_shared(amount: Decimal, weights: list[Decimal]) -> None:
    parts = split(amount, weights)

    assert sum(parts) == amount
    # A share is itself a quotient, rounded after 28 digits.
    assert all(
        abs(part - amount * weight / sum(weights)) <= Decimal("0.0100001")
        for part, weight in zip(parts, weights, strict=True)
    )


@given(AMOUNTS, st.lists(st.integers(1, 10_000).map(Decimal), min_size=1, max_size=8))
def test_a_reversal_is_shared_as_the_payment_was(amount: Decimal, weights: list[Decimal]) -> None:
    assert split(-amount, weights) == [-part for part in split(amount, weights)]


def test_the_rest_of_a_division_goes_to_the_part_where_it_arises() -> None:
    assert split(Decimal("100.00"), [Decimal(1), Decimal(1), Decimal(1)]) == [
        Decimal("33.33"),
        Decimal("33.34"),
        Decimal("33.33"),
    ]


def test_an_amount_without_weights_is_not_shared() -> None:
    with pytest.raises(ValueError, match="zero"):
        split(Decimal(1), [])


# --- Periods -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "months", "anchor", "expected"),
    [
        ("2027-01-31", 1, 31, "2027-02-28"),
        ("2027-02-28", 1, 31, "2027-03-31"),
        ("2028-01-31", 1, 31, "2028-02-29"),
        ("2026-11-30", 3, 30, "2027-02-28"),
        ("2026-12-15", 1, None, "2027-01-15"),
        ("2027-01-15", -1, None, "2026-12-15"),
        ("2028-02-29", 12, 29, "2029-02-28"),
        ("2029-02-28", 36, 29, "2032-02-29"),
    ],
)
def test_months_are_added_to_a_day(
    day: str, months: int, anchor: int | None, expected: str
) -> None:
    found = add_months(dt.date.fromisoformat(day), months, anchor=anchor)

    assert found.isoformat() == expected


@given(DATES, st.integers(1, 60))
def test_periods_keep_the_day_of_the_contract(start: dt.date, months: int) -> None:
    days = [add_months(start, count, anchor=start.day) for count in range(1, months + 1)]

    assert days == sorted(set(days))
    assert all(
        day.day == start.day or ((day + dt.timedelta(days=1)).day == 1 and day.day < start.day)
        for day in days
    )


def test_a_month_begun_on_the_seventeenth_costs_its_days() -> None:
    december = (dt.date(2026, 12, 1), dt.date(2027, 1, 1))

    # 15 of 31 days of 29.00: 14.03
    assert prorata(Decimal("29.00"), december, (dt.date(2026, 12, 17), december[1])) == Decimal(
        "14.03"
    )


@given(AMOUNTS, DATES, st.integers(1, 400), st.lists(st.integers(0, 400), max_size=6))
def test_parts_of_a_period_add_up_to_its_price(
    price: Decimal, start: dt.date, days: int, cuts: list[int]
) -> None:
    end = start + dt.timedelta(days=days)
    marks = sorted({start, end, *(start + dt.timedelta(days=cut % (days + 1)) for cut in cuts)})

    parts = [prorata(price, (start, end), used) for used in pairwise(marks)]

    assert sum(parts) == price
    assert all(part >= 0 for part in parts)


@pytest.mark.parametrize(
    ("used_from", "used_to"),
    [("2026-11-30", "2026-12-05"), ("2026-12-05", "2027-01-02"), ("2026-12-05", "2026-12-04")],
)
def test_days_outside_the_period_are_refused(used_from: str, used_to: str) -> None:
    used = (dt.date.fromisoformat(used_from), dt.date.fromisoformat(used_to))

    with pytest.raises(ValueError, match="inside"):
        prorata(Decimal(29), (dt.date(2026, 12, 1), dt.date(2027, 1, 1)), used)


def test_an_empty_period_is_refused() -> None:
    day = dt.date(2026, 12, 1)

    with pytest.raises(ValueError, match="inside"):
        prorata(Decimal(29), (day, day), (day, day))


# --- Late payment ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "rate"),
    [
        ("2026-06-30", "12.15"),
        ("2026-12-31", "12.15"),
        ("2027-01-01", "12.40"),
        ("2030-05-05", "12.40"),
    ],
)
def test_the_late_rate_is_the_one_of_the_half_year(on: str, rate: str) -> None:
    assert late_rate(dt.date.fromisoformat(on), RATES) == Decimal(rate)


def test_a_rate_inside_a_half_year_waits_for_the_next_one() -> None:
    rates = [*RATES, ReferenceRates(dt.date(2027, 3, 1), Decimal("5.00"), Decimal("2.80"))]

    assert late_rate(dt.date(2027, 6, 30), rates) == Decimal("12.40")
    assert late_rate(dt.date(2027, 7, 1), rates) == Decimal("15.00")


def test_the_late_rate_is_three_times_the_legal_one_at_least() -> None:
    rates = [ReferenceRates(dt.date(2026, 1, 1), Decimal("0.00"), Decimal("5.07"))]

    assert late_rate(dt.date(2026, 2, 1), rates) == Decimal("15.21")
    assert late_rate(dt.date(2026, 2, 1), rates, points=Decimal(16)) == Decimal("16.00")


def test_a_half_year_without_a_rate_is_refused() -> None:
    with pytest.raises(RateUnknown, match="2025-07-01"):
        late_rate(dt.date(2025, 12, 31), RATES)


@pytest.mark.parametrize(
    ("gross", "due_on", "until", "interest"),
    [
        ("34.80", "2026-12-15", "2027-01-31", "0.55"),
        ("1200", "2026-11-30", "2027-02-28", "36.44"),
        ("1200", "2026-11-30", "2026-11-30", "0.00"),
        ("1200", "2026-11-30", "2026-10-01", "0.00"),
        ("36500", "2026-12-30", "2026-12-31", "12.15"),
    ],
)
def test_late_interest(gross: str, due_on: str, until: str, interest: str) -> None:
    found = late_interest(
        Decimal(gross),
        due_on=dt.date.fromisoformat(due_on),
        until=dt.date.fromisoformat(until),
        rates=RATES,
    )

    assert str(found) == interest


@given(
    AMOUNTS,
    st.dates(dt.date(2026, 1, 1), dt.date(2027, 5, 31)),
    st.integers(0, 300),
    st.integers(0, 300),
)
def test_late_interest_grows_with_time(
    gross: Decimal, due_on: dt.date, first: int, more: int
) -> None:
    def after(days: int) -> Decimal:
        until = due_on + dt.timedelta(days=days)
        return late_interest(gross, due_on=due_on, until=until, rates=RATES)

    assert Decimal(0) == after(0) <= after(first) <= after(first + more)
