"""Calls to persons whom no message has reached, recorded in the audit trail."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from booking.models import Appointment
from tenants.audit import services as audit
from tenants.audit.models import AuditEvent

CALLED = "appointment.called"
UNCALLED = "appointment.uncalled"


def note_called(*, appointment: Appointment, actor: str, now: datetime) -> None:
    """Record that the person was called, so that a colleague does not call again."""
    audit.record(verb=CALLED, ref=appointment.ref, actor=actor, now=now)


def take_back_call(*, appointment: Appointment, actor: str, now: datetime) -> None:
    """Record that the person must be called after all."""
    audit.record(verb=UNCALLED, ref=appointment.ref, actor=actor, now=now)


def called_at(refs: Collection[UUID]) -> dict[UUID, datetime]:
    """Return by ref when the person was last called, without calls that were taken back: one query."""
    events = AuditEvent.objects.filter(ref__in=refs, verb__in=(CALLED, UNCALLED)).order_by("id")
    last = {event.ref: event for event in events}
    return {ref: event.at for ref, event in last.items() if event.verb == CALLED}
