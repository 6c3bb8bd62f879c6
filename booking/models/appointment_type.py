"""An appointment type: duration, margins, who may book it, and until when patients may cancel."""

from django.db import models
from django.db.models import Q

from booking.models.location import Location
from booking.models.practitioner import Practitioner
from tenants.personal_data import declare
from tenants.refs import new_ref

MAX_HORIZON_DAYS = 354
"""The 357 days of B-20, minus 1 for the 24 h of B-24, minus 2 for whole local days (B-22)."""


class AppointmentType(models.Model):
    """A type of visit (B-12) with a neutral label (B-04); the fields named ``_min`` are minutes."""

    class BookableBy(models.TextChoices):
        """Whether patients may book it online, or staff only."""

        ONLINE = "online", "En ligne et par le cabinet"
        STAFF = "staff", "Par le cabinet seulement"

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    label = models.CharField(max_length=60)
    duration_min = models.SmallIntegerField(default=30)
    buffer_before_min = models.SmallIntegerField(default=0)
    buffer_after_min = models.SmallIntegerField(default=0)
    step_min = models.SmallIntegerField(null=True, blank=True)
    min_notice_min = models.IntegerField(default=120)
    horizon_days = models.SmallIntegerField(default=90)
    is_for_new_patients = models.BooleanField(default=False)
    channel = models.CharField(max_length=6, choices=BookableBy, default=BookableBy.ONLINE)
    cancel_hours = models.SmallIntegerField(null=True, blank=True)
    price_text = models.CharField(max_length=40, blank=True, default="")
    instructions = models.CharField(max_length=300, blank=True, default="")
    locations = models.ManyToManyField(Location, related_name="appointment_types")
    practitioners = models.ManyToManyField(Practitioner, related_name="appointment_types")
    # Google's number of a colour (COLOURS of booking/rules/event_body.py); 0 is the colour of the calendar.
    colour = models.SmallIntegerField(default=0, db_default=0)
    position = models.SmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    personal_data = declare(
        subjects="aucune personne",
        harmless=(
            "id",
            "ref",
            "label",
            "duration_min",
            "buffer_before_min",
            "buffer_after_min",
            "step_min",
            "min_notice_min",
            "horizon_days",
            "is_for_new_patients",
            "channel",
            "cancel_hours",
            "price_text",
            "instructions",
            "colour",
            "position",
            "is_active",
        ),
    )

    class Meta:
        """Ordered as the practice chose; a CHECK limits the horizon so that the limit of B-20 holds (B-22)."""

        ordering = ("position", "id")
        constraints = (
            models.CheckConstraint(
                condition=Q(horizon_days__gte=1, horizon_days__lte=MAX_HORIZON_DAYS),
                name="type_horizon_within_promise",
            ),
            models.CheckConstraint(
                condition=Q(duration_min__gte=5, duration_min__lte=720), name="type_duration"
            ),
            models.CheckConstraint(
                condition=Q(buffer_before_min__gte=0, buffer_before_min__lte=240)
                & Q(buffer_after_min__gte=0, buffer_after_min__lte=240),
                name="type_buffers",
            ),
            models.CheckConstraint(
                condition=Q(step_min__isnull=True) | Q(step_min__gte=5, step_min__lte=240),
                name="type_step",
            ),
            models.CheckConstraint(condition=Q(min_notice_min__gte=0), name="type_notice"),
            models.CheckConstraint(condition=Q(colour__gte=0, colour__lte=11), name="type_colour"),
            models.CheckConstraint(
                condition=Q(cancel_hours__isnull=True) | Q(cancel_hours__gte=0),
                name="type_cancel_hours",
            ),
        )

    def __str__(self) -> str:
        return self.label

    @property
    def grid_min(self) -> int:
        """Minutes between two proposed starts, counted from the opening; the duration by default."""
        return self.step_min or self.duration_min
