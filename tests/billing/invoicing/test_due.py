"""Lines of due periods: parts add up to the price, VAT of each kind, disbursements apart where VAT forbids one."""

import datetime as dt
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.amounts import line_net
from billing.invoicing.due import (
    DueItem,
    OneOff,
    documents_of,
    one_off_lines,
    period_lines,
    whole_period,
)
from billing.vat import (
    ARTICLE_294,
    FRANCHISE,
    OUT_OF_SCOPE,
    REVERSE_CHARGE,
    LineKind,
    VatDecision,
    check_together,
)

VAT = VatDecision("S", Decimal(20))
DECEMBER = (dt.date(2026, 12, 1), dt.date(2027, 1, 1))


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def make_item(price: str = "31.00", **fields: Any) -> DueItem:
    values: dict[str, Any] = {"name": "Abonnement", "quantity": Decimal(1)}
    return DueItem(unit_price=Decimal(price), **{**values, "starts_on": DECEMBER[0], **fields})


@pytest.mark.parametrize(
    ("period", "rhythm", "anchor", "start"),
    [
        (("2026-12-17", "2027-01-01"), "month", 1, "2026-12-01"),
        (("2027-02-28", "2027-03-31"), "month", 31, "2027-02-28"),
        (("2026-12-17", "2026-12-20"), "year", 20, "2025-12-20"),
    ],
)
def test_the_whole_period_of_a_part(
    period: tuple[str, str], rhythm: str, anchor: int, start: str
) -> None:
    part = (day(period[0]), day(period[1]))

    assert whole_period(part, anchor_day=anchor, rhythm=rhythm) == (day(start), part[1])


@pytest.mark.parametrize(
    ("fields", "net", "days"),
    [
        ({}, "31.00", ("2026-12-01", "2026-12-31")),
        ({"quantity": Decimal(3)}, "93.00", ("2026-12-01", "2026-12-31")),
        ({"starts_on": day("2026-12-17")}, "15.00", ("2026-12-17", "2026-12-31")),
        ({"ends_on": day("2026-12-11")}, "10.00", ("2026-12-01", "2026-12-10")),
        ({"ends_on": day("2027-06-01")}, "31.00", ("2026-12-01", "2026-12-31")),
    ],
)
def test_an_item_is_charged_for_its_days(
    fields: dict[str, Any], net: str, days: tuple[str, str]
) -> None:
    (line,) = period_lines([make_item(**fields)], period=DECEMBER, whole=DECEMBER, vat=VAT)

    assert line.net == Decimal(net)
    assert (line.starts_on, line.ends_on) == (day(days[0]), day(days[1]))
    assert (line.category, line.rate) == ("S", Decimal(20))


@pytest.mark.parametrize(
    "fields", [{"starts_on": DECEMBER[1]}, {"ends_on": DECEMBER[0]}, {"ends_on": day("2026-11-01")}]
)
def test_an_item_of_other_days_has_no_line(fields: dict[str, Any]) -> None:
    item = make_item(**{"starts_on": day("2026-10-01"), **fields})

    assert not list(period_lines([item], period=DECEMBER, whole=DECEMBER, vat=VAT))


@given(
    cuts=st.lists(st.integers(1, 30), max_size=6, unique=True),
    price=st.decimals(0, 9999, places=4),
    quantity=st.integers(1, 40),
)
def test_the_parts_of_any_division_add_up_to_the_price(
    cuts: list[int], price: Decimal, quantity: int
) -> None:
    days = [DECEMBER[0] + dt.timedelta(days=number) for number in sorted({0, *cuts, 31})]
    items = [
        DueItem("Abonnement", Decimal(quantity), price, start, end) for start, end in pairwise(days)
    ]

    lines = list(period_lines(items, period=DECEMBER, whole=DECEMBER, vat=VAT))

    assert sum(line.net for line in lines) == line_net(Decimal(quantity), price)


@pytest.mark.parametrize(
    ("vat", "count"),
    [(VAT, 1), (REVERSE_CHARGE, 1), (FRANCHISE, 2), (ARTICLE_294, 2), (OUT_OF_SCOPE, 2)],
)
def test_a_disbursement_has_its_own_document_where_vat_forbids_one(
    vat: VatDecision, count: int
) -> None:
    items = [
        OneOff("Mise en service", Decimal(1), Decimal(90), Decimal(10), "Remise d’ouverture"),
        OneOff("Nom de domaine", Decimal(1), Decimal(12), kind=LineKind.DISBURSEMENT),
    ]

    documents = documents_of(one_off_lines(items, vat=vat))

    assert [sum(line.net for line in lines) for lines in documents] == (
        [Decimal(92)] if count == 1 else [Decimal(80), Decimal(12)]
    )
    for lines in documents:
        check_together(
            VatDecision(line.category, line.rate, line.mention, line.vatex) for line in lines
        )


def test_no_line_is_no_document() -> None:
    assert documents_of([]) == []
