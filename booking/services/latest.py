"""What has changed in the agenda, and by whom: read from the trail, where every act stands."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from tenants.accounts.models import User
from tenants.trail.models import Act
from tenants.trail.services import PATIENT

# The sum, not only the last: a number is drawn before its transaction commits, so an act may appear
# behind one that is known already.
_LATEST = """
SELECT (SELECT sum(id) FROM (SELECT id FROM trail_act ORDER BY id DESC LIMIT 100) a),
    (SELECT sum(id) FROM (SELECT id FROM trail_receipt ORDER BY id DESC LIMIT 100) r)
"""
_LATEST_AT = """
SELECT greatest(
    (SELECT max(at) FROM (SELECT at FROM trail_act ORDER BY id DESC LIMIT 100) a),
    (SELECT max(at) FROM (SELECT at FROM trail_receipt ORDER BY id DESC LIMIT 100) r))
"""


@dataclass(frozen=True)
class Change:
    """The last act upon an appointment."""

    at: datetime
    by_patient: bool
    name: str
    """Who of the practice; empty for a patient or for the house itself."""


def version() -> str:
    """Return a word that differs as soon as anything of the practice has changed; one question."""
    with connection.cursor() as cursor:
        cursor.execute(_LATEST)
        latest = cursor.fetchone()
    return hashlib.sha256(repr(latest).encode()).hexdigest()[:32]


def last_changed_at() -> datetime | None:
    """Return when something of the practice last changed; None when nothing ever has; one question."""
    with connection.cursor() as cursor:
        cursor.execute(_LATEST_AT)
        at: datetime | None = cursor.fetchone()[0]
    return at


def last_change(ref: uuid.UUID) -> Change | None:
    """Return who touched the object of ``ref`` last, and when."""
    act = Act.objects.filter(ref=ref).order_by("-id").first()
    if act is None:
        return None
    kind, _colon, key = act.actor.partition(":")
    user = User.objects.filter(pk=int(key)).first() if kind == "user" and key.isdigit() else None
    return Change(act.at, act.actor == PATIENT, user.get_full_name() if user else "")
