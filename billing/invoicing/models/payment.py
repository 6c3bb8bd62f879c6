"""What was paid on an invoice, and what was taken back."""

from django.db import models
from django.db.models import Q

from billing.invoicing.models.invoice import Invoice, declare_accounting
from tenants.refs import new_ref


class Payment(models.Model):
    """An amount received for an invoice, insert only; a returned debit or a refund is a negative row."""

    class Kind(models.TextChoices):
        """How the money moved."""

        DEBIT = "debit", "Prélèvement"
        TRANSFER = "transfer", "Virement"
        CARD = "card", "Carte"
        CHEQUE = "cheque", "Chèque"
        RETURN = "return", "Rejet de prélèvement"
        REFUND = "refund", "Remboursement"

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="payments")
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    on = models.DateField()
    """The day on which the bank booked it."""
    kind = models.CharField(max_length=8, choices=Kind)
    reference = models.CharField(max_length=80, blank=True, default="")
    """Of the bank or of staff; never a person's name."""
    recorded_at = models.DateTimeField()

    personal_data = declare_accounting(
        personal={"reference": "référence du paiement"},
        harmless=("id", "ref", "invoice", "amount", "on", "kind", "recorded_at"),
    )

    class Meta:
        """What takes money back is negative, anything else positive; the same movement is recorded once."""

        ordering = ("on", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("invoice", "kind", "on", "reference", "amount"), name="payment_once"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=("debit", "transfer", "card", "cheque"), amount__gt=0)
                | Q(kind__in=("return", "refund"), amount__lt=0),
                name="payment_sign",
            ),
        )

    def __str__(self) -> str:
        return self.ref.hex
