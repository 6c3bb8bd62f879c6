"""Operating figures of a tenant, counted by a worker; they contain no person."""

from django.db import models

from tenants.models.tenant import Tenant
from tenants.personal_data import declare


class Health(models.Model):
    """The latest figures of one tenant. The staff pages read this row and no tenant schema."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="health")

    class InvitationState(models.TextChoices):
        """The state of the owner's invitation; the order holds its address."""

        NONE = "none", "Aucune"
        OPEN = "open", "Envoyée"
        EXPIRED = "expired", "Périmée"
        ACCEPTED = "accepted", "Acceptée"
        WITHDRAWN = "withdrawn", "Retirée"

    owner_invitation = models.CharField(
        max_length=10, choices=InvitationState, default=InvitationState.NONE
    )
    owner_invited_until = models.DateTimeField(null=True)
    last_booked_on = models.DateField(null=True)
    """The local day of the latest booking."""
    failed_messages = models.IntegerField(default=0)
    """Messages of the last seven days whose delivery failed."""
    overdue_erasures = models.IntegerField(default=0)
    reminders_at_risk = models.IntegerField(default=0)
    waiting_since = models.DateTimeField(null=True)
    """The instant at which the oldest message that is due now became due."""
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
        """Counts are not negative."""

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
