"""A client of lib-rdv: the tenant, its schema and its state."""

import secrets

from django.db import models

from tenants.personal_data import declare
from tenants.refs import new_ref
from tenants.schema import Unit, tenant_unit


def new_schema_name() -> str:
    """Return a random schema and role name: renaming a practice changes no schema (design section 12)."""
    return f"t_{secrets.token_hex(8)}"


class Tenant(models.Model):
    """One client: its schema, its state and the attestations of its order (G-03)."""

    class State(models.TextChoices):
        """The lifecycle of a tenant (G-10)."""

        ORDERED = "ordered", "Commandé"
        PROVISIONING = "provisioning", "En création"
        READY = "ready", "Créé"
        LIVE = "live", "En ligne"
        SUSPENDED = "suspended", "Suspendu"
        TERMINATED = "terminated", "Résilié"
        ERASED = "erased", "Effacé"

    SERVED = (State.READY, State.LIVE, State.SUSPENDED)
    """The states in which the tenant's host responds; patients book in state LIVE only."""

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    schema_name = models.CharField(max_length=50, unique=True, default=new_schema_name)
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=12, choices=State, default=State.ORDERED)
    schema_version = models.CharField(max_length=64, blank=True, default="")
    last_error = models.CharField(max_length=80, blank=True, default="")
    suspended_reason = models.CharField(max_length=200, blank=True, default="")
    profession = models.CharField(max_length=40, blank=True, default="")
    time_zone = models.CharField(max_length=40, default="Europe/Paris")
    territory = models.CharField(max_length=8, blank=True, default="")
    owner_email = models.EmailField(blank=True, default="")
    owner_name = models.CharField(max_length=120, blank=True, default="")
    professional_attested_at = models.DateTimeField(null=True)
    adult_attested_at = models.DateTimeField(null=True)
    attestation_text_version = models.CharField(max_length=20, blank=True, default="")
    created_at = models.DateTimeField()
    live_at = models.DateTimeField(null=True)
    suspended_at = models.DateTimeField(null=True)

    personal_data = declare(
        subjects="clients",
        purpose="exécuter le contrat",
        legal_basis="6.1.b",
        recipients=("lib-rdv",),
        source="bon de commande",
        retention="contrat, puis 5 ans en archive",
        personal={
            "name": "nom commercial",
            "owner_email": "contact",
            "owner_name": "identité",
        },
        harmless=(
            "id",
            "ref",
            "schema_name",
            "state",
            "schema_version",
            "last_error",
            "suspended_reason",
            "profession",
            "time_zone",
            "territory",
            "professional_attested_at",
            "adult_attested_at",
            "attestation_text_version",
            "created_at",
            "live_at",
            "suspended_at",
        ),
    )

    class Meta:
        """Tenants are ordered by name."""

        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.schema_name

    @property
    def unit(self) -> Unit:
        """Return the unit of work of this tenant's schema."""
        return tenant_unit(self.schema_name)
