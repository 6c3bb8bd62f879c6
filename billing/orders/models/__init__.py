"""The tables of orders, in ``public`` only."""

from billing.orders.models.order import Order
from billing.orders.models.order_file import OrderFile
from billing.orders.models.order_item import OrderItem
from billing.orders.models.signing_link import SigningLink
from billing.orders.models.subscription import Subscription
from billing.orders.models.subscription_item import SubscriptionItem

__all__ = [
    "Order",
    "OrderFile",
    "OrderItem",
    "SigningLink",
    "Subscription",
    "SubscriptionItem",
]
