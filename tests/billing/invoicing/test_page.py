"""What the page of an invoice shows, as texts (F-02)."""

from dataclasses import replace
from decimal import Decimal

import pytest

from billing.invoicing.page import page
from tests.billing.invoicing.samples import BASE, BUYER, BY_TRANSFER, SAMPLES, SELLER

NB = "\u00a0"


def test_the_seller_is_identified_in_the_text_and_not_in_the_footer_alone() -> None:
    texts = page(BASE)

    assert texts["sender"] == [
        "12 rue des Thermes · 64210 Bidart",
        "05 59 00 00 00 · facturation@lib-rdv.example",
        "SARL au capital de 5 000 €, RCS Bayonne 123 456 782",
        f"SIRET 123{NB}456{NB}782{NB}00010 · TVA FR54123456782",
    ]


def test_the_window_of_the_envelope_shows_where_the_invoice_is_sent() -> None:
    texts = page(SAMPLES["billing address"])

    assert texts["window"] == [
        "Anaïs Dupont-Lœuvre EI",
        "BP 12",
        "Cabinet du quai",
        "67009 Strasbourg Cedex",
    ]
    assert texts["buyer"] == [
        "Établissement\u00a0: 4 bis rue Nationale, 67000 Strasbourg",
        f"SIRET 552{NB}100{NB}554{NB}00013 · TVA FR96552100554",
    ]


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("metropolitan France", "67000 Strasbourg"),
        ("outside the scope", "Polynésie française"),
        ("reverse charge", "Allemagne"),
    ],
)
def test_a_country_is_written_where_it_is_not_france(name: str, last: str) -> None:
    assert page(SAMPLES[name])["window"][-1] == last


def test_an_unlisted_country_is_written_by_its_code() -> None:
    abroad = replace(BUYER, address=replace(BUYER.address, country="GR"))

    assert page(replace(BASE, buyer=abroad))["window"][-1] == "GR"


@pytest.mark.parametrize(
    ("name", "sentences"),
    [
        (
            "metropolitan France",
            [
                f"Payable par prélèvement SEPA le 31{NB}décembre 2026 sur votre compte qui se termine par 0189.",
                "Mandat RDV-000123-1, identifiant créancier SEPA (ICS) FR72ZZZ123456.",
            ],
        ),
        (
            "paid by transfer",
            [
                f"Payable par virement au plus tard le 31{NB}décembre 2026, avec la référence F2026-000042.",
                f"IBAN FR76{NB}3000{NB}6000{NB}0112{NB}3456{NB}7890{NB}189, BIC AGRIFRPP, au nom de lib-rdv.",
            ],
        ),
        ("paid already", ["Cette facture est déjà payée. Vous n’avez rien à faire."]),
        ("nothing to pay", ["Rien n’est à payer. Vous n’avez rien à faire."]),
        ("credit note", []),
    ],
)
def test_the_page_says_how_it_is_paid(name: str, sentences: list[str]) -> None:
    assert page(SAMPLES[name])["payment"] == sentences


def test_a_draft_has_no_number() -> None:
    texts = page(replace(BY_TRANSFER, number=""))

    assert texts["title"] == "Facture, brouillon"
    assert texts["is_draft"] is True
    assert texts["payment"][0].endswith("avec la référence ….")


def test_totals_go_from_net_to_what_remains_to_pay() -> None:
    texts = page(SAMPLES["paid in part"])

    assert texts["totals"] == [
        ["Total hors taxes", f"29,00{NB}€"],
        [f"TVA 20{NB}% sur 29,00{NB}€", f"5,80{NB}€"],
        ["Total TTC", f"34,80{NB}€"],
        ["Déjà payé", f"−10,00{NB}€"],
    ]
    assert texts["due"] == ["Net à payer", f"24,80{NB}€"]


def test_a_credit_note_names_the_invoice_that_it_corrects() -> None:
    texts = page(SAMPLES["credit note"])

    assert texts["title"] == f"Avoir n°{NB}A2026-000003"
    assert ["Facture corrigée", f"F2026-000042, 1er{NB}décembre 2026"] in texts["facts"]
    assert texts["due"][0] == "Montant de l’avoir"


def test_a_seller_without_numbers_shows_none() -> None:
    bare = replace(SELLER, siren="", siret="", vat_number="", legal_info="", phone="", email="")

    assert page(replace(BASE, seller=bare, paid=Decimal(0)))["sender"] == [
        "12 rue des Thermes · 64210 Bidart"
    ]
