"""Verifies the series of documents: numbers, days, hashes, files, and the heads recorded outside the database."""

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db.models import Max

from billing.invoicing.links import digest_of_files, genesis, link
from billing.invoicing.models import Invoice, InvoiceFile, Series
from billing.invoicing.services import body_of
from billing.invoicing.snapshot import UnreadableSnapshot, from_json
from tenants.audit import chain_heads
from tenants.audit.chain_heads import ChainHead, Reason, Recorded
from tenants.schema import PUBLIC

CHAIN = "invoices "
"""How the names of these chains begin in the file of recorded heads: ``invoices F2026``."""
DOCUMENTS_AT_ONCE = 100


@dataclass
class SeriesReport:
    """What was found in a series: its documents, the last link, and each fault with the number it concerns."""

    code: str
    count: int
    head: bytes
    faults: list[str] = field(default_factory=list)

    @property
    def chain(self) -> str:
        """The name of the chain among the recorded heads."""
        return f"{CHAIN}{self.code}"


def verify_all(*, today: dt.date, uses_record: bool = True) -> list[SeriesReport]:
    """Verify each series inside the unit ``public``, against the recorded heads too."""
    recorded = chain_heads.read(PUBLIC.schema)
    reports = []
    for series in Series.objects.order_by("code"):
        known = recorded.get(f"{CHAIN}{series.code}", Recorded()).head
        reports.append(verify_series(series, known if uses_record else None, today=today))
    return reports


def verify_series(series: Series, recorded: ChainHead | None, *, today: dt.date) -> SeriesReport:
    """Verify the documents of one series in their order; ``today`` decides whether they may have been deleted.

    After a fault the stored values go on, so that each further fault is named too.
    """
    report = SeriesReport(series.code, 0, genesis(series.code))
    if _is_expired(series, today=today):
        report.count, report.head = series.last, bytes(series.head)
        return report
    day = dt.date.min
    # Documents that are issued meanwhile come after the row that was read.
    documents = series.documents.filter(position__lte=series.last).order_by("position")
    documents = documents.prefetch_related("files")
    for invoice in documents.iterator(chunk_size=DOCUMENTS_AT_ONCE):
        if invoice.position != report.count + 1:
            report.faults.append(f"{series.code}-{report.count + 1:06d}: missing")
        if invoice.number != f"{series.code}-{invoice.position:06d}":
            report.faults.append(f"{invoice.number}: not the number of place {invoice.position}")
        if invoice.issued_on < day:
            report.faults.append(f"{invoice.number}: its day is before that of the number before")
        report.faults += [f"{invoice.number}: {fault}" for fault in _faults(invoice, report.head)]
        report.count, report.head, day = invoice.position, bytes(invoice.hash), invoice.issued_on
        if recorded and recorded.links == report.count and recorded.last_hash != report.head:
            report.faults.append(f"{invoice.number}: another document was recorded here")
    report.faults += _faults_of_end(series, report, recorded)
    return report


def record_ends(reports: list[SeriesReport], *, reason: Reason, now: dt.datetime) -> None:
    """Record the last links of whole series outside the database, and end their alarms; raise one for the others.

    An accepted head may be shorter than the one before it: after the restore of an older backup.
    """
    for report in reports:
        if report.faults:
            chain_heads.raise_alarm(
                schema=PUBLIC.schema, chain=report.chain, finding="broken", at=now
            )
            continue
        head = ChainHead(report.count, report.head, now, reason)
        chain_heads.record(schema=PUBLIC.schema, chain=report.chain, head=head)
        chain_heads.end_alarm(schema=PUBLIC.schema, chain=report.chain, at=now)


def _is_expired(series: Series, *, today: dt.date) -> bool:
    """Return whether the documents were deleted after their ten years: all have one date (ADR 83)."""
    may_be_gone = today.year > int(series.code[1:]) + 10
    return bool(series.last) and may_be_gone and not series.documents.exists()


def _faults(invoice: Invoice, prev: bytes) -> Iterator[str]:
    if bytes(invoice.prev_hash) != prev:
        yield "does not follow the document before it"
    expected = link(bytes(invoice.prev_hash), bytes(invoice.files_hash), body_of(invoice))
    if bytes(invoice.hash) != expected:
        yield "changed"
    yield from _faults_of_snapshot(invoice)
    files = {file.kind: file for file in invoice.files.all()}
    if set(files) != set(InvoiceFile.Kind):
        yield "a file is missing"
        return
    for kind, file in files.items():
        if hashlib.sha256(bytes(file.data)).digest() != bytes(file.sha256):
            yield f"its {kind} changed"
    hashes = [bytes(files[kind].sha256) for kind in (InvoiceFile.Kind.PDF, InvoiceFile.Kind.XML)]
    if digest_of_files(*hashes) != bytes(invoice.files_hash):
        yield "its files are others"


def _faults_of_snapshot(invoice: Invoice) -> Iterator[str]:
    try:
        snapshot = from_json(invoice.snapshot)
    except UnreadableSnapshot:
        yield "its snapshot is unreadable"
        return
    totals = snapshot.totals
    columns = (invoice.number, invoice.issued_on, invoice.net, invoice.tax, invoice.gross)
    if columns != (snapshot.number, snapshot.issued_on, totals.net, totals.tax, totals.gross):
        yield "its columns are not those of its snapshot"


def _faults_of_end(
    series: Series, report: SeriesReport, recorded: ChainHead | None
) -> Iterator[str]:
    for position in range(report.count + 1, series.last + 1):
        yield f"{series.code}-{position:06d}: missing at the end"
    if bytes(series.head) != report.head:
        yield f"{series.code}: the row of the series and its documents disagree"
    highest = series.documents.aggregate(position=Max("position"))["position"] or 0
    # Read after the documents: whoever issues meanwhile moves both.
    series.refresh_from_db()
    if highest > series.last:
        yield f"{series.code}: number {highest} is beyond the last one, {series.last}"
    if recorded and recorded.links > report.count:
        yield f"{series.code}: {recorded.links} documents were recorded, {report.count} are there"
