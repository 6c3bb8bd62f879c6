"""The files of an issued document."""

from django.db import models
from django.db.models import Q

from billing.invoicing.models.invoice import Invoice, declare_accounting


class InvoiceFile(models.Model):
    """The PDF or the XML of a document as it was issued, insert only; the document's hash covers it."""

    class Kind(models.TextChoices):
        """The format."""

        PDF = "pdf", "PDF"
        XML = "xml", "XML"

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="files")
    kind = models.CharField(max_length=3, choices=Kind)
    data = models.BinaryField()
    sha256 = models.BinaryField(max_length=32)

    personal_data = declare_accounting(
        personal={"data": "contenu de la facture"},
        harmless=("id", "invoice", "kind", "sha256"),
    )

    class Meta:
        """One file of each kind."""

        constraints = (
            models.UniqueConstraint(fields=("invoice", "kind"), name="invoice_file_once"),
            models.CheckConstraint(condition=Q(kind__in=("pdf", "xml")), name="invoice_file_kind"),
        )

    def __str__(self) -> str:
        return f"{self.kind}:{self.invoice_id}"
