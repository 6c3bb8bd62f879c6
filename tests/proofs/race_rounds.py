"""The rounds of the race: who wants which slot, by which door, and what must have come of it."""

import itertools
import random
import re
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.urls import reverse

from tests.proofs.tally import Tally
from tests.proofs.wire import CSRF, Answer, Ask, Wire

HOST = "race.lib-rdv.localhost"
SESSION = "__Host-session"
ZONE = ZoneInfo("Europe/Paris")
FIRST_DAY = 10
APART = timedelta(hours=3)
WORST = 1.0
"""Seconds that a request may take at fifty clients."""
SWIFT = 50
LEFT_FOR_OTHERS = 0.95
"""The share of the slots shown before that a flood of holds from one network must leave on the pages."""
HOLD_MINUTES = 10
FLOODED_IN, FLOODED_DAYS = timedelta(days=300), 7
_SLOT_BUTTON = re.compile(r'class="slot" name="slot" value="([^"]+)"')


@dataclass
class Slot:
    """A contested instant on one agenda: every wish for it contains ``instant``."""

    number: int
    practitioner: Any
    instant: datetime
    winners: set[str] = field(default_factory=set)


@dataclass
class Mover:
    """An appointment that wants to move, by its link or by a secretary."""

    token: str
    ref: uuid.UUID
    practitioner: Any
    has_moved: bool = False


