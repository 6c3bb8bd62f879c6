"""What lib-rdv sells."""

from django.db import models
from django.db.models import Q

from tenants.personal_data import declare


class Product(models.Model):
    """A plan, an option or a one-off service. Documents copy its name: a change affects later ones only."""

    class Kind(models.TextChoices):
        """What VAT makes of it (F-15); the values are those of ``billing.vat.LineKind``."""

        SERVICE = "service", "Prestation"
        RESALE = "resale", "Revente"
        DISBURSEMENT = "disbursement", "Débours"

    class Rhythm(models.TextChoices):
        """How often it is invoiced."""

        ONCE = "once", "Une fois"
        MONTH = "month", "Par mois"
        YEAR = "year", "Par an"

    class Unit(models.TextChoices):
        """What its quantity counts."""

        PRACTITIONER = "practitioner", "Par praticien"
        PRACTICE = "practice", "Par cabinet"

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.SERVICE)
    rhythm = models.CharField(max_length=5, choices=Rhythm)
    unit = models.CharField(max_length=12, choices=Unit, default=Unit.PRACTICE)
    is_offered = models.BooleanField(default=True)
    """Whether new orders may hold it."""

    personal_data = declare(
        subjects="aucune personne",
        harmless=("id", "code", "name", "kind", "rhythm", "unit", "is_offered"),
    )

    class Meta:
        """Ordered by code; the codes of the columns are known ones."""

        ordering = ("code",)
        constraints = (
            models.CheckConstraint(
                condition=Q(kind__in=("service", "resale", "disbursement")), name="product_kind"
            ),
            models.CheckConstraint(
                condition=Q(rhythm__in=("once", "month", "year")), name="product_rhythm"
            ),
            models.CheckConstraint(
                condition=Q(unit__in=("practitioner", "practice")), name="product_unit"
            ),
        )

    def __str__(self) -> str:
        return self.code
