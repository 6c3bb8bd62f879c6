"""A part of a staff page supplied by a higher package."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fragment:
    """A template and its context; the tag ``{% fragment %}`` of the library ``desk`` renders it in the page."""

    template: str
    context: Mapping[str, Any]
