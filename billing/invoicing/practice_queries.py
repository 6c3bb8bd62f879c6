"""What a practice reads of its own invoices, inside its own unit, from the views of ``for_tenants`` (ADR 84)."""

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from billing.invoicing.models import InvoiceFile


@dataclass(frozen=True, slots=True)
class OwnInvoice:
    """An invoice of the practice or, when it ``corrects`` one, a credit note."""

    ref: uuid.UUID
    number: str
    issued_on: dt.date
    due_on: dt.date
    gross: Decimal
    corrects: str | None
    credited: Decimal
    paid: Decimal
    period_end: dt.date | None
    """The first day after the period that it invoices."""

    @property
    def balance(self) -> Decimal:
        """Return what is still owed; a credit note owes nothing."""
        return Decimal(0) if self.corrects else self.gross - self.credited - self.paid


def own_invoices() -> list[OwnInvoice]:
    """Return the documents of the practice whose unit is open, the newest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ref, number, issued_on, due_on, gross, corrects, credited, paid, period_end"
            " FROM for_tenants.invoices"
            " ORDER BY issued_on DESC, number DESC"
        )
        return [OwnInvoice(*row) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class OwnOrder:
    """A signed order of the practice; ``snapshot`` is an ``OrderSnapshot``, None where it is not kept."""

    ref: uuid.UUID
    number: str
    version: int
    signed_at: dt.datetime
    snapshot: Mapping[str, Any] | None
    has_file: bool


@dataclass(frozen=True, slots=True)
class OwnItem:
    """A product of the subscription with the price of one period without VAT."""

    name: str
    quantity: Decimal
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class OwnSubscription:
    """The subscription of the practice; ``ends_on`` is the first day after it."""

    ref: uuid.UUID
    order_number: str
    starts_on: dt.date
    anchor_day: int
    rhythm: str
    ends_on: dt.date | None


def own_orders() -> list[OwnOrder]:
    """Return the signed orders of the practice whose unit is open, the newest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT o.ref, o.number, o.version, o.signed_at, o.snapshot::text, EXISTS (SELECT 1 FROM"
            " for_tenants.order_files f WHERE f.order_ref = o.ref AND f.kind = 'form')"
            " FROM for_tenants.orders o ORDER BY o.signed_at DESC, o.number DESC"
        )
        return [
            OwnOrder(ref, number, version, signed_at, json.loads(text) if text else None, has_file)
            for ref, number, version, signed_at, text, has_file in cursor.fetchall()
        ]


def own_subscription(today: dt.date) -> OwnSubscription | None:
    """Return the subscription that runs on a day, else the one that begins next or ended last."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ref, order_number, starts_on, anchor_day, rhythm, ends_on FROM for_tenants.subscription"
            " ORDER BY (ends_on IS NULL OR ends_on > %s) DESC, starts_on LIMIT 1",
            [today],
        )
        row = cursor.fetchone()
    return OwnSubscription(*row) if row else None


def own_items(subscription_ref: uuid.UUID, today: dt.date) -> list[OwnItem]:
    """Return the products of a subscription that run on a day, or begin after it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, quantity, unit_price FROM for_tenants.subscription_items"
            " WHERE subscription_ref = %s AND (ends_on IS NULL OR ends_on > %s) ORDER BY id",
            [subscription_ref, today],
        )
        return [OwnItem(*row) for row in cursor.fetchall()]


def own_order_file(ref: uuid.UUID) -> tuple[str, bytes] | None:
    """Return the number and the PDF of a signed order of the practice whose unit is open; None for any other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT o.number, f.data FROM for_tenants.order_files f JOIN for_tenants.orders o"
            " ON o.ref = f.order_ref WHERE f.order_ref = %s AND f.kind = 'form'",
            [ref],
        )
        row = cursor.fetchone()
    return (row[0], bytes(row[1])) if row else None


def own_file(ref: uuid.UUID, kind: InvoiceFile.Kind) -> tuple[str, bytes] | None:
    """Return the number and a file of a document of the practice whose unit is open; None for any other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.number, f.data FROM for_tenants.invoice_files f JOIN for_tenants.invoices i"
            " ON i.ref = f.invoice_ref WHERE f.invoice_ref = %s AND f.kind = %s",
            [ref, kind.value],
        )
        row = cursor.fetchone()
    return (row[0], bytes(row[1])) if row else None
