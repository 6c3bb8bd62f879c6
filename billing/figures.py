"""Amounts, rates and days as French documents write them. Pure, and the same in each language of the screen."""

import datetime as dt
from decimal import Decimal

NO_BREAK = "\u00a0"
THOUSANDS = "\u202f"
MONTHS = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
]


def euros(value: Decimal) -> str:
    """Return "1 234,50 €"; a unit price keeps its third and fourth decimals where they are not zero."""
    exact = value.quantize(Decimal("0.0001"))
    places = 4 if exact != value.quantize(Decimal("0.01")) else 2
    whole, _, decimals = f"{value:,.{places}f}".partition(".")
    sign = "\u2212" if whole.startswith("-") else ""
    return f"{sign}{whole.lstrip('-').replace(',', THOUSANDS)},{decimals}{NO_BREAK}€"


def number(value: Decimal) -> str:
    """Return a quantity or a rate without needless zeros: "8,5"."""
    return f"{value.normalize():f}".replace(".", ",")


def per_cent(value: Decimal) -> str:
    """Return a rate: "8,5 %"."""
    return f"{number(value)}{NO_BREAK}%"


def long_day(day: dt.date) -> str:
    """Return "1er décembre 2026"."""
    first = "1er" if day.day == 1 else str(day.day)
    return f"{first}{NO_BREAK}{MONTHS[day.month - 1]} {day.year}"


def short_day(day: dt.date) -> str:
    """Return "01/12/2026"."""
    return f"{day:%d/%m/%Y}"


def in_groups(identifier: str, size: int = 4) -> str:
    """Return an account or a company number in groups that do not break: "FR76 3000 6000"."""
    groups = (identifier[start : start + size] for start in range(0, len(identifier), size))
    return NO_BREAK.join(groups)
