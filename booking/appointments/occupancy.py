"""The register of services that can make a row occupy time in an agenda.

All of them follow the same three rules: they lock the agenda, read the rows again under the lock, and rely on the
exclusion constraint. The proof ``race`` runs them against each other; a test finds functions that write such a row
and are not registered.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from booking.appointments import attendance, book, cancel, move, resize
from booking.scheduling import slots
from booking.waiting_list import offers

OCCUPYING: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "hold_slot": slots.hold_slot,
        "book": book.book,
        "book_by_staff": book.book_by_staff,
        "move": move.move,
        "mark": attendance.mark,
        "offer_freed": offers.offer_freed,
        "offer_by_hand": offers.offer_by_hand,
        "book_held": book.book_held,
        "resize": resize.resize,
    }
)
FREEING: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"release": slots.release, "cancel": cancel.cancel}
)
"""The services that write the same columns and can only free time."""
SHOWING: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"unsaved_appointment_of": slots.unsaved_appointment_of}
)
"""The functions that make such a row for a page and never store it."""
