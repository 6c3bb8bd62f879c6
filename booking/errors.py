"""What can be refused in booking. Messages for the screen belong to the forms, not here."""

from dataclasses import dataclass
from datetime import datetime


class BookingError(Exception):
    """Base class of every refusal of this app."""


class SlotTaken(BookingError):  # noqa: N818  # named after what happened
    """The time is occupied, or is no longer offered: offer the nearest free ones."""


class TooManyHolds(BookingError):  # noqa: N818
    """This network already holds three slots of this practice."""


class TooManyBookings(BookingError):  # noqa: N818
    """This address or number already has as many open bookings as the practice allows."""


class NotBookable(BookingError):  # noqa: N818
    """The practice does not take bookings at the moment (suspended, or not yet live)."""


class OutsideServedArea(BookingError):  # noqa: N818
    """Home visits are not made to this postcode (B-14)."""


class AlreadyCancelled(BookingError):  # noqa: N818
    """The appointment was cancelled before."""


@dataclass
class TooLate(BookingError):  # noqa: N818
    """Past ``until``, moving and cancelling go by telephone."""

    until: datetime


@dataclass
class BeyondPromise(BookingError):  # noqa: N818
    """The date lies after ``last``: data would have to be erased before the appointment (B-22)."""

    last: datetime
