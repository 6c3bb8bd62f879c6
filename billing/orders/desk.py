"""What orders add to the staff pages: the tab of a client's file."""

from datetime import datetime

from django.utils.translation import gettext_lazy

from billing.clients.models import Client
from billing.clients.tabs import ClientTab
from billing.orders import queries
from tenants.desk.fragments import Fragment


def read_tab(client: Client, now: datetime) -> Fragment:
    """Return the orders of a client."""
    return Fragment("orders/tab.html", {"client": client, "orders": queries.orders_of(client)})


CLIENT_TAB = ClientTab("commandes", gettext_lazy("Bons de commande"), order=20, read=read_tab)
