"""The mandatory sentences of an invoice (F-02, T-18)."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from billing.invoicing.mentions import Terms, case_of, notes, shown
from billing.invoicing.snapshot import Correction
from billing.territories import Territory
from billing.vat import BuyerKind
from tests.billing.invoicing.samples import BASE, NOTES, TERMS

CORRECTION = Correction("F2026-000042", dt.date(2026, 12, 1), "Résiliation.")


def test_each_mandatory_note_stands_once() -> None:
    found = {note.code: note.text for note in notes(terms=TERMS, case="B2B")}

    assert found == {
        "PMT": "Une indemnité forfaitaire de 40\u00a0€ pour frais de recouvrement est due en cas de "
        "retard de paiement.",
        "PMD": "Tout retard de paiement entraîne de plein droit des pénalités au taux de "
        "12,15\u00a0% par an.",
        "AAB": "Escompte pour paiement anticipé\u00a0: néant.",
        "BAR": "B2B",
        "ABL": "RCS Bayonne 123 456 782",
    }


def test_a_seller_without_register_has_no_note_about_it() -> None:
    found = notes(terms=Terms(Decimal("12.40"), discount="2\u00a0% sous huit jours"), case="B2B")

    assert [note.code for note in found] == ["PMT", "PMD", "AAB", "BAR"]
    assert found[2].text.endswith(": 2\u00a0% sous huit jours.")


@pytest.mark.parametrize(
    ("is_partial", "sentence"),
    [
        (
            False,
            "Cet avoir annule la facture n°\u00a0F2026-000042 du 01/12/2026. Motif\u00a0: Résiliation.",
        ),
        (
            True,
            "Cet avoir annule en partie la facture n°\u00a0F2026-000042 du 01/12/2026. Motif\u00a0: Résiliation.",
        ),
    ],
)
def test_a_credit_note_names_its_invoice_and_its_reason(is_partial: bool, sentence: str) -> None:
    correction = replace(CORRECTION, is_partial=is_partial)

    assert notes(terms=TERMS, case="B2B", corrects=correction)[-1].text == sentence


def test_people_do_not_read_the_codes_of_machines() -> None:
    assert shown(BASE) == [
        *(note.text for note in NOTES if note.code in {"PMT", "PMD", "AAB"}),
        "Nature de l’opération\u00a0: prestations de services.",
    ]
    assert shown(replace(BASE, vat_on_debits=True))[-1] == (
        "Option pour le paiement de la taxe d’après les débits."
    )


@pytest.mark.parametrize(
    ("territory", "buyer", "has_siren", "case"),
    [
        ("FR", BuyerKind.TAXABLE, True, "B2B"),
        ("RE", BuyerKind.TAXABLE, True, "B2B"),
        ("GF", BuyerKind.IDENTIFIED, True, "B2B"),
        ("FR", BuyerKind.TAXABLE, False, "B2BINT"),
        ("MC", BuyerKind.IDENTIFIED, False, "B2BINT"),
        ("MF", BuyerKind.TAXABLE, True, "B2BINT"),
        ("PF", BuyerKind.TAXABLE, False, "B2BINT"),
        ("EU", BuyerKind.IDENTIFIED, False, "B2BINT"),
        ("ZZ", BuyerKind.TAXABLE, False, "B2BINT"),
        ("FR", BuyerKind.NOT_TAXABLE, False, "B2C"),
        ("MC", BuyerKind.NOT_TAXABLE, False, "B2C"),
        ("PF", BuyerKind.NOT_TAXABLE, False, "B2CINT"),
    ],
)
def test_the_case_of_e_invoicing_follows_the_buyer(
    territory: str, buyer: BuyerKind, has_siren: bool, case: str
) -> None:
    assert case_of(territory=Territory(territory), buyer=buyer, has_siren=has_siren) == case
