"""What documents can draw: the table against the drawing itself."""

import datetime as dt
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.drawing import DrawingFailed, draw_document
from billing.glyphs import drawable, undrawable
from billing.invoicing.page import page
from tests.billing.invoicing.samples import BASE

DAY = dt.date(2026, 12, 1)


def draw(text: str) -> bytes:
    return draw_document("invoice", page(BASE) | {"payment": [text]}, on=DAY)


def test_each_character_of_the_table_is_drawn() -> None:
    # One word for each, so that no pair is joined into another glyph.
    assert draw(" ".join(drawable())).startswith(b"%PDF-1.7")


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("Anaïs Dupont-Lœuvre EI", ""),
        ("Ānuenue ʻŌpūnui, Straße, Łódź, Ñandú, Ģertrūde", ""),
        ("Нина Ελένη Nguyễn", ""),
        ("1 234,50 € – « n° 5 » … ½ ™", ""),
        ("e\u0301tude", ""),
        ("Cabinet 😀 du 🦷 quai 😀", "😀🦷"),
        ("漢字", "漢字"),
        ("a\u0000b", "\u0000"),
        ("a\nb", "\n"),
        ("a\u200bb", "\u200b"),
        ("\u202egnp.exe", "\u202e"),
        ("\ue000", "\ue000"),
    ],
)
def test_a_text_names_its_refused_characters(text: str, refused: str) -> None:
    assert undrawable(text) == refused


@pytest.mark.parametrize("text", ["😀", "漢", "\ue000", "\x07"])
def test_a_document_with_such_a_character_cannot_be_drawn(text: str) -> None:
    assert undrawable(text)

    with pytest.raises(DrawingFailed):
        draw(text)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_what_is_not_refused_is_visible(text: str) -> None:
    refused = undrawable(text)

    kept = [sign for sign in text if sign not in refused]
    assert not any(unicodedata.category(sign) in {"Cc", "Co", "Cf"} for sign in kept)
