"""Likely typing errors in the domain of an e-mail address: a question for the person, never a refusal."""

KNOWN = (
    "gmail.com",
    "orange.fr",
    "wanadoo.fr",
    "hotmail.fr",
    "hotmail.com",
    "outlook.fr",
    "outlook.com",
    "yahoo.fr",
    "yahoo.com",
    "free.fr",
    "sfr.fr",
    "laposte.net",
    "icloud.com",
    "live.fr",
)
"""The domains of most French addresses."""
_OTHERS = frozenset(
    {"mail.com", "email.com", "ymail.com", "googlemail.com", "live.com", "free.com", "sfr.com"}
)
"""Domains near a known one that exist themselves."""
_SWAPPED = {
    "gmail.fr": "gmail.com",
    "gmail.net": "gmail.com",
    "icloud.fr": "icloud.com",
    "laposte.fr": "laposte.net",
    "laposte.com": "laposte.net",
    "wanadoo.com": "wanadoo.fr",
}
"""Known names with an ending under which nobody has an address."""
_SHORT = 8
"""A known domain of at most this many characters is near too many others: only swapped letters count."""


def likely_address(typed: str) -> str:
    """Return the address that was probably meant; empty when the typed one looks right.

    Probable is one letter too many, missing, wrong or swapped with its neighbour in one of the domains of KNOWN.
    """
    name, at, domain = typed.strip().rpartition("@")
    domain = domain.lower()
    if not at or not name or domain in KNOWN or domain in _OTHERS:
        return ""
    meant = _SWAPPED.get(domain) or next((known for known in KNOWN if _is_near(domain, known)), "")
    return f"{name}@{meant}" if meant else ""


def _is_near(typed: str, known: str) -> bool:
    if len(typed) == len(known):
        wrong = [place for place, character in enumerate(known) if typed[place] != character]
        return _is_swap(typed, known, wrong) or (len(wrong) == 1 and len(known) > _SHORT)
    if abs(len(typed) - len(known)) != 1 or len(known) <= _SHORT:
        return False
    shorter, longer = sorted((typed, known), key=len)
    return any(longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer)))


def _is_swap(typed: str, known: str, wrong: list[int]) -> bool:
    if len(wrong) != 2 or wrong[1] != wrong[0] + 1:
        return False
    first, second = wrong
    return typed[first] == known[second] and typed[second] == known[first]
