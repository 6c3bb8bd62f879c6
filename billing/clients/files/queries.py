"""Reading the files of clients for the staff pages, inside the unit ``public``."""

import re
import uuid
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet

from billing.clients.models import Client, ClientAddress
from billing.territories import Territory, UnknownPostcode, territory_of
from tenants.models import Tenant

PER_PAGE = 50
_COLUMNS = (
    "legal_form",
    "legal_name",
    "trade_name",
    "siren",
    "siret",
    "vat_number",
    "email",
    "phone",
)
_ADDRESS_COLUMNS = ("street", "building", "postcode", "town", "country")


def find_file(ref: uuid.UUID) -> Client | None:
    """Return the client with its practice and its addresses, or None."""
    return _with_all().filter(ref=ref).first()


def file_of(tenant: Tenant) -> Client | None:
    """Return the client of a practice; None for a practice without a file."""
    return Client.objects.filter(tenant=tenant).first()


def establishment_of(client: Client) -> ClientAddress | None:
    """Return the address of the establishment; no query for a client read with its addresses."""
    return _address(client, ClientAddress.Kind.ESTABLISHMENT)


def billing_address_of(client: Client) -> ClientAddress | None:
    """Return the address of the invoices where it differs from the establishment."""
    return _address(client, ClientAddress.Kind.BILLING)


def others_with_siren(client: Client, *, limit: int = 5) -> list[Client]:
    """Return other files with the same SIREN: mostly a client typed twice."""
    if not client.siren:
        return []
    return list(Client.objects.filter(siren=client.siren).exclude(pk=client.pk)[:limit])


def suggested_territory(client: Client) -> Territory | None:
    """Return what the address of the establishment suggests (F-12); None without a readable address."""
    address = establishment_of(client)
    if address is None:
        return None
    try:
        return territory_of(address.country, address.postcode)
    except UnknownPostcode:
        return None


def identity_values(client: Client) -> dict[str, Any]:
    """Return the stored values of the form of the identity, by field name, read now."""
    headcount = {None: "", True: "yes", False: "no"}[client.headcount_at_most_five]
    values: dict[str, Any] = {name: getattr(client, name) for name in _COLUMNS}
    values["headcount"] = headcount
    rows = {row.kind: row for row in ClientAddress.objects.filter(client=client)}
    for kind, prefix in (("establishment", ""), ("billing", "billing_")):
        for name in _ADDRESS_COLUMNS:
            default = "FR" if name == "country" else ""
            values[prefix + name] = getattr(rows[kind], name) if kind in rows else default
    return values


def ordered_values(tenant: Tenant) -> dict[str, str]:
    """Return what the order of a practice says of its client; no staff page reads inside a practice (ADR 16)."""
    return {
        "legal_name": tenant.owner_name,
        "trade_name": tenant.name,
        "email": tenant.owner_email,
    }


def files_page(*, text: str, number: str | None) -> Page[Client]:
    """Return a page of the files by name; a wrong number is the nearest page, an empty text filters nothing."""
    found = _with_all()
    if text:
        found = found.filter(_matches(text))
    return Paginator(found.order_by("legal_name", "id"), PER_PAGE).get_page(number)


def files_matching(text: str, *, limit: int) -> list[Client]:
    """Return at most ``limit`` files by name that match a text, which is not empty."""
    return list(_with_all().filter(_matches(text)).order_by("legal_name", "id")[:limit])


def _with_all() -> QuerySet[Client]:
    return Client.objects.select_related("tenant").prefetch_related("addresses")


def _address(client: Client, kind: ClientAddress.Kind) -> ClientAddress | None:
    return next((address for address in client.addresses.all() if address.kind == kind), None)


def _matches(text: str) -> Q:
    """Return the condition: name, trade name, e-mail or town holds the text, or the SIREN begins with it."""
    in_town = ClientAddress.objects.filter(client=OuterRef("pk"), town__icontains=text)
    matches = (
        Q(legal_name__icontains=text)
        | Q(trade_name__icontains=text)
        | Q(email__icontains=text)
        | Q(Exists(in_town))
    )
    digits = re.sub(r"\s", "", text)
    # A SIRET begins with its SIREN, and is what a client copies from its invoices.
    if digits.isascii() and digits.isdigit():
        matches |= Q(siren__startswith=digits) | Q(siret__startswith=digits)
    return matches
