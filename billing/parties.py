"""Who stands on a document of billing: names and addresses, copied and frozen (F-21). Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; ``building`` is its second line, ``country`` an ISO 3166-1 code (``country_of``)."""

    street: str
    postcode: str
    town: str
    country: str = "FR"
    building: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """Seller or buyer. ``name`` holds "EI" for a sole trader; empty texts are unknown values."""

    name: str
    address: Address
    siren: str = ""
    siret: str = ""
    vat_number: str = ""
    trade_name: str = ""
    legal_info: str = ""  # BT-33, seller only: legal form, capital, register
    email: str = ""
    phone: str = ""
    endpoint: str = ""  # BT-34, BT-49: address of e-invoicing
    endpoint_scheme: str = "0225"  # directory of e-invoicing; EM is an e-mail address
    billing_address: Address | None = None  # buyer only, where it differs from the establishment
