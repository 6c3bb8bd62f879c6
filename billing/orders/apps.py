"""App configuration of orders."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """Orders and subscriptions, in ``public`` only."""

    name = "billing.orders"
    label = "orders"
