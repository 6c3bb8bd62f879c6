"""Patients who book, move and cancel over HTTP, many at a time, in practices linked with the double."""

import random
import threading
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.urls import reverse

from tests.proofs.google_practice import Agenda, Practice
from tests.proofs.wire import Answer, Ask, Wire

BOOK, MOVE, AWAY, BACK, CANCEL = "book", "move", "away", "back", "cancel"
LIVES: Sequence[tuple[int, tuple[str, ...]]] = (
    (45, (BOOK,)),
    (15, (BOOK, MOVE)),
    (5, (BOOK, MOVE, MOVE)),
    (5, (BOOK, AWAY)),
    (5, (BOOK, AWAY, BACK)),
    (15, (BOOK, CANCEL)),
    (5, (BOOK, MOVE, CANCEL)),
    (5, (BOOK, AWAY, BACK, CANCEL)),
)
"""What becomes of an appointment, and how often of a hundred: back from away meets its own tombstone."""
AT_ONCE = 300
"""Lives that are open at a time: between two acts of one some hundreds of others take place."""


@dataclass
class Life:
    """One appointment, and what is still to happen to it."""

    practice: Practice
    agenda: Agenda
    typed: tuple[str, str, str]
    acts: list[str]
    home: Agenda
    token: str = ""

    @property
    def digest(self) -> bytes:
        """What the database keeps of its link."""
        from tenants.keyring import services as keyring

        return keyring.token_hash(self.token)


@dataclass
class Patients:
    """The crowd: ``lives`` are those that were acknowledged at least once."""

    wire: Wire
    practices: Sequence[Practice]
    turn: random.Random
    lives: list[Life] = field(default_factory=list)
    acts: Counter[str] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    _open: list[Life] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _count: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, *, threads: int, lives: int) -> None:
        """Let them come, ``lives`` of them."""
        self._left = lives
        self._threads = [threading.Thread(target=self._live, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    @property
    def are_done(self) -> bool:
        """Whether everything that was to happen has happened."""
        return not any(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Send them home; who is in the middle of a request waits for its answer."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def new(self, practice: Practice, acts: Sequence[str], agenda: Agenda | None = None) -> Life:
        """Return somebody who has not done anything yet."""
        with self._lock:
            number, self._count = self._count, self._count + 1
            agenda = agenda or practice.agendas[number % len(practice.agendas)]
        # Letters only, as names are; nobody's phone is another's within a practice.
        last = "".join(chr(97 + int(digit)) for digit in f"{number:06}").capitalize()
        return Life(practice, agenda, ("Camille", last, _phone(number)), list(acts), home=agenda)

    def act(self, life: Life) -> bool:
        """Do the next thing of a life; False when it was refused, and its life ends there."""
        act = life.acts.pop(0)
        answer = {BOOK: self.book, CANCEL: self.cancel}.get(act)
        done = answer(life) if answer else self.move(life, act)
        if done.status != 302:
            with self._lock:
                self.refused[done.status] += 1
            return False
        with self._lock:
            self.acts[act] += 1
            if act == BOOK:
                self.lives.append(life)
        return True

    def book(self, life: Life, starts_at: datetime | None = None) -> Answer:
        """Send the form of a slot."""
        from booking import form_token
        from booking.views.public.search import write_value

        at = datetime.now(UTC) - timedelta(seconds=10)
        schema = life.practice.unit.schema
        first, last, phone = life.typed
        form = {
            "token": form_token.issue(schema=schema, purpose="details", now=at, ref=uuid.uuid4()),
            "slot": write_value(
                starts_at or self._start(life.agenda), life.agenda.practitioner, life.practice.place
            ),
            "motif": life.practice.motif.ref.hex,
            "first_name": first,
            "last_name": last,
            "phone": phone,
        }
        answer = self._post(life, reverse("booking:confirm"), form)
        if answer.status == 302:
            life.token = answer.all("Location")[0].split("/")[2]
        return answer

    def move(self, life: Life, act: str = MOVE) -> Answer:
        """Move by the link: in the same agenda, away to a colleague without Google, or back."""
        from booking.views.public.search import write_value

        agenda = life.agenda
        if act == AWAY:
            others = [one for one in life.practice.agendas if one is not life.home]
            unlinked = [one for one in others if not one.address]
            agenda = self.turn.choice(unlinked or others)
        elif act == BACK:
            agenda = life.home
        starts_at = self._start(agenda)
        form = {"slot": write_value(starts_at, agenda.practitioner, life.practice.place)}
        answer = self._post(life, reverse("booking:move", args=[life.token]), form)
        if answer.status == 302:
            life.agenda = agenda
        return answer

    def cancel(self, life: Life) -> Answer:
        """Cancel by the link."""
        return self._post(life, reverse("booking:cancel", args=[life.token]), {})

    def _post(self, life: Life, path: str, form: dict[str, str]) -> Answer:
        headers = {"X-Forwarded-For": self.wire.network()}
        return self.wire.send(Ask("POST", path, (life.practice.host.encode(),), headers, form))

    def _start(self, agenda: Agenda) -> datetime:
        with self._lock:
            return next(agenda.starts)

    def _live(self) -> None:
        while not self._stop.is_set():
            life = self._next()
            if life is None:
                return
            if self.act(life) and life.acts:
                with self._lock:
                    self._open.append(life)

    def _next(self) -> Life | None:
        """Return anybody's next turn: an open life, or a new one while there is room."""
        with self._lock:
            is_new = self._left > 0 and len(self._open) < AT_ONCE
            if is_new:
                self._left -= 1
            elif self._open:
                return self._open.pop(self.turn.randrange(len(self._open)))
            else:
                return None
            acts = self.turn.choices([acts for _, acts in LIVES], [n for n, _ in LIVES])[0]
            practice = self.practices[self._count % len(self.practices)]
        return self.new(practice, acts)


def _phone(number: int) -> str:
    """Return a number of the range reserved for fiction."""
    return f"+3363998{number % 10_000:04}"
