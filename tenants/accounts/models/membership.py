"""The role of a user in the practice, with its dates (G-12)."""

from datetime import date, timedelta

from django.conf import settings
from django.db import models

from tenants.personal_data import declare
from tenants.refs import new_ref

LONGEST_REPLACEMENT = timedelta(days=184)
"""The longest time between the first and the last day of a replacement: six months, wherever they begin."""


class Role(models.TextChoices):
    """The roles of a practice; ``accounts.permissions`` holds their rights."""

    OWNER = "owner", "Titulaire"
    PRACTITIONER = "practitioner", "Praticien"
    SECRETARY = "secretary", "Secrétariat"
    REPLACEMENT = "replacement", "Remplaçant"


class Membership(models.Model):
    """One role of one user. Both dates are local days of the practice's zone, included."""

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=12, choices=Role)
    from_on = models.DateField(null=True)
    until_on = models.DateField(null=True)
    revoked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    """Who sent the invitation. A replacement ends with the access of this person."""

    personal_data = declare(
        subjects="utilisateurs",
        purpose="donner à chacun les droits de son rôle, entre ses dates",
        legal_basis="6.1.b",
        recipients=("cabinet",),
        source="titulaire du cabinet",
        retention="tant que le compte est ouvert",
        personal={"role": "rôle", "from_on": "dates du rôle", "until_on": "dates du rôle"},
        harmless=("id", "ref", "user", "revoked_at", "created_at", "opened_by"),
    )

    class Meta:
        """A replacement has both dates; the start is not after the end."""

        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(from_on__isnull=True)
                | models.Q(until_on__isnull=True)
                | models.Q(from_on__lte=models.F("until_on")),
                name="accounts_membership_dates",
            ),
            models.CheckConstraint(
                condition=~models.Q(role="replacement")
                | models.Q(from_on__isnull=False, until_on__isnull=False),
                name="accounts_replacement_has_dates",
            ),
        )

    def __str__(self) -> str:
        return f"{self.role}:{self.ref.hex}"

    def is_current(self, *, on: date) -> bool:
        """Return whether the role is valid on that local day of the practice."""
        return (
            self.revoked_at is None
            and (self.from_on is None or self.from_on <= on)
            and (self.until_on is None or on <= self.until_on)
        )


class MembershipScope(models.Model):
    """A practitioner whose agenda a membership reaches, besides the user's own agenda.

    A secretary without a scope reaches every agenda, with scopes only those. A replacement reaches the
    agenda of the replaced practitioner. ``practitioner_ref`` is no foreign key: this app does not import
    ``booking``.
    """

    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="scopes")
    practitioner_ref = models.UUIDField()

    personal_data = declare(
        subjects="aucune personne", harmless=("id", "membership", "practitioner_ref")
    )

    class Meta:
        """Each practitioner at most once per membership."""

        constraints = (
            models.UniqueConstraint(
                fields=("membership", "practitioner_ref"), name="accounts_scope_once"
            ),
        )

    def __str__(self) -> str:
        return self.practitioner_ref.hex
