"""What a page of the agenda shows about Google beside its own content, read in one query."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from django.db.models import Case, CharField, F, Q, QuerySet, Value, When

from booking.models import Appointment, CalendarEntry, CalendarTask, GoogleAccount

Rows = QuerySet[Any, tuple[str, int]]
_LOST, _TASK = "lost", "task"


class Mark(Enum):
    """How an appointment differs in Google Calendar."""

    MOVED = "moved"
    DELETED = "deleted"
    CONFLICT = "conflict"


@dataclass(frozen=True)
class Attention:
    """Keys of practitioners with a lost account, marks by appointment key, and whether tasks are open."""

    lost: frozenset[int] = frozenset()
    marks: Mapping[int, Mark] = field(default_factory=dict)
    has_tasks: bool = False


def attention(
    *, practitioner_ids: Collection[int], appointment_ids: Collection[int], now: datetime
) -> Attention:
    """Return lost accounts and open tasks of these practitioners, and marks of these appointments; one query."""
    if not practitioner_ids:
        return Attention()
    tasks = CalendarTask.objects.filter(
        completed_at__isnull=True, appointment__practitioner__in=practitioner_ids
    ).values_list(Value(_TASK, CharField()), F("pk"))
    rows = list(_lost(practitioner_ids).union(_marked(appointment_ids, now=now), tasks, all=True))
    known = {mark.value for mark in Mark}
    return Attention(
        lost=frozenset(key for label, key in rows if label == _LOST),
        marks={key: Mark(label) for label, key in rows if label in known},
        has_tasks=any(label == _TASK for label, _key in rows),
    )


def mark_of(*, appointment: Appointment, now: datetime) -> Mark | None:
    """Return how one coming appointment differs in Google Calendar, or None."""
    row = _marked([appointment.pk], now=now).first()
    return Mark(row[0]) if row else None


def lost_links(*, practitioner_ids: Collection[int]) -> frozenset[int]:
    """Return the keys of the practitioners whose account must be reconnected; one query."""
    return frozenset(key for _label, key in _lost(practitioner_ids))


def _lost(practitioner_ids: Collection[int]) -> Rows:
    lost = GoogleAccount.objects.filter(
        practitioner__in=practitioner_ids, state=GoogleAccount.LinkState.RECONNECT
    )
    return lost.values_list(Value(_LOST, CharField()), F("practitioner_id"))


def _marked(appointment_ids: Collection[int], *, now: datetime) -> Rows:
    """Return the marks of coming appointments; a moved or deleted event takes precedence over a conflict."""
    different = CalendarEntry.objects.filter(
        Q(state__in=CalendarEntry.DIFFERENT) | Q(has_conflict=True),
        appointment__in=appointment_ids,
        appointment__status=Appointment.Status.BOOKED,
        appointment__ends_at__gt=now,
        account__isnull=False,
    )
    mark = Case(
        When(state__in=CalendarEntry.DIFFERENT, then=F("state")),
        default=Value(Mark.CONFLICT.value),
        output_field=CharField(),
    )
    return different.values_list(mark, F("appointment_id"))
