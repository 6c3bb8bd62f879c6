"""A line of a subscription."""

from django.db import models
from django.db.models import F, Q

from billing.catalogue.models import Product
from billing.orders.models.subscription import Subscription
from tenants.personal_data import declare


class SubscriptionItem(models.Model):
    """A product with the price of each period, without VAT. A change ends one row and begins another one.

    Days are those of Paris; ``ends_on`` is the first day after it.
    """

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="items")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    quantity = models.DecimalField(max_digits=12, decimal_places=4)
    unit_price = models.DecimalField(max_digits=12, decimal_places=4)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)

    personal_data = declare(
        subjects="aucune personne",
        harmless=(
            "id",
            "subscription",
            "product",
            "name",
            "quantity",
            "unit_price",
            "starts_on",
            "ends_on",
        ),
    )

    class Meta:
        """Amounts are not negative; the end is not before the start."""

        ordering = ("subscription", "starts_on", "id")
        constraints = (
            models.CheckConstraint(
                condition=Q(quantity__gt=0, unit_price__gte=0), name="subscription_item_amounts"
            ),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="subscription_item_end",
            ),
        )

    def __str__(self) -> str:
        return f"{self.subscription_id}:{self.product_id}"
