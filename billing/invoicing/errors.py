"""Why the ledger refuses: each class is a case that a page or a worker answers in its own way."""

from collections.abc import Sequence


class LedgerError(Exception):
    """Base class of the refusals of the ledger; nothing was written."""


class AlreadyIssued(LedgerError):
    """The draft does not exist: it has been issued or deleted, or its period has been invoiced."""


class CreditExceedsInvoice(LedgerError):
    """The credit notes of an invoice would exceed its amount (F-06)."""


class NoSeries(LedgerError):
    """No series of the year of issue exists; the nightly duty makes it."""


class NoSeller(LedgerError):
    """No profile of the seller is valid on the day of issue."""


class VatChanged(LedgerError):
    """The draft's VAT is not that of the seller's regime on the day of issue: a new draft is needed (F-13)."""


class IncompleteIdentity(LedgerError):
    """The territory of the client is not confirmed, or its numbers are missing or contradictory (F-02, F-12)."""


class Undrawable(LedgerError):
    """The documents cannot be drawn, or would be wrong; ``faults`` has the codes of ``InvoiceFault``."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(", ".join(faults))
        self.faults = tuple(faults)


class AlreadyRecorded(LedgerError):
    """The same movement of money was recorded before."""
