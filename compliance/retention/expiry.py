"""Erases due persons and deletes expired rows, in batches of 500, each in its own transaction.

A run that was interrupted at any point is completed by the next one.
"""

from collections.abc import Callable
from datetime import datetime

from booking.erasure import cleanup
from booking.google import (
    authorization,
    channels,
    pull,
    sync_health,
)
from booking.notifications import digests
from booking.patients import contacts
from booking.practice import team
from booking.scheduling import open_minutes
from booking.waiting_list import waiting_entries
from tenants.schema import Unit, inside

BATCH = 500


def erase_due(unit: Unit, *, now: datetime) -> int:
    """Erase the persons of one schema whose ``erase_at`` has passed; return how many.

    Concurrent runs share the work; a second run erases no one.
    """
    erased = _run_batches(unit, lambda: contacts.erase_due(now=now, limit=BATCH))
    return erased + _run_batches(unit, lambda: waiting_entries.erase_due(now=now, limit=BATCH))


def delete_expired(unit: Unit, *, now: datetime) -> None:
    """Delete the expired rows of one schema and do its daily work.

    Daily work: record the opening minutes of past days, plan the coming digests. Deleted are stale holds,
    links, rows past their 30 days, old outbox entries and offers, old rows of Google synchronisation, and the
    feeds of members whose role has ended, and the replacements that they opened.
    """
    with inside(unit):
        # Before the rows are deleted, while the opening hours of those days are still known.
        open_minutes.note_openings(now=now)
        digests.plan(now=now)
    for delete in (
        cleanup.delete_stale_holds,
        cleanup.delete_links,
        cleanup.count_and_delete,
        cleanup.delete_outbox_entries,
        waiting_entries.delete_offers,
        pull.delete_old,
        sync_health.expire_past_pushes,
        channels.delete_old,
        authorization.delete_old_attempts,
        team.end_after_roles,
        team.end_opened_after_roles,
    ):
        _run_batches(unit, lambda delete=delete: delete(now=now, limit=BATCH))  # type: ignore[misc]


def _run_batches(unit: Unit, batch: Callable[[], int]) -> int:
    total = 0
    while True:
        with inside(unit):
            count = batch()
        total += count
        if count < BATCH:
            return total
