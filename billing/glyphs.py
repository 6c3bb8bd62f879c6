"""Which characters a document of lib-rdv can draw, with the fonts of ``billing/fonts`` and those of typst. Pure.

A document for archives must not hold a character without a glyph: drawing it fails. Names and addresses are
checked where they are typed, so that no invoice stops for an emoji. The table holds the letters of Europe and the
signs of business; a test draws each of them.
"""

_DRAWN = (
    (0x20, 0x7E),
    (0xA0, 0xAC),  # without the soft hyphen
    (0xAE, 0x377),  # Latin, phonetic letters, the Polynesian ʻeta, combining accents, Greek
    (0x384, 0x38A),
    (0x38C, 0x38C),
    (0x38E, 0x3A1),
    (0x3A3, 0x3FF),
    (0x400, 0x482),  # Cyrillic
    (0x48A, 0x4FF),
    (0x1E00, 0x1EFF),  # Latin with several accents: Vietnamese, Welsh
    (0x2002, 0x200A),
    (0x2010, 0x2027),
    (0x202F, 0x203A),
    (0x2044, 0x2044),
    (0x20A0, 0x20BF),
    (0x2116, 0x2116),
    (0x2122, 0x2122),
    (0x2153, 0x215E),
    (0x2190, 0x2193),
    (0x2212, 0x2212),
    (0x2260, 0x2265),
)


def undrawable(text: str) -> str:
    """Return the characters of a text that no document can draw, each once, in their order; mostly none."""
    return "".join(dict.fromkeys(sign for sign in text if not _is_drawn(ord(sign))))


def _is_drawn(point: int) -> bool:
    return any(first <= point <= last for first, last in _DRAWN)


def drawable() -> str:
    """Return all characters of the table."""
    return "".join(chr(point) for first, last in _DRAWN for point in range(first, last + 1))
