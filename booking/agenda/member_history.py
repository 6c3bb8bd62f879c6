"""The audit events of one member of the practice, newest first, without names of patients."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from booking.models import Appointment
from booking.rules.audit_labels import label_of
from tenants.accounts.models import User
from tenants.audit.models import AuditEvent
from tenants.audit.services import actor_of


@dataclass(frozen=True)
class AuditLine:
    """One audit event; ``appointment`` is its subject when the reader may see that appointment, else None."""

    at: datetime
    label: str
    appointment: Appointment | None


def events_of(user: User) -> QuerySet[AuditEvent]:
    """Return the events of a user, newest first."""
    return AuditEvent.objects.filter(actor=actor_of(user.pk)).order_by("-id")


def lines(events: Sequence[AuditEvent], *, seen: Iterable[uuid.UUID]) -> list[AuditLine]:
    """Return events as lines: one query; ``seen`` holds the refs of the agendas that the reader sees."""
    found = (
        Appointment.objects.filter(
            ref__in={event.ref for event in events}, practitioner__ref__in=set(seen)
        )
        .exclude(status=Appointment.Status.HELD)
        .only("ref")
    )
    known = {appointment.ref: appointment for appointment in found}
    return [
        AuditLine(at=event.at, label=label_of(event.verb), appointment=known.get(event.ref))
        for event in events
    ]
