"""Texts and identifiers for the bank (F-40, F-46)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.sepa.latin import is_identifier, latin


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Anaïs Dupont-Lœuvre EI", "Anais Dupont-Loeuvre EI"),
        ("Ænone Strauß & fils", "AEnone Strauss + fils"),
        ("L’Île d’Ōtepoti", "L'Ile d'Otepoti"),
        ("Hina ʻŌpūnui", "Hina 'Opunui"),
        ("10 € – « n° 5 »", "10 EUR - ' no 5 '"),
        ("a\u00a0b\u202fc\td", "a b c d"),
        ("  trop   de blancs  ", "trop de blancs"),
        ("Łódź Đorđe", "Lodz Dorde"),
        ("😀", "."),
        ("Нина", "...."),
        ("½", "1.2"),
        ("", ""),
    ],
)
def test_a_text_is_written_in_the_characters_of_sepa(text: str, written: str) -> None:
    assert latin(text, 70) == written


def test_a_long_text_is_cut_without_a_blank_at_its_end() -> None:
    assert latin("abcd efgh", 5) == "abcd"


@given(st.text(max_size=80), st.integers(1, 70))
def test_any_text_fits(text: str, limit: int) -> None:
    written = latin(text, limit)

    assert len(written) <= limit
    assert re.fullmatch(r"[A-Za-z0-9/\-?:().,'+ ]*", written)
    assert latin(written, limit) == written


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("RDV-000123-1", True),
        ("F2026-000042-2", True),
        ("a/b:c(d)+e?f.g,h'i", True),
        ("x" * 35, True),
        ("x" * 36, False),
        ("", False),
        ("a b", False),
        ("/a", False),
        ("a/", False),
        ("a//b", False),
        ("é", False),
        ("a_b", False),
        ("a\n", False),
    ],
)
def test_an_identifier_is_one_that_banks_accept(text: str, is_right: bool) -> None:
    assert is_identifier(text) is is_right
