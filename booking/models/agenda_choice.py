"""The display settings of the agenda, stored per user account and not in the browser."""

from django.conf import settings
from django.db import models

from tenants.personal_data import declare


class AgendaChoice(models.Model):
    """The last display settings of one user: a day or a week, columns by practitioner or by location.

    ``has_keys`` turns keyboard shortcuts of one letter on; users of speech input turn them off (WCAG 2.1.4).
    """

    class Span(models.TextChoices):
        """The number of days shown at once."""

        DAY = "jour", "Jour"
        WEEK = "semaine", "Semaine"

    class Columns(models.TextChoices):
        """The rows that the columns of the grid stand for."""

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
