"""Absences of a practitioner or of the whole practice; the appointments in them are listed and stay (B-16)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from booking.models import Absence, Appointment, Practitioner
from booking.scheduling.catalogue import active_practitioners
from booking.scheduling.locks import lock_practitioners
from tenants.audit import services as audit


@dataclass(frozen=True)
class BlockedTime:
    """The time [starts_at, ends_at) to block, aware instants; practitioner None blocks the whole practice.

    The same class serves for an hour, a day and a month. The label stays inside the practice; the public
    message appears on its page.
    """

    practitioner: Practitioner | None
    starts_at: datetime
    ends_at: datetime
    label: str = ""
    public_message: str = ""


def add(*, blocked: BlockedTime, actor: str, now: datetime) -> Absence:
    """Create an Absence and delete the slot holds in it, so that no open form books into it (B-16)."""
    practitioners = (
        active_practitioners() if blocked.practitioner is None else [blocked.practitioner]
    )
    lock_practitioners([practitioner.pk for practitioner in practitioners])
    absence = Absence.objects.create(
        practitioner=blocked.practitioner,
        starts_at=blocked.starts_at,
        ends_at=blocked.ends_at,
        label=blocked.label,
        public_message=blocked.public_message,
    )
    _touching(absence).filter(status=Appointment.Status.HELD).delete()
    audit.record(verb="absence.added", ref=absence.ref, actor=actor, now=now)
    return absence


def remove(*, absence: Absence, actor: str, now: datetime) -> None:
    """Delete an Absence; its time can be booked again."""
    ref = absence.ref
    absence.delete()
    audit.record(verb="absence.removed", ref=ref, actor=actor, now=now)


def with_practitioner() -> QuerySet[Absence]:
    """Return the absences, each with its practitioner."""
    return Absence.objects.select_related("practitioner")


def ending_after(instant: datetime) -> QuerySet[Absence]:
    """Return the absences that end at this instant or later, each with its practitioner."""
    return with_practitioner().filter(ends_at__gte=instant)


@dataclass(frozen=True)
class Away:
    """An absence as patients read it; local dates of the place, both included.

    ``practitioner_name`` is empty when the query was for one practitioner or the whole practice is away.
    """

    message: str
    practitioner_name: str
    first_on: date
    last_on: date


def announced(
    *, practitioners: Sequence[Practitioner], zone: ZoneInfo, from_on: date, until_on: date
) -> list[Away]:
    """Return the absences with a public message that overlap these local dates (B-16): one query.

    The label is left out: it may state the reason of the absence.
    """
    first = datetime.combine(from_on, time(), zone)
    end = datetime.combine(until_on + timedelta(days=1), time(), zone)
    touching = Absence.objects.filter(
        Q(practitioner=None)
        | Q(practitioner__in=[practitioner.pk for practitioner in practitioners]),
        starts_at__lt=end,
        ends_at__gt=first,
    )
    names = (
        {practitioner.pk: practitioner.name for practitioner in practitioners}
        if len(practitioners) > 1
        else {}
    )
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
    """Return the booked appointments that the absence overlaps, by start."""
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
