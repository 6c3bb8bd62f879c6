"""The tables of the catalogue, in ``public`` only."""

from billing.catalogue.models.price import Price
from billing.catalogue.models.product import Product

__all__ = ["Price", "Product"]
