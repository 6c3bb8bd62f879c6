"""How somebody looks at the agenda; remembered with their account, never in a browser."""

from django.conf import settings
from django.db import models

from tenants.personal_data import declare


class AgendaChoice(models.Model):
    """The last choice of one user: a day or a week, and whose columns stand side by side.

    ``has_keys``: single letters act in the agenda; whoever speaks to their computer turns that off (WCAG 2.1.4).
    """

    class Span(models.TextChoices):
        """How much is shown at once."""

        DAY = "jour", "Jour"
        WEEK = "semaine", "Semaine"

    class Columns(models.TextChoices):
        """What a column is."""

        PRACTITIONERS = "praticiens", "Par praticien"
        LOCATIONS = "lieux", "Par lieu"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="agenda_choice"
    )
    span = models.CharField(max_length=8, choices=Span, default=Span.WEEK)
    columns = models.CharField(max_length=10, choices=Columns, default=Columns.PRACTITIONERS)
    has_keys = models.BooleanField(default=True)

    personal_data = declare(
        subjects="aucune personne", harmless=("id", "user", "span", "columns", "has_keys")
    )

    def __str__(self) -> str:
        return f"{self.span}, {self.columns}"
