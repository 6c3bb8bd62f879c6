"""lib-rdv as the seller on its invoices, from a day on (F-01)."""

from django.db import models
from django.db.models import Q

from billing.vat import SellerRegime
from tenants.personal_data import declare


class SellerProfile(models.Model):
    """Identity and terms of the seller from a day in Paris on.

    Insert only: a correction is a new row, and of several rows for one day the newest counts. Issued invoices hold
    copies.
    """

    valid_from = models.DateField()
    name = models.CharField(max_length=120)
    legal_form = models.CharField(max_length=40)
    capital = models.CharField(max_length=40, blank=True, default="")
    """As it is written on the page, such as "5 000 €"."""
    register = models.CharField(max_length=80, blank=True, default="")
    """Such as "RCS Bayonne 123 456 782"."""
    siren = models.CharField(max_length=9)
    siret = models.CharField(max_length=14)
    vat_number = models.CharField(max_length=20, blank=True, default="")
    vat_regime = models.CharField(
        max_length=20, choices=[(regime.value, regime.value) for regime in SellerRegime]
    )
    vat_on_debits = models.BooleanField(default=False)
    street = models.CharField(max_length=120)
    building = models.CharField(max_length=120, blank=True, default="")
    postcode = models.CharField(max_length=12)
    town = models.CharField(max_length=80)
    country = models.CharField(max_length=2, default="FR")
    phone = models.CharField(max_length=16, blank=True, default="")
    email = models.EmailField(blank=True, default="")
    ics = models.CharField(max_length=35, blank=True, default="")
    """SEPA creditor identifier."""
    iban = models.CharField(max_length=34, blank=True, default="")
    """The company's account, which receives transfers."""
    bic = models.CharField(max_length=11, blank=True, default="")
    penalty_rate = models.DecimalField(max_digits=5, decimal_places=2)
    """Yearly rate of late payment in per cent (F-08)."""
    discount_terms = models.CharField(max_length=100, default="néant")
    payment_days = models.PositiveSmallIntegerField(default=30)
    """Days from issue to due date (F-09)."""
    endpoint = models.CharField(max_length=125, blank=True, default="")
    """Address of the seller in the directory of e-invoicing."""

    personal_data = declare(
        subjects="aucune personne",
        harmless=(
            "id",
            "valid_from",
            "name",
            "legal_form",
            "capital",
            "register",
            "siren",
            "siret",
            "vat_number",
            "vat_regime",
            "vat_on_debits",
            "street",
            "building",
            "postcode",
            "town",
            "country",
            "phone",
            "email",
            "ics",
            "iban",
            "bic",
            "penalty_rate",
            "discount_terms",
            "payment_days",
            "endpoint",
        ),
    )

    class Meta:
        """The newest first. Numbers have their shape; the payment term is at most 60 days (C. com. L.441-10)."""

        ordering = ("-valid_from", "-id")
        constraints = (
            models.CheckConstraint(
                condition=Q(siren__regex="^[0-9]{9}$", siret__regex="^[0-9]{14}$"),
                name="seller_numbers",
            ),
            models.CheckConstraint(
                condition=Q(vat_regime=SellerRegime.FRANCHISE.value)
                | (Q(vat_regime=SellerRegime.NORMAL.value) & ~Q(vat_number="")),
                name="seller_regime",
            ),
            models.CheckConstraint(
                condition=Q(penalty_rate__gt=0, payment_days__lte=60), name="seller_terms"
            ),
        )

    def __str__(self) -> str:
        return f"{self.siren}:{self.valid_from}"
