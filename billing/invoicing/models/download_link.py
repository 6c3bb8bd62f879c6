"""A link by which a client opens a document without an account."""

from django.db import models

from billing.invoicing.models.invoice import Invoice
from tenants.personal_data import declare


class DownloadLink(models.Model):
    """The SHA-256 of the token of a link in an e-mail; the token itself is not stored. Deleted after its end."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="links")
    token_hash = models.BinaryField(max_length=32, unique=True)
    expires_at = models.DateTimeField()

    personal_data = declare(
        subjects="aucune personne", harmless=("id", "invoice", "token_hash", "expires_at")
    )

    def __str__(self) -> str:
        return f"link:{self.invoice_id}"
