"""A practitioner, who receives patients and has one agenda."""

from django.conf import settings
from django.db import models

from tenants.personal_data import declare
from tenants.refs import new_ref


class Practitioner(models.Model):
    """One practitioner with one agenda; ``user`` is the account of the person, if there is one."""

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="practitioner",
    )
    name = models.CharField(max_length=80)
    title = models.CharField(max_length=60, blank=True, default="")
    position = models.SmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)
    # Whether a mail says that a colleague has moved a visit to this agenda.
    notifies_received = models.BooleanField(default=True, db_default=True)

    personal_data = declare(
        subjects="praticiens",
        purpose="dire avec qui le rendez-vous est pris",
        legal_basis="6.1.b",
        recipients=("public",),
        source="le client",
        retention="contrat",
        personal={"name": "identité", "title": "profession", "user": "compte"},
        harmless=("id", "ref", "position", "is_active", "notifies_received"),
    )

    class Meta:
        """Ordered as the practice chose."""

        ordering = ("position", "id")

    def __str__(self) -> str:
        return self.name
