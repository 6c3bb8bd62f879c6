"""The parts of a payment by VAT rate (F-14)."""

from django.db import models

from billing.invoicing.models.invoice import declare_accounting
from billing.invoicing.models.payment import Payment


class Allocation(models.Model):
    """The part of a payment, VAT included, that belongs to one VAT category and rate; insert only.

    VAT of services is due when they are paid: returns and e-reporting sum these rows by day and rate.
    """

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="allocations")
    category = models.CharField(max_length=2)
    """UNTDID 5305: S, E, AE or O."""
    rate = models.DecimalField(max_digits=5, decimal_places=2)
    amount = models.DecimalField(max_digits=12, decimal_places=2)

    personal_data = declare_accounting(
        personal={"amount": "montant payé"},
        harmless=("id", "payment", "category", "rate"),
    )

    class Meta:
        """One part for each category and rate."""

        constraints = (
            models.UniqueConstraint(
                fields=("payment", "category", "rate"), name="allocation_once_a_rate"
            ),
        )

    def __str__(self) -> str:
        return f"{self.payment_id}:{self.category}{self.rate}"
