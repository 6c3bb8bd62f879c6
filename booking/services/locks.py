"""Locks of booking, always taken in the same order: practitioners by id, then the rest."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from booking.errors import SlotTaken
from booking.models import Appointment
from tenants.schema import current_unit


def lock_practitioners(ids: Iterable[int]) -> None:
    """Lock the agendas, in id order, until the transaction ends; writers of other columns may pass."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM booking_practitioner WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [list(set(ids))],
        )


def lock_names(names: Iterable[str]) -> None:
    """Take the advisory locks of these names within this tenant, in one order and one statement.

    Advisory locks are shared by all tenants: the schema is part of the key.
    """
    keys = _lock_keys(names)
    calls = ", ".join(["pg_advisory_xact_lock(%s)"] * len(keys))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {calls}", keys)  # only placeholders


def lock_names_and_read(
    names: Iterable[str], question: str, parameters: Mapping[str, Any]
) -> tuple[Any, ...]:
    """Take the locks of these names and then ask, in one message; return the first row.

    Two statements all the same: the question sees what was committed while the locks were waited for.
    """
    keys = {f"lock{index}": key for index, key in enumerate(_lock_keys(names))}
    calls = ", ".join(f"pg_advisory_xact_lock(%({name})s)" for name in keys)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {calls}; {question}", {**parameters, **keys})  # only placeholders
        row: tuple[Any, ...] = cursor.fetchone()
    return row


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
    """Return whether a row occupies this time already: asked before the lock, so that losers do not queue.

    False promises nothing: the constraint judges.
    """
    where = _where(practitioner_id, starts_at, ends_at, ignore)
    return bool(_ids(f"{_MEETS} AND NOT ({_EXPIRED}) LIMIT 1", {**where, "now": now}))


def stands_over(
    *,
    practitioner_id: int,
    starts_at: datetime,
    ends_at: datetime,
    over: bool,
    ignore: int | None = None,
) -> bool:
    """Return whether a row must stand outside the constraint: it meets another, and that was asked for.

    Under the lock of the agenda, before the row is written. A row taken over another one is unknown to
    the constraint: whoever did not ask to be ``over`` meets it here, and SlotTaken is raised.
    """
    where = _where(practitioner_id, starts_at, ends_at, ignore)
    if not _ids(f"{_MEETS} AND is_extra = %(is_extra)s LIMIT 1", {**where, "is_extra": not over}):
        return False
    if not over:
        raise SlotTaken
    return True


def drop_expired_holds(
    *, practitioner_id: int, starts_at: datetime, ends_at: datetime, now: datetime
) -> int:
    """Delete the holds that have expired and overlap: a constraint cannot know the clock."""
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
    "SELECT id FROM booking_appointment WHERE practitioner_id = %(practitioner)s"  # noqa: S608
    f" AND status IN ({_OCCUPYING}) AND during && tstzrange(%(starts)s, %(ends)s)"
    " AND id <> %(ignore)s"
)
"""What occupies a time. Written out, as the other questions under a lock are: each of them is asked of every
attempt to book, and composing it took ten times as long as its answer."""
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


def _ids(question: str, parameters: Mapping[str, Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(question, parameters)
        return [key for (key,) in cursor.fetchall()]
