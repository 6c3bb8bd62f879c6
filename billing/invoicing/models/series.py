"""The series of numbers: one of invoices and one of credit notes for each year (F-03)."""

from django.db import models
from django.db.models import Q

from tenants.personal_data import declare


class Series(models.Model):
    """A series: its last number and day, and the hash of its last document, from its genesis on.

    The database lets it move by one number only, makes a row by ``invoicing_open_series`` only, and deletes none
    (ADR 83). Its row is the lock of everything that counts issued documents.
    """

    code = models.CharField(max_length=5, unique=True)
    """``F2026`` for invoices, ``A2026`` for credit notes."""
    last = models.PositiveIntegerField(default=0)
    last_on = models.DateField()
    head = models.BinaryField(max_length=32)

    personal_data = declare(
        subjects="aucune personne", harmless=("id", "code", "last", "last_on", "head")
    )

    class Meta:
        """The code holds kind and year."""

        constraints = (
            models.CheckConstraint(condition=Q(code__regex="^[FA]20[0-9]{2}$"), name="series_code"),
        )

    def __str__(self) -> str:
        return self.code
