"""Subscriptions to the daily digest by e-mail."""

from django.conf import settings
from django.db import models

from tenants.personal_data import declare


class DigestSubscription(models.Model):
    """One user who receives the digest; without a row none is sent."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    since = models.DateTimeField()

    personal_data = declare(
        subjects="utilisateurs du cabinet",
        purpose="envoyer le résumé de la journée à qui le demande",
        legal_basis="6.1.b",
        recipients=("cabinet", "lib-rdv"),
        source="la personne elle-même",
        retention="jusqu’à ce qu’elle l’arrête",
        personal={"user": "compte", "since": "date du choix"},
        harmless=("id",),
    )

    def __str__(self) -> str:
        return str(self.pk)
