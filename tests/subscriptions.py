"""Signed orders and their subscriptions in tests. All fictitious."""

import datetime as dt
from decimal import Decimal
from typing import Any

from billing.catalogue.models import Product
from billing.clients.models import Client
from billing.orders.models import Order, OrderItem, Subscription, SubscriptionItem
from tests.ledger import NOW


def make_product(code: str = "plan", **fields: Any) -> Product:
    """Return the product of a code, made when it does not exist: a monthly service of a practice."""
    values = {"name": "Abonnement", "rhythm": "month", **fields}
    return Product.objects.get_or_create(code=code, defaults=values)[0]


def make_order(client: Client, *, number: str = "B2026-0001", **fields: Any) -> Order:
    """Create an order that was signed at NOW in lib-rdv's office."""
    values: dict[str, Any] = {
        "state": Order.State.SIGNED,
        "place_of_signature": "office",
        "signatory_name": "Anaïs Fictive",
        "snapshot": {},
        "sha256": b"0" * 32,
        "created_at": NOW,
        "signed_at": NOW,
    }
    return Order.objects.create(client=client, number=number, **values | fields)


def add_one_off(order: Order, price: str = "90.00", **fields: Any) -> OrderItem:
    """Add a product that is invoiced once to an order."""
    values = {"product": make_product("start", rhythm="once"), "name": "Mise en service"}
    return OrderItem.objects.create(
        order=order,
        position=order.items.count() + 1,
        quantity=1,
        unit_price=Decimal(price),
        **values | fields,
    )


def make_subscription(
    order: Order, starts_on: dt.date = dt.date(2026, 12, 1), **fields: Any
) -> Subscription:
    """Create a monthly subscription of one product at 29 euros."""
    values: dict[str, Any] = {"anchor_day": starts_on.day, "rhythm": "month"}
    made = Subscription.objects.create(order=order, starts_on=starts_on, **values | fields)
    SubscriptionItem.objects.create(
        subscription=made,
        product=make_product(),
        name="Abonnement",
        quantity=1,
        unit_price=Decimal(29),
        starts_on=starts_on,
    )
    return made
