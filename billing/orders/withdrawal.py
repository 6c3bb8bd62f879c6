"""The right of a small professional to withdraw from an order (F-33; C. conso. L.221-3, L.221-10, L.221-18).

Days are Paris days. No database, no clock.
"""

import datetime as dt
from datetime import timedelta

from booking.rules.holidays import public_holidays

OFF_PREMISES = frozenset({"client", "fair"})
"""Places of signature away from lib-rdv's premises; a sale at a distance (``online``) is not one of them."""
DAYS_TO_WITHDRAW = 14
DAYS_WITHOUT_PAYMENT = 7


def has_right(*, place: str, is_at_most_five: bool | None) -> bool:
    """Return whether an order may be withdrawn from: signed off premises, by a firm of five employees at most.

    An unknown headcount counts as a small one: without the information and the form the period would grow by
    twelve months.
    """
    return place in OFF_PREMISES and is_at_most_five is not False


def last_day(signed_on: dt.date) -> dt.date:
    """Return the last day to withdraw: the fourteenth after the signature, or the next working day after it."""
    day = signed_on + timedelta(days=DAYS_TO_WITHDRAW)
    while not _is_working(day):
        day += timedelta(days=1)
    return day


def first_payment_on(signed_on: dt.date, *, is_withdrawable: bool) -> dt.date:
    """Return the first day on which money may be taken: with the right, the eighth after the signature."""
    wait = DAYS_WITHOUT_PAYMENT + 1 if is_withdrawable else 0
    return signed_on + timedelta(days=wait)


def _is_working(day: dt.date) -> bool:
    """Return whether a day is neither Saturday nor Sunday nor a public holiday (regulation 1182/71)."""
    return day.weekday() < 5 and day not in public_holidays(
        territory="FR", postcode="", year=day.year
    )
