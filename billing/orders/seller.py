"""Who sells, and how it is taxed, as ``billing.invoicing`` keeps it: the package above registers the reader."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from billing.parties import Party
from billing.vat import SellerRegime


class SellerUnknown(LookupError):
    """No profile of the seller is valid on the day; staff must enter it first."""


@dataclass(frozen=True, slots=True)
class Seller:
    """The seller on documents, and its regime of VAT."""

    party: Party
    regime: SellerRegime


_readers: list[Callable[[dt.date], Seller]] = []


def register_seller(reader: Callable[[dt.date], Seller]) -> None:
    """Read the seller by ``reader``, which raises SellerUnknown; called once, when apps are ready."""
    _readers[:] = [reader]


def seller_on(day: dt.date) -> Seller:
    """Return the seller on a day in Paris. Raises SellerUnknown."""
    if not _readers:
        raise SellerUnknown
    return _readers[0](day)
