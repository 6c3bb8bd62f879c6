"""Collections as the file for the bank: pain.008.001.08, SEPA Core (F-45, F-46), with ``sepaxml`` 2.7.

The library groups by sequence and day, adds up, and ships the schema. Written here: texts in the characters of
SEPA everywhere, our references and clock in place of random ones, amendments of mandates, and refusals before
the bank's. The same input gives the same bytes.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from lxml import etree
from sepaxml import SepaDD

from billing.amounts import cents
from billing.parties import Address
from billing.sepa.accounts import is_creditor_identifier
from billing.sepa.latin import is_identifier, latin
from billing.sepa.target_days import is_target

SCHEMA = "pain.008.001.08"
NAMESPACE = f"urn:iso:std:iso:20022:tech:xsd:{SCHEMA}"
RECURRENT, ONCE = "RCUR", "OOFF"
LONGEST_REFERENCE = 30
SAME_MANDATE_NEW_ACCOUNT = "SMNDA"


class CannotCollect(ValueError):
    """A collection that the bank would refuse; the message names the reference and the field, no personal data."""


@dataclass(frozen=True, slots=True)
class Creditor:
    """lib-rdv as the bank knows it; ``ics`` is the SEPA creditor identifier."""

    name: str
    ics: str
    iban: str
    bic: str
    address: Address


@dataclass(frozen=True, slots=True)
class DebtorMandate:
    """The debtor and the mandate of a collection.

    ``former_umr`` is the reference that the mandate had; ``has_new_account`` says that the account changed
    since the last collection. Both are told to the bank once, in the first collection after the change (F-47).
    """

    name: str
    address: Address
    iban: str = field(repr=False)
    umr: str
    signed_on: dt.date
    former_umr: str = ""
    has_new_account: bool = False


@dataclass(frozen=True, slots=True)
class CollectionOrder:
    """One amount in euros to collect on a TARGET day.

    ``reference`` comes back in each report of the bank: the number of the invoice, with ``-2`` for its second
    presentation, so that a late return is not taken for the one of the first.
    """

    reference: str
    amount: Decimal
    on: dt.date
    mandate: DebtorMandate
    text: str
    sequence: str = RECURRENT


def build_file(
    *,
    reference: str,
    created_at: dt.datetime,
    creditor: Creditor,
    orders: Sequence[CollectionOrder],
) -> bytes:
    """Return the file of a batch, checked against the schema. Raises CannotCollect.

    ``reference`` of at most 30 characters identifies the file, and with a number each group of it.
    ``created_at`` is written as it is: pass Paris time.
    """
    _check(reference, creditor, orders)
    writer = SepaDD(_config(creditor), schema=SCHEMA, clean=False)
    for order in orders:
        writer.add_payment(_payment(order))
    root = etree.fromstring(writer.export(validate=False))
    _identify(root, reference, created_at)
    _amend(root, {order.reference: order.mandate for order in orders})
    written = bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))
    _schema().assertValid(etree.fromstring(written))
    return written


def _check(reference: str, creditor: Creditor, orders: Sequence[CollectionOrder]) -> None:
    if not is_identifier(reference) or len(reference) > LONGEST_REFERENCE:
        raise CannotCollect(f"{reference}: reference of the file")
    if not is_creditor_identifier(creditor.ics):
        raise CannotCollect(f"{reference}: creditor identifier")
    if not orders:
        raise CannotCollect(f"{reference}: no collection")
    if len({order.reference for order in orders}) != len(orders):
        raise CannotCollect(f"{reference}: a reference twice")
    for order in orders:
        _check_order(order)


def _check_order(order: CollectionOrder) -> None:
    mandate = order.mandate
    checks = {
        "reference": is_identifier(order.reference),
        "mandate": is_identifier(mandate.umr),
        "former mandate": not mandate.former_umr or is_identifier(mandate.former_umr),
        "amount": order.amount > 0 and order.amount == cents(order.amount),
        "day": is_target(order.on),
        "sequence": order.sequence in {RECURRENT, ONCE},
        "name": bool(latin(mandate.name, 70)),
        # Unstructured addresses are refused since November 2026: town and country are mandatory.
        "address": bool(latin(mandate.address.town, 35) and mandate.address.country),
        "signature": mandate.signed_on <= order.on,
    }
    for name, is_right in checks.items():
        if not is_right:
            raise CannotCollect(f"{order.reference}: {name}")


def _config(creditor: Creditor) -> dict[str, Any]:
    return {
        "name": latin(creditor.name, 70),
        "IBAN": creditor.iban,
        "BIC": creditor.bic,
        "batch": True,
        "creditor_id": creditor.ics,
        "currency": "EUR",
        "address": _address(creditor.address),
    }


def _payment(order: CollectionOrder) -> dict[str, Any]:
    """Return a new dictionary: the library writes into the one that it gets."""
    mandate = order.mandate
    return {
        "name": latin(mandate.name, 70),
        "IBAN": mandate.iban,
        "amount": int(order.amount * 100),
        "type": order.sequence,
        "collection_date": order.on,
        "mandate_id": mandate.umr,
        "mandate_date": mandate.signed_on,
        "endtoend_id": order.reference,
        "description": latin(order.text, 140) or order.reference,
        "address": _address(mandate.address),
    }


def _address(address: Address) -> dict[str, str]:
    """Return a structured address: the number stays in the street, a second line is left out."""
    texts = {
        "street_name": latin(address.street, 70),
        "postcode": latin(address.postcode, 16),
        "town": latin(address.town, 35),
        "country": address.country,
    }
    return {name: text for name, text in texts.items() if text}


@cache
def _schema() -> etree.XMLSchema:
    """Return the library's schema, which lxml checks thirty times faster than the library."""
    return etree.XMLSchema(file=str(files("sepaxml") / "schemas" / f"{SCHEMA}.xsd"))


def _identify(root: etree._Element, reference: str, created_at: dt.datetime) -> None:
    _find(root, ".//{*}GrpHdr/{*}MsgId").text = reference
    _find(root, ".//{*}GrpHdr/{*}CreDtTm").text = f"{created_at:%Y-%m-%dT%H:%M:%S}"
    for number, element in enumerate(root.iterfind(".//{*}PmtInf/{*}PmtInfId"), 1):
        element.text = f"{reference}-{number:03d}"


def _amend(root: etree._Element, mandates: dict[str, DebtorMandate]) -> None:
    """Write the amendments of mandates after the date of signature, where the schema wants them."""
    for transaction in root.iterfind(".//{*}DrctDbtTxInf"):
        mandate = mandates[_find(transaction, "{*}PmtId/{*}EndToEndId").text or ""]
        if mandate.former_umr or mandate.has_new_account:
            _write_amendment(_find(transaction, "{*}DrctDbtTx/{*}MndtRltdInf"), mandate)


def _write_amendment(element: etree._Element, mandate: DebtorMandate) -> None:
    _add(element, "AmdmntInd").text = "true"
    details = _add(element, "AmdmntInfDtls")
    if mandate.former_umr:
        _add(details, "OrgnlMndtId").text = mandate.former_umr
    if mandate.has_new_account:
        for tag in ("OrgnlDbtrAcct", "Id", "Othr", "Id"):
            details = _add(details, tag)
        details.text = SAME_MANDATE_NEW_ACCOUNT


def _add(parent: etree._Element, tag: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{NAMESPACE}}}{tag}")


def _find(element: etree._Element, path: str) -> etree._Element:
    found = element.find(path)
    if found is None:
        raise CannotCollect(path)
    return found
