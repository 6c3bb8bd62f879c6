"""Writes, cancels and deletes outbox entries, inside the transaction that decides the work."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db import models

from tenants.outbox import message_limits
from tenants.outbox.actors import enqueue
from tenants.outbox.kinds import OutboxKind, Subject
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NO_PAYLOAD, NoPayload, PayloadError, encode, values_of
from tenants.schema import current_schema, enqueue_on_commit

P = TypeVar("P")


class SubjectError(ValueError):
    """The subject of an entry has another type than its kind declares."""


class RecipientError(ValueError):
    """A delivery names no recipient, and its kind counts recipients."""


@dataclass(frozen=True)
class Due(Generic[P]):
    """A delivery to be written to the outbox.

    ``repeat`` distinguishes deliveries of one kind, subject and payload: a day, a
    minute, a number. After ``expires_at`` the handler ends the entry as not sent. ``recipient`` is the keyed hash
    of the address (``message_limits.recipient_key`` or a blind index in hexadecimal), "" when there is none; it is
    counted and not stored. A kind that counts recipients refuses None.
    """

    kind: OutboxKind[P]
    subject: Subject
    payload: P
    due_at: datetime
    repeat: str = ""
    expires_at: datetime | None = None
    recipient: str | None = None

    @property
    def dedup_key(self) -> str:
        """The key that makes the delivery unique for its kind and subject."""
        values = ".".join(values_of(self.payload))
        return f"{values}#{self.repeat}" if self.repeat else values


def subject_of(row: models.Model) -> Subject:
    """Return the subject of an entry for a row."""
    # Not type(): the user of a request is a lazy object.
    return subject_by_key(row.__class__, row.pk)


def subject_by_key(model: type[models.Model], key: int) -> Subject:
    """Return the subject of an entry for a row by its key; the type is the model's name in snake case."""
    return Subject(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", model.__name__).lower(), key)


def once_a_minute(
    kind: OutboxKind[NoPayload], subject: Subject, *, recipient: str | None = None, now: datetime
) -> Due[NoPayload]:
    """Return a delivery due now that is written once for all requests of one minute."""
    minute = str(int(now.timestamp()) // 60)
    return Due(kind, subject, NO_PAYLOAD, now, repeat=minute, recipient=recipient)


def write(*, due: Iterable[Due[Any]], now: datetime) -> list[OutboxEntry]:
    """Insert the entries in one statement; after the commit enqueue those that are due now.

    A message beyond the bound of its kind is stored as not sent (``message_limits``); ``is_limited`` finds it.
    Call it inside a unit. Existing entries are not changed. Raises PayloadError, SubjectError or RecipientError
    when a delivery does not match its kind.
    """
    entries = [_entry(item, now=now) for item in due]
    schema = current_schema()
    OutboxEntry.objects.bulk_create(entries, ignore_conflicts=True)
    due_now = [
        (entry.kind, entry.ref.hex)
        for entry in entries
        if entry.due_at <= now and entry.finished_at is None
    ]
    if due_now:
        enqueue_on_commit(enqueue, schema, due_now)
    return entries


def _entry(item: Due[Any], *, now: datetime) -> OutboxEntry:
    if type(item.payload) is not item.kind.payload_type:
        raise PayloadError(f"{item.kind}: {type(item.payload).__name__}")
    if item.subject.type != item.kind.subject_type:
        raise SubjectError(f"{item.kind}: {item.subject.type}")
    if item.recipient is None and item.kind.bound.counts_recipients:
        raise RecipientError(item.kind)
    entry = OutboxEntry(
        kind=item.kind,
        subject_type=item.subject.type,
        subject_id=item.subject.id,
        payload=encode(item.payload),
        dedup_key=item.dedup_key,
        due_at=item.due_at,
        expires_at=item.expires_at,
        created_at=now,
    )
    recipient = item.recipient or ""
    if not message_limits.admits(item.kind, item.subject, recipient=recipient, now=now):
        entry.state, entry.reason = OutboxEntry.EntryState.NOT_SENT, message_limits.LIMITED
        entry.finished_at = now
    return entry


def is_limited(entries: Iterable[OutboxEntry]) -> bool:
    """Return whether one of the entries is a message that is not sent because too many have left."""
    return any(entry.reason == message_limits.LIMITED for entry in entries)


def cancel_pending(
    *,
    subject_ids: Iterable[int],
    kinds: Iterable[OutboxKind[Any]],
    reason: str,
    now: datetime,
) -> int:
    """End the pending entries of these subjects (moved, cancelled, erased) as not sent; return how many.

    One statement. ``kinds`` are of one subject type; ``reason`` is a code.
    """
    pending = _of_subjects(subject_ids, kinds).filter(state=OutboxEntry.EntryState.PENDING)
    return pending.update(state=OutboxEntry.EntryState.NOT_SENT, reason=reason, finished_at=now)


def delete_of_subjects(*, subject_ids: Iterable[int], kinds: Iterable[OutboxKind[Any]]) -> int:
    """Delete the entries of deleted subjects in any state; return how many."""
    return _of_subjects(subject_ids, kinds).delete()[0]


def delete_finished(*, before: datetime, limit: int) -> int:
    """Delete at most ``limit`` entries that ended before an instant; pending entries always stay."""
    # Only finished entries have this instant.
    ended = OutboxEntry.objects.filter(finished_at__lt=before).select_for_update(skip_locked=True)
    keys = list(ended.order_by("pk").values_list("pk", flat=True)[:limit])
    return OutboxEntry.objects.filter(pk__in=keys).delete()[0]


def _of_subjects(
    subject_ids: Iterable[int], kinds: Iterable[OutboxKind[Any]]
) -> models.QuerySet[OutboxEntry]:
    return OutboxEntry.objects.filter(subject_id__in=tuple(subject_ids), kind__in=tuple(kinds))
