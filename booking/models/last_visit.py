"""The last audit event that each member of the practice has seen in the list of changes."""

from django.conf import settings
from django.db import models

from tenants.personal_data import declare


class LastVisit(models.Model):
    """The last AuditEvent shown to a user when they pressed "vu".

    A key and not an instant: events of the same second are neither lost nor shown twice.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    event_id = models.BigIntegerField()
    seen_at = models.DateTimeField()

    personal_data = declare(
        subjects="utilisateurs du cabinet",
        purpose="montrer à chacun ce qui a changé depuis sa dernière visite",
        legal_basis="6.1.f",
        recipients=("cabinet",),
        source="usage du service",
        retention="durée du compte",
        personal={"user": "compte", "seen_at": "date de la dernière lecture"},
        harmless=("id", "event_id"),
    )

    def __str__(self) -> str:
        return str(self.event_id)
