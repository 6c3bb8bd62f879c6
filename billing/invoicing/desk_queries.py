"""What the staff pages of invoices list, inside the unit ``public``."""

import datetime as dt
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Q

from billing.clients.models import Client
from billing.invoicing.assembly import assemble, seller_on
from billing.invoicing.errors import NoSeller, VatChanged
from billing.invoicing.kinds import ISSUE, SEND
from billing.invoicing.models import Draft, Invoice, Payment
from billing.invoicing.queries import PaymentState, invoices_with_balance
from billing.invoicing.snapshot import InvoiceSnapshot
from tenants.outbox.models import OutboxEntry

PER_PAGE = 50
CREDIT_NOTES = "credit"
"""The value of the filter that lists the credit notes."""


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A draft with its amount incl. VAT, None when its snapshot cannot be assembled."""

    draft: Draft
    gross: Decimal | None


def find_client(ref: uuid.UUID) -> Client | None:
    """Return the client of a reference, or None."""
    return Client.objects.filter(ref=ref).first()


def drafts_page(*, today: dt.date, number: str | None) -> "Page[Draft]":
    """Return a page of the drafts, the oldest first."""
    drafts = Draft.objects.select_related("client", "corrects")
    return Paginator(drafts, PER_PAGE).get_page(number)


def rows_of(drafts: "Page[Draft]", *, today: dt.date) -> list[DraftRow]:
    """Return the drafts of a page with their amounts."""
    return [DraftRow(draft, _gross(draft, today)) for draft in drafts]


def documents_page(*, state: str, text: str, today: dt.date, number: str | None) -> "Page[Invoice]":
    """Return a page of issued documents, the newest first.

    ``state`` is a PaymentState, ``CREDIT_NOTES``, or "" for all invoices; ``text`` is a part of a number or of
    the buyer's name.
    """
    found: Any = invoices_with_balance(today=today)
    if state == CREDIT_NOTES:
        found = Invoice.objects.filter(corrects__isnull=False)
    elif state in set(PaymentState):
        found = found.filter(state=state)
    if text:
        found = found.filter(Q(number__icontains=text) | Q(snapshot__buyer__name__icontains=text))
    return Paginator(found.order_by("-issued_on", "-position"), PER_PAGE).get_page(number)


def snapshot_of(draft: Draft, *, today: dt.date) -> InvoiceSnapshot:
    """Return what the document of a draft would say today. Raises NoSeller and VatChanged."""
    return assemble(draft, seller=seller_on(today), issued_on=today)


def documents_of(client: Client, *, today: dt.date) -> list[Any]:
    """Return the invoices of a client with their balances, the newest first."""
    found = invoices_with_balance(today=today).filter(client_ref=client.ref)
    return list(found.order_by("-issued_on", "-position"))


def documents_matching(text: str, *, limit: int) -> list[Invoice]:
    """Return the newest documents whose number or buyer's name holds the text."""
    found = Invoice.objects.filter(
        Q(number__icontains=text) | Q(snapshot__buyer__name__icontains=text)
    )
    return list(found.order_by("-id")[:limit])


def credit_notes_of(invoice: Invoice) -> list[Invoice]:
    """Return the credit notes of an invoice."""
    return list(invoice.credit_notes.order_by("position"))


def payments_of(invoice: Invoice) -> list[Payment]:
    """Return the movements of money of an invoice, the oldest first."""
    return list(invoice.payments.order_by("on", "id"))


def last_sending(invoice: Invoice) -> OutboxEntry | None:
    """Return the last e-mail of a document, or None."""
    entries = OutboxEntry.objects.filter(
        kind=SEND, subject_type=SEND.subject_type, subject_id=invoice.pk
    )
    return entries.order_by("-id").first()


def last_issue(draft: Draft) -> OutboxEntry | None:
    """Return the entry that will issue a draft, or has failed to; None without one."""
    entries = OutboxEntry.objects.filter(
        kind=ISSUE, subject_type=ISSUE.subject_type, subject_id=draft.pk
    )
    return entries.order_by("-id").first()


def counts(*, today: dt.date) -> dict[str, int]:
    """Return the numbers of drafts, of overdue invoices and of refused debits."""
    found: Any = invoices_with_balance(today=today)
    return {
        "drafts": Draft.objects.count(),
        "overdue": found.filter(state=PaymentState.OVERDUE).count(),
        "refused": found.filter(state=PaymentState.REFUSED).count(),
    }


def _gross(draft: Draft, today: dt.date) -> Decimal | None:
    try:
        return snapshot_of(draft, today=today).totals.gross
    except (NoSeller, VatChanged):
        return None
