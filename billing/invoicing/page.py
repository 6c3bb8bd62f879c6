"""What the page of an invoice shows, as texts for its template; from the same snapshot as the XML. Pure."""

from collections.abc import Iterable, Iterator
from typing import Any

from billing.amounts import VatGroup
from billing.figures import euros, in_groups, long_day, number, per_cent, short_day
from billing.invoicing import mentions
from billing.invoicing.snapshot import InvoiceSnapshot, Line
from billing.parties import Address, Party

NO_VAT = "–"


def page(snapshot: InvoiceSnapshot) -> dict[str, Any]:
    """Return the texts of an invoice, a credit note or, without a number, a draft."""
    seller, buyer = snapshot.parties
    return {
        "title": title(snapshot),
        "is_draft": not snapshot.number,
        "seller": seller.name,
        "sender": _sender(seller),
        "window": list(_window(buyer)),
        "buyer": _known(_buyer(buyer)),
        "facts": [list(fact) for fact in _facts(snapshot)],
        "lines": [_row(line) for line in snapshot.lines],
        "totals": [list(row) for row in _totals(snapshot)],
        "due": _due(snapshot),
        "payment": list(_payment(snapshot)),
        "mentions": mentions.shown(snapshot),
        "footer": f"{seller.name} · {title(snapshot)}",
    }


def title(snapshot: InvoiceSnapshot) -> str:
    """Return the title of the document: "Facture n° F2026-000042"."""
    kind = "Avoir" if snapshot.corrects else "Facture"
    return f"{kind} n°\u00a0{snapshot.number}" if snapshot.number else f"{kind}, brouillon"


def _address(address: Address) -> Iterator[str]:
    yield address.street
    yield address.building
    yield f"{address.postcode} {address.town}"
    yield _COUNTRIES.get(address.country, "" if address.country == "FR" else address.country)


_COUNTRIES = {
    "BL": "Saint-Barthélemy",
    "MC": "Monaco",
    "NC": "Nouvelle-Calédonie",
    "PF": "Polynésie française",
    "PM": "Saint-Pierre-et-Miquelon",
    "WF": "Wallis-et-Futuna",
    "AT": "Autriche",
    "BE": "Belgique",
    "CH": "Suisse",
    "DE": "Allemagne",
    "ES": "Espagne",
    "IT": "Italie",
    "LU": "Luxembourg",
    "NL": "Pays-Bas",
    "PT": "Portugal",
}


def _known(texts: Iterable[str]) -> list[str]:
    return [text for text in texts if text]


def _sender(seller: Party) -> list[str]:
    """Return address, channels and legal identity; not in the footer, which no screen reader reads."""
    address, channels = _known(_address(seller.address)), _known((seller.phone, seller.email))
    return _known((" · ".join(address), " · ".join(channels), seller.legal_info, _numbers(seller)))


def _numbers(party: Party) -> str:
    vat_number = f"TVA {party.vat_number}" if party.vat_number else ""
    return " · ".join(_known((_company_number(party), vat_number)))


def _company_number(party: Party) -> str:
    if party.siret:
        return f"SIRET {in_groups(party.siret[:9], 3)}\u00a0{party.siret[9:]}"
    return f"SIREN {in_groups(party.siren, 3)}" if party.siren else ""


def _window(buyer: Party) -> list[str]:
    """Return the lines of the envelope's window: the billing address where it differs."""
    return _known((buyer.name, buyer.trade_name, *_address(buyer.billing_address or buyer.address)))


def _buyer(buyer: Party) -> Iterator[str]:
    if buyer.billing_address:
        yield f"Établissement\u00a0: {', '.join(_known(_address(buyer.address)))}"
    yield _numbers(buyer)


def _facts(snapshot: InvoiceSnapshot) -> Iterator[tuple[str, str]]:
    yield "Date d’émission", long_day(snapshot.issued_on)
    if snapshot.corrects:
        yield (
            "Facture corrigée",
            f"{snapshot.corrects.number}, {long_day(snapshot.corrects.issued_on)}",
        )
    else:
        yield "Échéance", long_day(snapshot.due_on)
    if snapshot.period:
        start, end = map(short_day, snapshot.period)
        yield "Période", f"{start} – {end}"
    if snapshot.order_ref:
        yield "Bon de commande", snapshot.order_ref


def _row(line: Line) -> dict[str, Any]:
    return {
        "name": line.name,
        "details": list(_details(line)),
        "figures": [
            number(line.quantity),
            euros(line.unit_price),
            per_cent(line.rate) if line.category == "S" else NO_VAT,
            euros(line.net),
        ],
    }


def _details(line: Line) -> Iterator[str]:
    if line.starts_on and line.ends_on:
        yield f"du {short_day(line.starts_on)} au {short_day(line.ends_on)}"
    if line.discount:
        yield f"{line.discount_reason or 'Remise'}\u00a0: {euros(-line.discount)}"


def _totals(snapshot: InvoiceSnapshot) -> Iterator[tuple[str, str]]:
    totals = snapshot.totals
    yield "Total hors taxes", euros(totals.net)
    for group in totals.groups:
        yield _vat(group), euros(group.tax)
    yield "Total TTC", euros(totals.gross)
    if snapshot.paid:
        yield "Déjà payé", euros(-snapshot.paid)


def _vat(group: VatGroup) -> str:
    if group.category == "S":
        return f"TVA {per_cent(group.rate)} sur {euros(group.base)}"
    return f"{group.mention} ({euros(group.base)})"


def _due(snapshot: InvoiceSnapshot) -> list[str]:
    label = "Montant de l’avoir" if snapshot.corrects else "Net à payer"
    return [label, euros(snapshot.payable)]


def _payment(snapshot: InvoiceSnapshot) -> Iterator[str]:
    """Yield how and when the invoice is paid; nothing for a credit note."""
    due = long_day(snapshot.due_on)
    if snapshot.corrects:
        return
    if not snapshot.payable:
        paid = "Cette facture est déjà payée." if snapshot.paid else "Rien n’est à payer."
        yield f"{paid} Vous n’avez rien à faire."
    elif debit := snapshot.direct_debit:
        yield f"Payable par prélèvement SEPA le {due} sur votre compte qui se termine par {debit.last4}."
        yield f"Mandat {debit.umr}, identifiant créancier SEPA (ICS) {debit.ics}."
    elif account := snapshot.account:
        yield f"Payable par virement au plus tard le {due}, avec la référence {snapshot.number or '…'}."
        bic = f", BIC {account.bic}" if account.bic else ""
        yield f"IBAN {in_groups(account.iban)}{bic}, au nom de {snapshot.seller.name}."
