"""Writing to the outbox, inside the transaction that decides the work."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tenants.outbox.models import OutboxEntry
from tenants.schema import current_unit, ring


@dataclass(frozen=True)
class Due:
    """One thing to be done: ids only. ``expires_at``: past it the handler drops it unsent."""

    kind: str
    object_id: int | None
    due_at: datetime
    version: int = 0
    audience: str = ""
    expires_at: datetime | None = None


def write(*, due: Iterable[Due], now: datetime) -> list[OutboxEntry]:
    """Record what is due in one statement and ring for what is due now; writing twice is harmless.

    Must be called inside a unit; the doorbell rings after the commit only.
    """
    unit = current_unit()
    assert unit is not None  # noqa: S101  # the backend would refuse the INSERT anyway
    entries = [
        OutboxEntry(
            kind=item.kind,
            object_id=item.object_id,
            version=item.version,
            audience=item.audience,
            due_at=item.due_at,
            expires_at=item.expires_at,
            created_at=now,
        )
        for item in due
    ]
    OutboxEntry.objects.bulk_create(entries, ignore_conflicts=True)
    rung = [(entry.kind, entry.ref.hex) for entry in entries if entry.due_at <= now]
    if rung:
        schema = unit.schema
        ring(lambda: _ring(schema, rung))
    return entries


def settle_pending(*, object_id: int, kinds: Iterable[str], reason: str, now: datetime) -> int:
    """Drop what is still pending for an object (moved, cancelled, erased); return how many."""
    return settle_all(object_ids=[object_id], kinds=kinds, reason=reason, now=now)


def settle_all(
    *, object_ids: Iterable[int], kinds: Iterable[str], reason: str, now: datetime
) -> int:
    """Drop what is still pending for several objects, in one statement; return how many."""
    pending = OutboxEntry.objects.filter(
        object_id__in=tuple(object_ids), kind__in=tuple(kinds), state=OutboxEntry.State.PENDING
    )
    return pending.update(state=OutboxEntry.State.DROPPED, reason=reason, finished_at=now)


def forget_of(*, object_ids: Iterable[int], kinds: Iterable[str]) -> int:
    """Delete what stands in the ledger for objects that go, whatever its state; return how many."""
    of_them = OutboxEntry.objects.filter(object_id__in=tuple(object_ids), kind__in=tuple(kinds))
    return of_them.delete()[0]


def forget_finished(*, before: datetime, limit: int) -> int:
    """Delete at most ``limit`` entries that ended before an instant; what is pending always stays."""
    # By its terminal instant, which only a finished entry has.
    ended = OutboxEntry.objects.filter(finished_at__lt=before).select_for_update(skip_locked=True)
    keys = list(ended.order_by("pk").values_list("pk", flat=True)[:limit])
    return OutboxEntry.objects.filter(pk__in=keys).delete()[0]


def _ring(schema: str, rung: list[tuple[str, str]]) -> None:
    from tenants.outbox.actors import actor_for  # the actor's module calls delivery

    for kind, ref in rung:
        actor_for(kind).send(schema, ref)
