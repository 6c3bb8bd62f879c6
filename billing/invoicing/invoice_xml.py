"""An issued invoice as XML of EN 16931 (CII, profile of Factur-X), by the generator of ``factur-x`` 7.8 (F-18).

The only input is the snapshot. Amounts enter the library as texts: it refuses Decimal and would format a float.
The schema is checked here. The rules (Schematron) are checked by tests: the library would send the invoice to a
server, and would answer "valid" when there is none.
"""

from decimal import Decimal
from typing import Any

from facturx import generate_cii_xml, xml_check_xsd
from lxml import etree

from billing.amounts import VatGroup
from billing.invoicing.snapshot import InvoiceSnapshot, Line
from billing.parties import Address, Party

CREDIT_NOTE, INVOICE = "381", "380"
DIRECT_DEBIT, TRANSFER = "59", "58"
SIREN_SCHEME, SIRET_SCHEME = "0002", "0009"
DISCOUNT_CODE = "95"
UNIT = "C62"
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_PREFIXES = ["rsm", "ram", "udt", "qdt"]


def to_cii(snapshot: InvoiceSnapshot) -> bytes:
    """Return the XML of an invoice, checked against the schema; the same bytes for the same snapshot."""
    raw = generate_cii_xml(
        business_terms(snapshot), level="en16931", check_xsd=False, check_schematron=False
    )
    root = etree.fromstring(raw)
    for element in root.iter():
        # The library marks the empty delivery block, which the schema wants empty and not nil.
        if _NIL in element.attrib:
            del element.attrib[_NIL]
    etree.cleanup_namespaces(root, keep_ns_prefixes=_PREFIXES)
    xml_check_xsd(root, flavor="factur-x", level="en16931")
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def business_terms(snapshot: InvoiceSnapshot) -> dict[str, Any]:
    """Return the business terms of EN 16931 by their names, as the library takes them."""
    seller, buyer = snapshot.parties
    return {
        **_header(snapshot),
        **_payment(snapshot),
        **_sums(snapshot),
        "BG-4": _seller(seller),
        "BG-7": _party(buyer),
        "BG-25": [_line(number, item) for number, item in enumerate(snapshot.lines, 1)],
    }


def money(value: Decimal) -> str:
    """Return an amount with two decimals."""
    return f"{value:.2f}"


def trimmed(value: Decimal) -> str:
    """Return a quantity or a rate without needless zeros: 20, 8.5, 0.5161 (BR-FR-16 lists rates in this form)."""
    return f"{value.normalize():f}"


def _header(snapshot: InvoiceSnapshot) -> dict[str, Any]:
    corrects, period = snapshot.corrects, snapshot.period
    return {
        "BT-1": snapshot.number,
        "BT-2": snapshot.issued_on,
        "BT-3": CREDIT_NOTE if corrects else INVOICE,
        "BT-5": snapshot.currency,
        "BT-8": _tax_point(snapshot),
        "BT-9": snapshot.due_on,
        "BT-13": snapshot.order_ref or None,
        "BT-23": snapshot.process,
        "BT-73": period[0] if period else None,
        "BT-74": period[1] if period else None,
        "BG-1": [{"BT-21": code or None, "BT-22": text} for code, text in _notes(snapshot)],
        "BG-3": [{"BT-25": corrects.number, "BT-26": corrects.issued_on}] if corrects else [],
    }


def _tax_point(snapshot: InvoiceSnapshot) -> str | None:
    """Return when VAT is due: on payment for services, on invoice with the option for debits; None without VAT."""
    if not snapshot.totals.tax:
        return None
    return "invoice" if snapshot.vat_on_debits else "payment"


def _notes(snapshot: InvoiceSnapshot) -> list[tuple[str, str]]:
    notes = [(note.code, note.text) for note in snapshot.notes]
    if address := snapshot.buyer.billing_address:
        # EN 16931 has one address of the buyer, the establishment.
        notes.append(("", f"Adresse de facturation\u00a0: {_in_one_line(address)}."))
    return notes


