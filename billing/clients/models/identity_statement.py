"""The legal identity as a practice states it, for staff to take into the client's file."""

from django.db import models
from django.db.models import Q

from tenants.models import Tenant
from tenants.personal_data import declare


class IdentityStatement(models.Model):
    """The last statement of a practice. Staff decide on it: its facts enter the client's file, or do not (G-04).

    ``is_accepted`` is None until then. A later statement replaces it and is open again.
    """

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="statement")
    legal_name = models.CharField(max_length=120, blank=True, default="")
    legal_form = models.CharField(max_length=60, blank=True, default="")
    siren = models.CharField(max_length=9, blank=True, default="")
    vat_number = models.CharField(max_length=20, blank=True, default="")
    street = models.CharField(max_length=120, blank=True, default="")
    postcode = models.CharField(max_length=10, blank=True, default="")
    town = models.CharField(max_length=60, blank=True, default="")
    stated_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    is_accepted = models.BooleanField(null=True)

    personal_data = declare(
        subjects="clients",
        purpose="tenir l’identité du client à jour",
        legal_basis="6.1.b",
        recipients=("lib-rdv",),
        source="le client",
        retention="contrat",
        personal={
            "legal_name": "identité",
            "siren": "identifiant professionnel",
            "vat_number": "identifiant professionnel",
            "street": "adresse",
            "postcode": "adresse",
            "town": "adresse",
        },
        harmless=("id", "tenant", "legal_form", "stated_at", "decided_at", "is_accepted"),
    )

    class Meta:
        """The oldest first; a decision has its instant."""

        ordering = ("stated_at", "id")
        constraints = (
            models.CheckConstraint(
                condition=Q(decided_at__isnull=True, is_accepted__isnull=True)
                | Q(decided_at__isnull=False, is_accepted__isnull=False),
                name="statement_decided",
            ),
        )

    def __str__(self) -> str:
        return f"{self.tenant_id}:{self.stated_at:%Y-%m-%d}"

    @property
    def version(self) -> str:
        """Return what tells this statement from a later one of the practice: its instant in microseconds."""
        return f"{self.stated_at:%Y%m%d%H%M%S%f}"
