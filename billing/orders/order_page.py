"""What the page of an order form shows (F-31, F-33), as texts for its template. ``draw_order`` makes the PDF."""

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from billing.amounts import VatGroup
from billing.drawing import draw_document
from billing.figures import euros, in_groups, long_day, number, per_cent
from billing.orders.order_snapshot import (
    MONTH,
    ONCE,
    YEAR,
    OrderLine,
    OrderSnapshot,
    Signature,
    WithdrawalRight,
)
from billing.parties import Address, Party

TEMPLATE = "order_form"
PARIS = ZoneInfo("Europe/Paris")
PLACES = {
    "online": "en ligne",
    "client": "au cabinet du client",
    "office": "dans les locaux de lib-rdv",
    "fair": "sur un salon",
}
SECTIONS = {ONCE: "Mise en service", MONTH: "Abonnement mensuel", YEAR: "Abonnement annuel"}
DUE = {ONCE: "À payer une fois", MONTH: "À payer chaque mois", YEAR: "À payer chaque année"}
BUTTON = "Commander avec obligation de paiement"
"""The words of the button that concludes the contract online (F-32)."""


def draw_order(snapshot: OrderSnapshot) -> bytes:
    """Return the PDF of an order form; the same bytes for the same snapshot. Raises DrawingFailed."""
    return draw_document(TEMPLATE, order_page(snapshot), on=snapshot.made_on)


def order_page(snapshot: OrderSnapshot) -> dict[str, Any]:
    """Return the texts of an order form."""
    return {
        "title": f"Bon de commande n°\u00a0{snapshot.number}",
        "version": f"version {snapshot.version} du {long_day(snapshot.made_on)}",
        "seller": snapshot.seller.name,
        "sender": list(_sender(snapshot.seller)),
        "window": [snapshot.client.name, *_lines(snapshot.client.address)],
        "client": [list(fact) for fact in _client(snapshot)],
        "sections": [_section(snapshot, rhythm) for rhythm in snapshot.rhythms],
        "domains": [
            f"{domain.name}, titulaire\u00a0: {domain.holder}" for domain in snapshot.domains
        ],
        "clauses": [{"title": clause.title, "text": clause.text} for clause in snapshot.clauses],
        "annexes": list(snapshot.annexes),
        "withdrawal": _withdrawal(snapshot),
        "signature": list(_signature(snapshot)),
        "footer": f"{snapshot.seller.name} · bon de commande n°\u00a0{snapshot.number}",
    }


def _lines(address: Address) -> list[str]:
    town = f"{address.postcode} {address.town}"
    country = "" if address.country == "FR" else address.country
    return [text for text in (address.street, address.building, town, country) if text]


def _sender(seller: Party) -> Iterator[str]:
    yield " · ".join(_lines(seller.address))
    yield " · ".join(filter(None, (seller.phone, seller.email)))
    yield seller.legal_info
    vat_number = f"TVA {seller.vat_number}" if seller.vat_number else ""
    yield " · ".join(filter(None, (_company_number(seller), vat_number)))


def _company_number(party: Party) -> str:
    if party.siret:
        return f"SIRET {in_groups(party.siret[:9], 3)}\u00a0{party.siret[9:]}"
    return f"SIREN {in_groups(party.siren, 3)}" if party.siren else ""


def _client(snapshot: OrderSnapshot) -> Iterator[tuple[str, str]]:
    client = snapshot.client
    if company_number := _company_number(client):
        yield "Entreprise", company_number
    if client.vat_number:
        yield "TVA", client.vat_number
    if client.billing_address:
        yield "Adresse de facturation", ", ".join(_lines(client.billing_address))
    if snapshot.is_at_most_five is not None:
        yield (
            "Effectif",
            "cinq salariés au plus" if snapshot.is_at_most_five else "plus de cinq salariés",
        )
    yield "Signature", PLACES[snapshot.place_of_signature]


def _section(snapshot: OrderSnapshot, rhythm: str) -> dict[str, Any]:
    totals = snapshot.totals_of(rhythm)
    return {
        "title": SECTIONS[rhythm],
        "lines": [_row(line) for line in snapshot.lines if line.rhythm == rhythm],
        "totals": [
            ["Total hors taxes", euros(totals.net)],
            *([_vat(group), euros(group.tax)] for group in totals.groups),
        ],
        "due": [f"{DUE[rhythm]}, TTC", euros(totals.gross)],
    }


def _row(line: OrderLine) -> dict[str, Any]:
    discount = f"{line.discount_reason}\u00a0: {euros(-line.discount)}" if line.discount else ""
    return {
        "name": line.name,
        "details": [text for text in (line.details, discount) if text],
        "figures": [
            number(line.quantity),
            euros(line.unit_price),
            per_cent(line.rate) if line.category == "S" else "–",
            euros(line.net),
        ],
    }


def _vat(group: VatGroup) -> str:
    if group.category == "S":
        return f"TVA {per_cent(group.rate)} sur {euros(group.base)}"
    return f"{group.mention} ({euros(group.base)})"


def _withdrawal(snapshot: OrderSnapshot) -> dict[str, list[str]] | None:
    """Return the information and the form of withdrawal (C. conso. L.221-3, T-19); None without the right."""
    if snapshot.withdrawal is None:
        return None
    return {
        "text": list(_right(snapshot.withdrawal, snapshot.seller)),
        "form": list(_form(snapshot)),
    }


def _right(right: WithdrawalRight, seller: Party) -> Iterator[str]:
    yield (
        "Vous disposez de quatorze jours à compter de la signature pour renoncer au contrat, sans motif ni "
        f"frais, soit jusqu’au {long_day(right.until)} inclus. Il suffit de nous envoyer ce formulaire ou toute "
        f"déclaration claire à {seller.email}."
    )
    yield "Aucun paiement n’est demandé pendant les sept premiers jours."
    if right.is_started:
        yield (
            "Vous avez demandé le début d’exécution immédiat\u00a0: en cas de rétractation, vous payez la part "
            "déjà réalisée."
        )
    else:
        yield "Le travail commence après la fin de ce délai."


def _form(snapshot: OrderSnapshot) -> Iterator[str]:
    seller = snapshot.seller
    yield f"À l’attention de {seller.name}, {', '.join(_lines(seller.address))}, {seller.email}\u00a0:"
    yield (
        f"je vous notifie ma rétractation du contrat n°\u00a0{snapshot.number} commandé le "
        f"{long_day(snapshot.made_on)}."
    )
    yield "Nom\u00a0:"
    yield "Adresse\u00a0:"
    yield "Date et signature\u00a0:"


def _signature(snapshot: OrderSnapshot) -> Iterator[str]:
    if snapshot.signature is None:
        yield "Ce bon de commande n’est pas encore signé."
        return
    yield _signed(snapshot.signature)
    if snapshot.place_of_signature == "online":
        yield f"Signé en ligne par le bouton «\u00a0{BUTTON}\u00a0»."
    if snapshot.signature.email:
        yield f"Adresse confirmée\u00a0: {snapshot.signature.email}."


def _signed(signature: Signature) -> str:
    at = signature.signed_at.astimezone(PARIS)
    capacity = f", {signature.capacity}" if signature.capacity else ""
    return (
        f"Signé par {signature.name}{capacity}, le {long_day(at.date())} à {at:%H}\u00a0h\u00a0{at:%M}, "
        "heure de Paris."
    )
