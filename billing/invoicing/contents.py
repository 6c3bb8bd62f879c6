"""What a draft holds beside its client and period. Pure."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from billing.frozen_json import read_frozen, write_frozen
from billing.invoicing.snapshot import DirectDebit, Line, Party


@dataclass(frozen=True, slots=True)
class DraftContent:
    """The lines with their VAT, and how they are paid. Without ``due_on`` the seller's term counts.

    A credit note has a ``reason``, and copies ``buyer`` and ``case`` (note BAR) of the invoice that it corrects.
    """

    lines: tuple[Line, ...]
    order_ref: str = ""
    due_on: dt.date | None = None
    direct_debit: DirectDebit | None = None
    reason: str = ""
    is_partial: bool = False
    buyer: Party | None = None
    case: str = ""


def write_content(content: DraftContent) -> dict[str, Any]:
    """Return the JSON of a content."""
    written: dict[str, Any] = write_frozen(content)
    return written


def read_content(stored: Mapping[str, Any]) -> DraftContent:
    """Return the content that ``write_content`` wrote. Raises UnreadableSnapshot."""
    content: DraftContent = read_frozen(DraftContent, stored)
    return content
