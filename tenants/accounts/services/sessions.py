"""Open sessions: listing one's own, and ending them, one by one or all at once.

A session names its device's family and the instant it began, in its own data; no address is kept. A
practice has few sessions at a time, and only reading one says whose it is.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session

from tenants.accounts.models import User
from tenants.refs import new_ref
from tenants.trail.services import actor_of, record

IDLE_SECONDS = 30 * 60
SEEN_AT = "seen_at"
OPENED = "opened"
"""Key under which a session keeps what its owner is shown of it."""


@dataclass(frozen=True)
class OpenSession:
    """One session, as its owner is shown it. ``device`` is "" when the browser did not say."""

    ref: uuid.UUID
    device: str
    opened_at: datetime
    seen_at: datetime
    is_this_one: bool


def opening(*, device: str, now: datetime) -> dict[str, Any]:
    """Return what a session that begins keeps for the list of its owner."""
    return {"ref": new_ref().hex, "device": device, "at": int(now.timestamp())}


def open_sessions(*, user: User, current: str, now: datetime) -> list[OpenSession]:
    """Return the sessions of ``user`` that still open something, the most recent use first.

    ``current`` is the key of the session that asks.
    """
    found = [
        _shown(held, data, current=current)
        for held, data in _of(user.pk, now=now)
        if OPENED in data and not _is_idle(data, now=now)
    ]
    return sorted(found, key=lambda one: (one.is_this_one, one.seen_at), reverse=True)


def close_one(*, user: User, ref: uuid.UUID, now: datetime) -> bool:
    """End one session of ``user``; False when it is none of theirs or has already ended."""
    for held, data in _of(user.pk, now=now):
        if data.get(OPENED, {}).get("ref") == ref.hex:
            held.delete()
            record(verb="sessions.closed", ref=user.ref, actor=actor_of(user.pk), now=now)
            return True
    return False


def close_others(*, user: User, keep: str, now: datetime) -> int:
    """End every session of ``user`` except ``keep``; return how many."""
    found = [held.pk for held, _data in _of(user.pk, now=now) if held.pk != keep]
    closed = Session.objects.filter(pk__in=found).delete()[0]
    record(verb="sessions.closed", ref=user.ref, actor=actor_of(user.pk), now=now)
    return closed


def close_all(*, user: User, now: datetime) -> int:
    """End every session of ``user``, in the transaction of the act that asks for it; return how many."""
    found = [held.pk for held, _data in _of(user.pk, now=now)]
    return Session.objects.filter(pk__in=found).delete()[0]


def _of(user_id: int, *, now: datetime) -> Iterator[tuple[Session, dict[str, Any]]]:
    for held in Session.objects.filter(expire_date__gte=now):
        data: dict[str, Any] = held.get_decoded()
        if data.get(SESSION_KEY) == str(user_id):
            yield held, data


def _is_idle(data: dict[str, Any], *, now: datetime) -> bool:
    seen = datetime.fromtimestamp(int(data.get(SEEN_AT, 0)), tz=UTC)
    return now - seen > timedelta(seconds=IDLE_SECONDS)


def _shown(held: Session, data: dict[str, Any], *, current: str) -> OpenSession:
    opened = data[OPENED]
    return OpenSession(
        ref=uuid.UUID(opened["ref"]),
        device=opened["device"],
        opened_at=datetime.fromtimestamp(opened["at"], tz=UTC),
        seen_at=datetime.fromtimestamp(int(data[SEEN_AT]), tz=UTC),
        is_this_one=held.pk == current,
    )
