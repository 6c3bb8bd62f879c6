"""The professional who ordered lib-rdv: legal identity, territory, contact (G-04)."""

from django.db import models
from django.db.models import Q

from billing.clients.identity import LegalForm
from billing.territories import Territory
from tenants.models import Tenant
from tenants.personal_data import declare
from tenants.refs import new_ref


def _choices(values: type[LegalForm] | type[Territory]) -> list[tuple[str, str]]:
    return [(value.value, value.value) for value in values]


class Client(models.Model):
    """One client. Each fact of its identity stands here only; issued invoices hold copies (F-21).

    ``billing.clients.identity`` reads the numbers; an empty text is an unknown value. ``tenant`` is None before
    the signature of the first order.
    """

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    tenant = models.OneToOneField(
        Tenant, on_delete=models.PROTECT, null=True, blank=True, related_name="client"
    )
    legal_name = models.CharField(max_length=120)
    legal_form = models.CharField(
        max_length=12, choices=_choices(LegalForm), blank=True, default=""
    )
    is_sole_trader = models.BooleanField(default=False)
    """Documents then write "EI" after the name (C. com. R.526-27)."""
    trade_name = models.CharField(max_length=120, blank=True, default="")
    siren = models.CharField(max_length=9, blank=True, default="")
    siret = models.CharField(max_length=14, blank=True, default="")
    vat_number = models.CharField(max_length=20, blank=True, default="")
    headcount_at_most_five = models.BooleanField(null=True)
    """Whether the client attested at most five employees, which opens a right of withdrawal (F-33)."""
    territory = models.CharField(max_length=2, choices=_choices(Territory), blank=True, default="")
    territory_confirmed_at = models.DateTimeField(null=True, blank=True)
    """When staff confirmed what the address suggests (F-12)."""
    phone = models.CharField(max_length=16, blank=True, default="")
    email = models.EmailField(blank=True, default="")
    created_at = models.DateTimeField()
    identity_changed_at = models.DateTimeField(null=True, blank=True)
    """The last correction of the file; pages that show the identity are dated by it (T-11)."""

    personal_data = declare(
        subjects="clients",
        purpose="exécuter le contrat et facturer",
        legal_basis="6.1.b",
        recipients=("lib-rdv", "expert-comptable"),
        source="bon de commande",
        retention="contrat, puis 5 ans en archive",
        personal={
            "legal_name": "identité",
            "trade_name": "nom commercial",
            "siren": "identifiant professionnel",
            "siret": "identifiant professionnel",
            "vat_number": "identifiant professionnel",
            "phone": "contact",
            "email": "contact",
        },
        harmless=(
            "id",
            "ref",
            "tenant",
            "legal_form",
            "is_sole_trader",
            "headcount_at_most_five",
            "territory",
            "territory_confirmed_at",
            "created_at",
            "identity_changed_at",
        ),
    )

    class Meta:
        """Numbers have the shape that their readers return; a confirmed territory is known."""

        ordering = ("legal_name", "id")
        constraints = (
            models.CheckConstraint(
                condition=Q(siren="") | Q(siren__regex="^[0-9]{9}$"), name="client_siren"
            ),
            models.CheckConstraint(
                condition=Q(siret="") | Q(siret__regex="^[0-9]{14}$"), name="client_siret"
            ),
            models.CheckConstraint(
                condition=Q(vat_number="") | Q(vat_number__regex="^[A-Z]{2}[0-9A-Z+*]{2,18}$"),
                name="client_vat_number",
            ),
            models.CheckConstraint(
                condition=Q(legal_form="") | Q(legal_form__in=[form.value for form in LegalForm]),
                name="client_legal_form",
            ),
            models.CheckConstraint(
                condition=Q(territory="", territory_confirmed_at__isnull=True)
                | Q(territory__in=[territory.value for territory in Territory]),
                name="client_territory",
            ),
        )

    def __str__(self) -> str:
        return self.ref.hex
