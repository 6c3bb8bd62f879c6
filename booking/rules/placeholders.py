"""Placeholders in the texts that a practice adds to messages.

Only the placeholders of a fixed list are replaced, once: braces inside a value are not replaced again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

PLACEHOLDERS = ("prenom", "date", "heure", "praticien", "lieu")
LONGEST, LONGEST_SMS = 600, 60
MOST_LINES = 12
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# The look-behind starts a run of blanks at its first one only: the expression stays linear.
_SPACE_BEFORE = re.compile(r"(?<![ \t])[ \t]+([,.\n])")
_LINK = re.compile(
    r"(?i)\bhttps?:|\bwww\.|(?<![a-z0-9-])[a-z0-9-]{1,63}\.(?:fr|com|net|org|eu|info|io|me|link)\b"
)


def unknown_placeholders(text: str) -> list[str]:
    """Return the names in braces that are not in the list, each once, in order."""
    named = (found[1].strip() for found in _PLACEHOLDER.finditer(text))
    return list(dict.fromkeys(name for name in named if name not in PLACEHOLDERS))


def has_stray_brace(text: str) -> bool:
    """Return whether a brace has no counterpart, as in a placeholder that was cut."""
    rest = _PLACEHOLDER.sub("", text)
    return "{" in rest or "}" in rest


def has_link(text: str) -> bool:
    """Return whether the text holds a web address; messages link only to the site of the practice."""
    return _LINK.search(text) is not None


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace the known placeholders; the space before an empty value is removed."""

    def value(found: re.Match[str]) -> str:
        return values.get(found[1].strip(), "")

    filled = _PLACEHOLDER.sub(value, text)
    return re.sub(r"[ \t]{2,}", " ", _SPACE_BEFORE.sub(r"\1", filled)).strip()


def paragraphs(text: str) -> list[str]:
    """Return the non-empty lines of a text, stripped; each becomes a line of the e-mail."""
    return [line.strip() for line in text.splitlines() if line.strip()]
