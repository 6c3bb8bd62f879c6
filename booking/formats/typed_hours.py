"""Hours of the day as people type them, read as minutes since midnight."""

import re

DAY_MINUTES = 24 * 60
LONGEST = 30
"""Characters of the longest spelling, with some blanks: a form refuses more before it reads the text."""
WORDS = {"midi": 12 * 60, "minuit": 0}
_SEPARATED = re.compile(r"(\d{1,2})(?:h|heures?|:|\.|,)(\d{1,2})?(?:m|mn|min|minutes?)?(?::\d{2})?")
_DIGITS = re.compile(r"(\d{1,2})(\d{2})")


def read_minutes(typed: str) -> int:
    """Return the minutes of an hour, 0 to 1440. Raises ValueError for what is no hour.

    Read are "9", "9h", "9 h 30", "9H30", "9:30", "09:30:00", "9.30", "0930", "930", "9 heures 30", "midi",
    "minuit" (0) and "24 h" (1440). Seconds are left out: no hour of an agenda has any.
    """
    if len(typed) > LONGEST:
        raise ValueError("too long")
    bare = "".join(typed.lower().split())
    if bare in WORDS:
        return WORDS[bare]
    if bare.isascii() and bare.isdigit() and len(bare) <= 2:
        return _minutes(int(bare), 0)
    found = _SEPARATED.fullmatch(bare) or _DIGITS.fullmatch(bare)
    if found is None or not bare.isascii():
        raise ValueError(typed)
    return _minutes(int(found[1]), int(found[2] or 0))


def _minutes(hours: int, minutes: int) -> int:
    total = hours * 60 + minutes
    if minutes > 59 or total > DAY_MINUTES:
        raise ValueError(f"{hours}:{minutes}")
    return total
