"""The queue of calendar pushes, and the periodic jobs that work it off."""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.proofs.workers import Workers


@dataclass
class CalendarQueue:
    """The queues of some schemas, with the periodic jobs and the workers that work them off."""

    environment: Any
    workers: Workers
    schemas: Sequence[str]
    sweep_every: float
    poll_every: float = 30.0
    patience: float = 120.0
    _swept: float = 0.0
    _polled: float = 0.0

    def beat(self) -> None:
        """Enqueue the periodic jobs that are due, and start the workers that were killed."""
        self.workers.start()
        now = time.monotonic()
        if now - self._swept >= self.sweep_every:
            self._swept = now
            _send("tenants.outbox.actors", "sweep")
        if now - self._polled >= self.poll_every:
            self._polled = now
            _send("booking.actors", "poll_all")

    def waiting(self) -> int:
        """Return the number of events that wait to be written, and of pending outbox entries of calendars."""
        return self._sum(
            'SELECT (SELECT count(*) FROM "{0}".booking_calendarentry WHERE version > pushed'
            " AND account_id IS NOT NULL)"
            " + (SELECT count(*) FROM \"{0}\".outbox_outboxentry WHERE state = 'pending'"
            " AND kind LIKE 'calendar.%%')"
        )

    def drain(self) -> float:
        """Wait until nothing waits; return the seconds, infinite when ``patience`` seconds were not enough."""
        started = time.monotonic()
        while self.waiting():
            if time.monotonic() - started > self.patience:
                return float("inf")
            self.beat()
            time.sleep(0.1)
        return time.monotonic() - started

    def let_ten_minutes_pass(self) -> bool:
        """Have each account polled, as within ten minutes; False after ``patience`` seconds."""
        ((started,),) = self.environment.owner("SELECT clock_timestamp()")
        until = time.monotonic() + self.patience
        enqueued = 0.0
        while time.monotonic() < until:
            left = self._sum(
                'SELECT count(*) FROM "{0}".booking_googleaccount'
                " WHERE busy_at IS NULL OR busy_at < %s OR lease IS NOT NULL",
                [started],
            )
            if not left:
                return self.drain() < float("inf")
            if time.monotonic() - enqueued > 3:
                enqueued = time.monotonic()
                self.make_due(before=started)
                _send("booking.actors", "poll_all")
            self.beat()
            time.sleep(0.1)
        return False

    def make_due(self, *, before: Any = "infinity") -> None:
        """Make the next poll due of the accounts whose last poll was before an instant."""
        for schema in self.schemas:
            self.environment.owner(
                f'UPDATE "{schema}".booking_googleaccount SET poll_at = now()'
                " WHERE state = 'connected' AND (busy_at IS NULL OR busy_at < %s)",
                [before],
            )

    def _sum(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        return sum(
            self.environment.owner(statement.format(schema), parameters)[0][0]
            for schema in self.schemas
        )


def _send(module: str, actor: str) -> None:
    """Enqueue a periodic job; without a broker nothing happens."""
    import importlib

    with contextlib.suppress(Exception):
        getattr(importlib.import_module(module), actor).send()
