"""The first tab of a client's file: legal identity, contact, addresses, territory."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from billing.clients.identity import name_on_documents
from billing.clients.models import Client, ClientAddress
from billing.clients.tabs import ClientTab
from tenants.desk.fragments import Fragment


def identity(client: Client, now: datetime) -> Fragment:
    """Return the identity as documents write it."""
    addresses = {address.kind: address for address in client.addresses.all()}
    context = {
        "client": client,
        "name": name_on_documents(client.legal_name, is_sole_trader=client.is_sole_trader),
        "establishment": addresses.get(ClientAddress.Kind.ESTABLISHMENT),
        "billing": addresses.get(ClientAddress.Kind.BILLING),
    }
    return Fragment("clients/tabs/identity.html", context)


TAB = ClientTab("identite", _("Identité"), order=10, read=identity)
