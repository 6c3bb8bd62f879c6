"""The postal addresses of a client."""

from django.db import models
from django.db.models import Q

from billing.clients.models.client import Client
from tenants.personal_data import declare


class ClientAddress(models.Model):
    """A structured address: that of the establishment, and that of the invoices where it differs (G-04)."""

    class Kind(models.TextChoices):
        """What the address is for."""

        ESTABLISHMENT = "establishment", "Établissement"
        BILLING = "billing", "Facturation"

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="addresses")
    kind = models.CharField(max_length=13, choices=Kind)
    street = models.CharField(max_length=120)
    building = models.CharField(max_length=120, blank=True, default="")
    postcode = models.CharField(max_length=12)
    town = models.CharField(max_length=80)
    country = models.CharField(max_length=2, default="FR")
    """ISO 3166-1, two letters."""

    personal_data = declare(
        subjects="clients",
        purpose="exécuter le contrat et facturer",
        legal_basis="6.1.b",
        recipients=("lib-rdv", "expert-comptable"),
        source="bon de commande",
        retention="contrat, puis 5 ans en archive",
        personal={
            "street": "adresse",
            "building": "adresse",
            "postcode": "adresse",
            "town": "adresse",
            "country": "adresse",
        },
        harmless=("id", "client", "kind"),
    )

    class Meta:
        """One address of each kind; the country is an ISO code."""

        constraints = (
            models.UniqueConstraint(fields=("client", "kind"), name="client_address_once"),
            models.CheckConstraint(
                condition=Q(kind__in=("establishment", "billing")), name="client_address_kind"
            ),
            models.CheckConstraint(
                condition=Q(country__regex="^[A-Z]{2}$"), name="client_address_country"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind}:{self.client_id}"
