"""The parameters of an address: the only module that reads ``request.GET``, so that each value is bounded.

Parameters choose what a page shows. A value that is longer than any that the product writes, or that holds a
control character, was written by hand: it counts as empty.
"""

import re
from typing import Final

from django.http import HttpRequest, QueryDict

MOST_CHARACTERS: Final = 500
"""The longest value: the path of a page to return to, with its own parameters."""
MOST_VALUES: Final = 100
"""The values of one address."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def parameters_of(request: HttpRequest, *, most_characters: int = MOST_CHARACTERS) -> QueryDict:
    """Return the parameters in their order, those after the hundredth left out; unusable values are empty."""

    def is_usable(text: str) -> bool:
        return len(text) <= most_characters and not _CONTROL.search(text)

    found = QueryDict(mutable=True)
    sent = [(name, value) for name, values in request.GET.lists() for value in values]
    for name, value in sent[:MOST_VALUES]:
        if is_usable(name):
            found.appendlist(name, value if is_usable(value) else "")
    return found
