"""What a practice writes itself in our messages: a text with a few placeholders, and no language.

Placeholders are looked up in a fixed list and replaced once: what a value contains is never read again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

PLACEHOLDERS = ("prenom", "date", "heure", "praticien", "lieu")
LONGEST, LONGEST_SMS = 600, 60
MOST_LINES = 12
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_LINK = re.compile(r"(?i)\bhttps?:|\bwww\.|\b[a-z0-9-]+\.(?:fr|com|net|org|eu|info|io|me|link)\b")


def unknown_placeholders(text: str) -> list[str]:
    """Return what stands in braces and is none of the list, each once, in order."""
    named = (found[1].strip() for found in _PLACEHOLDER.finditer(text))
    return list(dict.fromkeys(name for name in named if name not in PLACEHOLDERS))


def has_stray_brace(text: str) -> bool:
    """Whether a brace stands alone: a placeholder that was cut."""
    rest = _PLACEHOLDER.sub("", text)
    return "{" in rest or "}" in rest


def has_link(text: str) -> bool:
    """Whether the text shows an address of the web: our messages lead to the practice's own site only."""
    return _LINK.search(text) is not None


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace the known placeholders; an empty value takes the space before it away with it."""

    def value(found: re.Match[str]) -> str:
        return values.get(found[1].strip(), "")

    filled = _PLACEHOLDER.sub(value, text)
    return re.sub(r"[ \t]{2,}", " ", re.sub(r"[ \t]+([,.\n])", r"\1", filled)).strip()


def paragraphs(text: str) -> list[str]:
    """Return the lines of a text, empty ones apart: each becomes a line of the mail."""
    return [line.strip() for line in text.splitlines() if line.strip()]
