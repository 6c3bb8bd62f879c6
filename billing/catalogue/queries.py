"""Reading products and their prices, inside the unit ``public``."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import DateField, DecimalField, OuterRef, QuerySet, Subquery

from billing.catalogue.models import Price, Product


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A product with its unit price on a day, without VAT; ``net`` is None before its first price.

    ``next_from`` is the day of the next price, when one is set already.
    """

    product: Product
    net: Decimal | None
    next_from: dt.date | None


def find_product(code: str) -> Product | None:
    """Return the product of this code, or None."""
    return Product.objects.filter(code=code).first()


def product_rows(*, on: dt.date) -> list[ProductRow]:
    """Return all products by code with their prices on a day in Paris, with one query; the offered ones first."""
    valid = Price.objects.filter(product=OuterRef("pk"), valid_from__lte=on)
    later = Price.objects.filter(product=OuterRef("pk"), valid_from__gt=on)
    found: QuerySet[Product] = Product.objects.annotate(
        net=Subquery(
            valid.order_by("-valid_from", "-id").values("net")[:1],
            output_field=DecimalField(null=True),
        ),
        next_from=Subquery(
            later.order_by("valid_from").values("valid_from")[:1],
            output_field=DateField(null=True),
        ),
    ).order_by("-is_offered", "code")
    return [
        ProductRow(row, getattr(row, "net", None), getattr(row, "next_from", None)) for row in found
    ]


def price_on(product: Product, day: dt.date) -> Price | None:
    """Return the price that a document of a day in Paris uses (F-34): of several for one day, the newest."""
    return product.prices.filter(valid_from__lte=day).order_by("-valid_from", "-id").first()


def prices_of(product: Product) -> list[Price]:
    """Return all prices of a product, the newest first, replaced ones too."""
    return list(product.prices.order_by("-valid_from", "-id"))
