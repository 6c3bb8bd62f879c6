"""Drafts become documents: numbers without gap, chained, immutable (F-03, F-04, F-06, F-20).

All services run inside the unit ``public``. One worker issues (``handlers``): the series is locked while its
document is drawn.
"""

import datetime as dt
import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Sum

from billing.clients.models import Client
from billing.drawing import DrawingFailed
from billing.invoicing import documents
from billing.invoicing.assembly import assemble, check_identity, seller_on
from billing.invoicing.contents import DraftContent, write_content
from billing.invoicing.documents import DrawnInvoice
from billing.invoicing.errors import AlreadyIssued, CreditExceedsInvoice, Undrawable
from billing.invoicing.kinds import ISSUE, SEND, IssueRequest
from billing.invoicing.links import digest_of_files, link
from billing.invoicing.mentions import CASE
from billing.invoicing.models import Draft, Invoice, InvoiceFile, Series
from billing.invoicing.series import CREDIT_NOTES, INVOICES, day_in_paris, lock_series
from billing.invoicing.snapshot import InvoiceSnapshot, Line, from_json, to_json
from billing.orders.models import Subscription
from tenants.audit.services import SYSTEM, record
from tenants.outbox.payloads import NO_PAYLOAD
from tenants.outbox.services import Due, subject_of, write

Draw = Callable[[InvoiceSnapshot], DrawnInvoice]
ARCHIVE_YEARS = 10
"""Accounting documents are kept ten years after the end of the financial year, the calendar year (F-20)."""


@dataclass(frozen=True, slots=True)
class DraftPeriod:
    """The period that a draft invoices, half-open, and the subscription that makes it due (None: no such link)."""

    start: dt.date
    end: dt.date
    subscription: Subscription | None = None


# --- Drafts ------------------------------------------------------------------------------------------


def new_draft(
    *,
    client: Client,
    content: DraftContent,
    period: DraftPeriod | None = None,
    actor: str = SYSTEM,
    now: dt.datetime,
) -> Draft:
    """Make a draft. Raises AlreadyIssued when the period of the subscription has a draft or an invoice."""
    draft = Draft(client=client, content=write_content(content), created_at=now)
    if period is not None:
        draft.period_start, draft.period_end = period.start, period.end
        draft.subscription = period.subscription
    if draft.subscription and _is_invoiced(draft.subscription.ref, draft.period_start):
        raise AlreadyIssued
    try:
        with transaction.atomic():
            draft.save(force_insert=True)
    except IntegrityError as error:
        _raise_unless_unique(error)
        raise AlreadyIssued from None
    record(verb="invoice.drafted", ref=draft.ref, actor=actor, now=now)
    return draft


def delete_draft(*, draft_ref: uuid.UUID, actor: str, now: dt.datetime) -> None:
    """Delete a draft. Raises AlreadyIssued when it does not exist any more."""
    deleted, _by_model = Draft.objects.filter(ref=draft_ref).delete()
    if not deleted:
        raise AlreadyIssued
    record(verb="invoice.draft_deleted", ref=draft_ref, actor=actor, now=now)


def request_issue(*, draft: Draft, actor: str, now: dt.datetime) -> None:
    """Ask the worker to issue a draft; two requests of one second are one entry."""
    second = str(int(now.timestamp()))
    write(due=[Due(ISSUE, subject_of(draft), IssueRequest(draft.ref), now, second)], now=now)
    record(verb="invoice.issue_requested", ref=draft.ref, actor=actor, now=now)


def credit(
    *, invoice: Invoice, lines: Sequence[Line], reason: str, actor: str, now: dt.datetime
) -> Draft:
    """Make the draft of a credit note on an invoice; the amounts of its lines are positive.

    Buyer and VAT are those of the invoice (F-06). Raises CreditExceedsInvoice, which ``issue`` checks again, and
    ValueError for a credit note as the origin or without a reason.
    """
    if invoice.corrects_id is not None or not reason.strip():
        raise ValueError("a credit note corrects an invoice, for a reason")
    origin = from_json(invoice.snapshot)
    content = DraftContent(
        lines=tuple(lines),
        reason=reason.strip(),
        is_partial=tuple(lines) != origin.lines,
        order_ref=origin.order_ref,
        buyer=origin.buyer,
        case=next(note.text for note in origin.notes if note.code == CASE),
    )
    draft = Draft(
        client=Client.objects.get(ref=invoice.client_ref),
        corrects=invoice,
        period_start=invoice.period_start,
        period_end=invoice.period_end,
        content=write_content(content),
        created_at=now,
    )
    snapshot = assemble(draft, seller=seller_on(day_in_paris(now)), issued_on=day_in_paris(now))
    check_credit(invoice, gross=snapshot.totals.gross)
    draft.save(force_insert=True)
    record(verb="invoice.credit_drafted", ref=draft.ref, actor=actor, now=now)
    return draft


def check_credit(invoice: Invoice, *, gross: Decimal) -> None:
    """Raise CreditExceedsInvoice when a further credit note of this amount would exceed the invoice (F-06)."""
    earlier = invoice.credit_notes.aggregate(sum=Sum("gross"))["sum"] or Decimal(0)
    if earlier + gross > invoice.gross:
        raise CreditExceedsInvoice(invoice.number)


# --- Documents ---------------------------------------------------------------------------------------


