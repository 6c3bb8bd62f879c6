"""What a worker last found when it looked whether a space can open."""

from django.db import models

from tenants.models.tenant import Tenant
from tenants.personal_data import declare


class Readiness(models.Model):
    """One named check of one tenant. The names are those of the checks that are registered."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="readiness")
    name = models.CharField(max_length=40)
    is_met = models.BooleanField()
    checked_at = models.DateTimeField()

    personal_data = declare(
        subjects="aucune personne", harmless=("id", "tenant", "name", "is_met", "checked_at")
    )

    class Meta:
        """The last word on each check."""

        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("tenant", "name"), name="readiness_once"),)

    def __str__(self) -> str:
        return f"{self.name}:{self.is_met}"
