"""Time in which nobody receives; appointments it touches are shown, never dropped (B-16)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

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


@dataclass(frozen=True)
class Away:
    """An absence as the public reads it; local dates of the place, both included.

    ``who`` is empty when all those who were asked about are away.
    """

    message: str
    who: str
    first_on: date
    last_on: date


def announced(
    *, practitioners: Sequence[Practitioner], zone: ZoneInfo, from_on: date, until_on: date
) -> list[Away]:
    """Return the absences with a public message that touch these local dates (B-16): one query.

    Their label stays inside the practice: it may say why.
    """
    first = datetime.combine(from_on, time(), zone)
    end = datetime.combine(until_on + timedelta(days=1), time(), zone)
    touching = Absence.objects.filter(
        Q(practitioner=None) | Q(practitioner__in=[one.pk for one in practitioners]),
        starts_at__lt=end,
        ends_at__gt=first,
    )
    names = {one.pk: one.name for one in practitioners} if len(practitioners) > 1 else {}
    return [
        Away(
            absence.public_message,
            names.get(absence.practitioner_id or 0, ""),
            absence.starts_at.astimezone(zone).date(),
            (absence.ends_at - timedelta(microseconds=1)).astimezone(zone).date(),
        )
        for absence in touching.exclude(public_message="").order_by("starts_at", "pk")
    ]


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
