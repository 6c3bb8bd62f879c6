"""Plain text: blocks, normalization, and the search for data of patients."""

import pytest

from tenants.website.plain_text import (
    TextBlock,
    blocks,
    claims,
    normalize,
    people_named,
)


def test_paragraphs_and_lists_are_cut_as_people_type_them() -> None:
    text = "Bonjour\nà tous\n\n- un\n• deux\n\nFin"

    assert blocks(text) == [
        TextBlock(("Bonjour", "à tous")),
        TextBlock(("un", "deux"), is_list=True),
        TextBlock(("Fin",)),
    ]


def test_a_list_right_after_a_sentence_is_a_list() -> None:
    assert blocks("À apporter :\n- ordonnance\nMerci") == [
        TextBlock(("À apporter :",)),
        TextBlock(("ordonnance",), is_list=True),
        TextBlock(("Merci",)),
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "   \n"])
def test_an_empty_text_has_no_block(text: str) -> None:
    assert blocks(normalize(text)) == []


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\x00b\x07", "ab"),
        ("re\u202eçu\u200b", "reçu"),
        ("a\n\n\n\n\nb", "a\n\nb"),
        ("  a \t  b  ", "a b"),
        ("14\u00a0h", "14\u00a0h"),
    ],
)
def test_invisible_characters_are_removed(typed: str, kept: str) -> None:
    assert normalize(typed) == kept


@pytest.mark.parametrize(
    "text",
    [
        "Mme Spécimen vient le mardi",
        "Monsieur Échantillon",
        "la patiente Camille Spécimen",
        "2 84 05 64 210 012 34",
        "née le 4 mai",
        "9h30 Camille Spécimen",
    ],
)
def test_probable_data_of_patients_are_found(text: str) -> None:
    assert people_named(text)


@pytest.mark.parametrize(
    "text",
    [
        "Mme Maite Exemple vous reçoit",
        "9 h à 12 h le mardi",
        "rue du Docteur Modèle",
        "Les patients sont reçus à l'heure",
        "05 36 49 00 12",
    ],
)
def test_practitioners_and_common_words_are_not_reported(text: str) -> None:
    assert people_named(text, known=["Maite Exemple"]) == []


def test_promises_and_rankings_are_reported() -> None:
    found = claims(
        "Guérison garantie à 100 %, le meilleur cabinet. On guérit. Guéridon, promotion."
    )

    assert found == ["Guérison", "garantie", "100 %", "meilleur", "guérit", "promotion"]
