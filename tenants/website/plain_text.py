"""Plain text typed by users: normalization, paragraphs and lists, search for names of patients and for claims.

Pure: no Django. Templates render the blocks as text, never as markup.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tenants.typed_text import visible

_BULLET = re.compile(r"^\s*(?:[-–—*·]\s+|[•▪◦‣●○■□◆➢➤✓]\s*)")
_SYMBOL_BULLETS = dict.fromkeys(map(ord, "\uf0a7\uf0b7\uf0d8\uf076\uf0fc\uf02d"), "• ")
_BLANKS = re.compile(r"[^\S\n\u00a0\u202f]+")
_EMPTY_LINES = re.compile(r"\n{3,}")
_TITLE = r"(?:M\.|MM\.|Mr\.?|Mme|Mmes|Mlle|Monsieur|Madame|Mademoiselle|[Pp]atiente?)"
_NAMED = re.compile(rf"\b{_TITLE}\s+((?:[A-ZÀ-ÖØ-Þ][\w'’-]+)(?:\s+[A-ZÀ-ÖØ-Þ][\w'’-]+)?)")
_SOCIAL_SECURITY = re.compile(r"(?<!\d)[12]\s?\d{2}\s?[01]\d\s?\d[\dAB]\s?\d{3}\s?\d{3}(?!\d)")
_BORN = re.compile(r"\bn[ée]+e?\s+le\s+\d{1,2}\b", re.IGNORECASE)
_AGENDA_LINE = re.compile(
    r"^[^\S\n]*\d{1,2}\s?[h:]\s?\d{0,2}\s+[A-ZÀ-ÖØ-Þ][\w'’-]+\s+[A-ZÀ-ÖØ-Þ]", re.MULTILINE
)
_CLAIMS = re.compile(
    r"\b(?:gu[ée]ri(?:r|t|son|sons)?|garanti(?:e|s|es|r|t)?|meilleure?s?|num[ée]ro\s+1|n°\s?1"
    r"|promo(?:tion)?s?|t[ée]moignages?|avis\s+(?:clients?|patients?))\b|\b100\s?%",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class TextBlock:
    """A paragraph with its lines, or a list with its items."""

    lines: Sequence[str]
    is_list: bool = False


def normalize(typed: str) -> str:
    """Return the text in NFC, without control, invisible and direction characters and without outer blanks."""
    lines = (_BLANKS.sub(" ", line).strip() for line in visible(_with_bullets(typed)).split("\n"))
    return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip()


def _with_bullets(typed: str) -> str:
    """Return the text with the bullets of Word's symbol fonts, private characters, written as "•"."""
    return typed.translate(_SYMBOL_BULLETS)


def blocks(text: str) -> list[TextBlock]:
    """Return paragraphs, separated by an empty line, and lists, whose lines begin with a dash or a bullet."""
    made: list[TextBlock] = []
    gathered: list[str] = []
    is_list = False

    def close() -> None:
        if gathered:
            made.append(TextBlock(tuple(gathered), is_list=is_list))
            gathered.clear()

    for line in text.split("\n"):
        bullet = _BULLET.match(line)
        if not line.strip():
            close()
            is_list = False
            continue
        if bool(bullet) != is_list:
            close()
            is_list = bool(bullet)
        gathered.append(line[bullet.end() :].strip() if bullet else line.strip())
    close()
    return made


def people_named(text: str, *, known: Iterable[str] = ()) -> list[str]:
    """Return probable data of patients: a title with a name, a birth date, a social-security number.

    ``known`` holds the names of the practice's practitioners, which are allowed.
    """
    own = {word.casefold() for name in known for word in re.split(r"[\s'’-]+", name) if word}
    found = [
        match[0]
        for match in _NAMED.finditer(text)
        if not own & {word.casefold() for word in re.split(r"[\s'’-]+", match[1])}
    ]
    for pattern in (_SOCIAL_SECURITY, _BORN, _AGENDA_LINE):
        found += [match[0].strip() for match in pattern.finditer(text)]
    return list(dict.fromkeys(found))


def claims(text: str) -> list[str]:
    """Return promises, rankings and praise, which the rules of health professions advise against (E-30)."""
    return list(dict.fromkeys(match[0] for match in _CLAIMS.finditer(text)))
