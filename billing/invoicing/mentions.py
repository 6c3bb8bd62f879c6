"""The sentences that the law requires on an invoice (F-02, T-18), from the seller's terms and the VAT. Pure.

Each note has a subject code. PMT, PMD and AAB must each occur exactly once (BR-FR-05, BR-FR-06), so that the fixed
indemnity and the penalties are two sentences. BAR names the case of e-invoicing and is never shown on the page.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from billing.amounts import RECOVERY_INDEMNITY
from billing.figures import per_cent, short_day
from billing.invoicing.snapshot import Correction, InvoiceSnapshot, Note
from billing.territories import NOT_APPLICABLE, REDUCED, Territory
from billing.vat import BuyerKind

INDEMNITY, PENALTIES, DISCOUNT, CASE, REGISTER = "PMT", "PMD", "AAB", "BAR", "ABL"
ON_DEBITS = "Option pour le paiement de la taxe d’après les débits."
NATURE = "Nature de l’opération\u00a0: prestations de services."
HIDDEN = frozenset({CASE})
"""Codes whose text is for machines."""

_IN_DIRECTORY = REDUCED | NOT_APPLICABLE | {Territory.METROPOLE}
_FRENCH_VAT = _IN_DIRECTORY | {Territory.MONACO}


@dataclass(frozen=True, slots=True)
class Terms:
    """What the seller's profile of the day says: yearly penalty rate in per cent, discount, register (F-01)."""

    penalty_rate: Decimal
    discount: str = "néant"
    register: str = ""  # "RCS Bayonne 123 456 782"


def case_of(*, territory: Territory, buyer: BuyerKind, has_siren: bool) -> str:
    """Return the value of the note BAR: where the invoice goes in the French system (B2B: by a platform)."""
    if buyer is BuyerKind.NOT_TAXABLE:
        return "B2C" if territory in _FRENCH_VAT else "B2CINT"
    return "B2B" if territory in _IN_DIRECTORY and has_siren else "B2BINT"


def notes(*, terms: Terms, case: str, corrects: Correction | None = None) -> tuple[Note, ...]:
    """Return the notes of an invoice or a credit note; ``case`` is the answer of ``case_of``."""
    found = [
        Note(INDEMNITY, _indemnity()),
        Note(PENALTIES, _penalties(terms.penalty_rate)),
        Note(DISCOUNT, f"Escompte pour paiement anticipé\u00a0: {terms.discount}."),
        Note(CASE, case),
    ]
    if terms.register:
        found.append(Note(REGISTER, terms.register))
    if corrects:
        found.append(Note("", _corrects(corrects)))
    return tuple(found)


def shown(snapshot: InvoiceSnapshot) -> list[str]:
    """Return the sentences of the page: notes that people read, nature of the operation, option for debits."""
    return [
        *_read_by_people(snapshot.notes),
        NATURE,
        *([ON_DEBITS] if snapshot.vat_on_debits else []),
    ]


def _read_by_people(found: Iterable[Note]) -> list[str]:
    # The register stands in the seller's legal information.
    return [note.text for note in found if note.code not in HIDDEN | {REGISTER}]


def _indemnity() -> str:
    return (
        f"Une indemnité forfaitaire de {RECOVERY_INDEMNITY:.0f}\u00a0€ pour frais de recouvrement est due en cas "
        "de retard de paiement."
    )


def _penalties(rate: Decimal) -> str:
    return (
        "Tout retard de paiement entraîne de plein droit des pénalités au taux de "
        f"{per_cent(rate)} par an."
    )


def _corrects(corrects: Correction) -> str:
    part = " en partie" if corrects.is_partial else ""
    return (
        f"Cet avoir annule{part} la facture n°\u00a0{corrects.number} du {short_day(corrects.issued_on)}. "
        f"Motif\u00a0: {corrects.reason.rstrip('.')}."
    )
