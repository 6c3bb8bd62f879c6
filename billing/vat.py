"""VAT of what lib-rdv sells: one decision from territory, buyer, seller's regime and day (F-10, F-11, F-15). Pure.

lib-rdv sells services to professionals: the place of supply is the buyer's establishment (CGI art. 259-1°), and a
practitioner whose care is exempt is a taxable person all the same. Between metropolitan France and the overseas
departments the seller collects at the rate of the buyer's place (BOI-TVA-GEO-20-40).
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from billing.territories import NOT_APPLICABLE, REDUCED, VAT_FREE, Territory

NO_RATE = Decimal(0)


class SellerRegime(StrEnum):
    """How lib-rdv is taxed on a day (F-13)."""

    NORMAL = "normal"
    FRANCHISE = "franchise_293B"


class BuyerKind(StrEnum):
    """What VAT knows of the buyer."""

    TAXABLE = "taxable"  # a professional, exempt or not, without a VAT number
    IDENTIFIED = "identified"  # a professional with a VAT number
    NOT_TAXABLE = "not_taxable"  # neither a company nor a professional


class LineKind(StrEnum):
    """What a line sells (F-15); a disbursement is the exact amount of a receipt in the client's name."""

    SERVICE = "service"
    RESALE = "resale"
    DISBURSEMENT = "disbursement"


class VatUndecided(ValueError):
    """The rules of lib-rdv give no answer: staff must correct the client's data or ask the accountant."""


class SeparateInvoiceNeeded(ValueError):
    """Two lines of one invoice cannot stand together: EN 16931 forbids their VAT categories on one document."""


@dataclass(frozen=True, slots=True)
class VatDecision:
    """VAT of a line: category (UNTDID 5305), rate in per cent, reason of exemption.

    ``mention`` is its text (BT-120), ``vatex`` its code (BT-121) where one exists. Category S is
    taxed, E exempt, AE reverse charge, O outside the scope of VAT.
    """

    category: str
    rate: Decimal
    mention: str = ""
    vatex: str = ""


FRANCHISE = VatDecision("E", NO_RATE, "TVA non applicable, art. 293 B du CGI", "VATEX-FR-FRANCHISE")
ARTICLE_294 = VatDecision("E", NO_RATE, "TVA non applicable, art. 294-1 du CGI")
OUT_OF_SCOPE = VatDecision("O", NO_RATE, "TVA non applicable, art. 259-1 du CGI", "VATEX-EU-O")
REVERSE_CHARGE = VatDecision("AE", NO_RATE, "Autoliquidation", "VATEX-EU-AE")
DISBURSEMENT = VatDecision("E", NO_RATE, "Débours, art. 267 II-2° du CGI", "VATEX-EU-79-C")

RATES = ((dt.date(2014, 1, 1), Decimal(20), Decimal("8.5")),)
"""From a day on: rate of metropolitan France (CGI art. 278), rate of three departments overseas (art. 296)."""


def decide(
    *, territory: Territory, buyer: BuyerKind, regime: SellerRegime, on: dt.date
) -> VatDecision:
    """Return the VAT of a service on a day, the tax point.

    Raises VatUndecided for a buyer of another member state without a VAT number, for a buyer who is not taxable
    outside metropolitan France, and for a day before the table of rates.
    """
    if regime is SellerRegime.FRANCHISE:
        return FRANCHISE
    full, reduced = _rates(on)
    if territory in {Territory.METROPOLE, Territory.MONACO}:
        return VatDecision("S", full)
    if buyer is BuyerKind.NOT_TAXABLE:
        raise VatUndecided("not taxable outside metropolitan France")
    if territory in REDUCED:
        return VatDecision("S", reduced)
    if territory in NOT_APPLICABLE:
        return ARTICLE_294
    if territory in VAT_FREE:
        return OUT_OF_SCOPE
    if buyer is not BuyerKind.IDENTIFIED:
        raise VatUndecided("a buyer of another member state without VAT number")
    return REVERSE_CHARGE


def decide_line(kind: LineKind, service: VatDecision) -> VatDecision:
    """Return the VAT of a line of a kind, when ``service`` is the decision for the buyer."""
    return DISBURSEMENT if kind is LineKind.DISBURSEMENT else service


def _rates(on: dt.date) -> tuple[Decimal, Decimal]:
    known = [row for row in RATES if row[0] <= on]
    if not known:
        raise VatUndecided(f"no rate on {on}")
    _since, full, reduced = max(known)
    return full, reduced


def check_together(decisions: Iterable[VatDecision]) -> None:
    """Raise SeparateInvoiceNeeded when lines of these decisions cannot share an invoice.

    One document has one group of category E (BR-E-01), and category O excludes any other (BR-O-11): a disbursement
    needs an invoice of its own under the franchise, for Guyane and Mayotte, and outside the scope of VAT.
    """
    distinct = set(decisions)
    exempt = [found for found in distinct if found.category == "E"]
    out_of_scope = [found for found in distinct if found.category == "O"]
    if len(exempt) > 1 or (out_of_scope and len(distinct) > 1):
        raise SeparateInvoiceNeeded(", ".join(sorted(found.mention for found in distinct)))
