"""The files of an order."""

from django.db import models
from django.db.models import Q

from billing.orders.models.order import Order
from tenants.personal_data import declare


class OrderFile(models.Model):
    """A document of an order, insert only: the signed form, its proof, or the receipt of a disbursement (F-15)."""

    class Kind(models.TextChoices):
        """What the file is."""

        FORM = "form", "Bon de commande"
        PROOF = "proof", "Preuve de signature"
        WITHDRAWAL = "withdrawal", "Rétractation"
        RECEIPT = "receipt", "Justificatif de débours"

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="files")
    kind = models.CharField(max_length=10, choices=Kind)
    data = models.BinaryField()
    sha256 = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()

    personal_data = declare(
        subjects="clients et leurs signataires",
        purpose="conclure et exécuter le contrat",
        legal_basis="6.1.b",
        recipients=("lib-rdv",),
        source="le client",
        retention="contrat, puis 5 ans en archive",
        personal={"data": "document du contrat"},
        harmless=("id", "order", "kind", "sha256", "created_at"),
    )

    class Meta:
        """The kind is a known one."""

        constraints = (
            models.CheckConstraint(
                condition=Q(kind__in=("form", "proof", "withdrawal", "receipt")),
                name="order_file_kind",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind}:{self.order_id}"
