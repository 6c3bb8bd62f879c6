"""What the practice told about itself once (G-08)."""

from django.db import models
from django.db.models import Q

from tenants.personal_data import declare
from tenants.refs import new_ref


class Questionnaire(models.Model):
    """The answers, structured: one row. No file can be given, and no patient named."""

    only = models.BooleanField(default=True, unique=True, editable=False)
    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    answers = models.JSONField(default=dict)
    answered_at = models.DateTimeField()

    personal_data = declare(
        subjects="client",
        purpose="préparer le site du cabinet",
        legal_basis="6.1.b",
        recipients=("cabinet",),
        source="le client",
        retention="contrat",
        personal={"answers": "organisation du cabinet"},
        harmless=("id", "only", "ref", "answered_at"),
    )

    class Meta:
        """One row."""

        constraints = (
            models.CheckConstraint(condition=Q(only=True), name="website_questionnaire_is_one"),
        )

    def __str__(self) -> str:
        return self.ref.hex
