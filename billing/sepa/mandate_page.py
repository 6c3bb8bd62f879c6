"""The mandate of a direct debit as a PDF (F-41, T-17); nothing here stores an account."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from billing.drawing import draw_document
from billing.figures import in_groups, long_day
from billing.parties import Address, Party

TEMPLATE = "mandate"
PARIS = ZoneInfo("Europe/Paris")


@dataclass(frozen=True, slots=True)
class MandateText:
    """What a mandate says. The IBAN is whole, as the scheme requires: the file is sealed where it is kept.

    ``signed_at`` is an instant; None leaves room for a signature by hand. ``email`` is the confirmed address of
    who signed online.
    """

    umr: str
    ics: str
    creditor: Party
    debtor_name: str
    debtor_address: Address
    iban: str = field(repr=False)
    made_on: dt.date
    bic: str = ""
    is_recurrent: bool = True
    place: str = ""
    signed_at: dt.datetime | None = None
    signatory: str = ""
    email: str = ""


def draw_mandate(mandate: MandateText) -> bytes:
    """Return the PDF of a mandate; the same bytes for the same text. Raises DrawingFailed."""
    return draw_document(TEMPLATE, mandate_page(mandate), on=mandate.made_on)


def mandate_page(mandate: MandateText) -> dict[str, Any]:
    """Return the texts of a mandate."""
    creditor = mandate.creditor
    return {
        "title": "Mandat de prélèvement SEPA",
        "seller": creditor.name,
        "references": [
            ["Référence unique du mandat", mandate.umr],
            ["Identifiant créancier SEPA (ICS)", mandate.ics],
            ["Type de paiement", "récurrent" if mandate.is_recurrent else "ponctuel"],
        ],
        "authorisation": _authorisation(creditor.name),
        "refund": REFUND,
        "creditor": [creditor.name, *_lines(creditor.address)],
        "debtor": [mandate.debtor_name, *_lines(mandate.debtor_address)],
        "account": [list(row) for row in _account(mandate)],
        "signature": list(_signature(mandate)),
        "is_signed": mandate.signed_at is not None,
        "rights": RIGHTS,
        "footer": f"{creditor.name} · {mandate.umr} · {mandate.ics}",
    }


def _authorisation(creditor: str) -> str:
    return (
        f"En signant ce mandat, vous autorisez {creditor} à demander à votre banque de débiter votre compte, "
        "et vous autorisez votre banque à le débiter selon ces demandes."
    )


REFUND = (
    "Vous pouvez être remboursé(e) par votre banque, dans les conditions de votre convention de compte. "
    "La demande doit être présentée dans les huit semaines qui suivent le débit d’un prélèvement autorisé, "
    "et sans tarder, au plus tard sous treize mois, pour un prélèvement non autorisé."
)
RIGHTS = (
    "Vos droits relatifs à ce mandat sont expliqués dans un document que vous pouvez obtenir auprès de "
    "votre banque."
)


def _lines(address: Address) -> list[str]:
    town = f"{address.postcode} {address.town}"
    country = "France" if address.country == "FR" else address.country
    return [text for text in (address.street, address.building, town, country) if text]


def _account(mandate: MandateText) -> Iterator[tuple[str, str]]:
    yield "IBAN", in_groups(mandate.iban)
    if mandate.bic:
        yield "BIC", mandate.bic


def _signature(mandate: MandateText) -> Iterator[str]:
    place = mandate.place or "…………………………"
    if mandate.signed_at is None:
        yield f"Fait à {place}, le …………………………"
        yield "Signature\u00a0:"
        return
    at = mandate.signed_at.astimezone(PARIS)
    yield f"Fait à {place}, le {long_day(at.date())} à {at:%H}\u00a0h\u00a0{at:%M}, heure de Paris."
    yield f"Signé par {mandate.signatory}."
    if mandate.email:
        yield f"Signature en ligne, adresse confirmée\u00a0: {mandate.email}."
