"""What can be refused in booking. Messages for the screen belong to the forms, not here."""

from dataclasses import dataclass
from datetime import datetime


class BookingError(Exception):
    """Base class of every refusal of this app."""


class SlotTaken(BookingError):  # named after what happened
    """The time is occupied, or is no longer offered: offer the nearest free ones."""


class TooManyHolds(BookingError):
    """This network already holds three slots of this practice."""


class TooManyBookings(BookingError):
    """This address or number already has as many open bookings as the practice allows."""


class NotBookable(BookingError):
    """The practice does not take bookings at the moment (suspended, or not yet live)."""


class OutsideServedArea(BookingError):
    """Home visits are not made to this postcode (B-14)."""


class OfferOver(BookingError):  # named after what happened
    """The offer of the waiting list has ended: time over, answered, or taken back."""


class ChangedMeanwhile(BookingError):  # named after what happened
    """Somebody else has changed the appointment since the page was opened: show what it is now."""


class AlreadyCancelled(BookingError):
    """The appointment was cancelled before."""


@dataclass
class TooLate(BookingError):
    """Past ``until``, moving and cancelling go by telephone."""

    until: datetime


@dataclass
class BeyondPromise(BookingError):
    """The date lies after ``last``: data would have to be erased before the appointment (B-22)."""

    last: datetime
