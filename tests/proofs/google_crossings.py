"""Requests that cross on the way, by script: each must end with what was decided last.

A request that the worker has given up may still arrive, an appointment may change while it is written, and
two workers may be told of the same one. What random faults bring about once in a while is done on purpose
here, one life for each agenda: the double holds a request, and applies it when that is most awkward.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.proofs.double import Double
from tests.proofs.google_load import AWAY, BACK, BOOK, CANCEL, MOVE, Life, Patients
from tests.proofs.google_practice import Practice
from tests.proofs.google_queue import Queue

AS_USUAL: dict[str, Any] = {"kind": "slow", "seconds": 0.0}
"""No fault at all."""
PATIENCE = 30.0
"""Seconds within which the workers must have asked: a loaded machine takes its time."""
A_MOMENT = 0.5
"""Seconds in which a second worker would have asked, if it could."""


@dataclass
class Crossings:
    """A practice whose last agenda is linked with nobody, the others one life each."""

    practice: Practice
    double: Double
    patients: Patients
    queue: Queue

    def play(self, scripts: Sequence[str]) -> None:
        """Let what these scripts say cross."""
        plays: dict[str, Callable[[], None]] = {
            "late": self._late,
            "unanswered": self._unanswered,
            "reborn": self._reborn,
            "meanwhile": self._changed_meanwhile,
            "twice": self._told_twice,
        }
        for name in scripts:
            plays[name]()

    def _late(self) -> None:
        """A change, an insertion and a deletion arrive after they were given up and decided otherwise."""
        moved, away = self._lives((BOOK, MOVE, MOVE)), self._lives((BOOK, AWAY, BACK))
        self._act(moved + away)
        self.queue.drain()
        inserted = self._lives((BOOK, CANCEL))
        many = len(moved)
        refusals = ["503"] * (8 * many)
        self.double.fail("patch", *["held"] * many)
        self.double.fail("insert", *["held"] * many, *refusals)
        self.double.fail("delete", *["held"] * many, *refusals)
        before = self._calls()
        self._act(moved + inserted + away)
        # Each was asked again: whoever asked first has given up.
        self._wait(before, patch=2 * many, insert=2 * many, delete=2 * many)
        self._act(moved + inserted + away)
        self._let_go()

    def _unanswered(self) -> None:
        """The first event stands, but nobody was told; it is tried again after the appointment has moved."""
        lives = self._lives((BOOK, MOVE))
        many = len(lives)
        self.double.fail("insert", *["drop_after"] * many, *["503"] * (8 * many))
        before = self._calls()
        self._act(lives)
        self._wait(before, insert=many)
        self._act(lives)
        self._let_go()

    def _reborn(self) -> None:
        """An event comes back under its next identifier, unanswered or too late, and is then cancelled."""
        lives = self._lives((BOOK, AWAY, BACK, CANCEL))
        self._act(lives)
        self.queue.drain()
        self._act(lives)
        self.queue.drain()
        for life, fault in zip(lives, itertools.cycle(("drop_after", "held")), strict=False):
            # The first insertion meets the tombstone, the second one is the next identifier's.
            self.double.fail("insert", AS_USUAL, fault, *["503"] * 20)
            before = self._calls()
            self._act([life])
            self._wait(before, insert=3)
            self._act([life])
            self._let_go()

    def _changed_meanwhile(self) -> None:
        """The appointment moves while its first event is being written."""
        for _time in range(2):
            lives = self._lives((BOOK, MOVE))
            self.double.fail("insert", *["held"] * len(lives))
            before = self._calls()
            self._act(lives)
            self._wait(before, insert=len(lives))
            self._act(lives)
            self.double.order("gate")
            self.queue.drain()

    def _told_twice(self) -> None:
        """Another worker is told of the move while the first one still writes; then an answer is lost."""
        for _time in range(3):
            lives = self._lives((BOOK, MOVE))
            many = len(lives)
            self.double.fail("insert", *["held"] * many)
            self.double.fail("patch", *["drop_after"] * many)
            before = self._calls()
            self._act(lives)
            self._wait(before, insert=many)
            self._act(lives)
            self._asked(before, A_MOMENT, insert=2 * many)
            self.double.order("gate")
            self.queue.drain()
            self.double.order("calm")

    def _lives(self, acts: Sequence[str]) -> list[Life]:
        linked = self.practice.agendas[:-1]
        return [self.patients.new(self.practice, acts, agenda) for agenda in linked]

    def _act(self, lives: Sequence[Life]) -> None:
        for life in lives:
            if not self.patients.act(life):
                raise RuntimeError(f"a patient was refused: {dict(self.patients.refused)}")

    def _let_go(self) -> None:
        """No more faults; when all is written, what was held arrives."""
        self.double.order("calm")
        self.queue.drain()
        self.double.order("gate")
        self.queue.drain()

    def _wait(self, before: dict[str, int], **calls: int) -> None:
        """Wait until the double has been asked so many times more."""
        if not self._asked(before, PATIENCE, **calls):
            raise RuntimeError(f"the workers did not ask for {calls}")

    def _asked(self, before: dict[str, int], seconds: float, **calls: int) -> bool:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            now = self._calls()
            if all(now.get(name, 0) - before.get(name, 0) >= n for name, n in calls.items()):
                return True
            self.queue.beat()
            time.sleep(0.02)
        return False

    def _calls(self) -> dict[str, int]:
        calls = self.double.read("counters")["calls"]
        return {name.removeprefix("calendar.events."): count for name, count in calls.items()}
