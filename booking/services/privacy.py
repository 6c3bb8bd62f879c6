"""What the practice holds of people, and what a shorter retention would change (B-25)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Max, Min, Q

from booking import erasure
from booking.models import PatientContact

OVERDUE_AFTER = timedelta(minutes=60)
"""An erasure this late breaks the promise (B-27)."""


@dataclass(frozen=True)
class Holding:
    """How many people have their contact here, and when the next ones are erased."""

    people: int
    overdue: int
    next_at: datetime | None


@dataclass(frozen=True)
class Effect:
    """What a retention of ``days`` does to what stands here: nothing, as it was told to each person."""

    days: int
    people: int
    beyond: int
    """Those whose date lies further than the new limit: they keep it."""
    last_at: datetime | None
    last_start: datetime
    """The last appointment that could be taken today under the new limit."""


def holding(*, now: datetime) -> Holding:
    """Return what the practice holds now, in one query."""
    found: Mapping[str, object] = PatientContact.objects.aggregate(
        people=Count("pk"),
        overdue=Count("pk", filter=Q(erase_at__lt=now - OVERDUE_AFTER)),
        next_at=Min("erase_at"),
    )
    return Holding(**found)  # type: ignore[arg-type]  # the columns above


def effect_of(*, days: int, now: datetime) -> Effect:
    """Return what shortening to ``days`` would change, in one query."""
    beyond = Q(erase_at__gt=F("booked_at") + timedelta(days=days))
    found = PatientContact.objects.aggregate(
        people=Count("pk"),
        beyond=Count("pk", filter=beyond),
        last_at=Max("erase_at", filter=beyond),
    )
    last_start = erasure.last_start(booked_at=now, retention_days=days)
    return Effect(days=days, last_start=last_start, **found)
