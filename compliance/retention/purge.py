"""Erasing on time: batches of 500, each its own transaction, restartable at any instruction."""

from collections.abc import Callable
from datetime import datetime

from booking.services import contacts, digests, leftovers, openings, team, waiting
from booking.services.google import authorizing, channels, lights, reading
from tenants.schema import Unit, inside

BATCH = 500


def purge(unit: Unit, *, now: datetime) -> int:
    """Erase everybody of one schema whose date has come; return how many.

    Two purges at once share the work, and a second run finds nothing to do.
    """
    erased = _until_done(unit, lambda: contacts.erase_due(now=now, limit=BATCH))
    return erased + _until_done(unit, lambda: waiting.erase_due(now=now, limit=BATCH))


def tidy(unit: Unit, *, now: datetime) -> None:
    """Clear what names nobody but has no use any more, and do what comes back every day.

    Holds, links, rows past their 30 days, the ledger of long ago, what reads an agenda for whose role is
    over; the opening of past days, the digests of the coming ones.
    """
    with inside(unit):
        # Before the rows are deleted, and while the hours of those days are still known.
        openings.note_openings(now=now)
        digests.plan(now=now)
    for sweep in (
        leftovers.drop_stale_holds,
        leftovers.forget_links,
        leftovers.count_and_delete,
        leftovers.forget_entries,
        waiting.forget_offers,
        reading.drop_old,
        lights.drop_past,
        channels.drop_old,
        authorizing.forget_old,
        team.end_after_roles,
    ):
        _until_done(unit, lambda sweep=sweep: sweep(now=now, limit=BATCH))  # type: ignore[misc]


def _until_done(unit: Unit, batch: Callable[[], int]) -> int:
    done = 0
    while True:
        with inside(unit):
            swept = batch()
        done += swept
        if swept < BATCH:
            return done
