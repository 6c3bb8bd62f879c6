"""The accounting entries of a year as the file that a tax inspection asks for (LPF art. L.47 A). Pure.

Form of the order of 29 July 2013: eighteen columns separated by tabs, amounts with a comma, days as AAAAMMJJ,
lines ended by CR LF, ISO 8859-15. VAT on services is due when it is paid: it waits on an account of its own
from the invoice to the payment (F-14). Each entry is balanced; a mistake is undone by an entry, never by a
change. The accounts belong to the accountant: ``Accounts`` holds usual ones.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.amounts import ZERO

COLUMNS = (
    "JournalCode",
    "JournalLib",
    "EcritureNum",
    "EcritureDate",
    "CompteNum",
    "CompteLib",
    "CompAuxNum",
    "CompAuxLib",
    "PieceRef",
    "PieceDate",
    "EcritureLib",
    "Debit",
    "Credit",
    "EcritureLet",
    "DateLet",
    "ValidDate",
    "Montantdevise",
    "Idevise",
)
SALES, BANK, OTHER = "VE", "BQ", "OD"
JOURNALS = {SALES: "Ventes", BANK: "Banque", OTHER: "Opérations diverses"}


class Unbalanced(ValueError):
    """An entry whose debits and credits differ; the message names its document."""


@dataclass(frozen=True, slots=True)
class LedgerAccount:
    """An account: its number and what the file calls it."""

    number: str
    label: str


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts that entries use."""

    clients: LedgerAccount = LedgerAccount("411000", "Clients")
    services: LedgerAccount = LedgerAccount("706000", "Prestations de services")
    vat_waiting: LedgerAccount = LedgerAccount("445740", "TVA collectée en attente d'encaissement")
    vat_due: LedgerAccount = LedgerAccount("445710", "TVA collectée")
    bank: LedgerAccount = LedgerAccount("512000", "Banque")
    disbursed: LedgerAccount = LedgerAccount("467000", "Débours pour compte de clients")


USUAL = Accounts()


@dataclass(frozen=True, slots=True)
class AccountingClient:
    """The client as accounting knows it: a code of lib-rdv and the name of its invoices, never a patient."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One side of an entry, in euros."""

    account: LedgerAccount
    debit: Decimal = ZERO
    credit: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class AccountingEntry:
    """A balanced entry. ``piece`` is its document; ``validated_on`` orders the file."""

    journal: str
    on: dt.date
    piece: str
    piece_on: dt.date
    label: str
    client: AccountingClient
    lines: tuple[EntryLine, ...]
    validated_on: dt.date
    lettering: str = ""
    lettered_on: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Sums:
    """What an entry moves: net of what is sold, VAT, and what was disbursed for the client; positive amounts."""

    net: Decimal
    tax: Decimal
    disbursed: Decimal = ZERO

    @property
    def gross(self) -> Decimal:
        """Return what the client owes."""
        return self.net + self.tax + self.disbursed


def invoice_entry(
    number: str, on: dt.date, client: AccountingClient, sums: Sums, *, accounts: Accounts = USUAL
) -> AccountingEntry:
    """Return the entry of an invoice: the client owes, the sale is made, its VAT waits."""
    lines = (
        EntryLine(accounts.clients, debit=sums.gross),
        EntryLine(accounts.services, credit=sums.net),
        EntryLine(accounts.vat_waiting, credit=sums.tax),
        EntryLine(accounts.disbursed, credit=sums.disbursed),
    )
    return AccountingEntry(SALES, on, number, on, f"Facture {number}", client, lines, on)


def credit_note_entry(
    number: str,
    on: dt.date,
    client: AccountingClient,
    sums: Sums,
    *,
    corrects: str,
    accounts: Accounts = USUAL,
) -> AccountingEntry:
    """Return the entry of a credit note, which turns that of an invoice round."""
    invoice = invoice_entry(number, on, client, sums, accounts=accounts)
    label = f"Avoir {number} sur {corrects}"
    return AccountingEntry(SALES, on, number, on, label, client, _turned_round(invoice.lines), on)


