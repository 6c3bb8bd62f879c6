"""Appends events to the audit trail of the current schema."""

import uuid
from datetime import datetime

from tenants.audit.models import AuditEvent

SYSTEM = "system"
PATIENT = "patient"


def actor_of(user_id: int | None) -> str:
    """Return the actor of a signed-in user, ``user:<id>``, or ``system`` for None.

    Only the tenant's own schema resolves the id to a name.
    """
    return SYSTEM if user_id is None else f"user:{user_id}"


def record(*, verb: str, ref: uuid.UUID, actor: str, now: datetime) -> None:
    """Append one event in the transaction of the operation. No argument carries personal data."""
    AuditEvent.objects.bulk_create([AuditEvent(verb=verb, ref=ref, actor=actor, at=now)])
