"""Time in which nobody receives; appointments it touches are shown, never dropped (B-16)."""

from datetime import datetime

from django.db.models import QuerySet

from booking.models import Absence, Appointment, Practitioner
from booking.services.locks import lock_practitioners
from tenants.trail import services as trail


def add(
    *,
    practitioner: Practitioner | None,
    starts_at: datetime,
    ends_at: datetime,
    label: str,
    public_message: str,
    actor: str,
    now: datetime,
) -> Absence:
    """Block [starts_at, ends_at) for one practitioner, or for the whole practice.

    Slots held there for a form are given up: nobody is booked into it unseen (B-16).
    """
    who = Practitioner.objects.filter(is_active=True) if practitioner is None else [practitioner]
    lock_practitioners([one.pk for one in who])
    absence = Absence.objects.create(
        practitioner=practitioner,
        starts_at=starts_at,
        ends_at=ends_at,
        label=label,
        public_message=public_message,
    )
    _touching(absence).filter(status=Appointment.Status.HELD).delete()
    trail.record(verb="absence.added", ref=absence.ref, actor=actor, now=now)
    return absence


def remove(*, absence: Absence, actor: str, now: datetime) -> None:
    """Open this time again."""
    ref = absence.ref
    absence.delete()
    trail.record(verb="absence.removed", ref=ref, actor=actor, now=now)


def touched_by(absence: Absence) -> list[Appointment]:
    """Return the booked appointments that the absence overlaps, in order."""
    booked = _touching(absence).filter(status=Appointment.Status.BOOKED)
    related = ("appointment_type", "location", "practitioner", "contact__data_key")
    return list(booked.select_related(*related).order_by("starts_at", "id"))


def _touching(absence: Absence) -> QuerySet[Appointment]:
    touching = Appointment.objects.filter(
        starts_at__lt=absence.ends_at, ends_at__gt=absence.starts_at
    )
    if absence.practitioner_id is not None:
        touching = touching.filter(practitioner_id=absence.practitioner_id)
    return touching
