"""The progress of the first-day assistant (T16), computed from the rows of the practice; nothing is stored."""

from dataclasses import dataclass

from django.db.models import Exists, Q, TextChoices
from django.utils.translation import gettext_lazy as _

from booking.models import AppointmentType, Location, OpeningHours, Practice
from booking.models.practice import LEGAL_IDENTITY
from booking.practice.legal_identity import STATED_FIELDS, confirmed_identity
from tenants.audit.models import AuditEvent


class FirstDayStep(TextChoices):
    """The five screens, in order."""

    PROFESSION = "profession", _("Votre profession")
    PLACE = "place", _("Votre lieu")
    HOURS = "hours", _("Vos horaires")
    APPOINTMENT_TYPES = "appointment_types", _("Vos motifs")
    LEGAL_IDENTITY = "legal_identity", _("Votre identité légale")


@dataclass(frozen=True)
class Progress:
    """The completed screens. A screen may be skipped and opened later."""

    done: frozenset[FirstDayStep]

    @property
    def next(self) -> FirstDayStep | None:
        """The first screen that is not completed, or None."""
        return next((step for step in FirstDayStep if step not in self.done), None)

    @property
    def missing(self) -> list[FirstDayStep]:
        """The screens that are not completed, in order."""
        return [step for step in FirstDayStep if step not in self.done]

    @property
    def count(self) -> int:
        """The number of completed screens."""
        return len(self.done)

    @property
    def total(self) -> int:
        """The number of all screens."""
        return len(FirstDayStep)


def progress() -> Progress:
    """Return the progress of the practice: one query, a second one for a practice that states no identity."""
    offered = AppointmentType.objects.filter(
        is_active=True, practitioners__is_active=True, locations__is_active=True
    )
    reachable = Location.objects.filter(is_active=True).exclude(
        kind=Location.LocationKind.OFFICE, street=""
    )
    saved_settings = AuditEvent.objects.filter(verb="practice.saved")
    found = (
        Practice.objects.annotate(
            has_profession=Q(~Q(kind=Practice.PracticeKind.OTHER)) | Q(Exists(saved_settings)),
            has_place=Exists(reachable),
            has_hours=Exists(OpeningHours.objects.all()),
            has_appointment_type=Exists(offered),
            has_identity=~Q(*((name, "") for name in LEGAL_IDENTITY), _connector=Q.OR),
            has_stated=~Q(*((name, "") for name in STATED_FIELDS), _connector=Q.OR),
        )
        .values_list(
            "has_profession",
            "has_place",
            "has_hours",
            "has_appointment_type",
            "has_identity",
            "has_stated",
        )
        .first()
    )
    *steps, has_identity, has_stated = found or (False,) * (len(FirstDayStep) + 1)
    is_known = has_identity or (has_stated and confirmed_identity() is not None)
    completed = (*steps, is_known)
    return Progress(
        frozenset(step for step, is_done in zip(FirstDayStep, completed, strict=True) if is_done)
    )
