"""What would make an invoice wrong although no rule of EN 16931 notices it (F-02). Pure.

``faults`` is asked before an invoice is issued: a document that was numbered cannot be mended.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum

from billing.amounts import MixedReasons
from billing.glyphs import undrawable
from billing.invoicing.mentions import CASE, DISCOUNT, INDEMNITY, PENALTIES
from billing.invoicing.snapshot import InvoiceSnapshot, Line
from billing.parties import Address, Party
from billing.vat import SeparateInvoiceNeeded, VatDecision, check_together

NUMBER = re.compile(r"[A-Za-z0-9/+_-]{1,20}")
"""Longer numbers are cut on the way to the tax administration (BR-FR-02 allows 35)."""
REQUIRED_NOTES = (INDEMNITY, PENALTIES, DISCOUNT, CASE)


class InvoiceFault(StrEnum):
    """What is wrong with a snapshot; ``billing.invoicing.fault_texts`` says it in French."""

    NO_LINE = "no_line"
    AMOUNT = "amount"
    DISCOUNT = "discount"
    DUE_BEFORE_ISSUE = "due_before_issue"
    PERIOD = "period"
    LINE_PERIOD = "line_period"
    NOTES = "notes"
    SELLER_ADDRESS = "seller_address"
    SELLER_SIREN = "seller_siren"
    BUYER_ADDRESS = "buyer_address"
    BUYER_SIREN = "buyer_siren"
    BUYER_ENDPOINT = "buyer_endpoint"
    BUYER_VAT_NUMBER = "buyer_vat_number"
    SEPARATE = "separate"
    PAID = "paid"
    PAYMENT = "payment"
    NUMBER = "number"
    UNDRAWABLE = "undrawable"


def faults(snapshot: InvoiceSnapshot) -> list[InvoiceFault]:
    """Return what is wrong, each once, in the order of the page; mostly nothing. A draft has no number yet."""
    checks = (_of_head, _of_parties, _of_lines, _of_notes, _of_payment, _of_texts)
    return list(dict.fromkeys(fault for check in checks for fault in check(snapshot)))


def _of_head(snapshot: InvoiceSnapshot) -> Iterator[InvoiceFault]:
    if snapshot.number and not NUMBER.fullmatch(snapshot.number):
        yield InvoiceFault.NUMBER
    if snapshot.due_on < snapshot.issued_on:
        yield InvoiceFault.DUE_BEFORE_ISSUE
    if snapshot.period and snapshot.period[0] > snapshot.period[1]:
        yield InvoiceFault.PERIOD


def _of_parties(snapshot: InvoiceSnapshot) -> Iterator[InvoiceFault]:
    seller, buyer = snapshot.seller, snapshot.buyer
    if not _is_whole(seller):
        yield InvoiceFault.SELLER_ADDRESS
    if not seller.siren:
        yield InvoiceFault.SELLER_SIREN
    if not _is_whole(buyer):
        yield InvoiceFault.BUYER_ADDRESS
    if not buyer.siren and any(note.code == CASE and note.text == "B2B" for note in snapshot.notes):
        yield InvoiceFault.BUYER_SIREN
    if not buyer.endpoint:
        yield InvoiceFault.BUYER_ENDPOINT
    if not buyer.vat_number and any(line.category == "AE" for line in snapshot.lines):
        yield InvoiceFault.BUYER_VAT_NUMBER


def _is_whole(party: Party) -> bool:
    addresses = filter(None, (party.address, party.billing_address))
    return bool(party.name.strip()) and all(map(_is_whole_address, addresses))


def _is_whole_address(address: Address) -> bool:
    return all((address.street.strip(), address.postcode, address.town.strip(), address.country))


def _of_lines(snapshot: InvoiceSnapshot) -> Iterator[InvoiceFault]:
    if not snapshot.lines:
        yield InvoiceFault.NO_LINE
    for line in snapshot.lines:
        yield from _of_line(line, snapshot)
    try:
        check_together(_decisions(snapshot.lines))
        _totals = snapshot.totals
    except (SeparateInvoiceNeeded, MixedReasons):
        yield InvoiceFault.SEPARATE


def _decisions(lines: Iterable[Line]) -> list[VatDecision]:
    return [VatDecision(line.category, line.rate, line.mention, line.vatex) for line in lines]


def _of_line(line: Line, snapshot: InvoiceSnapshot) -> Iterator[InvoiceFault]:
    if not line.name.strip() or line.quantity <= 0 or line.unit_price < 0 or not _is_exact(line):
        yield InvoiceFault.AMOUNT
    if line.discount and (line.discount < 0 or line.net < 0 or not line.discount_reason):
        yield InvoiceFault.DISCOUNT
    if not _is_inside(line, snapshot):
        yield InvoiceFault.LINE_PERIOD


def _is_exact(line: Line) -> bool:
    """Return whether the XML writes the figures of a line without rounding them."""
    written = ((line.quantity, 4), (line.unit_price, 4), (line.discount, 2), (line.rate, 2))
    return all(round(figure, places) == figure for figure, places in written)


def _is_inside(line: Line, snapshot: InvoiceSnapshot) -> bool:
    if line.starts_on is None or line.ends_on is None:
        return line.starts_on == line.ends_on
    start, end = snapshot.period or (line.starts_on, line.ends_on)
    return start <= line.starts_on <= line.ends_on <= end


def _of_notes(snapshot: InvoiceSnapshot) -> Iterator[InvoiceFault]:
    codes = Counter(note.code for note in snapshot.notes)
    if any(codes[code] != 1 for code in REQUIRED_NOTES):
        yield InvoiceFault.NOTES


def _of_payment(snapshot: InvoiceSnapshot) -> Iterator[InvoiceFault]:
    ways = [snapshot.direct_debit, snapshot.account]
    if snapshot.corrects and any(ways):
        yield InvoiceFault.PAYMENT
    if all(ways):
        yield InvoiceFault.PAYMENT
    try:
        payable = snapshot.payable
    except MixedReasons:
        return
    if snapshot.paid < 0 or (snapshot.paid and payable < 0):
        yield InvoiceFault.PAID
    if not snapshot.corrects and payable and not any(ways):
        yield InvoiceFault.PAYMENT


def _of_texts(snapshot: InvoiceSnapshot) -> Iterator[InvoiceFault]:
    if undrawable("".join(_texts(snapshot))):
        yield InvoiceFault.UNDRAWABLE


def _texts(snapshot: InvoiceSnapshot) -> Iterator[str]:
    for party in (snapshot.seller, snapshot.buyer):
        yield from (party.name, party.trade_name, party.legal_info, party.email, party.phone)
        for address in filter(None, (party.address, party.billing_address)):
            yield from (address.street, address.building, address.postcode, address.town)
    for line in snapshot.lines:
        yield from (line.name, line.discount_reason, line.mention)
    yield from (note.text for note in snapshot.notes)
    yield from (snapshot.order_ref, snapshot.corrects.reason if snapshot.corrects else "")
