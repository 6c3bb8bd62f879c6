"""What staff write into the catalogue. No change reaches a document: documents copy names and prices (F-34)."""

import datetime as dt
import uuid
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from billing.catalogue.models import Price, Product
from tenants.audit.services import record

PARIS = ZoneInfo("Europe/Paris")
_NAMESPACE = uuid.UUID("7c2d1b7e-0c1c-4f0e-9f51-2f0f6f1c2a10")


class CodeTaken(Exception):
    """Another product has this code."""


class PriceInThePast(Exception):
    """A price begins today or later: documents of earlier days have used the earlier one."""


@dataclass(frozen=True, slots=True)
class NewProduct:
    """A product as staff describe it; the codes are those of ``Product``, ``net`` is a price without VAT."""

    code: str
    name: str
    kind: str
    rhythm: str
    unit: str
    net: Decimal


def add_product(*, product: NewProduct, actor: str, now: dt.datetime) -> Product:
    """Add a product with its price from today on, in Paris. Raises CodeTaken."""
    try:
        with transaction.atomic():
            row = Product.objects.create(
                code=product.code,
                name=product.name,
                kind=product.kind,
                rhythm=product.rhythm,
                unit=product.unit,
            )
    except IntegrityError as error:
        if getattr(error.__cause__, "pgcode", "") != "23505":
            raise
        raise CodeTaken from None
    Price.objects.create(product=row, valid_from=_today(now), net=product.net)
    record(verb="product.added", ref=product_ref(row), actor=actor, now=now)
    return row


def rename_product(*, product: Product, name: str, actor: str, now: dt.datetime) -> None:
    """Change the name that later documents copy."""
    Product.objects.filter(pk=product.pk).update(name=name)
    record(verb="product.renamed", ref=product_ref(product), actor=actor, now=now)


def set_price(
    *, product: Product, net: Decimal, valid_from: dt.date, actor: str, now: dt.datetime
) -> Price:
    """Add a price from a day in Paris on; an earlier row for that day no longer counts. Raises PriceInThePast."""
    if valid_from < _today(now):
        raise PriceInThePast
    price = Price.objects.create(product=product, valid_from=valid_from, net=net)
    record(verb="product.priced", ref=product_ref(product), actor=actor, now=now)
    return price


def offer_product(*, product: Product, is_offered: bool, actor: str, now: dt.datetime) -> None:
    """Let new orders hold the product, or no longer; subscriptions that hold it go on."""
    Product.objects.filter(pk=product.pk).update(is_offered=is_offered)
    verb = "product.offered" if is_offered else "product.withdrawn"
    record(verb=verb, ref=product_ref(product), actor=actor, now=now)


def product_ref(product: Product) -> uuid.UUID:
    """Return the reference of a product in the audit trail, derived from its code, which never changes."""
    return uuid.uuid5(_NAMESPACE, product.code)


def _today(now: dt.datetime) -> dt.date:
    return now.astimezone(PARIS).date()
