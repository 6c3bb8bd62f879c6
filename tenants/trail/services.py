"""Appending to the trail."""

import uuid
from datetime import datetime

from tenants.trail.models import Act

SYSTEM = "system"
PATIENT = "patient"


def actor_of(user_id: int | None) -> str:
    """Return the actor of a signed-in user: an internal id, resolved only on the tenant's side."""
    return SYSTEM if user_id is None else f"user:{user_id}"


def record(*, verb: str, ref: uuid.UUID, actor: str, now: datetime) -> None:
    """Append one act, in the transaction of the act itself. No personal data in any argument."""
    Act.objects.bulk_create([Act(verb=verb, ref=ref, actor=actor, at=now)])
