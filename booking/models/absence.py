"""Time in which a practitioner does not receive: leave, or a blocked hour."""

from django.db import models
from django.db.models import F, Q

from booking.models.practitioner import Practitioner
from tenants.personal_data import declare
from tenants.refs import new_ref


class Absence(models.Model):
    """An interval of instants [starts_at, ends_at); without a practitioner, of the whole practice (B-16)."""

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    practitioner = models.ForeignKey(
        Practitioner, on_delete=models.CASCADE, null=True, blank=True, related_name="absences"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    label = models.CharField(max_length=60, blank=True, default="")
    public_message = models.CharField(max_length=160, blank=True, default="")

    personal_data = declare(
        subjects="praticiens",
        purpose="ne pas proposer de créneau",
        legal_basis="6.1.b",
        recipients=("cabinet",),
        source="le client",
        retention="contrat",
        personal={"practitioner": "identité", "label": "organisation"},
        harmless=("id", "ref", "starts_at", "ends_at", "public_message"),
    )

    class Meta:
        """Ordered by start; indexed by end."""

        ordering = ("starts_at", "id")
        indexes = (models.Index(fields=("ends_at",), name="absence_ends"),)
        constraints = (
            models.CheckConstraint(condition=Q(starts_at__lt=F("ends_at")), name="absence_range"),
        )

    def __str__(self) -> str:
        return self.ref.hex
