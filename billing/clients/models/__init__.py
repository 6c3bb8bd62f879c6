"""The tables of clients, in ``public`` only."""

from billing.clients.models.client import Client
from billing.clients.models.client_address import ClientAddress
from billing.clients.models.identity_statement import IdentityStatement

__all__ = ["Client", "ClientAddress", "IdentityStatement"]
