"""Pages as a browser shows them: white space between words is one space, however the template is laid out."""

import re

_BLANKS = re.compile(r"[ \t\r\n\f]+")


def collapsed(page: str) -> str:
    """Return the page with each run of white space as one space; no-break spaces stay."""
    return _BLANKS.sub(" ", page)
