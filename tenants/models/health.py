"""What a worker last counted in a client's space: how it works, without a person in it."""

from django.db import models

from tenants.models.tenant import Tenant
from tenants.personal_data import declare


class Health(models.Model):
    """Numbers, a day and an instant, one row per client. The desk reads these and no schema."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="health")

    class Invitation(models.TextChoices):
        """Where the invitation of the owner stands; to whom it went is on the order."""

        NONE = "none", "Aucune"
        OPEN = "open", "Envoyée"
        EXPIRED = "expired", "Périmée"
        ACCEPTED = "accepted", "Acceptée"
        WITHDRAWN = "withdrawn", "Retirée"

    owner_invitation = models.CharField(max_length=10, choices=Invitation, default=Invitation.NONE)
    owner_invited_until = models.DateTimeField(null=True)
    last_booked_on = models.DateField(null=True)
    """The local day on which somebody last took an appointment."""
    failed_messages = models.IntegerField(default=0)
    """Messages of the last seven days that could not be handed over."""
    overdue_erasures = models.IntegerField(default=0)
    reminders_at_risk = models.IntegerField(default=0)
    waiting_since = models.DateTimeField(null=True)
    """When the oldest message that is due now became due."""
    checked_at = models.DateTimeField()

    personal_data = declare(
        subjects="aucune personne",
        harmless=(
            "id",
            "tenant",
            "owner_invitation",
            "owner_invited_until",
            "last_booked_on",
            "failed_messages",
            "overdue_erasures",
            "reminders_at_risk",
            "waiting_since",
            "checked_at",
        ),
    )

    class Meta:
        """Counts do not go below zero; the desk asks which ones are above it."""

        constraints = (
            models.CheckConstraint(
                condition=models.Q(
                    failed_messages__gte=0, overdue_erasures__gte=0, reminders_at_risk__gte=0
                ),
                name="health_counts",
            ),
        )

    def __str__(self) -> str:
        return str(self.tenant_id)
