"""Names of people as they are typed in one field, and as a message opens with them.

Pure. A title ("Mme", "Dr") is no first name: it is kept in its place only where no first name was given, so that
the greeting is "Bonjour Madame Durand".
"""

import re

from tenants.typed_text import greeted

TITLES = {
    "m": "Monsieur",
    "mr": "Monsieur",
    "monsieur": "Monsieur",
    "mme": "Madame",
    "madame": "Madame",
    "mlle": "Madame",
    "mademoiselle": "Madame",
    "dr": "Docteur",
    "docteur": "Docteur",
    "pr": "Professeur",
    "professeur": "Professeur",
    "me": "Maître",
    "maître": "Maître",
    "maitre": "Maître",
}
"""How each title is said. "Mademoiselle" is said "Madame", as the administration does since 2012."""
_GLUED = re.compile(r"(?i)(m|mr|mme|mlle|dr|pr|me)\.(?=[^\W\d_]{2})")
_PARTICLE_WORDS = "de du des la le les d' d’ van von der den di del della da dos"
_PARTICLES = frozenset(_PARTICLE_WORDS.split())
_AFTER_JEAN = (
    "baptiste bernard charles christophe claude daniel françois gabriel jacques louis luc marc marie michel noël"
    " paul philippe pierre rené sébastien yves"
)
_AFTER_MARIE = (
    "ange anne christine claire claude france françoise hélène jeanne josé laure line lou louise madeleine noëlle"
    " odile paule pierre rose thérèse"
)
_AFTER_ANNE = "charlotte claire cécile laure lise marie sophie"
_DOUBLED = {
    "jean": frozenset(_AFTER_JEAN.split()),
    "marie": frozenset(_AFTER_MARIE.split()),
    "anne": frozenset(_AFTER_ANNE.split()),
}
"""Second parts of double first names that are often written without a hyphen."""


def split_name(typed: str) -> tuple[str, str]:
    """Return (first, last) of « Camille Spécimen », « SPÉCIMEN Camille » or « Spécimen, Camille ».

    A single word is a last name, words in capitals at either end are one, and so are a particle at the beginning
    and the word after it. A title is left out beside a first name and stands in its place without one.
    """
    title, words = _without_title(
        _GLUED.sub(r"\1. ", typed, count=1) if _GLUED.match(typed) else typed
    )
    before, comma, after = " ".join(words).partition(",")
    if comma and before.strip() and after.strip():
        return " ".join(after.split()), " ".join(before.split())
    first, last = _parts(" ".join(words).replace(",", " ").split())
    return (first or (title if last else ""), last or title)


def _parts(words: list[str]) -> tuple[str, str]:
    """Return (first, last) of words without a title and a comma."""
    if len(words) < 2:
        return "", "".join(words)
    capitals = [len(word) > 1 and word.isupper() for word in words]
    if capitals[0] and not all(capitals):
        cut = capitals.index(False)
        return " ".join(words[cut:]), " ".join(words[:cut])
    if capitals[-1] and not all(capitals):
        cut = len(words) - capitals[::-1].index(False)
        return " ".join(words[:cut]), " ".join(words[cut:])
    if words[0].lower().startswith(("d'", "d’")):
        return " ".join(words[1:]), words[0]
    particles = next((n for n, word in enumerate(words) if word.lower() not in _PARTICLES), 0)
    if particles:
        return " ".join(words[particles + 1 :]), " ".join(words[: particles + 1])
    cut = 2 if len(words) > 2 and words[1].lower() in _DOUBLED.get(words[0].lower(), ()) else 1
    return " ".join(words[:cut]), " ".join(words[cut:])


def _without_title(typed: str) -> tuple[str, list[str]]:
    """Return the title at the beginning, "" without one, and the other words; a title alone is a word."""
    words = typed.split()
    title = ""
    while len(words) > 1 and is_title(words[0]):
        title = title or words[0]
        words = words[1:]
    return title, words


def is_title(text: str) -> bool:
    """Return whether a text is a title and no name; one letter needs its full stop or a name after it."""
    return text.lower().rstrip(".") in TITLES


def greeting(first_name: str, last_name: str) -> str:
    """Return what follows "Bonjour": the first name, else "Madame Durand" after a title, else ""."""
    title, words = _without_title(first_name)
    if words and not is_title(words[0]):
        return greeted(" ".join(words))
    title_in_full = TITLES.get((title or "".join(words[:1])).lower().rstrip("."), "")
    last = greeted(last_name)
    return f"{title_in_full} {last}" if title_in_full and last else ""
