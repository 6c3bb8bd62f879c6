"""The change of a sign-in address: a link confirms it, another link undoes it for 72 hours."""

from datetime import datetime

from django.conf import settings
from django.db import models

from tenants.personal_data import declare
from tenants.refs import new_ref


class EmailChange(models.Model):
    """One requested change. The keyring derives both tokens; only their hashes are stored (S-06)."""

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="email_changes"
    )
    old_email = models.EmailField()
    new_email = models.EmailField()
    confirm_hash = models.BinaryField(max_length=32, unique=True)
    undo_hash = models.BinaryField(max_length=32, unique=True)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    undo_until = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    personal_data = declare(
        subjects="utilisateurs",
        purpose="changer l’adresse de connexion, et revenir à l’ancienne si ce n’était pas voulu",
        legal_basis="6.1.b",
        recipients=("cabinet", "lib-rdv"),
        source="la personne elle-même",
        retention="72 heures après la confirmation, 24 heures sans elle",
        personal={"user": "compte", "old_email": "contact", "new_email": "contact"},
        harmless=(
            "id",
            "ref",
            "confirm_hash",
            "undo_hash",
            "asked_at",
            "expires_at",
            "confirmed_at",
            "undo_until",
            "closed_at",
        ),
    )

    class Meta:
        """At most one open request per account; the undo period follows the confirmation."""

        constraints = (
            models.UniqueConstraint(
                fields=("user",),
                condition=models.Q(confirmed_at__isnull=True, closed_at__isnull=True),
                name="accounts_email_change_open_once",
            ),
            models.CheckConstraint(
                condition=models.Q(confirmed_at__isnull=True, undo_until__isnull=True)
                | models.Q(confirmed_at__isnull=False, undo_until__gt=models.F("confirmed_at")),
                name="accounts_email_change_can_be_undone",
            ),
        )

    def __str__(self) -> str:
        return self.ref.hex

    def may_confirm(self, *, now: datetime) -> bool:
        """Return whether the link sent to the new address may still confirm the change."""
        return self.confirmed_at is None and self.closed_at is None and now < self.expires_at

    def may_undo(self, *, now: datetime) -> bool:
        """Return whether the link sent to the old address may still undo the change."""
        return self.closed_at is None and self.undo_until is not None and now < self.undo_until
