"""Reading drafts, documents and what is owed, inside the unit ``public``."""

import datetime as dt
import uuid
from decimal import Decimal
from enum import StrEnum

from django.db.models import (
    Case,
    CharField,
    DecimalField,
    F,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from billing.invoicing.models import Draft, Invoice, InvoiceFile, Payment

_MONEY = DecimalField(max_digits=12, decimal_places=2)


class PaymentState(StrEnum):
    """The state of an invoice. It is computed, never stored: an issued document does not change."""

    OPEN = "open"
    PAID = "paid"
    OVERDUE = "overdue"
    REFUSED = "refused"  # its last debit was returned, and something is still owed


def invoices_with_balance(*, today: dt.date) -> QuerySet[Invoice]:
    """Return the invoices, without credit notes, each with ``credited``, ``paid``, ``balance`` and ``state``.

    ``balance`` is what is still owed: amount less credit notes less payments; below zero it is owed to the client.
    ``state`` is a PaymentState; ``today`` is a day in Paris.
    """
    invoices = Invoice.objects.filter(corrects__isnull=True)
    last = Payment.objects.filter(invoice=OuterRef("pk")).order_by("-on", "-id")
    balanced = invoices.annotate(
        last_kind=Subquery(last.values("kind")[:1]),
        credited=Coalesce(_sum(Invoice.objects.filter(corrects=OuterRef("pk")), "gross"), _zero()),
        paid=Coalesce(_sum(Payment.objects.filter(invoice=OuterRef("pk")), "amount"), _zero()),
    ).annotate(balance=F("gross") - F("credited") - F("paid"))
    return balanced.annotate(state=_state(today))


def find_invoice(ref: uuid.UUID) -> Invoice | None:
    """Return a document, invoice or credit note, or None."""
    return Invoice.objects.select_related("corrects").filter(ref=ref).first()


def find_draft(ref: uuid.UUID) -> Draft | None:
    """Return a draft with its client, or None; the ``ref`` of an issued one is that of its document."""
    return Draft.objects.select_related("client", "corrects").filter(ref=ref).first()


def file_of(invoice: Invoice, kind: InvoiceFile.Kind) -> bytes:
    """Return the bytes of a file of a document, as it was issued."""
    return bytes(invoice.files.get(kind=kind).data)


def _state(today: dt.date) -> Case:
    return Case(
        When(balance__lte=0, then=Value(PaymentState.PAID.value)),
        When(last_kind=Payment.Kind.RETURN, then=Value(PaymentState.REFUSED.value)),
        When(due_on__lt=today, then=Value(PaymentState.OVERDUE.value)),
        default=Value(PaymentState.OPEN.value),
        output_field=CharField(),
    )


def _sum(rows: "QuerySet[Invoice] | QuerySet[Payment]", column: str) -> Subquery:
    key = "corrects" if column == "gross" else "invoice"
    total = rows.order_by().values(key).annotate(sum=Sum(column)).values("sum")
    return Subquery(total, output_field=_MONEY)


def _zero() -> Value:
    return Value(Decimal(0), output_field=_MONEY)
