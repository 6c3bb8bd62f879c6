"""Amounts of an invoice: pure functions on Decimal, standard library only (F-07, F-08).

Amounts are euros with two decimals, unit prices have up to four, rates are per cent. A float never enters.
VAT is computed once per category and rate on the sum of the net lines, rounded half up (EN 16931 BR-CO-17).
Periods are half-open: ``end`` is the first day after them.
"""

import calendar
import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
RECOVERY_INDEMNITY = Decimal("40.00")
"""Fixed indemnity for recovery costs, once per invoice paid late, without VAT (C. com. D.441-5)."""
STANDARD = "S"
"""The only VAT category (UNTDID 5305) with a tax."""


class MixedReasons(ValueError):
    """Two lines of one category and rate state different reasons of exemption (EN 16931 BR-E-10)."""


class RateUnknown(LookupError):
    """The table of reference rates has no row for the half-year."""


def cents(value: Decimal) -> Decimal:
    """Round half up to the cent, away from zero, so that ``cents(-x) == -cents(x)``."""
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


# --- VAT ---------------------------------------------------------------------------------------------


class TaxableLine(Protocol):
    """What the totals read of a line: net amount, VAT category and rate, reason of exemption."""

    @property
    def net(self) -> Decimal:
        """Return the net amount in euros, rounded to the cent."""

    @property
    def category(self) -> str:
        """Return the code of UNTDID 5305: S, E, AE or O."""

    @property
    def rate(self) -> Decimal:
        """Return the rate in per cent; 0 without tax."""

    @property
    def vatex(self) -> str:
        """Return the code of the reason of exemption (BT-121), or an empty text."""

    @property
    def mention(self) -> str:
        """Return the French text of the reason of exemption (BT-120), or an empty text."""


@dataclass(frozen=True, slots=True)
class VatGroup:
    """The lines of one VAT category and rate: their net sum, the tax on it, the reason of exemption."""

    category: str
    rate: Decimal
    base: Decimal
    tax: Decimal
    vatex: str = ""
    mention: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums of rounded figures; ``gross`` is ``net`` plus ``tax``. Groups are ordered by category and rate."""

    net: Decimal
    tax: Decimal
    gross: Decimal
    groups: tuple[VatGroup, ...]


def line_net(quantity: Decimal, unit_price: Decimal, discount: Decimal = ZERO) -> Decimal:
    """Return the net amount of a line; ``discount`` is a positive amount in euros."""
    return cents(quantity * unit_price) - discount


def totals(lines: Iterable[TaxableLine]) -> Totals:
    """Return the totals of lines; raises MixedReasons for two reasons of exemption in one group."""
    bases: dict[tuple[str, Decimal], Decimal] = {}
    reasons: dict[tuple[str, Decimal], tuple[str, str]] = {}
    for line in lines:
        key = (line.category, line.rate)
        reason = (line.vatex, line.mention)
        if reasons.setdefault(key, reason) != reason:
            raise MixedReasons(f"{line.category} {line.rate}")
        bases[key] = bases.get(key, ZERO) + line.net
    groups = tuple(
        VatGroup(category, rate, base, vat(base, category, rate), *reasons[category, rate])
        for (category, rate), base in sorted(bases.items())
    )
    net = sum((group.base for group in groups), ZERO)
    tax = sum((group.tax for group in groups), ZERO)
    return Totals(net, tax, net + tax, groups)


def vat(base: Decimal, category: str, rate: Decimal) -> Decimal:
    """Return the VAT on a net sum, rounded once."""
    return cents(base * rate / 100) if category == STANDARD else ZERO


def split(amount: Decimal, weights: Iterable[Decimal]) -> list[Decimal]:
    """Share an amount to the cent in the proportion of weights, in their order; the parts add up to it.

    Shares a payment over VAT rates, or a discount over lines. Raises ValueError when the weights add up to zero.
    """
    shares = list(weights)
    whole = sum(shares, Decimal(0))
    if not whole:
        raise ValueError("the weights add up to zero")
    seen, given, parts = Decimal(0), Decimal(0), list[Decimal]()
    for weight in shares:
        seen += weight
        up_to = cents(amount * seen / whole)
        parts.append(up_to - given)
        given = up_to
    return parts


# --- Periods -----------------------------------------------------------------------------------------


def add_months(day: dt.date, months: int, *, anchor: int | None = None) -> dt.date:
    """Return the same day of another month, or its last day.

    ``anchor`` is the contract's day of the month (1 to 31): from 31 January, 28 February is followed by 31 March.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return dt.date(year, month + 1, min(anchor or day.day, last))


def prorata(
    price: Decimal, period: tuple[dt.date, dt.date], used: tuple[dt.date, dt.date]
) -> Decimal:
    """Return the part of a period's price for the days used; both are half-open (start, end).

    It is the difference of two cumulated shares, so that the parts of any division add up to the price. Raises
    ValueError for an empty period, and when ``used`` is not inside it.
    """
    (start, end), (used_from, used_to) = period, used
    if not start <= used_from <= used_to <= end or start == end:
        raise ValueError("the days used are not inside a non-empty period")

    def up_to(day: dt.date) -> Decimal:
        return cents(price * (day - start).days / (end - start).days)

    return up_to(used_to) - up_to(used_from)


# --- Late payment (C. com. L.441-10) -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReferenceRates:
    """Rates in per cent from a day on: main refinancing rate of the ECB, legal interest of professionals."""

    valid_from: dt.date
    ecb: Decimal
    legal: Decimal


def late_rate(
    on: dt.date, rates: Iterable[ReferenceRates], *, points: Decimal = Decimal(10)
) -> Decimal:
    """Return the yearly rate of late interest in per cent on a day.

    It is the ECB's rate of the first day of the half-year plus ``points``, at least three times the legal rate.
    Raises RateUnknown when no row is valid on that first day.
    """
    pivot = dt.date(on.year, 1 if on.month <= 6 else 7, 1)
    known = [row for row in rates if row.valid_from <= pivot]
    if not known:
        raise RateUnknown(pivot.isoformat())
    row = max(known, key=lambda row: row.valid_from)
    return max(row.ecb + points, 3 * row.legal)


def late_interest(
    gross: Decimal, *, due_on: dt.date, until: dt.date, rates: Sequence[ReferenceRates]
) -> Decimal:
    """Return the simple interest from the day after ``due_on`` to ``until`` included, rounded once.

    ``gross`` includes VAT. The rate changes on 1 January and 1 July. A year counts 365 days, leap years too; the
    terms of sale say so.
    """
    day, after = due_on + dt.timedelta(days=1), until + dt.timedelta(days=1)
    total = Decimal(0)
    while day < after:
        stop = min(_next_half_year(day), after)
        total += gross * late_rate(day, rates) * (stop - day).days / 36500
        day = stop
    return cents(total)


def _next_half_year(day: dt.date) -> dt.date:
    return dt.date(day.year, 7, 1) if day.month <= 6 else dt.date(day.year + 1, 1, 1)
