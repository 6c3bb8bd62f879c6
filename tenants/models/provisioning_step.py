"""The log of a tenant's provisioning: which step started, succeeded or failed, and when."""

from django.db import models

from tenants.models.tenant import Tenant
from tenants.personal_data import declare


class ProvisioningStep(models.Model):
    """One step, written by the provisioner; a failed attempt stores the error's code only."""

    class Name(models.TextChoices):
        """The steps of the provisioner, in order."""

        STARTED = "started", "Construction commencée"
        FAILED = "failed", "Échec, nouvel essai automatique"
        BUILT = "built", "Espace et clés créés"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="steps")
    name = models.CharField(max_length=10, choices=Name)
    error = models.CharField(max_length=80, blank=True, default="")
    at = models.DateTimeField()

    personal_data = declare(
        subjects="aucune personne", harmless=("id", "tenant", "name", "error", "at")
    )

    class Meta:
        """Ordered by insertion; only a failure has an error code."""

        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(name="failed") | models.Q(error=""),
                name="provisioning_error_of_failure",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name}:{self.tenant_id}"
