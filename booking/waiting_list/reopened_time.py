"""Offers to the waiting list the time that a change reopens: an absence removed, a week or a date extended."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from booking.models import WaitingEntry
from booking.rules.errors import BookingError
from booking.scheduling.catalogue import current_practice
from booking.scheduling.locks import lock_practitioners
from booking.scheduling.queries import free_slots
from booking.scheduling.slots import SlotSelection, resolve
from booking.waiting_list.offers import offer_freed

SEARCHED = timedelta(days=60)
"""How far ahead reopened slots are looked for: entries of the list live for 30 days."""
MOST_TRIED = 200
"""The most slots that one change offers; each costs a few statements."""


@contextmanager
def offering_reopened(*, now: datetime) -> Iterator[None]:
    """Offer the slots that become free during the block, the earliest first, one to each person of the list.

    Two searches for each type and place that somebody waits for, none when nobody waits. Call it inside a unit.
    """
    before = _free(now=now)
    yield
    if before is None:
        return
    reopened = sorted((_free(now=now) or set()) - before, key=lambda slot: slot.starts_at)
    left = WaitingEntry.objects.count()
    lock_practitioners(sorted({slot.practitioner_id for slot in reopened}))
    for slot in reopened[:MOST_TRIED]:
        if left and _offer(slot, now=now):
            left -= 1


def _free(*, now: datetime) -> set[SlotSelection] | None:
    """Return the free slots that people of the list wait for; None when nobody waits or there is no list."""
    waited = list(
        WaitingEntry.objects.select_related("appointment_type", "location")
        .order_by("appointment_type_id", "location_id")
        .distinct("appointment_type_id", "location_id")
    )
    if not waited or not current_practice().waiting_minutes:
        return None
    return {
        SlotSelection(
            slot.practitioner_id, slot.location_id, entry.appointment_type_id, slot.starts_at
        )
        for entry in waited
        for slot in free_slots(
            appointment_type=entry.appointment_type,
            location=entry.location,
            from_on=now.date(),
            until_on=(now + SEARCHED).date(),
            now=now,
        )
    }


def _offer(slot: SlotSelection, *, now: datetime) -> bool:
    try:
        resolved = resolve(slot, online=False)
    except BookingError:
        return False
    return offer_freed(resolved=resolved, left_by=0, now=now) is not None
