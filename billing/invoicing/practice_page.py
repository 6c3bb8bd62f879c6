"""What the owner's page of a practice says of its subscription, read inside the practice's own unit (T14)."""

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from billing.amounts import totals
from billing.figures import euros
from billing.invoicing import practice_queries as own
from billing.invoicing.models import InvoiceFile
from billing.invoicing.practice_queries import OwnInvoice, OwnItem, OwnOrder, OwnSubscription
from billing.invoicing.series import day_in_paris
from billing.orders.order_snapshot import OrderLine, from_json
from billing.orders.periods import period_after
from booking.practice.subscription import Bill, BillState, PlanLine, SignedOrder, SubscriptionPage


class PracticeContract:
    """The source of the page (``booking.practice.subscription``)."""

    def page(self, today: dt.date) -> SubscriptionPage:
        """Return what the page shows on a day."""
        invoices = own.own_invoices()
        orders = own.own_orders()
        owed = sum((max(invoice.balance, Decimal(0)) for invoice in invoices), Decimal(0))
        page = SubscriptionPage(
            orders=[_order(order) for order in orders],
            bills=[_bill(invoice, today) for invoice in invoices],
            owed=euros(owed) if owed else "",
            is_overdue=any(_state(invoice, today) is BillState.OVERDUE for invoice in invoices),
        )
        subscription = own.own_subscription(today)
        if subscription is None:
            return page
        lines = _lines(own.own_items(subscription.ref, today), orders, subscription)
        return replace(
            page,
            lines=[PlanLine(_name(line), _price([line])) for line in lines],
            rhythm=subscription.rhythm,
            starts_on=subscription.starts_on,
            ends_on=subscription.ends_on,
            total=_price(lines) if lines else "",
            next_on=_next_on(subscription, invoices),
        )

    def bill_file(self, ref: uuid.UUID, kind: str) -> tuple[str, bytes] | None:
        """Return the number and the ``pdf`` or ``xml`` of a document of the practice; None for any other."""
        return own.own_file(ref, InvoiceFile.Kind(kind))

    def order_file(self, ref: uuid.UUID) -> tuple[str, bytes] | None:
        """Return the number and the PDF of a signed order of the practice; None for any other."""
        return own.own_order_file(ref)


def _order(order: OwnOrder) -> SignedOrder:
    return SignedOrder(order.ref, order.number, day_in_paris(order.signed_at), order.has_file)


def _bill(invoice: OwnInvoice, today: dt.date) -> Bill:
    return Bill(
        ref=invoice.ref,
        number=invoice.number,
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        amount=euros(invoice.gross),
        owed=euros(invoice.balance) if invoice.balance > 0 else "",
        state=_state(invoice, today),
        corrects=invoice.corrects or "",
    )


def _state(invoice: OwnInvoice, today: dt.date) -> BillState:
    if invoice.corrects or invoice.credited >= invoice.gross:
        return BillState.CREDIT
    if invoice.balance <= 0:
        return BillState.PAID
    return BillState.OVERDUE if invoice.due_on < today else BillState.OPEN


def _lines(
    items: Iterable[OwnItem], orders: Iterable[OwnOrder], subscription: OwnSubscription
) -> list[OrderLine]:
    """Return the products with the VAT of their order; a product that came later has that of its first line."""
    signed = next((order for order in orders if order.number == subscription.order_number), None)
    if signed is None or signed.snapshot is None:
        return []
    agreed = from_json(signed.snapshot).lines
    by_name = {line.name: line for line in agreed}
    return [
        replace(
            by_name.get(item.name, agreed[0]),
            name=item.name,
            quantity=item.quantity,
            unit_price=item.unit_price,
        )
        for item in items
    ]


def _name(line: OrderLine) -> str:
    count = line.quantity.normalize()
    return line.name if count == 1 else f"{line.name} × {count:f}".replace(".", ",")


def _price(lines: Iterable[OrderLine]) -> str:
    return euros(totals(lines).gross)


def _next_on(subscription: OwnSubscription, invoices: Iterable[OwnInvoice]) -> dt.date | None:
    """Return the day on which the next period begins and is invoiced; None after the end."""
    ends = [
        invoice.period_end for invoice in invoices if invoice.period_end and not invoice.corrects
    ]
    start, _end = period_after(
        subscription.starts_on,
        anchor_day=subscription.anchor_day,
        rhythm=subscription.rhythm,
        invoiced_to=max(ends, default=None),
    )
    return None if subscription.ends_on and start >= subscription.ends_on else start
