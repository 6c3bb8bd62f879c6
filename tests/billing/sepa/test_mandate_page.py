"""The mandate as a document: each element of the scheme (F-41, T-17)."""

import datetime as dt
from dataclasses import replace

import pytest

from billing.sepa.mandate_page import REFUND, RIGHTS, MandateText, draw_mandate
from tests.billing.invoicing.samples import BUYER, SELLER
from tests.billing.pdf_text import ALL_MARKS, marks, spaced, text_of

ONLINE = MandateText(
    "RDV-000123-1",
    "FR72ZZZ123456",
    SELLER,
    BUYER.name,
    BUYER.address,
    "FR7630006000011234567890189",
    dt.date(2026, 11, 2),
    bic="AGRIFRPPXXX",
    place="Strasbourg",
    signed_at=dt.datetime(2026, 11, 2, 13, 5, tzinfo=dt.UTC),
    signatory="Anaïs Dupont-Lœuvre",
    email="anais@exemple.example",
)
BY_HAND = replace(ONLINE, signed_at=None, signatory="", email="", place="", is_recurrent=False)


def test_a_mandate_says_what_the_scheme_requires() -> None:
    text = text_of(draw_mandate(ONLINE))

    expected = [
        "Mandat de prélèvement SEPA",
        "RDV-000123-1",
        "FR72ZZZ123456",
        "récurrent",
        "vous autorisez lib-rdv à demander à votre banque de débiter votre compte",
        REFUND,
        RIGHTS,
        "Anaïs Dupont-Lœuvre EI 4 bis rue Nationale 67000 Strasbourg France",
        "lib-rdv 12 rue des Thermes 64210 Bidart France",
        "FR76 3000 6000 0112 3456 7890 189",
        "AGRIFRPPXXX",
        "Fait à Strasbourg, le 2 novembre 2026 à 14 h 05, heure de Paris.",
        "Signé par Anaïs Dupont-Lœuvre.",
        "anais@exemple.example",
    ]
    assert [sentence for sentence in expected if spaced(sentence) not in text] == []


def test_a_mandate_on_paper_leaves_room_for_a_signature() -> None:
    text = text_of(draw_mandate(BY_HAND))

    assert "Signature :" in text
    assert "ponctuel" in text
    assert "heure de Paris" not in text


@pytest.mark.parametrize("mandate", [ONLINE, BY_HAND])
def test_a_mandate_is_the_same_file_each_time_and_accessible(mandate: MandateText) -> None:
    pdf = draw_mandate(mandate)

    assert pdf == draw_mandate(mandate)
    assert marks(pdf) == ALL_MARKS


def test_the_account_does_not_reach_a_log() -> None:
    assert ONLINE.iban not in repr(ONLINE)
