"""The questionnaire about the practice (G-08)."""

from django.db import models
from django.db.models import Q

from tenants.personal_data import declare
from tenants.refs import new_ref


class Questionnaire(models.Model):
    """The structured answers: one row per schema. There are no uploads and no data of patients."""

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
        """At most one row per schema."""

        constraints = (
            models.CheckConstraint(condition=Q(only=True), name="website_questionnaire_is_one"),
        )

    def __str__(self) -> str:
        return self.ref.hex
