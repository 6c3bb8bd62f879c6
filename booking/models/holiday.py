"""Public holidays on which a location is open; without a row it is closed (B-17)."""

from django.db import models

from booking.models.location import Location
from tenants.personal_data import declare


class HolidayOpening(models.Model):
    """One public holiday on which one location is open."""

    location = models.ForeignKey(
        Location, on_delete=models.CASCADE, related_name="holiday_openings"
    )
    on_date = models.DateField()

    personal_data = declare(subjects="aucune personne", harmless=("id", "location", "on_date"))

    class Meta:
        """One row per location and date."""

        constraints = (
            models.UniqueConstraint(fields=("location", "on_date"), name="holiday_opening_once"),
        )

    def __str__(self) -> str:
        return str(self.on_date)