class Course:
    """One practice of four people, two motifs, a served application, and the clients."""

    def __init__(self, stage: Any, tally: Tally, served: Any) -> None:
        from booking import models
        from tenants.accounts.models import Membership, User
        from tenants.schema import inside
        from tests import factories
        from tests.proofs.world import PASSWORD

        self.stage, self.tally, self.wire = stage, tally, Wire(served.port, timeout=60)
        self.unit = stage.add_tenant(HOST)
        self.schema = self.unit.schema
        self.days = itertools.count(FIRST_DAY)
        self.movers = itertools.count()
        self.statuses: Counter[int] = Counter()
        self.by_service: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.slots: list[Slot] = []
        self.neighbours: dict[int, Mover] = {}
        self._lock = threading.Lock()
        self._people = itertools.count()
        with inside(self.unit):
            factories.make_practice(max_open_bookings=3)
            self.place = factories.make_location()
            self.people = [factories.make_practitioner(f"Docteur {name}") for name in "WXYZ"]
            motif: dict[str, Any] = {"step_min": 15, "min_notice_min": 0, "horizon_days": 350}
            self.motifs: dict[int, models.AppointmentType] = {
                30: factories.make_type(self.people, [self.place], duration_min=30, **motif),
                45: factories.make_type(
                    self.people, [self.place], label="Longue", duration_min=45,
                    buffer_before_min=5, buffer_after_min=10, **motif,
                ),
            }  # fmt: skip
            self.list_motif = factories.make_type(
                self.people, [self.place], label="Liste", duration_min=30, **motif
            )
            for person in self.people:
                factories.make_hours(
                    person, self.place, weekdays=range(7), starts_min=0, ends_min=1440
                )
            user = User.objects.create_user("maite@example.org", PASSWORD)
            Membership.objects.create(user=user, role="owner", created_at=datetime.now(UTC))
        self.session = ""
        self.session = self._sign_in("maite@example.org", PASSWORD)

    # --- Sending ------------------------------------------------------------------------------------
    def post(self, service: str, path: str, form: dict[str, str], *, staff: bool = False) -> Answer:
        """Send a form from a network of its own; count its answer and how long it took."""
        headers = {"X-Forwarded-For": self.wire.network(), "Origin": f"http://{HOST}"}
        if staff:
            headers["Cookie"] = f"__Host-csrf={CSRF}; {SESSION}={self.session}"
            form = {"csrfmiddlewaretoken": CSRF, **form}
        return self._timed(service, Ask("POST", path, (HOST.encode(),), headers, form))

    def post_from(self, network: str, path: str, form: dict[str, str]) -> Answer:
        """Send a patient's form from a given network."""
        return self._timed(
            "", Ask("POST", path, (HOST.encode(),), {"X-Forwarded-For": network}, form)
        )

    def _timed(self, service: str, ask: Ask) -> Answer:
        start = time.perf_counter()
        answer = self.wire.send(ask)
        seconds = time.perf_counter() - start
        with self._lock:
            self.seconds.append(seconds)
            self.statuses[answer.status] += 1
            if service:
                self.by_service[service] += 1
        return answer

    def _sign_in(self, email: str, password: str) -> str:
        headers = {"Cookie": f"__Host-csrf={CSRF}", "Origin": f"http://{HOST}"}
        form = {"csrfmiddlewaretoken": CSRF, "login": email, "password": password}
        ask = Ask("POST", reverse("account_login"), (HOST.encode(),), headers, form)
        for line in self.wire.send(ask).all("Set-Cookie"):
            if line.startswith(f"{SESSION}="):
                return line.split(";")[0].partition("=")[2]
        raise RuntimeError("the secretary could not sign in")

    # --- Forms --------------------------------------------------------------------------------------
    def token(self, purpose: str, ref: uuid.UUID) -> str:
        """Return a form's token, ten seconds old: a person has read the page."""
        from booking import form_token

        at = datetime.now(UTC) - timedelta(seconds=10)
        return form_token.issue(schema=self.schema, purpose=purpose, now=at, ref=ref)

    def wish(self, slot: Slot, turn: random.Random) -> tuple[Any, datetime]:
        """Return a motif and a start whose occupied time contains the slot's instant."""
        minutes = turn.choice((30, 45))
        before = turn.choice((0, 15) if minutes == 30 else (0, 15, 30))
        return self.motifs[minutes], slot.instant - timedelta(minutes=before)

    def choice_form(
        self, slot: Slot, turn: random.Random, ref: uuid.UUID, purpose: str
    ) -> dict[str, str]:
        """Return what a slot's button, or the form behind it, sends."""
        from booking.views.public.search import write_value

        motif, starts_at = self.wish(slot, turn)
        return {
            "token": self.token(purpose, ref),
            "slot": write_value(starts_at, slot.practitioner, self.place),
            "motif": motif.ref.hex,
        }

    def details(self) -> dict[str, str]:
        """Return a person that nobody else is."""
        with self._lock:
            number = next(self._people)
        return {
            "first_name": "Camille",
            "last_name": "Spécimen",
            "email": f"personne{number}@example.org",
        }

    def desk_form(self, practitioner: Any, motif: Any, starts_at: datetime) -> dict[str, str]:
        """Return what a secretary's form sends."""
        local = starts_at.astimezone(ZONE)
        return {
            "practitioner": str(practitioner.ref),
            "motif": str(motif.ref),
            "place": str(self.place.ref),
            "day": f"{local:%Y-%m-%d}",
            "hour": f"{local:%H:%M}",
            "anyway": "on",
        }

    # --- Things to want -----------------------------------------------------------------------------
    def new_slots(self, count: int) -> list[Slot]:
        """Return instants three hours apart, on the four agendas in turn; holidays are closed."""
        from booking.holidays import public_holidays

        made: list[Slot] = []
        while len(made) < count:
            morning = datetime.now(ZONE).replace(hour=3, minute=0, second=0, microsecond=0)
            morning += timedelta(days=next(self.days))
            if morning.date() in public_holidays(territory="", postcode="", year=morning.year):
                continue
            for hour, person in itertools.product(range(6), self.people):
                instant = (morning + hour * APART).astimezone(UTC)
                made.append(Slot(len(self.slots) + len(made), person, instant))
        self.slots += made[:count]
        return made[:count]

    def book_before(self, practitioner: Any, starts_at: datetime, motif: Any = None) -> Mover:
        """Book an appointment before the race, as a secretary; return its links."""
        from booking.services.appointments import book_by_staff
        from booking.services.choice import Choice
        from booking.services.links import manage_token
        from tenants.schema import inside
        from tests.factories import make_person

        with inside(self.unit):
            booked = book_by_staff(
                choice=Choice(
                    practitioner.pk, self.place.pk, (motif or self.motifs[30]).pk, starts_at
                ),
                form_ref=uuid.uuid4(),
                person=make_person(email=self.details()["email"], phone=""),
                actor="system",
                now=datetime.now(UTC),
            )
            return Mover(manage_token(booked), booked.ref, practitioner)

    @contextmanager
    def inside(self) -> Any:
        """Work in the practice's schema; a thread of the crowd leaves no connection behind."""
        from django.db import connection

        from tenants.schema import inside

        try:
            with inside(self.unit):
                yield
        finally:
            if threading.current_thread() is not threading.main_thread():
                connection.close()

    def waiting_for(self, practitioner: Any, motif: Any = None) -> Any:
        """Put somebody on the waiting list, as a secretary would; return the entry."""
        from booking.models import WaitingEntry
        from booking.services import waiting
        from tests.factories import make_person

        with self.inside():
            return waiting.join(
                wish=waiting.Wish(motif or self.motifs[30], self.place, practitioner),
                person=make_person(email=self.details()["email"], phone=""),
                form_ref=uuid.uuid4(),
                origin=WaitingEntry.Origin.STAFF,
                actor="system",
                now=datetime.now(UTC),
            )

    def offered(self, **which: Any) -> str:
        """Return the token of an offer that is open, or what no offer has."""
        from booking.models import Offer
        from booking.services.offering import link_of

        with self.inside():
            offer = Offer.objects.filter(state="offered", **which).first()
            return link_of(offer) if offer else "none"

    def empty_the_list(self) -> None:
        """Let everybody leave the waiting list, and what was offered to them with them."""
        from booking.models import WaitingEntry
        from booking.services import waiting
        from tenants.schema import inside

        with inside(self.unit):
            for entry in WaitingEntry.objects.all():
                waiting.leave(entry=entry, actor="system", now=datetime.now(UTC))

    def expired_hold(self, slot: Slot) -> None:
        """Leave a hold that nobody confirmed: it has expired, but its row is still there."""
        motif = self.motifs[30]
        ends_at = slot.instant + timedelta(minutes=30)
        self.stage.owner(
            f'INSERT INTO "{self.schema}".booking_appointment (ref, practitioner_id, location_id,'
            " appointment_type_id, status, origin, starts_at, ends_at, during, form_ref, held_until,"
            " network_index, sequence, has_reminder) VALUES (gen_random_uuid(), %s, %s, %s, 'held',"
            " 'patient', %s, %s, tstzrange(%s, %s), gen_random_uuid(), now() - interval '1 second',"
            " '\\x00', 0, true)",
            [slot.practitioner.pk, self.place.pk, motif.pk, slot.instant, ends_at, slot.instant, ends_at],
        )  # fmt: skip

    # --- Judging ------------------------------------------------------------------------------------
    def overlaps(self) -> int:
        """Count the pairs of rows that occupy the same time of one agenda, and were not asked to."""
        rows = self.stage.owner(
            f'SELECT count(*) FROM "{self.schema}".booking_appointment a'
            f' JOIN "{self.schema}".booking_appointment b ON a.practitioner_id = b.practitioner_id'
            " AND a.id < b.id AND a.during && b.during AND NOT a.is_extra AND NOT b.is_extra"
            " WHERE a.status IN ('held', 'booked', 'fulfilled', 'noshow')"
            " AND b.status IN ('held', 'booked', 'fulfilled', 'noshow')"
        )
        return int(rows[0][0])

    def occupying(self, slot: Slot) -> int:
        """Count the rows that occupy the slot's instant."""
        rows = self.stage.owner(
            f'SELECT count(*) FROM "{self.schema}".booking_appointment WHERE practitioner_id = %s'
            " AND during @> %s AND status IN ('booked', 'fulfilled', 'noshow')",
            [slot.practitioner.pk, slot.instant],
        )
        return int(rows[0][0])

    def extras(self) -> tuple[int, int]:
        """Count the rows that stand over another one, and those that stood there before any other."""
        rows = self.stage.owner(
            f'SELECT count(*), count(*) FILTER (WHERE NOT EXISTS (SELECT 1 FROM "{self.schema}"'
            ".booking_appointment b WHERE b.practitioner_id = a.practitioner_id AND NOT b.is_extra"
            " AND b.status IN ('held', 'booked', 'fulfilled', 'noshow') AND a.during && b.during"
            " AND b.id < a.id))"
            f' FROM "{self.schema}".booking_appointment a WHERE a.is_extra'
        )
        return int(rows[0][0]), int(rows[0][1])

    def judge(self) -> dict[str, Any]:
        """Check the whole table and all answers; return the figures."""
        overlaps = self.overlaps()
        self.tally.count("rows", ("overlaps",), failed=overlaps > 0, seen=overlaps)
        errors = sum(count for status, count in self.statuses.items() if status >= 500)
        self.tally.count("answers", ("5xx",), failed=errors > 0, seen=errors)
        return {
            "overlaps": overlaps,
            "errors_5xx": errors,
            "statuses": {str(key): self.statuses[key] for key in sorted(self.statuses)},
            "by_service": dict(sorted(self.by_service.items())),
        }


