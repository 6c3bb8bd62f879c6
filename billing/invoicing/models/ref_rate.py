"""The reference rates of late interest, from a day on (F-08)."""

from django.db import models
from django.db.models import Q

from tenants.personal_data import declare


class RefRate(models.Model):
    """Rates in per cent: main refinancing rate of the ECB, legal interest of professionals.

    Insert only: a correction is a new row, and of several rows for one day the newest counts.
    """

    valid_from = models.DateField()
    ecb = models.DecimalField(max_digits=5, decimal_places=2)
    legal = models.DecimalField(max_digits=5, decimal_places=2)

    personal_data = declare(
        subjects="aucune personne", harmless=("id", "valid_from", "ecb", "legal")
    )

    class Meta:
        """The newest first; the legal rate is not negative (that of the ECB has been)."""

        ordering = ("-valid_from", "-id")
        constraints = (models.CheckConstraint(condition=Q(legal__gte=0), name="ref_rate_legal"),)

    def __str__(self) -> str:
        return str(self.valid_from)
