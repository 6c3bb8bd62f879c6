"""Locks of booking, always taken in the same order: practitioners by id, then the rest."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from django.db import connection

from booking.models import Appointment, Practitioner
from tenants.schema import current_unit


def lock_practitioners(ids: Iterable[int]) -> dict[int, Practitioner]:
    """Lock the agendas, in id order, until the transaction ends; writers of other columns may pass."""
    rows = (
        Practitioner.objects.select_for_update(no_key=True).filter(pk__in=set(ids)).order_by("pk")
    )
    return {row.pk: row for row in rows}


def lock_name(name: str) -> None:
    """Take the advisory lock of a name within this tenant: advisory locks are shared by all tenants."""
    unit = current_unit()
    schema = unit.schema if unit else ""
    digest = hashlib.sha256(f"{schema}|{name}".encode()).digest()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(digest[:8], signed=True)]
        )


def drop_expired_holds(
    *, practitioner_id: int, starts_at: datetime, ends_at: datetime, now: datetime
) -> int:
    """Delete the holds that have expired and overlap: a constraint cannot know the clock."""
    deleted, _by_model = Appointment.objects.filter(
        practitioner_id=practitioner_id,
        status=Appointment.Status.HELD,
        held_until__lte=now,
        during__overlap=(starts_at, ends_at),
    ).delete()
    return deleted
