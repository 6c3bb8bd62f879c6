"""A client as the buyer on documents (F-02, F-21)."""

from billing.clients.identity import name_on_documents
from billing.clients.models import Client, ClientAddress
from billing.parties import Address, Party
from billing.territories import Territory, country_of
from billing.vat import BuyerKind

NOWHERE = Address("", "", "")
"""The address of a client that has none: no invoice is drawn with it."""


def buyer_of(client: Client) -> Party:
    """Return a client as the buyer on documents; what is unknown stays empty."""
    addresses = {address.kind: _address(address, client) for address in client.addresses.all()}
    establishment = addresses.get(ClientAddress.Kind.ESTABLISHMENT, NOWHERE)
    return Party(
        name=name_on_documents(client.legal_name, is_sole_trader=client.is_sole_trader),
        address=establishment,
        siren=client.siren,
        siret=client.siret,
        vat_number=client.vat_number,
        trade_name=client.trade_name,
        email=client.email,
        phone=client.phone,
        endpoint=client.siren or client.email,
        endpoint_scheme="0225" if client.siren else "EM",
        billing_address=addresses.get(ClientAddress.Kind.BILLING),
    )


def buyer_kind(client: Client) -> BuyerKind:
    """Return what VAT knows of a client: all are professionals (G-03)."""
    return BuyerKind.IDENTIFIED if client.vat_number else BuyerKind.TAXABLE


def _address(address: ClientAddress, client: Client) -> Address:
    is_establishment = address.kind == ClientAddress.Kind.ESTABLISHMENT and client.territory
    country = (
        country_of(Territory(client.territory), address.country)
        if is_establishment
        else address.country
    )
    return Address(address.street, address.postcode, address.town, country, address.building)
