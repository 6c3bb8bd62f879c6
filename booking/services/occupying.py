"""The services after which a row may occupy time in an agenda.

Each stands under the same three walls: the lock of the agenda, the rows read again under it, and the
exclusion constraint as the judge. The proof ``race`` sends all of them against each other; a test finds
whoever writes such a row and is not in this list.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from booking.services import appointments, holds, offering, resizing

OCCUPYING: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "hold_slot": holds.hold_slot,
        "book": appointments.book,
        "book_by_staff": appointments.book_by_staff,
        "move": appointments.move,
        "mark": appointments.mark,
        "offer_freed": offering.offer_freed,
        "offer_by_hand": offering.offer_by_hand,
        "book_held": appointments.book_held,
        "resize": resizing.resize,
    }
)
FREEING: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"release": holds.release, "cancel": appointments.cancel}
)
"""These write the same columns, and can only give time back."""
