"""Queries of the audit trail for pages."""

import uuid
from collections.abc import Collection
from datetime import datetime

from tenants.audit.models import AuditEvent


def last_recorded_at(*, verbs: Collection[str], ref: uuid.UUID | None = None) -> datetime | None:
    """Return when the last event with one of these verbs was recorded, or None: one query.

    ``ref`` limits the search to the events of one object.
    """
    events = AuditEvent.objects.filter(verb__in=verbs)
    if ref is not None:
        events = events.filter(ref=ref)
    return events.order_by("-id").values_list("at", flat=True).first()
