"""What late payment adds to an invoice: computed and shown, never sent by itself (F-08)."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from billing.amounts import RECOVERY_INDEMNITY, RateUnknown, ReferenceRates, late_interest
from billing.invoicing.models import Invoice, RefRate


@dataclass(frozen=True, slots=True)
class LatePayment:
    """Interest on the balance from the day after the due day, and the fixed indemnity; without VAT.

    ``interest`` is None when no reference rate is known for one of the half-years.
    """

    days: int
    interest: Decimal | None
    indemnity: Decimal = RECOVERY_INDEMNITY


def late_payment(invoice: Invoice, *, balance: Decimal, today: dt.date) -> LatePayment | None:
    """Return what is due in addition on a day in Paris; None when nothing is late.

    Simple interest on what is still owed: earlier instalments paid late are left out, to the client's advantage.
    """
    if balance <= 0 or today <= invoice.due_on or invoice.corrects_id is not None:
        return None
    # Of several rows for one day the newest counts.
    by_day = {row.valid_from: row for row in RefRate.objects.order_by("id")}
    rates = [ReferenceRates(row.valid_from, row.ecb, row.legal) for row in by_day.values()]
    days = (today - invoice.due_on).days
    try:
        interest = late_interest(balance, due_on=invoice.due_on, until=today, rates=rates)
    except RateUnknown:
        return LatePayment(days, None)
    return LatePayment(days, interest)