Attempt = Callable[["Client", Slot], None]


class Client:
    """One of those who want a slot: the same way each time, at random within it."""

    def __init__(self, course: Course, number: int) -> None:
        self.course, self.number = course, number
        self.turn = random.Random(number)
        self.mover: Mover | None = None
        self.count = 0
        self.way: Attempt = _WAYS[number % len(_WAYS)]

    def prepare(self) -> None:
        """Give a mover its appointment, on an agenda by turns."""
        if self.way in (by_link, by_desk_move):
            # A time of its own in each round: the movers of an earlier one may still stand where they were.
            turn, agenda = divmod(next(self.course.movers), len(self.course.people))
            day = datetime.now(UTC).replace(hour=1, minute=0, second=0, microsecond=0)
            self.mover = self.course.book_before(
                self.course.people[agenda], day + timedelta(days=200 + turn // 20, hours=turn % 20)
            )

    def want(self, slot: Slot) -> None:
        """Try once; count it."""
        self.count += 1
        self.way(self, slot)

    def tried(
        self, service: str, slot: Slot, answer: Answer, good: int, *, winner: str = ""
    ) -> bool:
        """Count one attempt: it won, lost, or was answered in a way that nobody expects."""
        won = answer.status == good
        expected = won or answer.status == 409
        case = (service, self.way.__name__, self.number, slot.number, self.count, winner[:8])
        self.course.tally.count(service, case, failed=not expected, seen=answer.status)
        if won and winner:
            with self.course._lock:
                slot.winners.add(winner)
        return won


def hold_and_book(client: Client, slot: Slot) -> None:
    """Press the slot's button, then send the form."""
    course, ref = client.course, uuid.uuid4()
    form = course.choice_form(slot, client.turn, ref, "choose")
    held = course.post("hold_slot", reverse("booking:choose"), form)
    if not client.tried("hold_slot", slot, held, 200):
        return
    form = {**form, "token": course.token("details", ref), **course.details()}
    booked = course.post("book", reverse("booking:confirm"), form)
    client.tried("book", slot, booked, 302, winner=_where(booked))


def book_late(client: Client, slot: Slot) -> None:
    """Send the form when the hold is gone."""
    course = client.course
    form = course.choice_form(slot, client.turn, uuid.uuid4(), "details") | course.details()
    booked = course.post("book", reverse("booking:confirm"), form)
    client.tried("book", slot, booked, 302, winner=_where(booked))


def double_click(client: Client, slot: Slot) -> None:
    """Send the same form twice at once: one booking, told twice."""
    course = client.course
    form = course.choice_form(slot, client.turn, uuid.uuid4(), "details") | course.details()
    answers: list[Answer] = []

    def click() -> None:
        answers.append(course.post("book", reverse("booking:confirm"), form))

    second = threading.Thread(target=click)
    second.start()
    click()
    second.join()
    for number, answer in enumerate(answers):
        client.count += number
        client.tried("book", slot, answer, 302, winner=_where(answer))
    told = {_where(answer) for answer in answers}
    case = ("double click", client.number, slot.number)
    course.tally.count("double click", case, failed=len(told) > 1, seen=told)


def by_desk(client: Client, slot: Slot) -> None:
    """Book by hand."""
    course = client.course
    motif, starts_at = course.wish(slot, client.turn)
    form = course.desk_form(slot.practitioner, motif, starts_at)
    form |= {"form_ref": str(uuid.uuid4()), "name": "Camille Spécimen", "contact": ""}
    answer = course.post("book_by_staff", reverse("dashboard:book"), form, staff=True)
    client.tried("book_by_staff", slot, answer, 302, winner=_where(answer))


def by_link(client: Client, slot: Slot) -> None:
    """Move an appointment of another agenda by its link."""
    from booking.views.public.search import write_value

    course, mover = client.course, client.mover
    if mover is None or mover.has_moved:
        return book_late(client, slot)
    starts_at = slot.instant - timedelta(minutes=client.turn.choice((0, 15)))
    form = {"slot": write_value(starts_at, slot.practitioner, course.place)}
    answer = course.post("move", reverse("booking:move", args=[mover.token]), form)
    mover.has_moved = client.tried("move", slot, answer, 302, winner=mover.ref.hex)
    return None


def by_desk_move(client: Client, slot: Slot) -> None:
    """Move an appointment of another agenda by hand."""
    course, mover = client.course, client.mover
    if mover is None or mover.has_moved:
        return by_desk(client, slot)
    motif, starts_at = course.wish(slot, client.turn)
    form = course.desk_form(slot.practitioner, motif, starts_at)
    path = reverse("dashboard:move", args=[mover.ref])
    answer = course.post("move", path, form, staff=True)
    mover.has_moved = client.tried("move", slot, answer, 302, winner=mover.ref.hex)
    return None


def by_desk_offer(client: Client, slot: Slot) -> None:
    """Offer the slot by hand to somebody who waits, who then accepts by the link."""
    from booking.views.public.search import write_value

    course = client.course
    motif, starts_at = course.wish(slot, client.turn)
    entry = course.waiting_for(slot.practitioner, motif)
    form = {"slot": write_value(starts_at, slot.practitioner, course.place)}
    path = reverse("dashboard:waiting_offer", args=[entry.ref])
    answer = course.post("offer_by_hand", path, form, staff=True)
    if not client.tried("offer_by_hand", slot, answer, 302):
        return
    accepted = _accept(course, course.offered(entry_ref=entry.ref))
    client.tried("book_held", slot, accepted, 302, winner=_where(accepted))


def _accept(course: Course, token: str) -> Answer:
    path = reverse("booking:offer", args=[token])
    return course.post("book_held", path, {"reponse": "accepter"})


def by_desk_resize(client: Client, slot: Slot) -> None:
    """Let the appointment that stands before the slot last into it."""
    course = client.course
    neighbour = course.neighbours.get(slot.number)
    if neighbour is None:
        return by_desk(client, slot)
    until = (slot.instant + timedelta(minutes=15)).astimezone(ZONE)
    form = {"until": f"{until:%H:%M}", "sequence": "0", "tell": ""}
    path = reverse("dashboard:resize", args=[neighbour.ref])
    answer = course.post("resize", path, form, staff=True)
    client.tried("resize", slot, answer, 302, winner=neighbour.ref.hex)
    return None


_WAYS: tuple[Attempt, ...] = (
    hold_and_book, by_desk, by_link, double_click, hold_and_book, by_desk_move, book_late, by_desk_offer,
    by_desk_resize,
)  # fmt: skip


def _where(answer: Answer) -> str:
    found = answer.all("Location")
    return found[0] if found else ""


def slots(course: Course, *, clients: int, slots: int, is_timed: bool = False) -> dict[str, Any]:
    """Send every client after every slot, each in an order of its own; judge each slot."""
    wanted = course.new_slots(slots)
    crowd = [Client(course, number) for number in range(clients)]
    for client in crowd:
        client.prepare()
    for slot in wanted[::3]:
        course.expired_hold(slot)
    dead = _cancelled(course, wanted[1::3])
    freed = _kept_for_the_list(course, wanted[2::3])
    _neighbours(course, wanted[::2])
    course.seconds.clear()
    with ThreadPoolExecutor(clients + 4) as pool:

        def run(client: Client) -> None:
            # Everybody walks the same way with a few steps of difference: each slot meets a crowd.
            start = client.turn.randrange(3)
            for slot in (*wanted[start:], *wanted[:start]):
                client.want(slot)

        works = [pool.submit(run, client) for client in crowd]
        works.append(pool.submit(_mark_the_dead, course, dead))
        works.append(pool.submit(_free_and_accept, course, freed))
        for work in works:
            work.result()
    course.empty_the_list()
    for slot in wanted:
        found = course.occupying(slot)
        right = found == 1 and len(slot.winners) == 1
        course.tally.count("slots", (slot.number,), failed=not right, seen=(found, slot.winners))
    worst = max(course.seconds)
    if is_timed:
        course.tally.count("timing", ("worst",), failed=worst >= WORST, seen=round(worst, 3))
        return {"worst_ms_at_50_clients": round(worst * 1000)}
    return {"clients": clients, "slots": slots, "worst_ms": round(worst * 1000)}


def _neighbours(course: Course, slots: list[Slot]) -> None:
    """Let an appointment stand before some slots: made longer, it wants them too."""
    for slot in slots:
        before = slot.instant - timedelta(minutes=75)
        course.neighbours[slot.number] = course.book_before(slot.practitioner, before)


def _cancelled(course: Course, slots: list[Slot]) -> list[tuple[Slot, Mover]]:
    """Leave cancelled appointments on some slots: they occupy nothing, and must not come back."""
    made = []
    for slot in slots:
        mover = course.book_before(slot.practitioner, slot.instant)
        path = reverse("booking:cancel", args=[mover.token])
        answer = course.post("", path, {})
        course.tally.control(
            ("cancel", slot.number), failed=answer.status != 302, seen=answer.status
        )
        made.append((slot, mover))
    return made


def _mark_the_dead(course: Course, dead: list[tuple[Slot, Mover]]) -> None:
    for mark in ("venue", "absente", "prevue"):
        for slot, mover in dead:
            path = reverse("dashboard:mark", args=[mover.ref])
            answer = course.post("mark", path, {"marque": mark}, staff=True)
            course.tally.count(
                "mark", ("mark", mark, slot.number), failed=answer.status != 302, seen=answer.status
            )


def _kept_for_the_list(course: Course, slots: list[Slot]) -> list[tuple[Slot, Mover]]:
    """Leave an appointment on some slots, and somebody on the list for each."""
    made = []
    for slot in slots:
        course.waiting_for(slot.practitioner, course.list_motif)
        mover = course.book_before(slot.practitioner, slot.instant, course.list_motif)
        made.append((slot, mover))
    return made


def _free_and_accept(course: Course, freed: list[tuple[Slot, Mover]]) -> None:
    """Cancel in the middle of the crowd: the slot is held for the list, and accepted by its link."""
    for slot, mover in freed:
        answer = course.post("offer_freed", reverse("booking:cancel", args=[mover.token]), {})
        case = ("cancel for the list", slot.number)
        course.tally.count("offer_freed", case, failed=answer.status != 302, seen=answer.status)
        accepted = _accept(course, course.offered(starts_at=slot.instant))
        case = ("accept by link", slot.number)
        course.tally.count("book_held", case, failed=accepted.status != 302, seen=accepted.status)
        with course._lock:
            slot.winners.add(_where(accepted))


def over_desk(client: Client, slot: Slot) -> None:
    """Book by hand over whatever stands there."""
    course = client.course
    motif, starts_at = course.wish(slot, client.turn)
    form = course.desk_form(slot.practitioner, motif, starts_at)
    form |= {"form_ref": str(uuid.uuid4()), "name": "", "contact": "", "over": "on"}
    answer = course.post("book_by_staff", reverse("dashboard:book"), form, staff=True)
    case = ("over", slot.number, client.number)
    course.tally.count("extras", case, failed=answer.status != 302, seen=answer.status)


def extras(course: Course, *, slots: int) -> None:
    """Patients, secretaries and those who ask to stand over whoever wins, all at once."""
    ways: tuple[Attempt, ...] = (hold_and_book, by_desk, over_desk, book_late)
    for slot in course.new_slots(slots):
        crowd = [Client(course, number) for number in range(8)]
        if slot.number % 2:
            # Nobody is there: a row like any other, that the constraint knows.
            over_desk(Client(course, 8), slot)
        with ThreadPoolExecutor(len(crowd)) as pool:
            works = [pool.submit(ways[client.number % 4], client, slot) for client in crowd]
            for work in works:
                work.result()
    found, alone = course.extras()
    course.tally.count("extras", ("none stands alone",), failed=alone > 0, seen=alone)
    course.tally.control(("extras", "some stand over"), failed=found == 0, seen=found)


def double_clicks(course: Course) -> None:
    """Two clicks at once on a slot that nobody else wants, with a hold and without: one booking each."""
    for number, slot in enumerate(course.new_slots(4)):
        client = Client(course, number)
        form = course.choice_form(slot, client.turn, uuid.uuid4(), "details") | course.details()
        if number % 2:
            held = {**form, "token": course.token("choose", _ref_of(form["token"], course))}
            course.post("hold_slot", reverse("booking:choose"), held)
        with ThreadPoolExecutor(2) as pool:
            clicks = [
                pool.submit(course.post, "book", reverse("booking:confirm"), form) for _ in "12"
            ]
            answers = [click.result() for click in clicks]
        told = {(answer.status, _where(answer)) for answer in answers}
        right = len(told) == 1 and answers[0].status == 302 and course.occupying(slot) == 1
        course.tally.count("double click", ("alone", number), failed=not right, seen=told)


def _ref_of(token: str, course: Course) -> uuid.UUID:
    from booking import form_token

    read = form_token.read(token, schema=course.schema, purpose="details", now=datetime.now(UTC))
    return read.ref


@contextmanager
def _agendas_locked(course: Course) -> Any:
    """Hold the lock of every agenda from outside, as a long transaction would."""
    import psycopg2

    connection = psycopg2.connect(course.stage.owner_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                f'SELECT id FROM "{course.schema}".booking_practitioner ORDER BY id FOR NO KEY UPDATE'
            )
        yield connection.rollback
    finally:
        connection.close()


def locks(course: Course) -> None:
    """Every door waits for the agenda's lock, and believes nothing that it has read before it."""
    _doors_wait(course)
    course.empty_the_list()
    _the_cancelled_stay(course)


def _doors_wait(course: Course) -> None:
    free = course.new_slots(8)
    offered = _an_offer(course)
    clients = [Client(course, number) for number in range(8)]
    movers = [course.book_before(free[n].practitioner, free[n].instant + APART / 2) for n in (6, 7)]
    marked = course.book_before(course.people[0], free[7].instant + timedelta(days=30))
    doors: dict[str, Callable[[], Any]] = {
        "hold_slot": lambda: hold_and_book(clients[0], free[0]),
        "book": lambda: book_late(clients[1], free[1]),
        "book_by_staff": lambda: by_desk(clients[2], free[2]),
        "move by link": lambda: _move(by_link, clients[3], movers[0], free[3]),
        "move by hand": lambda: _move(by_desk_move, clients[4], movers[1], free[4]),
        "mark": lambda: course.post(
            "mark", reverse("dashboard:mark", args=[marked.ref]), {"marque": "venue"}, staff=True
        ),
        "offer_by_hand": lambda: by_desk_offer(clients[5], free[5]),
        "accept": lambda: _accept(course, offered),
        "cancel": lambda: course.post("", reverse("booking:cancel", args=[marked.token]), {}),
    }
    with ThreadPoolExecutor(len(doors)) as pool:
        with _agendas_locked(course) as unlock:
            works = {name: pool.submit(work) for name, work in doors.items()}
            _wait_for_waiters(course, len(doors), or_done=works.values())
            for name, work in works.items():
                course.tally.count("lock", (name,), failed=work.done(), seen="did not wait")
            unlock()
        for work in works.values():
            work.result()
    for slot in free[:6]:
        found = course.occupying(slot)
        course.tally.control(("after the lock", slot.number), failed=found != 1, seen=found)


def _an_offer(course: Course) -> str:
    """Free a slot for somebody who waits; return the token by which they accept."""
    (slot,) = course.new_slots(1)
    ((slot, mover),) = _kept_for_the_list(course, [slot])
    course.post("", reverse("booking:cancel", args=[mover.token]), {})
    return course.offered(starts_at=slot.instant)


def _move(way: Attempt, client: Client, mover: Mover, slot: Slot) -> None:
    client.mover, client.way = mover, way
    way(client, slot)


def _the_cancelled_stay(course: Course) -> None:
    """Cancelled, then marked by a page that still shows it booked, then booked by somebody else."""
    (slot,) = course.new_slots(1)
    gone = course.book_before(slot.practitioner, slot.instant)
    client = Client(course, 1)
    steps: list[Callable[[], Any]] = [
        lambda: course.post("", reverse("booking:cancel", args=[gone.token]), {}),
        lambda: course.post(
            "mark", reverse("dashboard:mark", args=[gone.ref]), {"marque": "venue"}, staff=True
        ),
    ]
    with ThreadPoolExecutor(len(steps)) as pool:
        with _agendas_locked(course) as unlock:
            works = []
            for number, step in enumerate(steps, start=1):
                works.append(pool.submit(step))
                _wait_for_waiters(course, number, or_done=works)
            unlock()
        for work in works:
            work.result()
    rows = course.stage.owner(
        f'SELECT status FROM "{course.schema}".booking_appointment WHERE ref = %s', [str(gone.ref)]
    )
    course.tally.count(
        "lock", ("cancelled stays",), failed=rows[0][0] != "cancelled_by_patient", seen=rows
    )
    by_desk(client, slot)
    found = course.occupying(slot)
    course.tally.count("lock", ("freed is free",), failed=found != 1, seen=found)


def _wait_for_waiters(course: Course, count: int, *, or_done: Iterable[Future] = ()) -> None:
    """Return when so many sessions wait for a lock, or when somebody has not waited."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and not any(work.done() for work in or_done):
        waiting = course.stage.owner(
            "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted AND (database IS NULL OR"
            " database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
        )
        if waiting[0][0] >= count:
            return
        time.sleep(0.02)


def flood(course: Course, *, short: bool) -> dict[str, Any]:
    """One network hammers holds for ten minutes; what the pages still show to another is counted and pressed."""
    network = course.wire.network()
    before = _shown_to_another(course)
    wanted = sorted(before)
    sent, least, left = 0, before, before
    for minute in range(10):
        if minute:
            _let_minutes_pass(course, 1)
        for slot in wanted[minute :: max(1, len(wanted) // (20 if short else 60))]:
            course.post_from(network, reverse("booking:choose"), _button(course, slot))
            sent += 1
        left = before & _shown_to_another(course)
        least = min(least, left, key=len)
        _judge_left(course, f"minute {minute + 1}", left, before)
    # Pages that no hold changes would show every slot, taken or not.
    course.tally.control(("flood", "holds are seen"), failed=least == before, seen=len(least))
    _press_as_others(course, sorted(left), times=4 if short else 20)
    _let_minutes_pass(course, HOLD_MINUTES)
    _judge_left(course, "after", before & _shown_to_another(course), before)
    return {
        "flood_sent": sent,
        "flood_shown_before": len(before),
        "flood_shown_least": len(least),
        "flood_left": round(len(least) / len(before), 4),
    }


def _let_minutes_pass(course: Course, minutes: int) -> None:
    """Make every hold older."""
    course.stage.owner(
        f'UPDATE "{course.schema}".booking_appointment SET held_until = held_until -'
        " make_interval(mins => %s) WHERE status = 'held'",
        [minutes],
    )


def _judge_left(course: Course, when: str, left: set[str], before: set[str]) -> None:
    too_little = len(left) < LEFT_FOR_OTHERS * len(before)
    seen = f"{len(left)} of {len(before)}"
    course.tally.count("flood", ("shown", when), failed=too_little or not before, seen=seen)


def _press_as_others(course: Course, shown: list[str], *, times: int) -> None:
    """Press buttons that the pages show, each from a network of its own: they keep what they promise."""
    for slot in shown[:: max(1, len(shown) // times)]:
        answer = course.post_from(
            course.wire.network(), reverse("booking:choose"), _button(course, slot)
        )
        case = ("other", slot)
        course.tally.count("flood", case, failed=answer.status != 200, seen=answer.status)


def _shown_to_another(course: Course) -> set[str]:
    """Return the buttons that the pages of a week's days show to a network that has not been here yet."""
    network = course.wire.network()
    first = (datetime.now(ZONE) + FLOODED_IN).date()
    shown: set[str] = set()
    for day in (first + timedelta(days=shift) for shift in range(FLOODED_DAYS)):
        query = urlencode(
            {
                "motif": course.motifs[30].ref.hex,
                "avec": course.people[3].ref.hex,
                "jour": f"{day:%Y-%m-%d}",
            }
        )
        path = f"{reverse('booking:slots')}?{query}"
        ask = Ask("GET", path, (HOST.encode(),), {"X-Forwarded-For": network})
        answer = course._timed("", ask)
        course.tally.control(
            ("flood", "page", f"{day}"), failed=answer.status != 200, seen=answer.status
        )
        buttons = _SLOT_BUTTON.findall(answer.body.decode())
        # A day without a free hour shows its week instead.
        shown |= {value for value in buttons if _starts_at(value).astimezone(ZONE).date() == day}
    return shown


def _starts_at(value: str) -> datetime:
    """Return the instant that a slot's button stands for."""
    return datetime.fromtimestamp(int(value.partition("-")[0], 36) * 60, UTC)


def _button(course: Course, slot: str) -> dict[str, str]:
    return {
        "token": course.token("choose", uuid.uuid4()),
        "slot": slot,
        "motif": course.motifs[30].ref.hex,
    }


def one_person(course: Course, *, clients: int) -> None:
    """One person sends many forms at once, and has three bookings at most."""
    wanted = course.new_slots(clients)
    person = course.details()
    answers: dict[int, Answer] = defaultdict()

    def send(number: int) -> None:
        form = course.choice_form(wanted[number], random.Random(number), uuid.uuid4(), "details")
        answers[number] = course.post("book", reverse("booking:confirm"), form | person)

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(send, range(clients)))
    booked = sum(answer.status == 302 for answer in answers.values())
    course.tally.count("person", ("limit",), failed=booked != 3, seen=booked)