def issue(*, draft_ref: uuid.UUID, now: dt.datetime, draw: Draw | None = None) -> Invoice:
    """Turn a draft into the next document of its series, in one transaction; a failure leaves the draft.

    ``draw`` is ``documents.draw`` unless a test replaces it. Raises the errors of ``billing.invoicing.errors``;
    OperationalError (55P03) when the series stays locked longer than the login allows.
    """
    with transaction.atomic():
        draft = _take_draft(draft_ref)
        if draft.corrects is None:
            check_identity(draft.client)
        kind = CREDIT_NOTES if draft.corrects_id else INVOICES
        series, issued_on = lock_series(kind, today=day_in_paris(now))
        number = f"{series.code}-{series.last + 1:06d}"
        snapshot = assemble(draft, seller=seller_on(issued_on), issued_on=issued_on, number=number)
        if draft.corrects is not None:
            # All credit notes wait for the lock of their series, so that this sum is stable.
            check_credit(draft.corrects, gross=snapshot.totals.gross)
        drawn = _draw(snapshot, draw or documents.draw)
        invoice = _add_document(draft, series, snapshot, drawn)
        request_send(invoice=invoice, actor=SYSTEM, now=now)
    record(verb="invoice.issued", ref=invoice.ref, actor=SYSTEM, now=now)
    return invoice


def request_send(*, invoice: Invoice, actor: str, now: dt.datetime) -> None:
    """Ask a worker to send a document to its client; two requests of one minute are one e-mail."""
    minute = str(int(now.timestamp()) // 60)
    write(due=[Due(SEND, subject_of(invoice), NO_PAYLOAD, now, minute)], now=now)
    record(verb="invoice.send_requested", ref=invoice.ref, actor=actor, now=now)


def body_of(invoice: Invoice) -> dict[str, Any]:
    """Return what the hash of a document covers, beside its files: each of its columns."""
    dates = (invoice.period_start, invoice.period_end)
    start, end = (day.isoformat() if day else None for day in dates)
    return {
        "ref": invoice.ref.hex,
        "position": invoice.position,
        "number": invoice.number,
        "issued_on": invoice.issued_on.isoformat(),
        "due_on": invoice.due_on.isoformat(),
        "net": f"{invoice.net:.2f}",
        "tax": f"{invoice.tax:.2f}",
        "gross": f"{invoice.gross:.2f}",
        "corrects": invoice.corrects_id,
        "client_ref": invoice.client_ref.hex,
        "subscription_ref": invoice.subscription_ref.hex if invoice.subscription_ref else None,
        "period": [start, end],
        "archive_until": invoice.archive_until.isoformat(),
        "snapshot": invoice.snapshot,
    }


def _take_draft(ref: uuid.UUID) -> Draft:
    """Lock and delete a draft: of two callers, the second waits and finds none."""
    draft = (
        Draft.objects.select_for_update(of=("self",))
        .select_related("client", "subscription", "corrects")
        .filter(ref=ref)
        .first()
    )
    if draft is None:
        raise AlreadyIssued
    _delete(draft)
    return draft


def _delete(draft: Draft) -> None:
    Draft.objects.filter(pk=draft.pk).delete()


def _draw(snapshot: InvoiceSnapshot, draw: Draw) -> DrawnInvoice:
    try:
        return draw(snapshot)
    except documents.CannotDraw as error:
        raise Undrawable([fault.value for fault in error.faults]) from error
    except DrawingFailed as error:
        raise Undrawable(["undrawable"]) from error


def _add_document(
    draft: Draft, series: Series, snapshot: InvoiceSnapshot, drawn: DrawnInvoice
) -> Invoice:
    hashes = [hashlib.sha256(data).digest() for data in (drawn.pdf, drawn.xml)]
    totals = snapshot.totals
    invoice = Invoice(
        ref=draft.ref,
        series=series,
        position=series.last + 1,
        number=snapshot.number,
        issued_on=snapshot.issued_on,
        due_on=snapshot.due_on,
        net=totals.net,
        tax=totals.tax,
        gross=totals.gross,
        corrects=draft.corrects,
        client_ref=draft.client.ref,
        subscription_ref=draft.subscription.ref if draft.subscription else None,
        period_start=draft.period_start,
        period_end=draft.period_end,
        snapshot=to_json(snapshot),
        files_hash=digest_of_files(*hashes),
        prev_hash=bytes(series.head),
        archive_until=dt.date(snapshot.issued_on.year + ARCHIVE_YEARS, 12, 31),
    )
    invoice.hash = link(bytes(series.head), bytes(invoice.files_hash), body_of(invoice))
    Series.objects.filter(pk=series.pk).update(
        last=F("last") + 1, last_on=invoice.issued_on, head=invoice.hash
    )
    _save_document(invoice)
    InvoiceFile.objects.bulk_create(
        [
            InvoiceFile(invoice=invoice, kind=kind, data=data, sha256=sha256)
            for kind, data, sha256 in zip(
                (InvoiceFile.Kind.PDF, InvoiceFile.Kind.XML),
                (drawn.pdf, drawn.xml),
                hashes,
                strict=True,
            )
        ]
    )
    return invoice


def _save_document(invoice: Invoice) -> None:
    try:
        with transaction.atomic():
            invoice.save(force_insert=True)
    except IntegrityError as error:
        if not _is_invoiced(invoice.subscription_ref, invoice.period_start):
            raise
        raise AlreadyIssued from error


def _is_invoiced(subscription_ref: uuid.UUID | None, start: dt.date | None) -> bool:
    found = Invoice.objects.filter(period_start=start, corrects__isnull=True)
    return subscription_ref is not None and found.filter(subscription_ref=subscription_ref).exists()


def _raise_unless_unique(error: IntegrityError) -> None:
    if getattr(error.__cause__, "pgcode", "") != "23505":
        raise error
