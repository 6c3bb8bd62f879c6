"""The host names under which a tenant answers."""

from django.db import models

from tenants.models.tenant import Tenant
from tenants.personal_data import declare


class Domain(models.Model):
    """One host name, lower case, without port. A custom domain serves patient pages only."""

    domain = models.CharField(max_length=253, unique=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="domains")
    is_primary = models.BooleanField(default=True)
    is_custom = models.BooleanField(default=False)
    verified_at = models.DateTimeField(null=True)

    personal_data = declare(
        subjects="clients",
        purpose="servir le site du client",
        legal_basis="6.1.b",
        recipients=("lib-rdv",),
        source="bon de commande",
        retention="contrat",
        personal={"domain": "nom de domaine"},
        harmless=("id", "tenant", "is_primary", "is_custom", "verified_at"),
    )

    class Meta:
        """A tenant has at most one primary host name."""

        constraints = (
            models.UniqueConstraint(
                fields=("tenant",), condition=models.Q(is_primary=True), name="domain_one_primary"
            ),
        )

    def __str__(self) -> str:
        return self.domain
