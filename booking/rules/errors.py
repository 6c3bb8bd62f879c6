"""The errors of booking; the texts for the screen are in the forms and views."""

from dataclasses import dataclass
from datetime import datetime


class BookingError(Exception):
    """Base class of the errors of this app."""


class SlotTaken(BookingError):  # named after what happened
    """The time is occupied or no longer offered; pages then propose the nearest free slots."""


class TooManyHolds(BookingError):
    """The network of the visitor already holds as many slots of this practice as one network may."""


class NotBookable(BookingError):
    """The practice takes no bookings now: suspended, or not yet live."""


class OfferOver(BookingError):  # named after what happened
    """The offer of the waiting list has ended: expired, answered or withdrawn."""


class ChangedMeanwhile(BookingError):  # named after what happened
    """Another request has changed the row since the page was opened; the page shows it again."""


class AlreadyCancelled(BookingError):
    """The appointment is already cancelled."""


@dataclass
class TooLate(BookingError):
    """Moving and cancelling online ended at ``until``; the person has to telephone."""

    until: datetime


@dataclass
class BeyondPromise(BookingError):
    """The start lies after ``last``: the data would have to be erased before the appointment (B-22)."""

    last: datetime
