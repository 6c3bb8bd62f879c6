"""Texts and identifiers in the characters that the banks of the SEPA area accept (F-40, F-46). Pure."""

import re
import unicodedata

_WRITTEN_OUT = str.maketrans(
    {
        "œ": "oe",
        "Œ": "OE",
        "æ": "ae",
        "Æ": "AE",
        "ß": "ss",
        "ø": "o",
        "Ø": "O",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
        "ð": "d",
        "Ð": "D",
        "þ": "th",
        "Þ": "TH",
        "ı": "i",
        "’": "'",
        "‘": "'",
        "ʻ": "'",
        "«": "'",
        "»": "'",
        "“": "'",
        "”": "'",
        '"': "'",
        "–": "-",
        "—": "-",
        "_": "-",
        "€": "EUR",
        "&": "+",
        "@": "(at)",
        "°": "o",
    }
)
_REFUSED = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")
_IDENTIFIER = re.compile(r"(?!/)(?!.*//)[A-Za-z0-9/\-?:().,'+]{1,35}(?<!/)")


def latin(text: str, limit: int) -> str:
    """Return a text in the SEPA character set, cut to a length: é is e, œ is oe, others are a full stop."""
    bare = unicodedata.normalize("NFKD", text.translate(_WRITTEN_OUT))
    bare = "".join(sign for sign in bare if not unicodedata.combining(sign))
    bare = bare.translate(_WRITTEN_OUT)
    bare = _REFUSED.sub(".", re.sub(r"\s+", " ", bare))
    return bare.strip()[:limit].strip()


def is_identifier(text: str) -> bool:
    """Return whether a text can be a mandate reference or a payment reference.

    At most 35 characters of the set, no blank, no slash at an end and none doubled. Some banks take two references
    that differ only by case for one: references are unique in capitals.
    """
    return _IDENTIFIER.fullmatch(text) is not None
