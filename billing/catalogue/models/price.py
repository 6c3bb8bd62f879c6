"""The price of a product from a day on."""

from django.db import models
from django.db.models import Q

from billing.catalogue.models.product import Product
from tenants.personal_data import declare


class Price(models.Model):
    """A unit price without VAT, in euros, from a day in Paris on (F-34).

    Insert only: a correction is a new row, and of several rows for one day the newest counts.
    """

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="prices")
    valid_from = models.DateField()
    net = models.DecimalField(max_digits=12, decimal_places=4)

    personal_data = declare(
        subjects="aucune personne", harmless=("id", "product", "valid_from", "net")
    )

    class Meta:
        """The newest first; no price is negative."""

        ordering = ("product", "-valid_from", "-id")
        constraints = (models.CheckConstraint(condition=Q(net__gte=0), name="price_not_negative"),)

    def __str__(self) -> str:
        return f"{self.product_id}:{self.valid_from}"
