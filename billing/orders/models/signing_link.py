"""A link by which a client reads, signs or withdraws from an order without an account."""

from django.db import models

from billing.orders.models.order import Order
from tenants.personal_data import declare


class SigningLink(models.Model):
    """The SHA-256 of the token of a link in an e-mail; the token itself is not stored."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="links")
    token_hash = models.BinaryField(max_length=32, unique=True)
    expires_at = models.DateTimeField()

    personal_data = declare(
        subjects="aucune personne", harmless=("id", "order", "token_hash", "expires_at")
    )

    def __str__(self) -> str:
        return f"link:{self.order_id}"
