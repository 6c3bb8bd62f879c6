"""What the owner's page says of the practice's subscription to lib-rdv (T14), as ``billing`` reads it.

``billing`` is above this package and registers the source; without one the practice has no contract here. Amounts
are euros incl. VAT, ready to be shown; days are those of Paris.
"""

import datetime as dt
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class BillState(StrEnum):
    """The state of an invoice for its practice."""

    OPEN = "open"
    OVERDUE = "overdue"
    PAID = "paid"
    CREDIT = "credit"  # a credit note, or an invoice that credit notes cancel


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A product of the subscription, with its price of one period incl. VAT: "34,80 €"."""

    name: str
    price: str


@dataclass(frozen=True, slots=True)
class Bill:
    """An invoice, or a credit note when it ``corrects`` one; ``amount`` and ``owed`` as "34,80 €"."""

    ref: uuid.UUID
    number: str
    issued_on: dt.date
    due_on: dt.date
    amount: str
    owed: str
    state: BillState
    corrects: str = ""


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """A signed order form of the practice; ``has_file`` tells whether its PDF can be downloaded."""

    ref: uuid.UUID
    number: str
    signed_on: dt.date
    has_file: bool


@dataclass(frozen=True, slots=True)
class SubscriptionPage:
    """All that the page shows. ``rhythm`` is ``month`` or ``year``; ``ends_on`` is the first day after the end."""

    orders: list[SignedOrder] = field(default_factory=list)
    lines: list[PlanLine] = field(default_factory=list)
    rhythm: str = ""
    starts_on: dt.date | None = None
    ends_on: dt.date | None = None
    total: str = ""
    next_on: dt.date | None = None
    owed: str = ""
    is_overdue: bool = False
    bills: list[Bill] = field(default_factory=list)


class SubscriptionSource(Protocol):
    """Reads the contract of the practice whose unit is open, and nothing of another one."""

    def page(self, today: dt.date) -> SubscriptionPage:
        """Return what the page shows on a day."""

    def bill_file(self, ref: uuid.UUID, kind: str) -> tuple[str, bytes] | None:
        """Return the number and the ``pdf`` or ``xml`` of a document of the practice; None for any other."""

    def order_file(self, ref: uuid.UUID) -> tuple[str, bytes] | None:
        """Return the number and the PDF of a signed order of the practice; None for any other."""


class _NoContract:
    def page(self, today: dt.date) -> SubscriptionPage:
        return SubscriptionPage()

    def bill_file(self, ref: uuid.UUID, kind: str) -> tuple[str, bytes] | None:
        return None

    def order_file(self, ref: uuid.UUID) -> tuple[str, bytes] | None:
        return None


_registered: list[SubscriptionSource] = [_NoContract()]


def register_source(source: SubscriptionSource) -> None:
    """Read the contract from ``source`` from now on; called once, when apps are ready."""
    _registered[0] = source


def source() -> SubscriptionSource:
    """Return the registered source."""
    return _registered[0]
