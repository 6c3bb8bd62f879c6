"""What will be invoiced, without a number: it may be changed and deleted until it is issued."""

from django.db import models
from django.db.models import F, Q

from billing.clients.models import Client
from billing.invoicing.models.invoice import Invoice
from billing.orders.models import Subscription
from tenants.personal_data import declare
from tenants.refs import new_ref


class Draft(models.Model):
    """A draft of an invoice or, when it ``corrects`` one, of a credit note.

    Its ``ref`` becomes that of the document: a draft is issued once. ``content`` is a ``DraftContent``. The period
    is half-open, in days of Paris.
    """

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="drafts")
    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, null=True, blank=True, related_name="drafts"
    )
    period_start = models.DateField(null=True, blank=True)
    period_end = models.DateField(null=True, blank=True)
    corrects = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, null=True, blank=True, related_name="drafts_of_credit"
    )
    content = models.JSONField()
    created_at = models.DateTimeField()

    personal_data = declare(
        subjects="clients",
        purpose="facturer",
        legal_basis="6.1.b",
        recipients=("lib-rdv",),
        source="bon de commande",
        retention="jusqu’à l’émission",
        personal={"content": "lignes de la facture"},
        harmless=(
            "id",
            "ref",
            "client",
            "subscription",
            "period_start",
            "period_end",
            "corrects",
            "created_at",
        ),
    )

    class Meta:
        """A period of a subscription has one draft; a period has two ends."""

        ordering = ("created_at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("subscription", "period_start"), name="draft_once_a_period"
            ),
            models.CheckConstraint(
                condition=Q(
                    period_start__isnull=True, period_end__isnull=True, subscription__isnull=True
                )
                | Q(period_end__gt=F("period_start")),
                name="draft_period",
            ),
        )

    def __str__(self) -> str:
        return self.ref.hex
