"""The invitation of a person to a practice by a link; the application never sends a password (S-06)."""

from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from tenants.accounts.models.membership import LONGEST_REPLACEMENT, Role
from tenants.personal_data import declare
from tenants.refs import new_ref


class Invitation(models.Model):
    """A single-use link with an expiry. The keyring derives the token; only its hash is stored."""

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    email = models.EmailField()
    name = models.CharField(max_length=120, blank=True, default="")
    role = models.CharField(max_length=12, choices=Role)
    from_on = models.DateField(null=True)
    until_on = models.DateField(null=True)
    practitioner_ref = models.UUIDField(null=True)
    entrusted = ArrayField(models.UUIDField(), default=list)
    token_hash = models.BinaryField(max_length=32, unique=True)
    generation = models.IntegerField(default=0)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    personal_data = declare(
        subjects="utilisateurs",
        purpose="inviter une personne à ouvrir son compte",
        legal_basis="6.1.b",
        recipients=("cabinet", "lib-rdv"),
        source="titulaire du cabinet ou lib-rdv",
        retention="30 jours après la fin de l'invitation",
        personal={"email": "contact", "name": "identité", "role": "rôle"},
        harmless=(
            "id",
            "ref",
            "from_on",
            "until_on",
            "practitioner_ref",
            "entrusted",
            "token_hash",
            "generation",
            "invited_by",
            "created_at",
            "expires_at",
            "accepted_at",
            "revoked_at",
        ),
    )

    class Meta:
        """The newest invitations first. A replacement has both dates and a longest length."""

        ordering = ("-created_at", "-id")
        constraints = (
            models.CheckConstraint(
                condition=~models.Q(role=Role.REPLACEMENT)
                | models.Q(
                    from_on__isnull=False,
                    until_on__isnull=False,
                    until_on__lte=models.ExpressionWrapper(
                        models.F("from_on") + models.Value(LONGEST_REPLACEMENT.days),
                        output_field=models.DateField(),
                    ),
                ),
                name="accounts_invitation_longest_replacement",
            ),
        )

    def __str__(self) -> str:
        return self.ref.hex

    def is_open(self, *, now: datetime) -> bool:
        """Return whether the link is valid: neither accepted, nor revoked, nor expired."""
        return self.accepted_at is None and self.revoked_at is None and now < self.expires_at
