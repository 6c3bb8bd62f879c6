"""The first day of a practice: what is done, what comes next. Nothing is stored: the rows say it."""

from dataclasses import dataclass

from django.db.models import Exists, Q, TextChoices
from django.utils.translation import gettext_lazy as _

from booking.models import AppointmentType, Location, OpeningHours, Practice
from tenants.trail.models import Act


class Step(TextChoices):
    """The four screens, in order."""

    PROFESSION = "profession", _("Votre profession")
    PLACE = "place", _("Votre lieu")
    HOURS = "hours", _("Vos horaires")
    MOTIFS = "motifs", _("Vos motifs")


@dataclass(frozen=True)
class Progress:
    """Which screens are done; one may be skipped and come back to."""

    done: frozenset[Step]

    @property
    def next(self) -> Step | None:
        """The first screen that is left, or None."""
        return next((step for step in Step if step not in self.done), None)

    @property
    def count(self) -> int:
        """How many are done."""
        return len(self.done)

    @property
    def total(self) -> int:
        """How many there are."""
        return len(Step)


def progress() -> Progress:
    """Return how far the practice is, in one query."""
    offered = AppointmentType.objects.filter(
        is_active=True, practitioners__is_active=True, locations__is_active=True
    )
    reachable = Location.objects.filter(is_active=True).exclude(
        kind=Location.Kind.OFFICE, street=""
    )
    said = Act.objects.filter(verb="practice.saved")
    found = (
        Practice.objects.annotate(
            has_profession=Q(~Q(kind=Practice.Kind.OTHER)) | Q(Exists(said)),
            has_place=Exists(reachable),
            has_hours=Exists(OpeningHours.objects.all()),
            has_motif=Exists(offered),
        )
        .values_list("has_profession", "has_place", "has_hours", "has_motif")
        .first()
    )
    held = found or (False, False, False, False)
    return Progress(frozenset(step for step, is_done in zip(Step, held, strict=True) if is_done))
