"""Sums of past days, without data about persons: counts of appointments and opening minutes (B-21)."""

from django.db import models
from django.db.models import Q

from booking.models.appointment_type import AppointmentType
from booking.models.practitioner import Practitioner
from tenants.personal_data import declare


class DailyCount(models.Model):
    """The deleted appointments of one local day, practitioner, appointment type and status.

    ``minutes`` is the sum of their lengths, ``lead_days`` the sum of the days between booking and visit.
    """

    on = models.DateField()
    practitioner = models.ForeignKey(Practitioner, on_delete=models.PROTECT, related_name="+")
    appointment_type = models.ForeignKey(
        AppointmentType, on_delete=models.PROTECT, related_name="+"
    )
    status = models.CharField(max_length=25)
    count = models.IntegerField()
    minutes = models.IntegerField(default=0)
    lead_days = models.IntegerField(default=0)

    personal_data = declare(
        subjects="aucune personne",
        harmless=(
            "id",
            "on",
            "practitioner",
            "appointment_type",
            "status",
            "count",
            "minutes",
            "lead_days",
        ),
    )

    class Meta:
        """One row per day, practitioner, appointment type and status."""

        constraints = (
            models.UniqueConstraint(
                fields=("on", "practitioner", "appointment_type", "status"), name="daily_count_once"
            ),
            models.CheckConstraint(
                condition=Q(count__gte=1, minutes__gte=0, lead_days__gte=0),
                name="daily_count_not_negative",
            ),
        )

    def __str__(self) -> str:
        return f"{self.on.isoformat()}:{self.count}"


class DailyOpening(models.Model):
    """The opening minutes of a practitioner on a past local day.

    Stored soon after the day, so that a later change of the hours does not change past figures.
    """

    on = models.DateField()
    practitioner = models.ForeignKey(Practitioner, on_delete=models.CASCADE, related_name="+")
    minutes = models.IntegerField()

    personal_data = declare(
        subjects="praticiens",
        purpose="calculer le taux de remplissage du cabinet",
        legal_basis="6.1.f",
        recipients=("cabinet",),
        source="horaires du cabinet",
        retention="contrat",
        personal={"practitioner": "identité"},
        harmless=("id", "on", "minutes"),
    )

    class Meta:
        """One row per day and practitioner."""

        constraints = (
            models.UniqueConstraint(fields=("on", "practitioner"), name="daily_opening_once"),
            models.CheckConstraint(
                condition=Q(minutes__gte=0, minutes__lte=1440), name="daily_opening_range"
            ),
        )

    def __str__(self) -> str:
        return f"{self.on.isoformat()}:{self.minutes}"
