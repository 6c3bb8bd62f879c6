"""The last changes of a practice and of one appointment, read from the audit trail."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from tenants.accounts.models import User
from tenants.audit.models import AuditEvent
from tenants.audit.services import PATIENT

# The sum and not only the last key: keys are drawn before the commit, so that an event may appear with a lower key
# than a known event.
_LATEST = """
SELECT (SELECT sum(id) FROM (SELECT id FROM audit_auditevent ORDER BY id DESC LIMIT 100) a),
    (SELECT sum(id) FROM (SELECT id FROM audit_receipt ORDER BY id DESC LIMIT 100) r)
"""
_LATEST_AT = """
SELECT greatest(
    (SELECT max(at) FROM (SELECT at FROM audit_auditevent ORDER BY id DESC LIMIT 100) a),
    (SELECT max(at) FROM (SELECT at FROM audit_receipt ORDER BY id DESC LIMIT 100) r))
"""


@dataclass(frozen=True)
class LastChange:
    """The last event of an appointment."""

    at: datetime
    by_patient: bool
    name: str
    """The name of the member of the practice; empty for a patient and for lib-rdv."""


def version() -> str:
    """Return a hash that changes with each audit event and each erasure receipt: one query."""
    with connection.cursor() as cursor:
        cursor.execute(_LATEST)
        latest = cursor.fetchone()
    return hashlib.sha256(repr(latest).encode()).hexdigest()[:32]


def last_changed_at() -> datetime | None:
    """Return the instant of the last audit event or erasure receipt, or None: one query."""
    with connection.cursor() as cursor:
        cursor.execute(_LATEST_AT)
        at: datetime | None = cursor.fetchone()[0]
    return at


def last_change(ref: uuid.UUID) -> LastChange | None:
    """Return the last event of the object of ``ref`` with its actor, or None."""
    event = AuditEvent.objects.filter(ref=ref).order_by("-id").first()
    if event is None:
        return None
    kind, _colon, key = event.actor.partition(":")
    user = User.objects.filter(pk=int(key)).first() if kind == "user" and key.isdigit() else None
    return LastChange(event.at, event.actor == PATIENT, user.get_full_name() if user else "")
