"""What remains of appointments that are long past: counts, and nobody in them (B-21)."""

from django.db import models

from booking.models.appointment_type import AppointmentType
from booking.models.practitioner import Practitioner
from tenants.personal_data import declare


class DailyCount(models.Model):
    """How many appointments of one day, practitioner, motif and outcome have been deleted."""

    on = models.DateField()
    practitioner = models.ForeignKey(Practitioner, on_delete=models.PROTECT, related_name="+")
    appointment_type = models.ForeignKey(
        AppointmentType, on_delete=models.PROTECT, related_name="+"
    )
    status = models.CharField(max_length=25)
    count = models.IntegerField()

    personal_data = declare(
        subjects="aucune personne",
        harmless=("id", "on", "practitioner", "appointment_type", "status", "count"),
    )

    class Meta:
        """One row per day, practitioner, motif and outcome."""

        constraints = (
            models.UniqueConstraint(
                fields=("on", "practitioner", "appointment_type", "status"), name="daily_count_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.on.isoformat()}:{self.count}"
