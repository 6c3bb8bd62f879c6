"""Outbox handlers of invoicing: they issue drafts, one after the other, and send the documents."""

from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import OperationalError
from django.urls import reverse

from billing.clients.models import Client
from billing.figures import euros, long_day
from billing.invoicing import kinds
from billing.invoicing.download_links import open_link
from billing.invoicing.errors import (
    AlreadyIssued,
    CreditExceedsInvoice,
    IncompleteIdentity,
    NoSeller,
    NoSeries,
    Undrawable,
    VatChanged,
)
from billing.invoicing.kinds import IssueRequest
from billing.invoicing.models import Invoice, InvoiceFile
from billing.invoicing.queries import file_of
from billing.invoicing.services import issue
from billing.invoicing.snapshot import from_json
from tenants.outbox.delivery import (
    SENT,
    DeliveryCall,
    Handler,
    Outcome,
    TryAgain,
    not_sent,
    register,
)
from tenants.outbox.emails import Email, send
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NoPayload
from tenants.schema import PUBLIC, Unit, inside

BUSY = ("55P03", "40P01")
"""SQLSTATE of a lock that was not given in time, and of a deadlock."""
REFUSALS: dict[type[Exception], str] = {
    CreditExceedsInvoice: "credit_exceeds_invoice",
    IncompleteIdentity: "incomplete_identity",
    Undrawable: "undrawable",
    VatChanged: "vat_changed",
    NoSeller: "no_seller",
}
"""Refusals that staff must end, with the code of the failed entry; the draft stays."""


class IssueDraft(Handler[IssueRequest]):
    """Issues a draft. A worker that is killed after the commit finds the document on its next attempt."""

    def prepare(
        self, entry: OutboxEntry, payload: IssueRequest, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Return the issuing, in a transaction of its own: the series is locked until its commit."""

        def deliver() -> Outcome:
            try:
                with inside(PUBLIC):
                    issue(draft_ref=payload.draft_ref, now=now)
            except AlreadyIssued:
                return _outcome_without_draft(payload)
            except NoSeries:
                raise TryAgain("no_series") from None
            except tuple(REFUSALS) as refusal:
                return Outcome(OutboxEntry.EntryState.FAILED, REFUSALS[type(refusal)])
            except OperationalError as error:
                if getattr(error.__cause__, "pgcode", "") not in BUSY:
                    raise
                raise TryAgain("busy") from None
            return SENT

        return deliver


class SendDocument(Handler[NoPayload]):
    """Sends a document to its client: the PDF with its XML, and a link that ends after ``VALID_FOR``."""

    def prepare(
        self, entry: OutboxEntry, payload: NoPayload, *, unit: Unit, now: datetime
    ) -> Outcome | DeliveryCall:
        """Return the sending, with a new link for each attempt; not sent to a client without an address."""
        invoice = Invoice.objects.filter(pk=entry.subject_id).first()
        if invoice is None:
            return not_sent("gone")
        to = Client.objects.filter(ref=invoice.client_ref).values_list("email", flat=True).first()
        if not to:
            return not_sent("no_address")
        token = open_link(invoice=invoice, now=now)
        return partial(send, _email(entry, invoice, to, token), PUBLIC)


def register_all() -> None:
    """Register the handlers; called once, when apps are ready. Drawing must not delay e-mails."""
    register(kinds.ISSUE, IssueDraft(), is_slow=True)
    register(kinds.SEND, SendDocument())


def _email(entry: OutboxEntry, invoice: Invoice, to: str, token: str) -> Email:
    snapshot = from_json(invoice.snapshot)
    context = {
        "number": invoice.number,
        "amount": euros(invoice.gross),
        "due": long_day(invoice.due_on),
        "corrects": snapshot.corrects.number if snapshot.corrects else "",
        "debit": snapshot.direct_debit,
        "seller": snapshot.seller.name,
    }
    path = reverse("documents:document", args=[token], urlconf=settings.PUBLIC_SCHEMA_URLCONF)
    pdf = file_of(invoice, InvoiceFile.Kind.PDF)
    attachment = (f"{invoice.number}.pdf", pdf, "application/pdf")
    return Email(entry, "invoice", to, context, {"link": path}, (attachment,))


def _outcome_without_draft(payload: IssueRequest) -> Outcome:
    with inside(PUBLIC):
        is_issued = Invoice.objects.filter(ref=payload.draft_ref).exists()
    return SENT if is_issued else not_sent("gone")
