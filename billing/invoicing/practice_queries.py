"""What a practice reads of its own invoices, inside its own unit, from the views of ``for_tenants`` (ADR 84)."""

import datetime as dt
import uuid
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from billing.invoicing.models import InvoiceFile


@dataclass(frozen=True, slots=True)
class OwnInvoice:
    """An invoice of the practice or, when it ``corrects`` one, a credit note."""

    ref: uuid.UUID
    number: str
    issued_on: dt.date
    due_on: dt.date
    gross: Decimal
    corrects: str | None
    credited: Decimal
    paid: Decimal

    @property
    def balance(self) -> Decimal:
        """Return what is still owed; a credit note owes nothing."""
        return Decimal(0) if self.corrects else self.gross - self.credited - self.paid


def own_invoices() -> list[OwnInvoice]:
    """Return the documents of the practice whose unit is open, the newest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ref, number, issued_on, due_on, gross, corrects, credited, paid FROM for_tenants.invoices"
            " ORDER BY issued_on DESC, number DESC"
        )
        return [OwnInvoice(*row) for row in cursor.fetchall()]


def own_file(ref: uuid.UUID, kind: InvoiceFile.Kind) -> bytes | None:
    """Return the file of a document of the practice whose unit is open; None for any other document."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT data FROM for_tenants.invoice_files WHERE invoice_ref = %s AND kind = %s",
            [ref, kind.value],
        )
        row = cursor.fetchone()
    return bytes(row[0]) if row else None
