"""Readable shades of a practice's colour: same hue, bounded lightness and chroma (ui.md section 2).

Pure: standard library only. Conversions follow the definition of OKLab, contrast that of WCAG 2.
"""

import math
import re
from dataclasses import dataclass

ENOUGH = 4.5
"""The minimum contrast of text (WCAG 2.2, 1.4.3)."""
_HEX = re.compile(r"#?([0-9a-f]{6})", re.IGNORECASE)
_WHITE = "#ffffff"
_DARK_TEXT = "#06242a"
_LIGHT_GROUNDS = ("#ffffff", "#f0f5f4", "#f6f0e4")
_DARK_GROUNDS = ("#0f191c", "#172429", "#221f18")
_LIGHT_INK, _DARK_INK = "#12262a", "#e9efed"
_STEP = 0.01


@dataclass(frozen=True)
class Shades:
    """The four colours derived from the practice's own in one scheme, with the scheme's grounds and ink."""

    accent: str
    deep: str
    tint: str
    on: str
    grounds: tuple[str, ...]
    ink: str

    @property
    def contrast(self) -> float:
        """Return the lowest contrast of all pairs of text and ground."""
        pairs = [(self.accent, ground) for ground in (*self.grounds, self.tint)]
        pairs += [(self.deep, ground) for ground in (*self.grounds, self.tint)]
        pairs += [(self.on, self.accent), (self.on, self.deep), (self.ink, self.tint)]
        return min(contrast(text, ground) for text, ground in pairs)


@dataclass(frozen=True)
class Brand:
    """The shades of a chosen colour in the light and in the dark scheme."""

    chosen: str
    light: Shades
    dark: Shades

    @property
    def schemes(self) -> tuple[Shades, Shades]:
        """Return the shades of the light and of the dark scheme."""
        return self.light, self.dark

    @property
    def is_darkened(self) -> bool:
        """Whether the accent is darker than the chosen colour in the light scheme."""
        return _lch(self.light.accent)[0] < _lch(self.chosen)[0] - _STEP

    @property
    def is_lightened(self) -> bool:
        """Whether the accent is lighter than the chosen colour in the light scheme, as for black."""
        return _lch(self.light.accent)[0] > _lch(self.chosen)[0] + _STEP

    @property
    def is_softened(self) -> bool:
        """Whether only the chroma of the chosen colour was reduced."""
        reduced = _lch(self.light.accent)[1] < _lch(self.chosen)[1] - _STEP
        return reduced and not (self.is_darkened or self.is_lightened)


def read_colour(typed: str) -> str:
    """Return ``#rrggbb`` in lower case. Raises ValueError for any other text."""
    found = _HEX.fullmatch(typed.strip())
    if found is None:
        raise ValueError("no colour")
    return f"#{found[1].lower()}"


def brand(chosen: str) -> Brand:
    """Return the shades of a colour; every pair of text and ground has a contrast of at least 4.5."""
    lightness, chroma, hue = _lch(chosen)
    level = min(max(lightness, 0.30), 0.42)
    while True:
        light = Shades(
            accent=_hex(level, min(chroma, 0.12), hue),
            deep=_hex(min(0.32, level), min(chroma, 0.10), hue),
            tint=_hex(0.94, min(chroma, 0.025), hue),
            on=_WHITE,
            grounds=_LIGHT_GROUNDS,
            ink=_LIGHT_INK,
        )
        if light.contrast >= ENOUGH or level <= 0:
            break
        level -= _STEP
    level = min(max(lightness, 0.80), 0.86)
    while True:
        dark = Shades(
            accent=_hex(level, min(chroma, 0.09), hue),
            deep=_hex(max(0.88, level), min(chroma, 0.06), hue),
            tint=_hex(0.31, min(chroma, 0.04), hue),
            on=_DARK_TEXT,
            grounds=_DARK_GROUNDS,
            ink=_DARK_INK,
        )
        if dark.contrast >= ENOUGH or level >= 1:
            break
        level += _STEP
    return Brand(chosen, light, dark)


def stylesheet(chosen: str) -> str:
    """Return the practice's style sheet: CSS custom properties computed from the colour, no typed text."""
    made = brand(read_colour(chosen))
    return (
        f":root{{{_properties(made.light)}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{_properties(made.dark)}}}}}\n"
    )


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _properties(shades: Shades) -> str:
    return f"--accent:{shades.accent};--deep:{shades.deep};--tint:{shades.tint};--on:{shades.on}"


def _channels(colour: str) -> tuple[float, float, float]:
    """Return linear red, green and blue, each from 0 to 1."""
    values = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return red, green, blue


def _luminance(colour: str) -> float:
    red, green, blue = _channels(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _lch(colour: str) -> tuple[float, float, float]:
    """Return lightness, chroma and hue (radians) in OKLab."""
    red, green, blue = _channels(colour)
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    lightness = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    return lightness, math.hypot(a, b), math.atan2(b, a)


def _hex(lightness: float, chroma: float, hue: float) -> str:
    """Return the nearest sRGB colour: only the chroma is reduced, never lightness or hue."""
    while True:
        channels = _linear(lightness, chroma, hue)
        if chroma <= 0 or all(-0.0005 <= value <= 1.0005 for value in channels):
            break
        chroma = max(0.0, chroma - 0.002)
    return "#" + "".join(f"{_byte(value):02x}" for value in channels)


def _linear(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _byte(value: float) -> int:
    value = min(max(value, 0.0), 1.0)
    encoded = value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
    return round(encoded * 255)
