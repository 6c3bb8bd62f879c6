"""The snapshot of an invoice: what the ledger stores is read back exactly, and nothing else is accepted."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.invoicing.snapshot import (
    InvoiceSnapshot,
    UnreadableSnapshot,
    from_json,
    to_json,
)
from tests.billing.invoicing.samples import BASE, SAMPLES, SELLER

DECIMALS = st.decimals("0", "999999", places=4, allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)

st.register_type_strategy(Decimal, DECIMALS)
st.register_type_strategy(str, TEXTS)


@given(st.builds(InvoiceSnapshot))
def test_any_snapshot_is_read_back_exactly(snapshot: InvoiceSnapshot) -> None:
    stored = json.loads(json.dumps(to_json(snapshot)))

    assert from_json(stored) == snapshot
    assert to_json(from_json(stored)) == stored


@pytest.mark.parametrize("name", SAMPLES)
def test_each_sample_is_read_back_exactly(name: str) -> None:
    assert from_json(json.loads(json.dumps(to_json(SAMPLES[name])))) == SAMPLES[name]


def test_amounts_are_stored_as_texts_and_days_in_iso() -> None:
    stored = to_json(BASE)

    assert stored["issued_on"] == "2026-12-01"
    assert stored["lines"][0]["unit_price"] == "29.00"
    assert stored["period"] == ["2026-12-01", "2026-12-31"]
    assert stored["seller"]["address"]["town"] == SELLER.address.town
    assert stored["version"] == 1


def test_a_field_that_was_added_later_has_its_default_value() -> None:
    stored = to_json(BASE)
    del stored["order_ref"], stored["seller"]["phone"]

    found = from_json(stored)

    assert (found.order_ref, found.seller.phone) == ("", "")


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": None},
        {"unknown": "1"},
        {"issued_on": "01/12/2026"},
        {"issued_on": 20261201},
        {"paid": "12,50"},
        {"paid": 12.5},
        {"vat_on_debits": "true"},
        {"number": None},
        {"lines": {}},
        {"lines": [[]]},
        {"period": ["2026-12-01"]},
        {"period": ["2026-12-01", "2026-12-02", "2026-12-03"]},
        {"seller": None},
        {"seller": {"nom": "x"}},
        {"buyer": {}},
    ],
)
def test_anything_else_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UnreadableSnapshot):
        from_json(to_json(BASE) | change)


def test_what_remains_to_pay_follows_what_was_paid() -> None:
    paid, part = SAMPLES["paid already"], SAMPLES["paid in part"]

    assert (BASE.payable, BASE.process) == (Decimal("34.80"), "S1")
    assert (paid.payable, paid.process) == (Decimal("0.00"), "S2")
    assert (part.payable, part.process) == (Decimal("24.80"), "S1")


def test_outside_the_scope_of_vat_no_party_shows_a_number() -> None:
    seller, buyer = SAMPLES["outside the scope"].parties

    assert (seller.vat_number, buyer.vat_number) == ("", "")
    assert BASE.parties == (BASE.seller, BASE.buyer)


def test_the_days_of_a_line_are_days_of_the_calendar() -> None:
    assert isinstance(from_json(to_json(BASE)).lines[0].starts_on, dt.date)
