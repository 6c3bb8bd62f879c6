"""How far each member of the practice has read what changes in the agendas."""

from django.conf import settings
from django.db import models

from tenants.personal_data import declare


class LastVisit(models.Model):
    """Where somebody said "vu": the last act of the trail that was shown to them then.

    A key of the trail and not an instant: acts of the same second are neither lost nor shown twice.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    act_id = models.BigIntegerField()
    seen_at = models.DateTimeField()

    personal_data = declare(
        subjects="utilisateurs du cabinet",
        purpose="montrer à chacun ce qui a changé depuis sa dernière visite",
        legal_basis="6.1.f",
        recipients=("cabinet",),
        source="usage du service",
        retention="durée du compte",
        personal={"user": "compte", "seen_at": "date de la dernière lecture"},
        harmless=("id", "act_id"),
    )

    def __str__(self) -> str:
        return str(self.act_id)
