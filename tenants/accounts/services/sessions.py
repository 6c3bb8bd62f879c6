"""Open sessions of a user: lists them and ends one, the others or all.

The session data hold the family of the device and the instant of opening, no IP address. Django stores the
user inside the encoded data, so each call decodes all sessions of the schema; a practice has few.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Protocol

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session

from tenants.accounts.models import User
from tenants.audit.services import actor_of, record
from tenants.refs import new_ref


class SessionData(Protocol):
    """The data of a session: Django's store of a request, or the decoded row."""

    def __contains__(self, key: str) -> bool: ...

    def __getitem__(self, key: str) -> Any: ...


IDLE_FOR = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
"""The absolute end of a session; its use does not postpone it."""
WRITE_EVERY = timedelta(minutes=1)
SEEN_AT = "seen_at"
OPENED = "opened"
"""The key of the session data for the list of sessions: ref, device and opening instant."""


class SessionEnd(Enum):
    """Why a session has ended."""

    IDLE = "idle"
    OLD = "old"


def end_of(data: SessionData, *, now: datetime) -> SessionEnd | None:
    """Return why the session of these data has ended, or None while it is valid."""
    if OPENED in data and now - _instant(data[OPENED]["at"]) >= LONGEST:
        return SessionEnd.OLD
    if SEEN_AT in data and now - _instant(data[SEEN_AT]) > IDLE_FOR:
        return SessionEnd.IDLE
    return None


def is_due(data: SessionData, *, now: datetime) -> bool:
    """Return whether the instant of the last request is to be stored again."""
    return SEEN_AT not in data or now - _instant(data[SEEN_AT]) >= WRITE_EVERY


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(int(seconds), tz=UTC)


@dataclass(frozen=True)
class OpenSession:
    """One session in the list of its user. ``device`` is "" for an unknown browser."""

    ref: uuid.UUID
    device: str
    opened_at: datetime
    seen_at: datetime
    is_current: bool


def opening_record(*, device: str, now: datetime) -> dict[str, Any]:
    """Return the data of a new session under OPENED; ``at`` is in seconds since the epoch."""
    return {"ref": new_ref().hex, "device": device, "at": int(now.timestamp())}


def open_sessions(*, user: User, current: str, now: datetime) -> list[OpenSession]:
    """Return the valid sessions of ``user``: the current one, then the most recently used first.

    ``current`` is the key of the session of the request.
    """
    found = [
        _to_open_session(session, data, current=current)
        for session, data in _of(user.pk, now=now)
        if OPENED in data and end_of(data, now=now) is None
    ]
    return sorted(found, key=lambda session: (session.is_current, session.seen_at), reverse=True)


def close_one(*, user: User, ref: uuid.UUID, now: datetime) -> bool:
    """End one session of ``user``; return False when the user has no such session."""
    for session, data in _of(user.pk, now=now):
        if data.get(OPENED, {}).get("ref") == ref.hex:
            session.delete()
            record(verb="sessions.closed", ref=user.ref, actor=actor_of(user.pk), now=now)
            return True
    return False


def close_others(*, user: User, keep: str, now: datetime) -> int:
    """End every session of ``user`` except the one with key ``keep``; return how many."""
    found = [session.pk for session, _data in _of(user.pk, now=now) if session.pk != keep]
    closed = Session.objects.filter(pk__in=found).delete()[0]
    record(verb="sessions.closed", ref=user.ref, actor=actor_of(user.pk), now=now)
    return closed


def close_all(*, user: User, now: datetime) -> int:
    """End every session of ``user`` in the caller's transaction; return how many."""
    found = [session.pk for session, _data in _of(user.pk, now=now)]
    return Session.objects.filter(pk__in=found).delete()[0]


def _of(user_id: int, *, now: datetime) -> Iterator[tuple[Session, dict[str, Any]]]:
    for session in Session.objects.filter(expire_date__gte=now):
        data: dict[str, Any] = session.get_decoded()
        if data.get(SESSION_KEY) == str(user_id):
            yield session, data


def _to_open_session(session: Session, data: dict[str, Any], *, current: str) -> OpenSession:
    opened = data[OPENED]
    return OpenSession(
        ref=uuid.UUID(opened["ref"]),
        device=opened["device"],
        opened_at=_instant(opened["at"]),
        seen_at=_instant(data[SEEN_AT]),
        is_current=session.pk == current,
    )
