"""The ledger: issued invoices and credit notes (F-03, F-04, F-20, F-21)."""

from datetime import timedelta
from functools import partial

from django.db import models
from django.db.models import F, Q

from billing.invoicing.models.series import Series
from tenants.personal_data import declare

declare_accounting = partial(
    declare,
    subjects="clients",
    purpose="facturer et tenir la comptabilité",
    legal_basis="6.1.c",
    recipients=("lib-rdv", "expert-comptable", "administration fiscale"),
    source="bon de commande",
    retention="10 ans après la clôture de l’exercice",
)
"""The declaration of issued documents and payments (C. com. L.123-22)."""


class Invoice(models.Model):
    """An issued document, insert only: the database refuses a change, to its owner too (ADR 83).

    A credit note ``corrects`` an invoice; its amounts are positive. Names and addresses stand in ``snapshot``, and
    ``client_ref`` is a copy: no row of a client is referenced (F-21). The hashes chain the documents of a series.
    """

    ref = models.UUIDField(unique=True, editable=False)
    series = models.ForeignKey(Series, on_delete=models.PROTECT, related_name="documents")
    position = models.PositiveIntegerField()
    number = models.CharField(max_length=20, unique=True)
    issued_on = models.DateField()
    due_on = models.DateField()
    net = models.DecimalField(max_digits=12, decimal_places=2)
    tax = models.DecimalField(max_digits=12, decimal_places=2)
    gross = models.DecimalField(max_digits=12, decimal_places=2)
    corrects = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="credit_notes"
    )
    client_ref = models.UUIDField()
    subscription_ref = models.UUIDField(null=True, blank=True)
    period_start = models.DateField(null=True, blank=True)
    period_end = models.DateField(null=True, blank=True)
    """The first day after the period."""
    snapshot = models.JSONField()
    files_hash = models.BinaryField(max_length=32)
    prev_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)
    archive_until = models.DateField()
    """The last day on which it may not be deleted: ten years after the end of the financial year (F-20)."""

    personal_data = declare_accounting(
        personal={"client_ref": "référence du client", "snapshot": "contenu de la facture"},
        harmless=(
            "id",
            "ref",
            "series",
            "position",
            "number",
            "issued_on",
            "due_on",
            "net",
            "tax",
            "gross",
            "corrects",
            "subscription_ref",
            "period_start",
            "period_end",
            "files_hash",
            "prev_hash",
            "hash",
            "archive_until",
        ),
    )

    class Meta:
        """Each number and place once, no fork of the chain, sums that agree, ten years of archive."""

        ordering = ("series", "position")
        constraints = (
            models.UniqueConstraint(fields=("series", "position"), name="invoice_place_once"),
            models.UniqueConstraint(fields=("prev_hash",), name="invoice_no_fork"),
            models.UniqueConstraint(fields=("hash",), name="invoice_hash_once"),
            models.UniqueConstraint(
                fields=("subscription_ref", "period_start"),
                condition=Q(corrects__isnull=True),
                name="invoice_once_a_period",
            ),
            models.CheckConstraint(condition=Q(position__gt=0), name="invoice_position"),
            models.CheckConstraint(
                condition=Q(number__regex="^[A-Z0-9-]{1,20}$"), name="invoice_number"
            ),
            models.CheckConstraint(
                condition=Q(net__gte=0, tax__gte=0, gross=F("net") + F("tax")),
                name="invoice_amounts",
            ),
            models.CheckConstraint(condition=Q(due_on__gte=F("issued_on")), name="invoice_due"),
            models.CheckConstraint(
                condition=Q(archive_until__gte=F("issued_on") + timedelta(days=3650)),
                name="invoice_archive",
            ),
        )
        indexes = (models.Index(fields=("client_ref",), name="invoice_client"),)

    def __str__(self) -> str:
        return self.number
