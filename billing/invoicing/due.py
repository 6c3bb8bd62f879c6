"""The lines of a due period of a subscription (F-07). Pure.

Days are those of Paris, and periods are half-open. Prices are without VAT. A period used in part is charged by
its days, as a share of the whole period between two anchor days: the parts of any division add up to its price.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from billing.amounts import ZERO, add_months, line_net, prorata
from billing.invoicing.snapshot import Line
from billing.orders.periods import MONTHS
from billing.vat import LineKind, VatDecision, decide_line

Period = tuple[dt.date, dt.date]


@dataclass(frozen=True, slots=True)
class DueItem:
    """A product of a subscription; ``unit_price`` is that of a whole period, ``ends_on`` the first day after."""

    name: str
    quantity: Decimal
    unit_price: Decimal
    starts_on: dt.date
    ends_on: dt.date | None = None
    kind: LineKind = LineKind.SERVICE


@dataclass(frozen=True, slots=True)
class OneOff:
    """A product that is invoiced once, with its discount, a positive amount."""

    name: str
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal = ZERO
    discount_reason: str = ""
    kind: LineKind = LineKind.SERVICE


def whole_period(period: Period, *, anchor_day: int, rhythm: str) -> Period:
    """Return the period between two anchor days that ends as this one: the first of a subscription is shorter."""
    _start, end = period
    return add_months(end, -MONTHS[rhythm], anchor=anchor_day), end


def period_lines(
    items: Iterable[DueItem], *, period: Period, whole: Period, vat: VatDecision
) -> Iterator[Line]:
    """Yield the lines of the items that are used in a period; ``whole`` is what their prices are for."""
    for item in items:
        start = max(period[0], item.starts_on)
        end = min(period[1], item.ends_on or period[1])
        if start >= end:
            continue
        quantity, unit_price = item.quantity, item.unit_price
        if (start, end) != whole:
            price = line_net(quantity, unit_price)
            quantity, unit_price = Decimal(1), prorata(price, whole, (start, end))
        decision = decide_line(item.kind, vat)
        yield Line(
            name=item.name,
            quantity=quantity,
            unit_price=unit_price,
            category=decision.category,
            rate=decision.rate,
            starts_on=start,
            ends_on=end - dt.timedelta(days=1),
            kind=item.kind.value,
            vatex=decision.vatex,
            mention=decision.mention,
        )


def one_off_lines(items: Iterable[OneOff], *, vat: VatDecision) -> Iterator[Line]:
    """Yield the lines of the products that an order invoices once."""
    for item in items:
        decision = decide_line(item.kind, vat)
        yield Line(
            name=item.name,
            quantity=item.quantity,
            unit_price=item.unit_price,
            category=decision.category,
            rate=decision.rate,
            discount=item.discount,
            discount_reason=item.discount_reason,
            kind=item.kind.value,
            vatex=decision.vatex,
            mention=decision.mention,
        )


def documents_of(lines: Iterable[Line]) -> list[tuple[Line, ...]]:
    """Return the lines of each document: disbursements have their own where VAT forbids one (BR-E-01, BR-O-11)."""
    all_lines = tuple(lines)
    disbursed = tuple(line for line in all_lines if line.kind == LineKind.DISBURSEMENT.value)
    others = tuple(line for line in all_lines if line.kind != LineKind.DISBURSEMENT.value)
    has_tax = all(line.category in {"S", "AE"} for line in others)
    parts = [all_lines] if has_tax else [others, disbursed]
    return [part for part in parts if part]
