"""The locks of booking, always taken in the same order: practitioners by id, then advisory locks by key."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from booking.models import Appointment
from booking.rules.errors import SlotTaken
from tenants.schema import current_unit


def lock_practitioners(ids: Iterable[int]) -> None:
    """Lock the rows of these practitioners, by id, until the transaction ends (FOR NO KEY UPDATE)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM booking_practitioner WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [list(set(ids))],
        )


def lock_names(names: Iterable[str]) -> None:
    """Take the advisory locks of these names within this tenant, by key, in one statement.

    PostgreSQL shares advisory locks between all schemas, so the schema is part of the key.
    """
    keys = _lock_keys(names)
    calls = ", ".join(["pg_advisory_xact_lock(%s)"] * len(keys))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {calls}", keys)  # only placeholders


def _lock_keys(names: Iterable[str]) -> list[int]:
    unit = current_unit()
    schema = unit.schema if unit else ""
    return sorted(_lock_key(f"{schema}|{name}") for name in set(names))


def _lock_key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


def is_taken(
    *,
    practitioner_id: int,
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
    ignore: int | None = None,
) -> bool:
    """Return whether a row occupies this time already. Called before the lock, so that late requests do not queue.

    After False the insertion may still fail: the exclusion constraint decides.
    """
    where = _where(practitioner_id, starts_at, ends_at, ignore)
    return bool(_ids(f"{_MEETS} AND NOT ({_EXPIRED}) LIMIT 1", {**where, "now": now}))


def is_occupied_by_other(
    *,
    practitioner_id: int,
    starts_at: datetime,
    ends_at: datetime,
    overbook: bool,
    ignore: int | None = None,
) -> bool:
    """Return whether a row needs ``is_overbooked``: it overlaps another one and ``overbook`` allows that.

    Call it under the lock of the agenda, before the row is written. The exclusion constraint ignores rows with
    ``is_overbooked``, so without ``overbook`` the overlap with such a row is found here. Raises SlotTaken then.
    """
    where = _where(practitioner_id, starts_at, ends_at, ignore)
    if not _ids(
        f"{_MEETS} AND is_overbooked = %(is_overbooked)s LIMIT 1",
        {**where, "is_overbooked": not overbook},
    ):
        return False
    if not overbook:
        raise SlotTaken
    return True


def delete_expired_holds(
    *, practitioner_id: int, starts_at: datetime, ends_at: datetime, now: datetime
) -> int:
    """Delete the overlapping holds that have expired: the exclusion constraint cannot compare with the clock."""
    where = _where(practitioner_id, starts_at, ends_at, None)
    expired = _ids(f"{_MEETS} AND {_EXPIRED}", {**where, "now": now})
    if not expired:
        return 0
    deleted, _by_model = Appointment.objects.filter(
        pk__in=expired, status=Appointment.Status.HELD, held_until__lte=now
    ).delete()
    return deleted


_OCCUPYING = ", ".join(f"'{status}'" for status in Appointment.OCCUPYING)
_MEETS = (
    "SELECT id FROM booking_appointment WHERE practitioner_id = %(practitioner)s"
    " AND status IN ({occupying}) AND during && tstzrange(%(starts)s, %(ends)s)"
    " AND id <> %(ignore)s"
).replace("{occupying}", _OCCUPYING)
"""The rows that occupy a time. Written out, as the other statements under a lock: every attempt to book runs
them, and the ORM took ten times as long to compose one as PostgreSQL to answer it."""
_EXPIRED = "status = 'held' AND held_until <= %(now)s"


def _where(
    practitioner_id: int, starts_at: datetime, ends_at: datetime, ignore: int | None
) -> dict[str, Any]:
    return {
        "practitioner": practitioner_id,
        "starts": starts_at,
        "ends": ends_at,
        "ignore": ignore or 0,  # no row has the key 0
    }


def _ids(statement: str, parameters: Mapping[str, Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [key for (key,) in cursor.fetchall()]
