"""A line of an order."""

from django.db import models
from django.db.models import Q

from billing.catalogue.models import Product
from billing.orders.models.order import Order
from tenants.personal_data import declare


class OrderItem(models.Model):
    """One product of an order with its agreed price: unit price without VAT, discount a positive amount."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="items")
    position = models.PositiveSmallIntegerField()
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    quantity = models.DecimalField(max_digits=12, decimal_places=4)
    unit_price = models.DecimalField(max_digits=12, decimal_places=4)
    discount = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    discount_reason = models.CharField(max_length=100, blank=True, default="")

    personal_data = declare(
        subjects="aucune personne",
        harmless=(
            "id",
            "order",
            "position",
            "product",
            "name",
            "quantity",
            "unit_price",
            "discount",
            "discount_reason",
        ),
    )

    class Meta:
        """Ordered by position; no amount is negative, and a discount has a reason."""

        ordering = ("order", "position")
        constraints = (
            models.UniqueConstraint(fields=("order", "position"), name="order_item_position"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, unit_price__gte=0, discount__gte=0),
                name="order_item_amounts",
            ),
            models.CheckConstraint(
                condition=Q(discount=0) | ~Q(discount_reason=""), name="order_item_discount_reason"
            ),
        )

    def __str__(self) -> str:
        return f"{self.order_id}:{self.position}"
