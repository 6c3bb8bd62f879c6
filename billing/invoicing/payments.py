"""Payments of invoices, and their parts by VAT rate (F-14)."""

import datetime as dt
from decimal import Decimal

from django.db import IntegrityError, connection, transaction
from django.db.models import Sum

from billing.amounts import ZERO, split
from billing.invoicing.errors import AlreadyRecorded
from billing.invoicing.models import Allocation, Invoice, Payment
from billing.invoicing.snapshot import from_json
from tenants.audit.services import record


def record_payment(
    *,
    invoice: Invoice,
    amount: Decimal,
    on: dt.date,
    kind: Payment.Kind,
    reference: str,
    actor: str,
    now: dt.datetime,
) -> Payment:
    """Record a movement of money for an invoice, inside the unit ``public``; a return or refund is negative.

    Its parts by VAT rate are differences of cumulated shares: those of an invoice that is paid in parts add up to
    its totals. Raises AlreadyRecorded for the same movement again, ValueError for an amount of the wrong sign or
    with more than two decimals.
    """
    takes_back = kind in {Payment.Kind.RETURN, Payment.Kind.REFUND}
    if not amount or (amount < 0) is not takes_back or round(amount, 2) != amount:
        raise ValueError(f"{kind}: {amount}")
    _lock_payments(invoice)
    before = paid_on(invoice)
    payment = Payment(
        invoice=invoice, amount=amount, on=on, kind=kind, reference=reference, recorded_at=now
    )
    try:
        with transaction.atomic():
            payment.save(force_insert=True)
    except IntegrityError as error:
        if getattr(error.__cause__, "pgcode", "") != "23505":
            raise
        raise AlreadyRecorded from None
    _allocate(payment, before=before)
    record(verb="invoice.payment_recorded", ref=payment.ref, actor=actor, now=now)
    return payment


def paid_on(invoice: Invoice) -> Decimal:
    """Return the sum of what was paid on an invoice, less what was taken back."""
    return invoice.payments.aggregate(sum=Sum("amount"))["sum"] or ZERO


def _allocate(payment: Payment, *, before: Decimal) -> None:
    groups = from_json(payment.invoice.snapshot).totals.groups
    weights = [group.base + group.tax for group in groups]
    if not any(weights):
        return
    earlier, later = split(before, weights), split(before + payment.amount, weights)
    parts = zip(groups, earlier, later, strict=True)
    Allocation.objects.bulk_create(
        [
            Allocation(
                payment=payment, category=group.category, rate=group.rate, amount=after - start
            )
            for group, start, after in parts
        ]
    )


def _lock_payments(invoice: Invoice) -> None:
    # A document cannot be locked (ADR 83). Advisory locks are shared by all schemas, so the key names the table.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext('invoicing.payments'), %s)", [invoice.pk]
        )
