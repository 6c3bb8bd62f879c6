"""What a signed order makes due again and again."""

from django.db import models
from django.db.models import F, Q

from billing.orders.models.order import Order
from tenants.personal_data import declare
from tenants.refs import new_ref


class Subscription(models.Model):
    """The recurring part of a signed order. Days are those of Paris; ``ends_on`` is the first day after it."""

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="subscription")
    starts_on = models.DateField()
    anchor_day = models.PositiveSmallIntegerField()
    """The day of the month at which a period begins, 1 to 31 (``amounts.add_months``)."""
    rhythm = models.CharField(max_length=5, choices=[("month", "Par mois"), ("year", "Par an")])
    ends_on = models.DateField(null=True, blank=True)

    personal_data = declare(
        subjects="aucune personne",
        harmless=("id", "ref", "order", "starts_on", "anchor_day", "rhythm", "ends_on"),
    )

    class Meta:
        """The anchor is a day of a month; the end is not before the start."""

        constraints = (
            models.CheckConstraint(
                condition=Q(anchor_day__range=(1, 31)), name="subscription_anchor"
            ),
            models.CheckConstraint(
                condition=Q(rhythm__in=("month", "year")), name="subscription_rhythm"
            ),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="subscription_end",
            ),
        )

    def __str__(self) -> str:
        return self.ref.hex
