"""Figures about the stored contacts, and the effect of a shorter retention (B-25)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Max, Min, Q

from booking.models import PatientContact
from booking.rules import erasure

OVERDUE_AFTER = timedelta(minutes=60)
"""An erasure that is later than this counts as overdue (B-27)."""


@dataclass(frozen=True)
class StoredContacts:
    """The number of stored contacts, of overdue ones, and the instant of the next erasure."""

    people: int
    overdue: int
    next_at: datetime | None


@dataclass(frozen=True)
class RetentionEffect:
    """The stored contacts against a retention of ``days``; each keeps the date that its person was shown."""

    days: int
    people: int
    beyond: int
    """The number of contacts whose ``erase_at`` lies after the new limit."""
    last_at: datetime | None
    last_start: datetime
    """The last start that could be booked now under the new limit (B-22)."""


def stored_contacts(*, now: datetime) -> StoredContacts:
    """Return the figures of the stored contacts: one query."""
    found: Mapping[str, object] = PatientContact.objects.aggregate(
        people=Count("pk"),
        overdue=Count("pk", filter=Q(erase_at__lt=now - OVERDUE_AFTER)),
        next_at=Min("erase_at"),
    )
    return StoredContacts(**found)  # type: ignore[arg-type]  # the columns above


def effect_of(*, days: int, now: datetime) -> RetentionEffect:
    """Return the effect of a retention of ``days``: one query."""
    beyond = Q(erase_at__gt=F("booked_at") + timedelta(days=days))
    found = PatientContact.objects.aggregate(
        people=Count("pk"),
        beyond=Count("pk", filter=beyond),
        last_at=Max("erase_at", filter=beyond),
    )
    last_start = erasure.last_start(booked_at=now, retention_days=days)
    return RetentionEffect(days=days, last_start=last_start, **found)
