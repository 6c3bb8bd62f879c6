"""What the bank says of our collections: pain.002, camt.054 and camt.053 of any version, as small facts (F-48).

Elements are read by their local names, because the namespace holds the version (.02 to .14 were seen). Files
come from outside: no document type, no entity, no network. What a bank adds is ignored; what we act on is read
strictly.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from lxml import etree

MOST_BYTES = 20 * 1024 * 1024


class UnreadableReport(ValueError):
    """Not a report that we know, or one with a document type; the message holds no data of the file."""


class FactKind(StrEnum):
    """What happened to a collection."""

    REFUSED = "refused"  # before its day
    RETURNED = "returned"  # after it: the money was taken back
    CREDITED = "credited"
    UNKNOWN = "unknown"


class FactScope(StrEnum):
    """What a reference names: one collection, a group of them, the whole file."""

    TRANSACTION = "transaction"
    BATCH = "batch"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class ReportedFact:
    """A line of a report. The same return comes in a camt.054 and again in a camt.053.

    ``key`` is therefore the identity of a fact. ``message`` and ``position`` say where it was read. ``amount``
    is in euros, ``on`` the day of booking; None when the bank does not say.
    """

    kind: FactKind
    scope: FactScope
    reference: str
    code: str
    amount: Decimal | None
    on: dt.date | None
    message: str = ""
    position: int = 0

    @property
    def key(self) -> tuple[str, str, str, dt.date | None]:
        """Return what makes two lines the same fact."""
        return self.reference, self.kind, self.code, self.on


def read_report(content: bytes) -> list[ReportedFact]:
    """Return the facts of a file, in their order. Raises UnreadableReport."""
    body = _body(content)
    reader = _READERS.get(etree.QName(body).localname)
    if reader is None:
        raise UnreadableReport("another kind of message")
    message = _text(body, "GrpHdr/MsgId")
    try:
        facts = list(reader(body))
    except (InvalidOperation, ValueError) as error:
        raise UnreadableReport("an amount or a day") from error
    return [
        ReportedFact(
            fact.kind, fact.scope, fact.reference, fact.code, fact.amount, fact.on, message, number
        )
        for number, fact in enumerate(facts)
    ]


def _body(content: bytes) -> etree._Element:
    if len(content) > MOST_BYTES:
        raise UnreadableReport("too large")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise UnreadableReport("not XML") from None
    docinfo: Any = root.getroottree().docinfo
    if docinfo.doctype:
        raise UnreadableReport("a document type")
    if not len(root) or not isinstance(root[0].tag, str):
        raise UnreadableReport("empty")
    return root[0]


def _text(element: etree._Element | None, path: str) -> str:
    """Return the text of a path of local names ("A/B"); empty when there is none."""
    if element is None:
        return ""
    found = element.findtext("/".join("{*}" + step for step in path.split("/")))
    return (found or "").strip()


def _reason(element: etree._Element | None, path: str) -> str:
    return _text(element, f"{path}/Cd") or _text(element, f"{path}/Prtry")


def _amount(text: str) -> Decimal | None:
    return Decimal(text) if text else None


# --- pain.002 ----------------------------------------------------------------------------------------

REFUSED_STATUS = "RJCT"


def _status_report(body: etree._Element) -> Iterator[ReportedFact]:
    """Yield what is refused; a refusal of the file or of a group counts for everything in it."""
    group = body.find("{*}OrgnlGrpInfAndSts")
    if _text(group, "GrpSts") == REFUSED_STATUS:
        yield _refused(FactScope.FILE, _text(group, "OrgnlMsgId"), _reason(group, "StsRsnInf/Rsn"))
        return
    for batch in body.iterfind("{*}OrgnlPmtInfAndSts"):
        yield from _refused_in_batch(batch)


def _refused_in_batch(batch: etree._Element) -> Iterator[ReportedFact]:
    is_refused = _text(batch, "PmtInfSts") == REFUSED_STATUS
    code = _reason(batch, "StsRsnInf/Rsn")
    transactions = batch.findall("{*}TxInfAndSts")
    if is_refused and not transactions:
        yield _refused(FactScope.BATCH, _text(batch, "OrgnlPmtInfId"), code)
    for transaction in transactions:
        if is_refused or _text(transaction, "TxSts") == REFUSED_STATUS:
            yield _refused(
                FactScope.TRANSACTION,
                _text(transaction, "OrgnlEndToEndId"),
                _reason(transaction, "StsRsnInf/Rsn") or code,
                _amount(_text(transaction, "OrgnlTxRef/Amt/InstdAmt")),
            )


def _refused(
    scope: FactScope, reference: str, code: str, amount: Decimal | None = None
) -> ReportedFact:
    return ReportedFact(FactKind.REFUSED, scope, reference, code, amount, None)


# --- camt.053, camt.054 ------------------------------------------------------------------------------


def _account_report(body: etree._Element) -> Iterator[ReportedFact]:
    """Yield the booked entries: a debit with a reason takes a collection back, a credit pays one or a group."""
    for entry in body.iterfind(".//{*}Ntry"):
        # The state was plain text before version .04.
        if (_text(entry, "Sts/Cd") or _text(entry, "Sts")) == "BOOK":
            yield from _booked(entry)


def _booked(entry: etree._Element) -> Iterator[ReportedFact]:
    on = _day(_text(entry, "BookgDt/Dt") or _text(entry, "BookgDt/DtTm"))
    is_debit = _text(entry, "CdtDbtInd") == "DBIT"
    batch = _text(entry, "NtryDtls/Btch/PmtInfId")
    if batch and not is_debit:
        amount = _amount(_text(entry, "Amt"))
        yield ReportedFact(FactKind.CREDITED, FactScope.BATCH, batch, "", amount, on)
        return
    details = entry.findall("{*}NtryDtls/{*}TxDtls")
    for transaction in details or [entry]:
        code = _reason(transaction, "RtrInf/Rsn")
        yield ReportedFact(
            _kind(is_debit=is_debit, code=code),
            FactScope.TRANSACTION,
            _text(transaction, "Refs/EndToEndId"),
            code,
            _amount(_transaction_amount(transaction, entry, is_single=len(details) < 2)),
            on,
        )


def _kind(*, is_debit: bool, code: str) -> FactKind:
    if not is_debit:
        return FactKind.CREDITED
    return FactKind.RETURNED if code else FactKind.UNKNOWN


def _transaction_amount(
    transaction: etree._Element, entry: etree._Element, *, is_single: bool
) -> str:
    """Return the transaction's amount; before version .04 in its details; a single one has the entry's."""
    own = _text(transaction, "Amt") or _text(transaction, "AmtDtls/TxAmt/Amt")
    return own or (_text(entry, "Amt") if is_single else "")


def _day(text: str) -> dt.date | None:
    return dt.date.fromisoformat(text[:10]) if text else None


_READERS: dict[str, Callable[[etree._Element], Iterator[ReportedFact]]] = {
    "CstmrPmtStsRpt": _status_report,
    "BkToCstmrDbtCdtNtfctn": _account_report,
    "BkToCstmrStmt": _account_report,
}
