"""Requests to Google that cross, by script: the newest version of each appointment must win.

A request that the worker has given up may still be applied, an appointment may change while it is written, and two
workers may get messages for the same one. Random faults seldom lead to these orders; here the fake Google server
holds a request and applies it later, for one appointment of each agenda.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.proofs.fake_google import FakeGoogle
from tests.proofs.google_load import (
    AWAY,
    BACK,
    BOOK,
    CANCEL,
    MOVE,
    PatientLoad,
    ScriptedAppointment,
)
from tests.proofs.google_practice import GooglePractice
from tests.proofs.google_queue import CalendarQueue

AS_USUAL: dict[str, Any] = {"kind": "slow", "seconds": 0.0}
"""No fault."""
PATIENCE = 30.0
"""Seconds within which the workers must have sent their requests, also on a loaded machine."""
A_MOMENT = 0.5
"""Seconds in which a second worker would send a request, if the lease did not prevent it."""


@dataclass
class CrossingScripts:
    """A practice whose last agenda is not linked; the other agendas have one appointment for each script."""

    practice: GooglePractice
    fake_google: FakeGoogle
    patients: PatientLoad
    queue: CalendarQueue

    def play(self, scripts: Sequence[str]) -> None:
        """Run these scripts."""
        plays: dict[str, Callable[[], None]] = {
            "late": self._late,
            "unanswered": self._unanswered,
            "reborn": self._reborn,
            "meanwhile": self._changed_meanwhile,
            "twice": self._two_messages,
        }
        for name in scripts:
            plays[name]()

    def _late(self) -> None:
        """A change, an insertion and a deletion are applied late, when the appointment has changed."""
        moved, away = (
            self._new_appointments((BOOK, MOVE, MOVE)),
            self._new_appointments((BOOK, AWAY, BACK)),
        )
        self._step(moved + away)
        self.queue.drain()
        inserted = self._new_appointments((BOOK, CANCEL))
        many = len(moved)
        refusals = ["503"] * (8 * many)
        self.fake_google.fail("patch", *["held"] * many)
        self.fake_google.fail("insert", *["held"] * many, *refusals)
        self.fake_google.fail("delete", *["held"] * many, *refusals)
        before = self._calls()
        self._step(moved + inserted + away)
        # Each request was sent twice: the worker has given up the first one.
        self._wait(before, patch=2 * many, insert=2 * many, delete=2 * many)
        self._step(moved + inserted + away)
        self._apply_all()

    def _unanswered(self) -> None:
        """The answer to the first insertion is lost; it is tried again after the appointment has moved."""
        appointments = self._new_appointments((BOOK, MOVE))
        many = len(appointments)
        self.fake_google.fail("insert", *["drop_after"] * many, *["503"] * (8 * many))
        before = self._calls()
        self._step(appointments)
        self._wait(before, insert=many)
        self._step(appointments)
        self._apply_all()

    def _reborn(self) -> None:
        """An event is inserted under its next identifier, unanswered or late, and is then cancelled."""
        appointments = self._new_appointments((BOOK, AWAY, BACK, CANCEL))
        self._step(appointments)
        self.queue.drain()
        self._step(appointments)
        self.queue.drain()
        for appointment, fault in zip(
            appointments, itertools.cycle(("drop_after", "held")), strict=False
        ):
            # The first insertion finds the deleted event, the second one uses the next identifier.
            self.fake_google.fail("insert", AS_USUAL, fault, *["503"] * 20)
            before = self._calls()
            self._step([appointment])
            self._wait(before, insert=3)
            self._step([appointment])
            self._apply_all()

    def _changed_meanwhile(self) -> None:
        """The appointment moves while its first event is being inserted."""
        for _time in range(2):
            appointments = self._new_appointments((BOOK, MOVE))
            self.fake_google.fail("insert", *["held"] * len(appointments))
            before = self._calls()
            self._step(appointments)
            self._wait(before, insert=len(appointments))
            self._step(appointments)
            self.fake_google.command("apply-held")
            self.queue.drain()

    def _two_messages(self) -> None:
        """Another worker gets the message of the move while the first one still writes; then an answer is lost."""
        for _time in range(3):
            appointments = self._new_appointments((BOOK, MOVE))
            many = len(appointments)
            self.fake_google.fail("insert", *["held"] * many)
            self.fake_google.fail("patch", *["drop_after"] * many)
            before = self._calls()
            self._step(appointments)
            self._wait(before, insert=many)
            self._step(appointments)
            self._sent(before, A_MOMENT, insert=2 * many)
            self.fake_google.command("apply-held")
            self.queue.drain()
            self.fake_google.command("clear-faults")

    def _new_appointments(self, steps: Sequence[str]) -> list[ScriptedAppointment]:
        linked = self.practice.agendas[:-1]
        return [self.patients.new(self.practice, steps, agenda) for agenda in linked]

    def _step(self, appointments: Sequence[ScriptedAppointment]) -> None:
        for appointment in appointments:
            if not self.patients.step(appointment):
                raise RuntimeError(f"a patient was refused: {dict(self.patients.refused)}")

    def _apply_all(self) -> None:
        """End the faults; when all is written, apply the held requests."""
        self.fake_google.command("clear-faults")
        self.queue.drain()
        self.fake_google.command("apply-held")
        self.queue.drain()

    def _wait(self, before: dict[str, int], **calls: int) -> None:
        """Wait until Google has got so many more requests of each method; RuntimeError when it has not."""
        if not self._sent(before, PATIENCE, **calls):
            raise RuntimeError(f"the workers did not send {calls}")

    def _sent(self, before: dict[str, int], seconds: float, **calls: int) -> bool:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            now = self._calls()
            if all(now.get(name, 0) - before.get(name, 0) >= n for name, n in calls.items()):
                return True
            self.queue.beat()
            time.sleep(0.02)
        return False

    def _calls(self) -> dict[str, int]:
        calls = self.fake_google.read("counters")["calls"]
        return {name.removeprefix("calendar.events."): count for name, count in calls.items()}
