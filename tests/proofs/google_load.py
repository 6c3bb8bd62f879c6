"""Patients who book, move and cancel over HTTP, many at a time, in practices that are linked with Google."""

import random
import threading
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.urls import reverse

from tests.proofs.google_practice import GooglePractice, LinkedAgenda
from tests.proofs.raw_http import RawAnswer, RawHttpClient, RawRequest

BOOK, MOVE, AWAY, BACK, CANCEL = "book", "move", "away", "back", "cancel"
SCRIPTS: Sequence[tuple[int, tuple[str, ...]]] = (
    (45, (BOOK,)),
    (15, (BOOK, MOVE)),
    (5, (BOOK, MOVE, MOVE)),
    (5, (BOOK, AWAY)),
    (5, (BOOK, AWAY, BACK)),
    (15, (BOOK, CANCEL)),
    (5, (BOOK, MOVE, CANCEL)),
    (5, (BOOK, AWAY, BACK, CANCEL)),
)
"""The steps of an appointment, and how often of a hundred. AWAY leaves its agenda, BACK returns to it."""
AT_ONCE = 300
"""Appointments with steps left at a time: some hundred steps of others lie between two steps of one."""


@dataclass
class ScriptedAppointment:
    """One appointment, and the steps that are left for it."""

    practice: GooglePractice
    agenda: LinkedAgenda
    typed: tuple[str, str, str]
    steps: list[str]
    home: LinkedAgenda
    token: str = ""

    @property
    def digest(self) -> bytes:
        """The hash of its link, which the database stores."""
        from tenants.keyring import services as keyring

        return keyring.token_hash(self.token)


@dataclass
class PatientLoad:
    """Threads of patients; ``appointments`` are those whose booking was acknowledged."""

    http: RawHttpClient
    practices: Sequence[GooglePractice]
    turn: random.Random
    appointments: list[ScriptedAppointment] = field(default_factory=list)
    steps: Counter[str] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    _open: list[ScriptedAppointment] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _count: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, *, threads: int, appointments: int) -> None:
        """Start the threads; they book so many appointments."""
        self._left = appointments
        self._threads = [threading.Thread(target=self._live, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    @property
    def are_done(self) -> bool:
        """Whether no step is left."""
        return not any(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Stop the threads after their present request."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def new(
        self, practice: GooglePractice, steps: Sequence[str], agenda: LinkedAgenda | None = None
    ) -> ScriptedAppointment:
        """Return an appointment whose steps are all left."""
        with self._lock:
            number, self._count = self._count, self._count + 1
            agenda = agenda or practice.agendas[number % len(practice.agendas)]
        # A name of letters; within a practice each phone number is used once.
        last = "".join(chr(97 + int(digit)) for digit in f"{number:06}").capitalize()
        return ScriptedAppointment(
            practice, agenda, ("Camille", last, _phone(number)), list(steps), home=agenda
        )

    def step(self, appointment: ScriptedAppointment) -> bool:
        """Take the next step of an appointment; False when it was refused, which ends the appointment."""
        step = appointment.steps.pop(0)
        answer = {BOOK: self.book, CANCEL: self.cancel}.get(step)
        done = answer(appointment) if answer else self.move(appointment, step)
        if done.status != 302:
            with self._lock:
                self.refused[done.status] += 1
            return False
        with self._lock:
            self.steps[step] += 1
            if step == BOOK:
                self.appointments.append(appointment)
        return True

    def book(
        self, appointment: ScriptedAppointment, starts_at: datetime | None = None
    ) -> RawAnswer:
        """Send the booking form of a slot."""
        from booking.abuse import form_token
        from booking.web.public.search import write_value

        at = datetime.now(UTC) - timedelta(seconds=10)
        schema = appointment.practice.unit.schema
        first, last, phone = appointment.typed
        form = {
            "token": form_token.issue(schema=schema, purpose="details", now=at, ref=uuid.uuid4()),
            "slot": write_value(
                starts_at or self._start(appointment.agenda),
                appointment.agenda.practitioner,
                appointment.practice.place,
            ),
            "appointment_type": appointment.practice.appointment_type.ref.hex,
            "first_name": first,
            "last_name": last,
            "phone": phone,
        }
        answer = self._post(appointment, reverse("booking:confirm"), form)
        if answer.status == 302:
            appointment.token = answer.all("Location")[0].split("/")[2]
        return answer

    def move(self, appointment: ScriptedAppointment, step: str = MOVE) -> RawAnswer:
        """Move by the link: in the same agenda, to another one (AWAY), or back."""
        from booking.web.public.search import write_value

        agenda = appointment.agenda
        if step == AWAY:
            others = [
                agenda for agenda in appointment.practice.agendas if agenda is not appointment.home
            ]
            unlinked = [agenda for agenda in others if not agenda.address]
            agenda = self.turn.choice(unlinked or others)
        elif step == BACK:
            agenda = appointment.home
        starts_at = self._start(agenda)
        form = {"slot": write_value(starts_at, agenda.practitioner, appointment.practice.place)}
        answer = self._post(appointment, reverse("booking:move", args=[appointment.token]), form)
        if answer.status == 302:
            appointment.agenda = agenda
        return answer

    def cancel(self, appointment: ScriptedAppointment) -> RawAnswer:
        """Cancel by the link."""
        return self._post(appointment, reverse("booking:cancel", args=[appointment.token]), {})

    def _post(self, appointment: ScriptedAppointment, path: str, form: dict[str, str]) -> RawAnswer:
        headers = {"X-Forwarded-For": self.http.network()}
        return self.http.send(
            RawRequest("POST", path, (appointment.practice.host.encode(),), headers, form)
        )

    def _start(self, agenda: LinkedAgenda) -> datetime:
        with self._lock:
            return next(agenda.starts)

    def _live(self) -> None:
        while not self._stop.is_set():
            appointment = self._next()
            if appointment is None:
                return
            if self.step(appointment) and appointment.steps:
                with self._lock:
                    self._open.append(appointment)

    def _next(self) -> ScriptedAppointment | None:
        """Return the next appointment to take a step: a new one while there is room, else an open one."""
        with self._lock:
            is_new = self._left > 0 and len(self._open) < AT_ONCE
            if is_new:
                self._left -= 1
            elif self._open:
                return self._open.pop(self.turn.randrange(len(self._open)))
            else:
                return None
            steps = self.turn.choices([steps for _, steps in SCRIPTS], [n for n, _ in SCRIPTS])[0]
            practice = self.practices[self._count % len(self.practices)]
        return self.new(practice, steps)


def _phone(number: int) -> str:
    """Return a number of the range reserved for fiction."""
    return f"+3363998{number % 10_000:04}"
