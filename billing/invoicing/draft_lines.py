"""What staff write into a draft: its lines and its due day, inside the unit ``public``."""

import datetime as dt
import uuid
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from billing.amounts import ZERO
from billing.clients.models import Client
from billing.invoicing.assembly import seller_on
from billing.invoicing.contents import DraftContent, read_content, write_content
from billing.invoicing.due_drafts import Blocked, Obstacle, vat_of
from billing.invoicing.errors import AlreadyIssued, NoSeller
from billing.invoicing.models import Draft
from billing.invoicing.series import day_in_paris
from billing.invoicing.services import new_draft
from billing.invoicing.snapshot import Line
from billing.vat import VatDecision
from tenants.audit.services import record


@dataclass(frozen=True, slots=True)
class TypedLine:
    """A line as staff write it; ``row`` is its place among those of the draft, or beyond them when it is new."""

    row: int
    name: str
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal = ZERO
    discount_reason: str = ""


@dataclass(frozen=True, slots=True)
class TypedDraft:
    """The lines in their order, and the due day; None is the term of the seller."""

    lines: tuple[TypedLine, ...]
    due_on: dt.date | None = None


def stored_values(ref: uuid.UUID) -> dict[str, Any]:
    """Return the stored values of the form, by the name of the field; nothing for a draft that is gone."""
    draft = Draft.objects.filter(ref=ref).first()
    if draft is None:
        return {}
    content = read_content(draft.content)
    values: dict[str, Any] = {"due_on": content.due_on}
    for row, line in enumerate(content.lines):
        values |= {
            f"name_{row}": line.name,
            f"quantity_{row}": _written(line.quantity),
            f"unit_price_{row}": _written(line.unit_price),
            f"discount_{row}": _written(line.discount) if line.discount else "",
            f"discount_reason_{row}": line.discount_reason,
        }
    return values


def make(*, client: Client, typed: TypedDraft, actor: str, now: dt.datetime) -> Draft:
    """Make a draft without a period for a client. Raises Blocked while its VAT cannot be decided."""
    vat = _vat(client, now)
    lines = tuple(_new_line(line, vat) for line in typed.lines)
    content = DraftContent(lines=lines, due_on=typed.due_on)
    return new_draft(client=client, content=content, actor=actor, now=now)


def change(*, draft: Draft, typed: TypedDraft, actor: str, now: dt.datetime) -> None:
    """Replace the lines of a draft; those that stay keep VAT, kind and days, new ones are services.

    Raises AlreadyIssued when the draft does not exist any more, and Blocked for a new line whose VAT cannot be
    decided. A draft that a worker issues is locked: this waits, and finds none.
    """
    row = Draft.objects.select_for_update(of=("self",)).filter(pk=draft.pk).first()
    if row is None:
        raise AlreadyIssued
    content = read_content(row.content)
    before = content.lines
    lines = tuple(
        _changed(before[line.row], line)
        if line.row < len(before)
        else _new_line(line, _vat(draft.client, now))
        for line in typed.lines
    )
    row.content = write_content(replace(content, lines=lines, due_on=typed.due_on))
    row.save(update_fields=["content"])
    record(verb="invoice.draft_changed", ref=draft.ref, actor=actor, now=now)


def _changed(line: Line, typed: TypedLine) -> Line:
    return replace(
        line,
        name=typed.name,
        quantity=typed.quantity,
        unit_price=typed.unit_price,
        discount=typed.discount,
        discount_reason=typed.discount_reason,
    )


def _new_line(typed: TypedLine, vat: VatDecision) -> Line:
    return Line(
        name=typed.name,
        quantity=typed.quantity,
        unit_price=typed.unit_price,
        category=vat.category,
        rate=vat.rate,
        discount=typed.discount,
        discount_reason=typed.discount_reason,
        vatex=vat.vatex,
        mention=vat.mention,
    )


def _vat(client: Client, now: dt.datetime) -> VatDecision:
    today = day_in_paris(now)
    try:
        return vat_of(client, seller_on(today), today)
    except NoSeller:
        raise Blocked(Obstacle.NO_SELLER) from None


def _written(value: Decimal) -> str:
    """Return a number as staff type it: without needless zeros, with a comma."""
    return f"{value.normalize():f}".replace(".", ",")
