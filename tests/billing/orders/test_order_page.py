"""The order form as a document: what it must say, withdrawal, signature, equal bytes (F-30 to F-33)."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.figures import euros
from billing.frozen_json import UnreadableSnapshot
from billing.orders.order_page import draw_order
from billing.orders.order_snapshot import (
    REQUIRED_CLAUSES,
    Clause,
    OrderSnapshot,
    WithdrawalRight,
    from_json,
    missing_clauses,
    to_json,
)
from tests.billing.orders.order_samples import AT_THE_PRACTICE, ORDERS, SIGNED, UNSIGNED
from tests.billing.pdf_text import ALL_MARKS, marks, spaced, text_of


@pytest.mark.parametrize("name", ORDERS)
def test_a_form_says_what_the_law_asks(name: str) -> None:
    order = ORDERS[name]

    text = text_of(draw_order(order))

    expected = [
        "Bon de commande n° BC2026-000007",
        "version 1 du 1er décembre 2026",
        order.seller.name,
        order.client.name,
        "cinq salariés au plus",
        *(line.name for line in order.lines),
        *(spaced(line.details) for line in order.lines),
        *(spaced(euros(order.totals_of(rhythm).gross)) for rhythm in order.rhythms),
        *REQUIRED_CLAUSES,
        *order.annexes,
        "zoe-payet-psychologue.example, titulaire : Zoé Payet",
    ]
    assert [sentence for sentence in expected if sentence not in text] == []


def test_prices_are_shown_with_and_without_tax() -> None:
    text = text_of(draw_order(UNSIGNED))

    assert "À payer une fois, TTC 162,75 €" in text
    assert "À payer chaque mois, TTC 26,75 €" in text  # 24.65 and 8.5 %
    assert "À payer chaque année, TTC 13,02 €" in text
    assert "TVA 8,5 % sur 24,65 €" in text
    assert "Remise de bienvenue 15 % : −4,35 €" in text


def test_a_signature_has_its_name_its_hour_and_its_button() -> None:
    signed, unsigned = text_of(draw_order(SIGNED)), text_of(draw_order(UNSIGNED))

    assert (
        "Signé par Zoé Payet, psychologue, le 1er décembre 2026 à 14 h 05, heure de Paris."
        in signed
    )
    assert "« Commander avec obligation de paiement »" in signed
    assert "Adresse confirmée : zoe@exemple.example." in signed
    assert "n’est pas encore signé" in unsigned
    assert "n’est pas encore signé" not in signed


def test_a_small_professional_gets_the_right_and_its_form() -> None:
    text, online = text_of(draw_order(AT_THE_PRACTICE)), text_of(draw_order(SIGNED))

    for sentence in (
        "jusqu’au 15 décembre 2026 inclus",
        "Aucun paiement n’est demandé pendant les sept premiers jours.",
        "Le travail commence après la fin de ce délai.",
        "Formulaire de rétractation",
        "je vous notifie ma rétractation du contrat n° BC2026-000007",
    ):
        assert sentence in text
        assert sentence not in online
    assert "bouton" not in text


def test_work_that_began_is_paid_for_after_a_withdrawal() -> None:
    right = WithdrawalRight(AT_THE_PRACTICE.made_on, is_started=True)

    text = text_of(draw_order(replace(AT_THE_PRACTICE, withdrawal=right)))

    assert "vous payez la part déjà réalisée" in text
    assert "Le travail commence après" not in text


@pytest.mark.parametrize("name", ORDERS)
def test_a_form_is_the_same_file_each_time_and_accessible(name: str) -> None:
    pdf = draw_order(ORDERS[name])

    assert pdf == draw_order(ORDERS[name])
    assert marks(pdf) == ALL_MARKS


def test_a_missing_clause_is_named() -> None:
    clauses = [*UNSIGNED.clauses[1:], Clause("Responsabilité", " ")]

    assert missing_clauses(UNSIGNED.clauses) == []
    assert missing_clauses(clauses) == ["Ce qui n’est pas compris"]


st.register_type_strategy(
    Decimal, st.decimals("0", "999999", places=4, allow_nan=False, allow_infinity=False)
)


@given(st.builds(OrderSnapshot))
def test_any_order_is_read_back_exactly(order: OrderSnapshot) -> None:
    assert from_json(json.loads(json.dumps(to_json(order)))) == order


@pytest.mark.parametrize("change", [{"version_of_snapshot": 2}, {"unknown": 1}, {"version": "1"}])
def test_another_value_is_no_order(change: dict[str, object]) -> None:
    with pytest.raises(UnreadableSnapshot):
        from_json(to_json(SIGNED) | change)
