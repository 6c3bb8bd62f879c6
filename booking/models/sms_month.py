"""How many SMS a practice has had sent in a calendar month."""

from django.db import models
from django.db.models import Q

from tenants.personal_data import declare


class SmsMonth(models.Model):
    """The SMS of one calendar month in Europe/Paris: the house pays them in that zone, whatever the territory."""

    month = models.DateField(unique=True)
    """The first day of the month."""
    used = models.IntegerField(default=0)

    personal_data = declare(subjects="aucune personne", harmless=("id", "month", "used"))

    class Meta:
        """The count only grows."""

        constraints = (
            models.CheckConstraint(condition=Q(used__gte=0), name="sms_month_counts_up"),
            models.CheckConstraint(condition=Q(month__day=1), name="sms_month_is_a_month"),
        )

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"
