"""An appointment, or a slot hold that may become one; the table holds nothing about the person."""

from datetime import timedelta

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value

from booking.models.appointment_type import AppointmentType
from booking.models.location import Location
from booking.models.practitioner import Practitioner
from tenants.personal_data import declare
from tenants.refs import new_ref, spoken_code

LATE_MINUTES = (5, 10, 15, 20, 30)
"""The delays, in minutes, that a person can announce; a CHECK allows 5 to 60."""


class Appointment(models.Model):
    """``starts_at`` and ``ends_at`` are the shown times; ``during`` is the occupied range, margins included.

    The exclusion constraint applies to every code path: two occupying rows of one practitioner never overlap
    (B-13). A slot hold is a row of this table under the same constraint. Only a row with ``is_overbooked``,
    which staff have placed over another one on purpose, is exempt from it.
    """

    class Status(models.TextChoices):
        """Two statuses of a cancellation say which side cancelled."""

        HELD = "held", "Retenu"
        BOOKED = "booked", "Réservé"
        FULFILLED = "fulfilled", "Venu"
        NOSHOW = "noshow", "Absent"
        CANCELLED_BY_PATIENT = "cancelled_by_patient", "Annulé par la personne"
        CANCELLED_BY_PRACTITIONER = "cancelled_by_practitioner", "Annulé par le cabinet"

    class Origin(models.TextChoices):
        """Whether the patient or the staff booked."""

        PATIENT = "patient", "En ligne"
        STAFF = "staff", "Par le cabinet"

    OCCUPYING = (Status.HELD, Status.BOOKED, Status.FULFILLED, Status.NOSHOW)

    ref = models.UUIDField(default=new_ref, unique=True, editable=False)
    practitioner = models.ForeignKey(
        Practitioner, on_delete=models.PROTECT, related_name="appointments"
    )
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="appointments")
    appointment_type = models.ForeignKey(
        AppointmentType, on_delete=models.PROTECT, related_name="appointments"
    )
    status = models.CharField(max_length=25, choices=Status)
    origin = models.CharField(max_length=7, choices=Origin, default=Origin.PATIENT)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    during = DateTimeRangeField()
    form_ref = models.UUIDField(default=new_ref, unique=True)
    held_until = models.DateTimeField(null=True)
    network_index = models.BinaryField(max_length=32, null=True)
    booked_at = models.DateTimeField(null=True)
    sequence = models.IntegerField(default=0)
    is_overbooked = models.BooleanField(default=False, db_default=False)
    manage_hash = models.BinaryField(max_length=32, null=True)
    short_hash = models.BinaryField(max_length=32, null=True)
    has_reminder = models.BooleanField(default=True)
    # The delay in minutes that the person has announced on the day.
    late_min = models.SmallIntegerField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)

    personal_data = declare(
        subjects="patients",
        purpose="organiser le rendez-vous",
        legal_basis="6.1.b",
        recipients=("cabinet", "lib-rdv", "Google Agenda, si le praticien l’a relié"),
        source="la personne",
        retention="30 jours après le rendez-vous, sans rien qui nomme la personne",
        personal={
            "manage_hash": "empreinte d'un lien, jusqu'au rendez-vous",
            "short_hash": "empreinte d'un lien, jusqu'au rendez-vous",
            "network_index": "empreinte d'un réseau, le temps d'une retenue",
        },
        harmless=(
            "id",
            "ref",
            "practitioner",
            "location",
            "appointment_type",
            "status",
            "origin",
            "starts_at",
            "ends_at",
            "during",
            "form_ref",
            "held_until",
            "booked_at",
            "sequence",
            "is_overbooked",
            "has_reminder",
            "late_min",
            "cancelled_at",
            "erased_at",
        ),
    )

    class Meta:
        """Constraints for B-13 and for the states; indexes for the agenda and for the holds of a network."""

        constraints = (
            ExclusionConstraint(
                name="appointment_no_overlap",
                expressions=[
                    (
                        Func(
                            F("practitioner"), F("practitioner"), Value("[]"), function="int8range"
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                    ("during", RangeOperators.OVERLAPS),
                ],
                condition=Q(
                    status__in=["held", "booked", "fulfilled", "noshow"], is_overbooked=False
                ),
            ),
            models.CheckConstraint(
                # Patients never overbook: a hold of the online form stays under the exclusion constraint.
                condition=~Q(is_overbooked=True, status="held"),
                name="appointment_hold_never_overbooks",
            ),
            models.CheckConstraint(
                condition=Q(late_min__isnull=True) | Q(late_min__gte=5, late_min__lte=60),
                name="appointment_late",
            ),
            models.CheckConstraint(
                condition=Q(starts_at__lt=F("ends_at")), name="appointment_range"
            ),
            models.CheckConstraint(
                # A range that is empty or shorter than the visit would allow an overlap (B-13).
                condition=Q(
                    during__contains=Func(
                        F("starts_at"),
                        F("ends_at"),
                        function="tstzrange",
                        output_field=DateTimeRangeField(),
                    )
                ),
                name="appointment_during_holds_it",
            ),
            models.CheckConstraint(
                condition=Q(status="held", held_until__isnull=False, booked_at__isnull=True)
                | (~Q(status="held") & Q(held_until__isnull=True, booked_at__isnull=False)),
                name="appointment_held_or_booked",
            ),
            models.UniqueConstraint(fields=("manage_hash",), name="appointment_manage_hash"),
            models.UniqueConstraint(fields=("short_hash",), name="appointment_short_hash"),
        )
        indexes = (
            models.Index(fields=("starts_at",), name="appointment_starts"),
            models.Index(fields=("practitioner", "starts_at"), name="appointment_agenda"),
            models.Index(
                fields=("practitioner", "starts_at"),
                condition=Q(is_overbooked=True),
                name="appointment_overbooked",
            ),
            models.Index(
                fields=("network_index",), condition=Q(status="held"), name="appointment_holds"
            ),
        )

    def __str__(self) -> str:
        return self.ref.hex

    @property
    def spoken_ref(self) -> str:
        """The short reference, to be spelled on the telephone."""
        return spoken_code(self.ref)

    @property
    def minutes(self) -> int:
        """The length in minutes; staff may set another one than the duration of the appointment type."""
        return (self.ends_at - self.starts_at) // timedelta(minutes=1)

    @property
    def is_cancelled(self) -> bool:
        """Whether the patient or the practice has cancelled."""
        return self.status in {
            self.Status.CANCELLED_BY_PATIENT,
            self.Status.CANCELLED_BY_PRACTITIONER,
        }
