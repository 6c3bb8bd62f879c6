"""The shades of any colour are readable in both schemes and keep its hue."""

import colorsys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.website.colours import ENOUGH, brand, contrast, read_colour, stylesheet


@given(st.integers(0, 0xFFFFFF))
def test_every_colour_ends_with_enough_contrast(value: int) -> None:
    made = brand(f"#{value:06x}")

    assert min(made.light.contrast, made.dark.contrast) >= ENOUGH


@pytest.mark.parametrize(
    ("first", "second", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#767676", "#ffffff", 4.54), ("#0a4f5c", "#ffffff", 9.2)],
)
def test_contrast_is_that_of_the_guidelines(first: str, second: str, ratio: float) -> None:
    assert contrast(first, second) == pytest.approx(ratio, abs=0.05)


@pytest.mark.parametrize("chosen", ["#e0218a", "#ff8800", "#2266ff", "#22aa44"])
def test_the_hue_stays_recognisable(chosen: str) -> None:
    def hue(colour: str) -> float:
        red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
        return colorsys.rgb_to_hsv(red, green, blue)[0] * 360

    for shades in brand(chosen).schemes:
        turned = abs(hue(shades.accent) - hue(chosen))
        assert min(turned, 360 - turned) < 25


def test_a_readable_colour_is_unchanged() -> None:
    made = brand("#0a4f5c")

    assert made.light.accent == "#0a4f5c"
    assert not any((made.is_darkened, made.is_lightened, made.is_softened))


@pytest.mark.parametrize(
    ("chosen", "word"),
    [("#ffff00", "is_darkened"), ("#000000", "is_lightened"), ("#0000c8", "is_softened")],
)
def test_the_change_of_a_colour_is_reported(chosen: str, word: str) -> None:
    assert getattr(brand(chosen), word)


@pytest.mark.parametrize("typed", ["red", "#fff", "#gggggg", "", "#0a4f5c;}", "#0a4f5c\n#fff"])
def test_an_invalid_colour_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="colour"):
        read_colour(typed)


def test_the_style_sheet_contains_colours_only() -> None:
    sheet = stylesheet("#E0218A")

    assert sheet.count("--accent:#") == 2
    assert "prefers-color-scheme:dark" in sheet
    assert len(sheet) < 300