def _in_one_line(address: Address) -> str:
    town = f"{address.postcode} {address.town}".strip()
    country = "" if address.country == "FR" else address.country
    return ", ".join(filter(None, (address.street, address.building, town, country)))


def _payment(snapshot: InvoiceSnapshot) -> dict[str, Any]:
    reference = {"BT-83": snapshot.number}
    if debit := snapshot.direct_debit:
        return reference | {"BT-81": DIRECT_DEBIT, "BT-89": debit.umr, "BT-90": debit.ics}
    if account := snapshot.account:
        name = {"BT-85": snapshot.seller.name} | ({"BT-86": account.bic} if account.bic else {})
        return reference | {"BT-81": TRANSFER, "BT-84": account.iban} | name
    return reference


def _sums(snapshot: InvoiceSnapshot) -> dict[str, Any]:
    totals = snapshot.totals
    return {
        "BG-23": [_group(group) for group in totals.groups],
        "BT-106": money(totals.net),
        "BT-109": money(totals.net),
        "BT-110": money(totals.tax),
        "BT-112": money(totals.gross),
        "BT-113": money(snapshot.paid) if snapshot.paid else None,
        "BT-115": money(snapshot.payable),
    }


def _group(group: VatGroup) -> dict[str, Any]:
    return {
        "BT-116": money(group.base),
        "BT-117": money(group.tax),
        "BT-118": group.category,
        "BT-119": _rate(group.category, group.rate),
        "BT-120": group.mention or None,
        "BT-121": group.vatex or None,
    }


def _rate(category: str, rate: Decimal) -> str | None:
    """Return the rate; none at all outside the scope of VAT (BR-O-05)."""
    return None if category == "O" else trimmed(rate)


def _seller(party: Party) -> dict[str, Any]:
    """Return the seller's terms; without a VAT number the SIREN is also the tax number (BR-FR-CO-16)."""
    tax_number = {} if party.vat_number else {"tax_identifier": party.siren}
    legal = {"legal_info": party.legal_info} if party.legal_info else {}
    return _party(party) | tax_number | legal


def _party(party: Party) -> dict[str, Any]:
    address = party.address
    return {
        "name": party.name,
        "addr_l1": address.street,
        "addr_l2": address.building or None,
        "postcode": address.postcode,
        "city": address.town,
        "country_code": address.country,
        "identifiers": {SIRET_SCHEME: party.siret} if party.siret else {},
        "legal_identifier": party.siren or None,
        "legal_identifier_schemeid": SIREN_SCHEME if party.siren else None,
        "vat_identifier": party.vat_number or None,
        "biz_name": party.trade_name or None,
        "einvoicing_addr": party.endpoint or None,
        "einvoicing_addr_schemeid": party.endpoint_scheme,
        "contacts": _contacts(party),
    }


def _contacts(party: Party) -> list[dict[str, str]]:
    channels = {"email": party.email, "phone": party.phone}
    known = {name: value for name, value in channels.items() if value}
    return [{"name": party.name, **known}] if known else []


def _line(number: int, line: Line) -> dict[str, Any]:
    terms: dict[str, Any] = {
        "BT-126": str(number),
        "BT-129": trimmed(line.quantity),
        "BT-130": UNIT,
        "BT-131": money(line.net),
        "BT-134": line.starts_on,
        "BT-135": line.ends_on,
        "BT-146": f"{line.unit_price:.4f}",
        "BT-151": line.category,
        "BT-153": line.name,
    }
    if (rate := _rate(line.category, line.rate)) is not None:
        terms["BT-152"] = rate
    if line.discount:
        reason = {"reason": line.discount_reason, "reason_code": DISCOUNT_CODE}
        terms["BG-27"] = [{"amount": money(line.discount), **reason}]
    return terms
