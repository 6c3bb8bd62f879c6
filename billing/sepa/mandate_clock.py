"""The clocks of a mandate (F-42, F-43, F-44): when it lapses, when its account is destroyed, refunds. Pure.

All days are Paris days.
"""

import datetime as dt
from dataclasses import dataclass

from billing.amounts import add_months

MONTHS_WITHOUT_COLLECTION = 36
MONTHS_OF_ACCOUNT = 13
MONTHS_OF_PROOF = 14
MONTHS_UNAUTHORISED = 13
REFUND = dt.timedelta(weeks=8)


@dataclass(frozen=True, slots=True)
class MandateDays:
    """What the clocks read of a mandate.

    ``last_due_on`` is the due date of its last collection, rejected or not; ``last_collected_on`` the last day on
    which money was taken; ``ended_on`` the day of revocation, lapse or replacement. None: never.
    """

    signed_on: dt.date
    last_due_on: dt.date | None = None
    last_collected_on: dt.date | None = None
    ended_on: dt.date | None = None


def lapses_on(mandate: MandateDays) -> dt.date:
    """Return the first day without right to collect: 36 months after the last due date or the signature."""
    return add_months(mandate.last_due_on or mandate.signed_on, MONTHS_WITHOUT_COLLECTION)


def may_collect(mandate: MandateDays, due_on: dt.date) -> bool:
    """Return whether a collection may be due on a day: signed, not ended, not lapsed."""
    is_ended = mandate.ended_on is not None and mandate.ended_on <= due_on
    return mandate.signed_on <= due_on < lapses_on(mandate) and not is_ended


def account_destroyed_on(mandate: MandateDays) -> dt.date | None:
    """Return the day on which the sealed account is destroyed; None while the mandate may still be used.

    It is 13 months after the last collection: until then the debtor may contest it. A mandate that never collected
    has nothing to contest. Never before the end of the mandate.
    """
    return _after_end(mandate, MONTHS_OF_ACCOUNT)


def proof_deleted_on(mandate: MandateDays) -> dt.date | None:
    """Return the day from which the signed mandate may be deleted; None while it may still be used.

    It outlives the account by a month, because a claim of the last day arrives later.
    """
    return _after_end(mandate, MONTHS_OF_PROOF)


def _after_end(mandate: MandateDays, months: int) -> dt.date | None:
    if mandate.ended_on is None:
        return None
    if mandate.last_collected_on is None:
        return mandate.ended_on
    return max(mandate.ended_on, add_months(mandate.last_collected_on, months))


def refundable_until(collected_on: dt.date) -> dt.date:
    """Return the last day on which the debtor is refunded without a reason: eight weeks after the debit."""
    return collected_on + REFUND


def contestable_until(collected_on: dt.date) -> dt.date:
    """Return the last day on which the debtor may contest a debit that the mandate does not cover: 13 months."""
    return add_months(collected_on, MONTHS_UNAUTHORISED)
