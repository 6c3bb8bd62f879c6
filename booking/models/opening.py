"""The opening hours of a practitioner: weekly ranges in local wall-clock time, and exceptions by date."""

from django.db import models
from django.db.models import F, Q

from booking.models.appointment_type import AppointmentType
from booking.models.location import Location
from booking.models.practitioner import Practitioner
from tenants.personal_data import declare
from tenants.refs import new_ref


class OpeningHours(models.Model):
    """One weekly range of B-11: minutes of the local day, [starts, ends); Monday is 0.

    ``every_n_weeks`` counts from the week of ``anchor_on``. Without appointment types it is open to all.
    """

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    practitioner = models.ForeignKey(
        Practitioner, on_delete=models.CASCADE, related_name="opening_hours"
    )
    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="opening_hours")
    weekday = models.SmallIntegerField()
    starts_min = models.SmallIntegerField()
    ends_min = models.SmallIntegerField()
    valid_from = models.DateField(null=True, blank=True)
    valid_to = models.DateField(null=True, blank=True)
    every_n_weeks = models.SmallIntegerField(default=1)
    anchor_on = models.DateField(null=True, blank=True)
    appointment_types = models.ManyToManyField(
        AppointmentType, blank=True, related_name="opening_hours"
    )

    personal_data = declare(
        subjects="praticiens",
        purpose="proposer des créneaux",
        legal_basis="6.1.b",
        recipients=("public",),
        source="le client",
        retention="contrat",
        personal={"practitioner": "identité"},
        harmless=(
            "id",
            "ref",
            "location",
            "weekday",
            "starts_min",
            "ends_min",
            "valid_from",
            "valid_to",
            "every_n_weeks",
            "anchor_on",
        ),
    )

    class Meta:
        """Ordered by weekday and start."""

        ordering = ("weekday", "starts_min", "id")
        constraints = (
            models.CheckConstraint(
                condition=Q(weekday__gte=0, weekday__lte=6), name="hours_weekday"
            ),
            models.CheckConstraint(
                condition=Q(starts_min__gte=0, ends_min__lte=1440, starts_min__lt=F("ends_min")),
                name="hours_range",
            ),
            models.CheckConstraint(
                condition=Q(every_n_weeks=1)
                | Q(every_n_weeks__gte=2, every_n_weeks__lte=8, anchor_on__isnull=False),
                name="hours_rhythm_has_anchor",
            ),
        )

    def __str__(self) -> str:
        return f"{self.weekday}:{self.starts_min}-{self.ends_min}"


class OpeningException(models.Model):
    """One local date with other hours at one location: closed (no range), or open in this range only.

    The rows of a date replace its weekly hours; several rows give several ranges.
    """

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    practitioner = models.ForeignKey(
        Practitioner, on_delete=models.CASCADE, related_name="exceptions"
    )
    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="exceptions")
    on_date = models.DateField()
    starts_min = models.SmallIntegerField(null=True, blank=True)
    ends_min = models.SmallIntegerField(null=True, blank=True)

    personal_data = declare(
        subjects="praticiens",
        purpose="proposer des créneaux",
        legal_basis="6.1.b",
        recipients=("public",),
        source="le client",
        retention="contrat",
        personal={"practitioner": "identité"},
        harmless=("id", "ref", "location", "on_date", "starts_min", "ends_min"),
    )

    class Meta:
        """Ordered and indexed by date."""

        ordering = ("on_date", "starts_min", "id")
        indexes = (models.Index(fields=("on_date",), name="exception_on_date"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(starts_min__isnull=True, ends_min__isnull=True)
                | Q(starts_min__gte=0, ends_min__lte=1440, starts_min__lt=F("ends_min")),
                name="exception_range",
            ),
        )

    def __str__(self) -> str:
        return str(self.on_date)
