"""App configuration of orders."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """Orders and subscriptions, in ``public`` only."""

    name = "billing.orders"
    label = "orders"

    def ready(self) -> None:
        """Register the outbox handlers and the tab of a client's file."""
        from billing.clients.tabs import register_tab
        from billing.orders import desk, handlers

        handlers.register_all()
        register_tab(desk.CLIENT_TAB)
