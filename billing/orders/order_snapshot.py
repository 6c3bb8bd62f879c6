"""What an order form says, frozen at its signature (F-30, F-31). Pure.

Amounts are euros, rates per cent. ``to_json`` gives what the row of the order keeps; the PDF is drawn from the
snapshot alone.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing.amounts import ZERO, Totals, line_net, totals
from billing.frozen_json import UnreadableSnapshot, read_frozen, write_frozen
from billing.parties import Party

VERSION = 1
ONCE, MONTH, YEAR = "once", "month", "year"
"""How often a line is invoiced."""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A line of an order; ``rhythm`` is ``once``, ``month`` or ``year``, ``details`` say what it holds."""

    name: str
    quantity: Decimal
    unit_price: Decimal
    category: str
    rate: Decimal
    rhythm: str
    details: str = ""
    discount: Decimal = ZERO
    discount_reason: str = ""
    kind: str = "service"
    vatex: str = ""
    mention: str = ""

    @property
    def net(self) -> Decimal:
        """Return the amount without VAT."""
        return line_net(self.quantity, self.unit_price, self.discount)


@dataclass(frozen=True, slots=True)
class DomainName:
    """A domain name of the order, and who holds it: the client (G-07)."""

    name: str
    holder: str


@dataclass(frozen=True, slots=True)
class Clause:
    """A paragraph of the contract with its title."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class WithdrawalRight:
    """The right of a small professional to withdraw (F-33): ``until`` is the last day, Paris.

    ``is_started`` says that the client asked for the work to begin before.
    """

    until: dt.date
    is_started: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed, in which capacity, when (an instant) and by which confirmed mail address."""

    name: str
    capacity: str
    signed_at: dt.datetime
    email: str = ""


@dataclass(frozen=True, slots=True)
class OrderSnapshot:
    """An order form: parties, lines, terms, annexes, withdrawal, signature; unsigned without ``signature``.

    ``place_of_signature`` is ``online``, ``client``, ``office`` or ``fair``. ``is_at_most_five`` answers
    whether the client employs five persons at most; None when nobody asked.
    """

    number: str
    version: int
    made_on: dt.date
    seller: Party
    client: Party
    lines: tuple[OrderLine, ...]
    place_of_signature: str
    clauses: tuple[Clause, ...]
    annexes: tuple[str, ...]
    domains: tuple[DomainName, ...] = ()
    is_at_most_five: bool | None = None
    withdrawal: WithdrawalRight | None = None
    signature: Signature | None = None

    def totals_of(self, rhythm: str) -> Totals:
        """Return the totals of the lines of one rhythm; the totals of nothing are zero."""
        return totals(line for line in self.lines if line.rhythm == rhythm)

    @property
    def rhythms(self) -> tuple[str, ...]:
        """Return the rhythms of the lines, once, month and year in this order."""
        used = {line.rhythm for line in self.lines}
        return tuple(rhythm for rhythm in (ONCE, MONTH, YEAR) if rhythm in used)


def to_json(snapshot: OrderSnapshot) -> dict[str, Any]:
    """Return a snapshot as values of JSON; ``from_json`` reads it back."""
    return {"version_of_snapshot": VERSION, **write_frozen(snapshot)}


def from_json(stored: Mapping[str, Any]) -> OrderSnapshot:
    """Return the snapshot that ``to_json`` wrote. Raises UnreadableSnapshot for anything else."""
    values = dict(stored)
    if values.pop("version_of_snapshot", None) != VERSION:
        raise UnreadableSnapshot("version")
    snapshot: OrderSnapshot = read_frozen(OrderSnapshot, values)
    return snapshot


REQUIRED_CLAUSES = (
    "Ce qui n’est pas compris",
    "Mise en ligne",
    "Facturation et prélèvement",
    "Révision du prix",
    "Durée et renouvellement",
    "Résiliation et changement de prestataire",
    "Assistance et disponibilité",
    "Textes, photos et site",
    "Noms de domaine",
    "Hébergement et données",
    "Responsabilité",
    "Droit applicable et tribunal",
)
"""The titles of what a form must say (F-31)."""


def missing_clauses(clauses: Iterable[Clause]) -> list[str]:
    """Return the titles of F-31 that no clause treats."""
    known = {clause.title for clause in clauses if clause.text.strip()}
    return [title for title in REQUIRED_CLAUSES if title not in known]