def payment_entry(
    reference: str,
    on: dt.date,
    client: AccountingClient,
    paid: Sums,
    *,
    pays: str,
    accounts: Accounts = USUAL,
) -> AccountingEntry:
    """Return the entry of a payment, whole or in part: its VAT becomes due."""
    label = f"Paiement {pays}"
    lines = _paid(paid, accounts)
    return AccountingEntry(BANK, on, reference, on, label, client, lines, on)


def return_entry(
    reference: str,
    on: dt.date,
    client: AccountingClient,
    returned: Sums,
    *,
    unpays: str,
    code: str,
    accounts: Accounts = USUAL,
) -> AccountingEntry:
    """Return the entry of a debit that the bank took back: the payment turned round, as a new entry."""
    label = f"Rejet {code} {unpays}"
    lines = _turned_round(_paid(returned, accounts))
    return AccountingEntry(BANK, on, reference, on, label, client, lines, on)


def _paid(paid: Sums, accounts: Accounts) -> tuple[EntryLine, ...]:
    return (
        EntryLine(accounts.bank, debit=paid.gross),
        EntryLine(accounts.clients, credit=paid.gross),
        EntryLine(accounts.vat_waiting, debit=paid.tax),
        EntryLine(accounts.vat_due, credit=paid.tax),
    )


def _turned_round(lines: Iterable[EntryLine]) -> tuple[EntryLine, ...]:
    return tuple(EntryLine(line.account, debit=line.credit, credit=line.debit) for line in lines)


# --- The file ----------------------------------------------------------------------------------------


def write_fec(
    siren: str, year_end: dt.date, entries: Iterable[AccountingEntry], *, accounts: Accounts = USUAL
) -> tuple[str, bytes]:
    """Return the name and the bytes of the file. Raises Unbalanced.

    Entries are numbered without a gap within each journal, in the order of their validation. A character that
    ISO 8859-15 does not have becomes a question mark.
    """
    ordered = sorted(entries, key=lambda entry: (entry.validated_on, entry.on, entry.piece))
    rows = [COLUMNS, *_rows(ordered, accounts)]
    text = "".join("\t".join(map(_plain, row)) + "\r\n" for row in rows)
    return f"{siren}FEC{year_end:%Y%m%d}.txt", text.encode("iso8859-15", errors="replace")


def _rows(entries: Sequence[AccountingEntry], accounts: Accounts) -> Iterator[tuple[str, ...]]:
    last = dict.fromkeys(JOURNALS, 0)
    for entry in entries:
        if sum(line.debit - line.credit for line in entry.lines):
            raise Unbalanced(entry.piece)
        last[entry.journal] += 1
        number = f"{entry.journal}{last[entry.journal]:06d}"
        for line in entry.lines:
            if line.debit or line.credit:
                yield _row(entry, line, number, is_client=line.account == accounts.clients)


def _row(
    entry: AccountingEntry, line: EntryLine, number: str, *, is_client: bool
) -> tuple[str, ...]:
    client = (entry.client.code, entry.client.name) if is_client else ("", "")
    lettering = (entry.lettering, _day(entry.lettered_on)) if is_client else ("", "")
    return (
        entry.journal,
        JOURNALS[entry.journal],
        number,
        _day(entry.on),
        line.account.number,
        line.account.label,
        *client,
        entry.piece,
        _day(entry.piece_on),
        entry.label,
        _comma(line.debit),
        _comma(line.credit),
        *lettering,
        _day(entry.validated_on),
        "",
        "",
    )


def _comma(value: Decimal) -> str:
    return f"{value:.2f}".replace(".", ",")


def _day(day: dt.date | None) -> str:
    return f"{day:%Y%m%d}" if day else ""


def _plain(text: str) -> str:
    """Return a text without separator, line break and the first sign of a formula of spreadsheets."""
    return " ".join(text.replace("|", "/").split()).lstrip("=+-@")
