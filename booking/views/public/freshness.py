"""Busy times that are getting old: the page uses them as they are, and a worker reads them again after it."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from booking.actors import poll
from tenants import counters
from tenants.schema import current_schema, ring

EVERY_SECONDS = 60


def read_again(stale: Sequence[UUID]) -> None:
    """Have these accounts polled after the commit, each once a minute however many pages meet it.

    Nothing is written and nothing waited for. While the counters are away nobody is rung: the clock polls
    all the same.
    """
    if stale:
        ring(partial(_ring, current_schema(), stale))


def _ring(schema: str, stale: Sequence[UUID]) -> None:
    keys = {f"poll|{schema}|{ref.hex}": ref for ref in stale}
    try:
        counted = counters.count(dict.fromkeys(keys, EVERY_SECONDS))
    except counters.Unavailable:
        return
    for key, ref in keys.items():
        if counted[key] == 1:
            poll.send(schema, ref.hex)
