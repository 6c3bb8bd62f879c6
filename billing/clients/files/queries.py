"""Reading the files of clients for the staff pages, inside the unit ``public``."""

import re
import uuid

from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet

from billing.clients.models import Client, ClientAddress
from tenants.models import Tenant

PER_PAGE = 50


def find_file(ref: uuid.UUID) -> Client | None:
    """Return the client with its practice and its addresses, or None."""
    return _with_all().filter(ref=ref).first()


def file_of(tenant: Tenant) -> Client | None:
    """Return the client of a practice; None for a practice without a file."""
    return Client.objects.filter(tenant=tenant).first()


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
