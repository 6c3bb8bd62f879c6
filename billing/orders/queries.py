"""Reading orders, inside the unit ``public``."""

import uuid

from billing.clients.models import Client
from billing.orders.models import Order


def find_order(ref: uuid.UUID) -> Order | None:
    """Return an order with its client, or None."""
    return Order.objects.select_related("client__tenant").filter(ref=ref).first()


def orders_of(client: Client) -> list[Order]:
    """Return the orders of a client, the newest first."""
    return list(client.orders.order_by("-created_at", "-id"))
