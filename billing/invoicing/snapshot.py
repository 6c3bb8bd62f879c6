"""The contract between the ledger and the documents: what an issued invoice says, frozen (F-21). Pure.

The ledger stores ``to_json(snapshot)``; XML and PDF are functions of the snapshot alone. Names and addresses are
copies. Amounts are euros, rates per cent; the days of a period are both included, as on the page and in EN 16931
(BT-73, BT-74), unlike the half-open periods of subscriptions.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from billing.amounts import ZERO, Totals, line_net, totals
from billing.frozen_json import UnreadableSnapshot, read_frozen, write_frozen
from billing.parties import Address, Party
from billing.vat import LineKind

__all__ = [
    "Address",
    "BankAccount",
    "Correction",
    "DirectDebit",
    "InvoiceSnapshot",
    "Line",
    "Note",
    "Party",
    "UnreadableSnapshot",
    "from_json",
    "to_json",
]

VERSION = 1
"""Raised when a field changes its meaning. A new field with a default value keeps it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line. ``discount`` is a positive amount taken off it; both days of its period are included."""

    name: str
    quantity: Decimal
    unit_price: Decimal  # without VAT, up to four decimals, never negative
    category: str  # UNTDID 5305: S, E, AE, O
    rate: Decimal
    discount: Decimal = ZERO
    discount_reason: str = ""
    starts_on: dt.date | None = None
    ends_on: dt.date | None = None
    kind: str = LineKind.SERVICE.value
    vatex: str = ""
    mention: str = ""

    @property
    def net(self) -> Decimal:
        """Return the amount without VAT."""
        return line_net(self.quantity, self.unit_price, self.discount)


@dataclass(frozen=True, slots=True)
class DirectDebit:
    """How the invoice is collected: mandate reference (BT-89), creditor identifier (BT-90), end of the account.

    The account itself stays sealed with the mandate: an invoice outlives it by years (F-42, ADR 81).
    """

    umr: str
    ics: str
    last4: str


@dataclass(frozen=True, slots=True)
class BankAccount:
    """The seller's account for transfers (BT-84, BT-86)."""

    iban: str
    bic: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A text of the invoice (BT-22) with its subject code of UNTDID 4451 (BT-21), which may be empty."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Correction:
    """The invoice that a credit note corrects (BT-25, BT-26), why, and whether only a part of it."""

    number: str
    issued_on: dt.date
    reason: str
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class InvoiceSnapshot:
    """An invoice or, when it ``corrects`` one, a credit note: its amounts are positive too (F-06).

    A draft has an empty ``number``. ``paid`` is what was paid before the day of issue.
    """

    number: str
    issued_on: dt.date
    due_on: dt.date
    seller: Party
    buyer: Party
    lines: tuple[Line, ...]
    notes: tuple[Note, ...]
    corrects: Correction | None = None
    period: tuple[dt.date, dt.date] | None = None
    direct_debit: DirectDebit | None = None
    account: BankAccount | None = None
    vat_on_debits: bool = False
    order_ref: str = ""
    paid: Decimal = ZERO
    currency: str = "EUR"

    @property
    def totals(self) -> Totals:
        """Return the totals, computed from the lines."""
        return totals(self.lines)

    @property
    def parties(self) -> tuple[Party, Party]:
        """Return seller and buyer as documents show them: no VAT number outside the scope of VAT (BR-O-02)."""
        if any(line.category == "O" for line in self.lines):
            return replace(self.seller, vat_number=""), replace(self.buyer, vat_number="")
        return self.seller, self.buyer

    @property
    def payable(self) -> Decimal:
        """Return the amount that remains to be paid (BT-115)."""
        return self.totals.gross - self.paid

    @property
    def process(self) -> str:
        """Return the frame of the invoice (BT-23): services, S2 when they are paid already."""
        return "S2" if self.paid and not self.payable else "S1"


# --- JSON --------------------------------------------------------------------------------------------


def to_json(snapshot: InvoiceSnapshot) -> dict[str, Any]:
    """Return a snapshot as values of JSON: amounts as texts, days in ISO 8601. ``from_json`` reads it back."""
    return {"version": VERSION, **write_frozen(snapshot)}


def from_json(stored: Mapping[str, Any]) -> InvoiceSnapshot:
    """Return the snapshot that ``to_json`` wrote. Raises UnreadableSnapshot for anything else."""
    values = dict(stored)
    if values.pop("version", None) != VERSION:
        raise UnreadableSnapshot("version")
    snapshot: InvoiceSnapshot = read_frozen(InvoiceSnapshot, values)
    return snapshot
