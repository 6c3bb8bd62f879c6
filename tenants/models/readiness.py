"""The results of the go-live checks of a tenant."""

from django.db import models

from tenants.models.tenant import Tenant
from tenants.personal_data import declare


class Readiness(models.Model):
    """The latest result of one go-live check of one tenant; ``name`` is that of a registered check."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="readiness")
    name = models.CharField(max_length=40)
    is_met = models.BooleanField()
    checked_at = models.DateTimeField()

    personal_data = declare(
        subjects="aucune personne", harmless=("id", "tenant", "name", "is_met", "checked_at")
    )

    class Meta:
        """One row for each check of a tenant."""

        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("tenant", "name"), name="readiness_once"),)

    def __str__(self) -> str:
        return f"{self.name}:{self.is_met}"
