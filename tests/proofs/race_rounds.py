"""The rounds of the proof `race`: which clients send which requests for a slot, and the expected results."""

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

from tests.proofs.counter import CaseCounter
from tests.proofs.raw_http import CSRF, RawAnswer, RawHttpClient, RawRequest

HOST = "race.lib-rdv.localhost"
SESSION = "__Host-session"
ZONE = ZoneInfo("Europe/Paris")
FIRST_DAY = 10
APART = timedelta(hours=3)
LONGEST_SECONDS = 1.0
"""How long a request may take at fifty clients."""
LEFT_FOR_OTHERS = 0.85
"""The share of the free slots that other networks must still see while one network sends holds without end."""
HOLD_MINUTES = 10
FLOODED_IN, FLOODED_DAYS = timedelta(days=300), 7
_SLOT_BUTTON = re.compile(r'class="slot" name="slot" value="([^"]+)"')


@dataclass
class ContestedSlot:
    """An instant of one agenda that each requested appointment contains."""

    number: int
    practitioner: Any
    instant: datetime
    winners: set[str] = field(default_factory=set)


@dataclass
class MovableAppointment:
    """An appointment that a client moves, by its link or as a secretary."""

    token: str
    ref: uuid.UUID
    practitioner: Any
    has_moved: bool = False


class RaceRun:
    """A practice of four practitioners and two appointment types, and what its clients have sent and received."""

    def __init__(self, environment: Any, counter: CaseCounter, web: Any) -> None:
        from booking import models
        from tenants.accounts.models import Membership, User
        from tenants.schema import inside
        from tests import factories
        from tests.proofs.dataset import PASSWORD

        self.environment, self.counter, self.http = (
            environment,
            counter,
            RawHttpClient(web.port, timeout=60),
        )
        self.unit = environment.add_tenant(HOST)
        self.schema = self.unit.schema
        self.days = itertools.count(FIRST_DAY)
        self.movers = itertools.count()
        self.statuses: Counter[int] = Counter()
        self.by_service: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.slots: list[ContestedSlot] = []
        self.neighbours: dict[int, MovableAppointment] = {}
        self._lock = threading.Lock()
        self._people = itertools.count()
        with inside(self.unit):
            factories.make_practice(max_open_bookings=3)
            self.place = factories.make_location()
            self.people = [factories.make_practitioner(f"Docteur {name}") for name in "WXYZ"]
            appointment_type: dict[str, Any] = {
                "step_min": 15,
                "min_notice_min": 0,
                "horizon_days": 350,
            }
            self.appointment_types: dict[int, models.AppointmentType] = {
                30: factories.make_type(self.people, [self.place], duration_min=30, **appointment_type),
                45: factories.make_type(
                    self.people, [self.place], label="Longue", duration_min=45,
                    buffer_before_min=5, buffer_after_min=10, **appointment_type,
                ),
            }  # fmt: skip
            self.list_appointment_type = factories.make_type(
                self.people, [self.place], label="Liste", duration_min=30, **appointment_type
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
    def post(
        self, service: str, path: str, form: dict[str, str], *, staff: bool = False
    ) -> RawAnswer:
        """Send a form from a network of its own; note the status and the seconds of the answer."""
        headers = {"X-Forwarded-For": self.http.network(), "Origin": f"http://{HOST}"}
        if staff:
            headers["Cookie"] = f"__Host-csrf={CSRF}; {SESSION}={self.session}"
            form = {"csrfmiddlewaretoken": CSRF, **form}
        return self.send(service, RawRequest("POST", path, (HOST.encode(),), headers, form))

    def post_from(self, network: str, path: str, form: dict[str, str]) -> RawAnswer:
        """Send a patient's form from a given network."""
        return self.send(
            "", RawRequest("POST", path, (HOST.encode(),), {"X-Forwarded-For": network}, form)
        )

    def send(self, service: str, request: RawRequest) -> RawAnswer:
        """Send a request; note the status and the seconds of its answer, and the service when one is named."""
        start = time.perf_counter()
        answer = self.http.send(request)
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
        request = RawRequest("POST", reverse("account_login"), (HOST.encode(),), headers, form)
        for line in self.http.send(request).all("Set-Cookie"):
            if line.startswith(f"{SESSION}="):
                return line.split(";")[0].partition("=")[2]
        raise RuntimeError("the secretary could not sign in")

    # --- Forms --------------------------------------------------------------------------------------
    def token(self, purpose: str, ref: uuid.UUID) -> str:
        """Return a form token that was issued ten seconds ago: a form sent sooner counts as a robot's."""
        from booking.abuse import form_token

        at = datetime.now(UTC) - timedelta(seconds=10)
        return form_token.issue(schema=self.schema, purpose=purpose, now=at, ref=ref)

    def wish(self, slot: ContestedSlot, turn: random.Random) -> tuple[Any, datetime]:
        """Return an appointment type and a start whose occupied time contains the slot's instant."""
        minutes = turn.choice((30, 45))
        before = turn.choice((0, 15) if minutes == 30 else (0, 15, 30))
        return self.appointment_types[minutes], slot.instant - timedelta(minutes=before)

    def choice_form(
        self, slot: ContestedSlot, turn: random.Random, ref: uuid.UUID, purpose: str
    ) -> dict[str, str]:
        """Return the fields that a slot's button sends, or the form that follows it."""
        from booking.web.public.search import write_value

        appointment_type, starts_at = self.wish(slot, turn)
        return {
            "token": self.token(purpose, ref),
            "slot": write_value(starts_at, slot.practitioner, self.place),
            "appointment_type": appointment_type.ref.hex,
        }

    def details(self) -> dict[str, str]:
        """Return the fields of a person with an address of their own."""
        with self._lock:
            number = next(self._people)
        return {
            "first_name": "Camille",
            "last_name": "Spécimen",
            "email": f"personne{number}@example.org",
        }

    def desk_form(
        self, practitioner: Any, appointment_type: Any, starts_at: datetime
    ) -> dict[str, str]:
        """Return the fields of a secretary's form."""
        local = starts_at.astimezone(ZONE)
        return {
            "practitioner": str(practitioner.ref),
            "appointment_type": str(appointment_type.ref),
            "place": str(self.place.ref),
            "day": f"{local:%Y-%m-%d}",
            "hour": f"{local:%H:%M}",
            "anyway": "on",
        }

    # --- Slots and appointments -----------------------------------------------------------------------------
    def new_slots(self, count: int) -> list[ContestedSlot]:
        """Return instants three hours apart, on the four agendas in turn; public holidays are left out."""
        from booking.rules.holidays import public_holidays

        made: list[ContestedSlot] = []
        while len(made) < count:
            morning = datetime.now(ZONE).replace(hour=3, minute=0, second=0, microsecond=0)
            morning += timedelta(days=next(self.days))
            if morning.date() in public_holidays(territory="", postcode="", year=morning.year):
                continue
            for hour, person in itertools.product(range(6), self.people):
                instant = (morning + hour * APART).astimezone(UTC)
                made.append(ContestedSlot(len(self.slots) + len(made), person, instant))
        self.slots += made[:count]
        return made[:count]

    def book_before(
        self, practitioner: Any, starts_at: datetime, appointment_type: Any = None
    ) -> MovableAppointment:
        """Book an appointment before the round, as a secretary; return its link."""
        from booking.appointments.book import book_by_staff
        from booking.patients.links import manage_token
        from booking.scheduling.slots import SlotSelection
        from tenants.schema import inside
        from tests.factories import make_person

        with inside(self.unit):
            booked = book_by_staff(
                selection=SlotSelection(
                    practitioner.pk,
                    self.place.pk,
                    (appointment_type or self.appointment_types[30]).pk,
                    starts_at,
                ),
                form_ref=uuid.uuid4(),
                person=make_person(email=self.details()["email"], phone=""),
                actor="system",
                now=datetime.now(UTC),
            )
            return MovableAppointment(manage_token(booked), booked.ref, practitioner)

    @contextmanager
    def inside(self) -> Any:
        """Work in the practice's schema; another thread than the main one closes its connection afterwards."""
        from django.db import connection

        from tenants.schema import inside

        try:
            with inside(self.unit):
                yield
        finally:
            if threading.current_thread() is not threading.main_thread():
                connection.close()

    def waiting_for(self, practitioner: Any, appointment_type: Any = None) -> Any:
        """Add a person to the waiting list, as a secretary; return the entry."""
        from booking.models import WaitingEntry
        from booking.waiting_list import waiting_entries as waiting
        from tests.factories import make_person

        with self.inside():
            return waiting.join(
                wish=waiting.Wish(
                    appointment_type or self.appointment_types[30], self.place, practitioner
                ),
                person=make_person(email=self.details()["email"], phone=""),
                form_ref=uuid.uuid4(),
                origin=WaitingEntry.EntryOrigin.STAFF,
                actor="system",
                now=datetime.now(UTC),
            )

    def offered(self, **which: Any) -> str:
        """Return the token of an open offer; "none" when there is no open offer."""
        from booking.models import Offer
        from booking.waiting_list.offers import link_of

        with self.inside():
            offer = Offer.objects.filter(state="offered", **which).first()
            return link_of(offer) if offer else "none"

    def empty_the_list(self) -> None:
        """Delete all entries of the waiting list with their offers, as a secretary."""
        from booking.models import WaitingEntry
        from booking.waiting_list import waiting_entries as waiting
        from tenants.schema import inside

        with inside(self.unit):
            for entry in WaitingEntry.objects.all():
                waiting.leave(entry=entry, actor="system", now=datetime.now(UTC))

    def expired_hold(self, slot: ContestedSlot) -> None:
        """Insert a hold that has expired and whose row is still there."""
        appointment_type = self.appointment_types[30]
        ends_at = slot.instant + timedelta(minutes=30)
        self.environment.owner(
            f'INSERT INTO "{self.schema}".booking_appointment (ref, practitioner_id, location_id,'
            " appointment_type_id, status, origin, starts_at, ends_at, during, form_ref, held_until,"
            " network_index, sequence, has_reminder) VALUES (gen_random_uuid(), %s, %s, %s, 'held',"
            " 'patient', %s, %s, tstzrange(%s, %s), gen_random_uuid(), now() - interval '1 second',"
            " '\\x00', 0, true)",
            [slot.practitioner.pk, self.place.pk, appointment_type.pk, slot.instant, ends_at,
             slot.instant, ends_at],
        )  # fmt: skip

    # --- Judging ------------------------------------------------------------------------------------
    def overlaps(self) -> int:
        """Count the pairs of rows that overlap on one agenda and are not overbooked."""
        rows = self.environment.owner(
            f'SELECT count(*) FROM "{self.schema}".booking_appointment a'
            f' JOIN "{self.schema}".booking_appointment b ON a.practitioner_id = b.practitioner_id'
            " AND a.id < b.id AND a.during && b.during AND NOT a.is_overbooked AND NOT b.is_overbooked"
            " WHERE a.status IN ('held', 'booked', 'fulfilled', 'noshow')"
            " AND b.status IN ('held', 'booked', 'fulfilled', 'noshow')"
        )
        return int(rows[0][0])

    def occupying(self, slot: ContestedSlot) -> int:
        """Count the rows that occupy the slot's instant."""
        rows = self.environment.owner(
            f'SELECT count(*) FROM "{self.schema}".booking_appointment WHERE practitioner_id = %s'
            " AND during @> %s AND status IN ('booked', 'fulfilled', 'noshow')",
            [slot.practitioner.pk, slot.instant],
        )
        return int(rows[0][0])

    def overbooked(self) -> tuple[int, int]:
        """Count the overbooked rows, and those of them that overlap no earlier row."""
        rows = self.environment.owner(
            f'SELECT count(*), count(*) FILTER (WHERE NOT EXISTS (SELECT 1 FROM "{self.schema}"'
            ".booking_appointment b WHERE b.practitioner_id = a.practitioner_id AND NOT b.is_overbooked"
            " AND b.status IN ('held', 'booked', 'fulfilled', 'noshow') AND a.during && b.during"
            " AND b.id < a.id))"
            f' FROM "{self.schema}".booking_appointment a WHERE a.is_overbooked'
        )
        return int(rows[0][0]), int(rows[0][1])

    def judge(self) -> dict[str, Any]:
        """Count overlaps in the table and answers 5xx; return the figures."""
        overlaps = self.overlaps()
        self.counter.count("rows", ("overlaps",), failed=overlaps > 0, seen=overlaps)
        errors = sum(count for status, count in self.statuses.items() if status >= 500)
        status = max(self.statuses, default=0)
        self.counter.count("answers", ("5xx",), failed=errors > 0, seen=errors, status=status)
        return {
            "overlaps": overlaps,
            "errors_5xx": errors,
            "statuses": {str(key): self.statuses[key] for key in sorted(self.statuses)},
            "by_service": dict(sorted(self.by_service.items())),
        }


RaceAttempt = Callable[["RaceClient", ContestedSlot], None]


class RaceClient:
    """A client that competes for slots, always by the same kind of request."""

    def __init__(self, race: RaceRun, number: int) -> None:
        self.race, self.number = race, number
        self.turn = random.Random(number)
        self.mover: MovableAppointment | None = None
        self.count = 0
        self.way: RaceAttempt = _WAYS[number % len(_WAYS)]

    def prepare(self) -> None:
        """Book the appointment that this client will move; the agendas take turns."""
        if self.way in (by_link, by_desk_move):
            # Another time for each client: the appointments of an earlier round may not have been moved.
            turn, agenda = divmod(next(self.race.movers), len(self.race.people))
            day = datetime.now(UTC).replace(hour=1, minute=0, second=0, microsecond=0)
            self.mover = self.race.book_before(
                self.race.people[agenda], day + timedelta(days=200 + turn // 20, hours=turn % 20)
            )

    def request(self, slot: ContestedSlot) -> None:
        """Send one request for the slot and count it."""
        self.count += 1
        self.way(self, slot)

    def tried(
        self, service: str, slot: ContestedSlot, answer: RawAnswer, good: int, *, winner: str = ""
    ) -> bool:
        """Count one answer: expected are the status ``good`` and 409. Return whether it was ``good``."""
        won = answer.status == good
        expected = won or answer.status == 409
        case = (service, self.way.__name__, self.number, slot.number, self.count, winner[:8])
        self.race.counter.count(service, case, failed=not expected, status=answer.status)
        if won and winner:
            with self.race._lock:
                slot.winners.add(winner)
        return won


def hold_and_book(client: RaceClient, slot: ContestedSlot) -> None:
    """Press the slot's button, then send the form that follows."""
    race, ref = client.race, uuid.uuid4()
    form = race.choice_form(slot, client.turn, ref, "choose")
    hold = race.post("hold_slot", reverse("booking:choose"), form)
    if not client.tried("hold_slot", slot, hold, 303):
        return
    form = {**form, "token": race.token("details", ref), **race.details()}
    booked = race.post("book", reverse("booking:confirm"), form)
    client.tried("book", slot, booked, 302, winner=_where(booked))


def book_late(client: RaceClient, slot: ContestedSlot) -> None:
    """Send the form without a hold."""
    race = client.race
    form = race.choice_form(slot, client.turn, uuid.uuid4(), "details") | race.details()
    booked = race.post("book", reverse("booking:confirm"), form)
    client.tried("book", slot, booked, 302, winner=_where(booked))


def double_click(client: RaceClient, slot: ContestedSlot) -> None:
    """Send the same form twice at once: both answers must name one booking."""
    race = client.race
    form = race.choice_form(slot, client.turn, uuid.uuid4(), "details") | race.details()
    answers: list[RawAnswer] = []

    def click() -> None:
        answers.append(race.post("book", reverse("booking:confirm"), form))

    second = threading.Thread(target=click)
    second.start()
    click()
    second.join()
    for number, answer in enumerate(answers):
        client.count += number
        client.tried("book", slot, answer, 302, winner=_where(answer))
    locations = {_where(answer) for answer in answers}
    case = ("double click", client.number, slot.number)
    race.counter.count("double click", case, failed=len(locations) > 1, seen=locations)


def by_desk(client: RaceClient, slot: ContestedSlot) -> None:
    """Book as a secretary."""
    race = client.race
    appointment_type, starts_at = race.wish(slot, client.turn)
    form = race.desk_form(slot.practitioner, appointment_type, starts_at)
    form |= {"form_ref": str(uuid.uuid4()), "name": "Camille Spécimen", "contact": ""}
    answer = race.post("book_by_staff", reverse("dashboard:book"), form, staff=True)
    client.tried("book_by_staff", slot, answer, 302, winner=_where(answer))


def by_link(client: RaceClient, slot: ContestedSlot) -> None:
    """Move an appointment of another agenda by its link."""
    from booking.web.public.search import write_value

    race, mover = client.race, client.mover
    if mover is None or mover.has_moved:
        return book_late(client, slot)
    starts_at = slot.instant - timedelta(minutes=client.turn.choice((0, 15)))
    form = {"slot": write_value(starts_at, slot.practitioner, race.place)}
    answer = race.post("move", reverse("booking:move", args=[mover.token]), form)
    mover.has_moved = client.tried("move", slot, answer, 302, winner=mover.ref.hex)
    return None


def by_desk_move(client: RaceClient, slot: ContestedSlot) -> None:
    """Move an appointment of another agenda as a secretary."""
    race, mover = client.race, client.mover
    if mover is None or mover.has_moved:
        return by_desk(client, slot)
    appointment_type, starts_at = race.wish(slot, client.turn)
    form = race.desk_form(slot.practitioner, appointment_type, starts_at)
    path = reverse("dashboard:move", args=[mover.ref])
    answer = race.post("move", path, form, staff=True)
    mover.has_moved = client.tried("move", slot, answer, 302, winner=mover.ref.hex)
    return None


def by_desk_offer(client: RaceClient, slot: ContestedSlot) -> None:
    """Offer the slot as a secretary to a person on the waiting list, and accept the offer by its link."""
    from booking.web.public.search import write_value

    race = client.race
    appointment_type, starts_at = race.wish(slot, client.turn)
    entry = race.waiting_for(slot.practitioner, appointment_type)
    form = {"slot": write_value(starts_at, slot.practitioner, race.place)}
    path = reverse("dashboard:waiting_offer", args=[entry.ref])
    answer = race.post("offer_by_hand", path, form, staff=True)
    if not client.tried("offer_by_hand", slot, answer, 302):
        return
    accepted = _accept(race, race.offered(entry_ref=entry.ref))
    client.tried("book_held", slot, accepted, 302, winner=_where(accepted))


def _accept(race: RaceRun, token: str) -> RawAnswer:
    path = reverse("booking:offer", args=[token])
    return race.post("book_held", path, {"answer": "accept"})


def by_desk_resize(client: RaceClient, slot: ContestedSlot) -> None:
    """Make the appointment before the slot longer, so that it reaches into the slot."""
    race = client.race
    neighbour = race.neighbours.get(slot.number)
    if neighbour is None:
        return by_desk(client, slot)
    until = (slot.instant + timedelta(minutes=15)).astimezone(ZONE)
    form = {"until": f"{until:%H:%M}", "sequence": "0", "notify": ""}
    path = reverse("dashboard:resize", args=[neighbour.ref])
    answer = race.post("resize", path, form, staff=True)
    client.tried("resize", slot, answer, 302, winner=neighbour.ref.hex)
    return None


_WAYS: tuple[RaceAttempt, ...] = (
    hold_and_book, by_desk, by_link, double_click, hold_and_book, by_desk_move, book_late, by_desk_offer,
    by_desk_resize,
)  # fmt: skip


def _where(answer: RawAnswer) -> str:
    found = answer.all("Location")
    return found[0] if found else ""


def slots(race: RaceRun, *, clients: int, slots: int, is_timed: bool = False) -> dict[str, Any]:
    """Let each client request each slot; exactly one row and one winner must be left for a slot."""
    contested = race.new_slots(slots)
    competitors = [RaceClient(race, number) for number in range(clients)]
    for client in competitors:
        client.prepare()
    for slot in contested[::3]:
        race.expired_hold(slot)
    cancelled = _cancelled(race, contested[1::3])
    freed = _book_with_waiting_list(race, contested[2::3])
    _neighbours(race, contested[::2])
    race.seconds.clear()
    with ThreadPoolExecutor(clients + 4) as pool:

        def run(client: RaceClient) -> None:
            # All clients take the slots in nearly the same order: several compete for a slot at once.
            start = client.turn.randrange(3)
            for slot in (*contested[start:], *contested[:start]):
                client.request(slot)

        works = [pool.submit(run, client) for client in competitors]
        works.append(pool.submit(_mark_cancelled, race, cancelled))
        works.append(pool.submit(_free_and_accept, race, freed))
        for work in works:
            work.result()
    race.empty_the_list()
    for slot in contested:
        found = race.occupying(slot)
        right = found == 1 and len(slot.winners) == 1
        race.counter.count("slots", (slot.number,), failed=not right, seen=(found, slot.winners))
    worst = max(race.seconds)
    if is_timed:
        race.counter.count(
            "timing", ("worst",), failed=worst >= LONGEST_SECONDS, seen=round(worst, 3)
        )
        return {"worst_ms_at_50_clients": round(worst * 1000)}
    return {"clients": clients, "slots": slots, "worst_ms": round(worst * 1000)}


def _neighbours(race: RaceRun, slots: list[ContestedSlot]) -> None:
    """Book an appointment before some slots: made longer, it competes for the slot."""
    for slot in slots:
        before = slot.instant - timedelta(minutes=75)
        race.neighbours[slot.number] = race.book_before(slot.practitioner, before)


def _cancelled(
    race: RaceRun, slots: list[ContestedSlot]
) -> list[tuple[ContestedSlot, MovableAppointment]]:
    """Book and cancel an appointment on some slots: it occupies nothing and must stay cancelled."""
    made = []
    for slot in slots:
        mover = race.book_before(slot.practitioner, slot.instant)
        path = reverse("booking:cancel", args=[mover.token])
        answer = race.post("", path, {})
        race.counter.control(
            ("cancel", slot.number), failed=answer.status != 302, status=answer.status
        )
        made.append((slot, mover))
    return made


def _mark_cancelled(
    race: RaceRun, cancelled: list[tuple[ContestedSlot, MovableAppointment]]
) -> None:
    for mark in ("came", "absent", "expected"):
        for slot, mover in cancelled:
            path = reverse("dashboard:mark", args=[mover.ref])
            answer = race.post("mark", path, {"mark": mark}, staff=True)
            race.counter.count(
                "mark",
                ("mark", mark, slot.number),
                failed=answer.status != 302,
                status=answer.status,
            )


def _book_with_waiting_list(
    race: RaceRun, slots: list[ContestedSlot]
) -> list[tuple[ContestedSlot, MovableAppointment]]:
    """Book an appointment on some slots, and add a person to the waiting list for each."""
    made = []
    for slot in slots:
        race.waiting_for(slot.practitioner, race.list_appointment_type)
        mover = race.book_before(slot.practitioner, slot.instant, race.list_appointment_type)
        made.append((slot, mover))
    return made


def _free_and_accept(race: RaceRun, freed: list[tuple[ContestedSlot, MovableAppointment]]) -> None:
    """Cancel while others compete: the slot is offered to the waiting list and accepted by its link."""
    for slot, mover in freed:
        answer = race.post("offer_freed", reverse("booking:cancel", args=[mover.token]), {})
        case = ("cancel for the list", slot.number)
        race.counter.count("offer_freed", case, failed=answer.status != 302, status=answer.status)
        accepted = _accept(race, race.offered(starts_at=slot.instant))
        case = ("accept by link", slot.number)
        race.counter.count("book_held", case, failed=accepted.status != 302, status=accepted.status)
        with race._lock:
            slot.winners.add(_where(accepted))


def overbook_by_desk(client: RaceClient, slot: ContestedSlot) -> None:
    """Book as a secretary with the explicit wish to overbook."""
    race = client.race
    appointment_type, starts_at = race.wish(slot, client.turn)
    form = race.desk_form(slot.practitioner, appointment_type, starts_at)
    form |= {"form_ref": str(uuid.uuid4()), "name": "", "contact": "", "overbook": "on"}
    answer = race.post("book_by_staff", reverse("dashboard:book"), form, staff=True)
    case = ("over", slot.number, client.number)
    race.counter.count("overbooked", case, failed=answer.status != 302, status=answer.status)


def overbookings(race: RaceRun, *, slots: int) -> None:
    """Patients and secretaries compete at once, some of them with the explicit wish to overbook."""
    ways: tuple[RaceAttempt, ...] = (hold_and_book, by_desk, overbook_by_desk, book_late)
    for slot in race.new_slots(slots):
        competitors = [RaceClient(race, number) for number in range(8)]
        if slot.number % 2:
            # Nothing is there yet: the row is an ordinary one, which the constraint covers.
            overbook_by_desk(RaceClient(race, 8), slot)
        with ThreadPoolExecutor(len(competitors)) as pool:
            works = [pool.submit(ways[client.number % 4], client, slot) for client in competitors]
            for work in works:
                work.result()
    found, alone = race.overbooked()
    race.counter.count("overbooked", ("overlaps another row",), failed=alone > 0, seen=alone)
    race.counter.control(("overbooked", "some are"), failed=found == 0, seen=found)


def double_clicks(race: RaceRun) -> None:
    """Two clicks at once on a slot without competition, with a hold and without: one booking each."""
    for number, slot in enumerate(race.new_slots(4)):
        client = RaceClient(race, number)
        form = race.choice_form(slot, client.turn, uuid.uuid4(), "details") | race.details()
        if number % 2:
            hold_form = {**form, "token": race.token("choose", _ref_of(form["token"], race))}
            race.post("hold_slot", reverse("booking:choose"), hold_form)
        with ThreadPoolExecutor(2) as pool:
            clicks = [
                pool.submit(race.post, "book", reverse("booking:confirm"), form) for _ in "12"
            ]
            answers = [click.result() for click in clicks]
        results = {(answer.status, _where(answer)) for answer in answers}
        right = len(results) == 1 and answers[0].status == 302 and race.occupying(slot) == 1
        race.counter.count("double click", ("alone", number), failed=not right, seen=results)


def _ref_of(token: str, race: RaceRun) -> uuid.UUID:
    from booking.abuse import form_token

    read = form_token.read(token, schema=race.schema, purpose="details", now=datetime.now(UTC))
    return read.ref


@contextmanager
def _agendas_locked(race: RaceRun) -> Any:
    """Keep the lock of every agenda in a transaction of our own; yield what ends that transaction."""
    import psycopg2

    connection = psycopg2.connect(race.environment.owner_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                f'SELECT id FROM "{race.schema}".booking_practitioner ORDER BY id FOR NO KEY UPDATE'
            )
        yield connection.rollback
    finally:
        connection.close()


def locks(race: RaceRun) -> None:
    """Each service waits for the agenda's lock, and does not use what it has read before it."""
    _services_wait(race)
    race.empty_the_list()
    _cancelled_stays(race)


def _services_wait(race: RaceRun) -> None:
    free = race.new_slots(8)
    offered = _an_offer(race)
    clients = [RaceClient(race, number) for number in range(8)]
    movers = [race.book_before(free[n].practitioner, free[n].instant + APART / 2) for n in (6, 7)]
    marked = race.book_before(race.people[0], free[7].instant + timedelta(days=30))
    requests: dict[str, Callable[[], Any]] = {
        "hold_slot": lambda: hold_and_book(clients[0], free[0]),
        "book": lambda: book_late(clients[1], free[1]),
        "book_by_staff": lambda: by_desk(clients[2], free[2]),
        "move by link": lambda: _move(by_link, clients[3], movers[0], free[3]),
        "move by hand": lambda: _move(by_desk_move, clients[4], movers[1], free[4]),
        "mark": lambda: race.post(
            "mark", reverse("dashboard:mark", args=[marked.ref]), {"mark": "came"}, staff=True
        ),
        "offer_by_hand": lambda: by_desk_offer(clients[5], free[5]),
        "accept": lambda: _accept(race, offered),
        "cancel": lambda: race.post("", reverse("booking:cancel", args=[marked.token]), {}),
    }
    with ThreadPoolExecutor(len(requests)) as pool:
        with _agendas_locked(race) as unlock:
            works = {name: pool.submit(work) for name, work in requests.items()}
            _wait_for_waiters(race, len(requests), or_done=works.values())
            for name, work in works.items():
                race.counter.count("lock", (name,), failed=work.done(), seen="did not wait")
            unlock()
        for work in works.values():
            work.result()
    for slot in free[:6]:
        found = race.occupying(slot)
        race.counter.control(("after the lock", slot.number), failed=found != 1, seen=found)


def _an_offer(race: RaceRun) -> str:
    """Cancel an appointment for which a person waits; return the token that accepts the offer."""
    (slot,) = race.new_slots(1)
    ((slot, mover),) = _book_with_waiting_list(race, [slot])
    race.post("", reverse("booking:cancel", args=[mover.token]), {})
    return race.offered(starts_at=slot.instant)


def _move(
    way: RaceAttempt, client: RaceClient, mover: MovableAppointment, slot: ContestedSlot
) -> None:
    client.mover, client.way = mover, way
    way(client, slot)


def _cancelled_stays(race: RaceRun) -> None:
    """Cancel, mark from a page that still shows it booked, book the same time: it stays cancelled."""
    (slot,) = race.new_slots(1)
    gone = race.book_before(slot.practitioner, slot.instant)
    client = RaceClient(race, 1)
    steps: list[Callable[[], Any]] = [
        lambda: race.post("", reverse("booking:cancel", args=[gone.token]), {}),
        lambda: race.post(
            "mark", reverse("dashboard:mark", args=[gone.ref]), {"mark": "came"}, staff=True
        ),
    ]
    with ThreadPoolExecutor(len(steps)) as pool:
        with _agendas_locked(race) as unlock:
            works = []
            for number, step in enumerate(steps, start=1):
                works.append(pool.submit(step))
                _wait_for_waiters(race, number, or_done=works)
            unlock()
        for work in works:
            work.result()
    rows = race.environment.owner(
        f'SELECT status FROM "{race.schema}".booking_appointment WHERE ref = %s', [str(gone.ref)]
    )
    race.counter.count(
        "lock",
        ("cancelled stays cancelled",),
        failed=rows[0][0] != "cancelled_by_patient",
        seen=rows,
    )
    by_desk(client, slot)
    found = race.occupying(slot)
    race.counter.count("lock", ("a cancelled time is free",), failed=found != 1, seen=found)


def _wait_for_waiters(race: RaceRun, count: int, *, or_done: Iterable[Future] = ()) -> None:
    """Return when so many sessions wait for a lock, when a request has ended, or after five seconds."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and not any(work.done() for work in or_done):
        waiting = race.environment.owner(
            "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted AND (database IS NULL OR"
            " database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
        )
        if waiting[0][0] >= count:
            return
        time.sleep(0.02)


def flood(race: RaceRun, *, short: bool) -> dict[str, Any]:
    """One network sends holds for ten minutes; another network must see nearly all slots and get those it sees."""
    network = race.http.network()
    before = _shown_to_another(race)
    contested = sorted(before)
    sent, least, left = 0, before, before
    for minute in range(10):
        if minute:
            _let_minutes_pass(race, 1)
        for slot in contested[minute :: max(1, len(contested) // (20 if short else 60))]:
            race.post_from(network, reverse("booking:choose"), _button(race, slot))
            sent += 1
        left = before & _shown_to_another(race)
        least = min(least, left, key=len)
        _judge_left(race, f"minute {minute + 1}", left, before)
    # Pages that no hold changes would show every slot, taken or not.
    race.counter.control(("flood", "holds are seen"), failed=least == before, seen=len(least))
    _press_as_others(race, sorted(left), times=4 if short else 20)
    _let_minutes_pass(race, HOLD_MINUTES)
    _judge_left(race, "after", before & _shown_to_another(race), before)
    return {
        "flood_sent": sent,
        "flood_shown_before": len(before),
        "flood_shown_least": len(least),
        "flood_left": round(len(least) / len(before), 4),
    }


def _let_minutes_pass(race: RaceRun, minutes: int) -> None:
    """Let minutes pass for every hold: its end comes nearer."""
    race.environment.owner(
        f'UPDATE "{race.schema}".booking_appointment SET held_until = held_until -'
        " make_interval(mins => %s) WHERE status = 'held'",
        [minutes],
    )


def _judge_left(race: RaceRun, when: str, left: set[str], before: set[str]) -> None:
    too_little = len(left) < LEFT_FOR_OTHERS * len(before)
    seen = f"{len(left)} of {len(before)}"
    race.counter.count("flood", ("shown", when), failed=too_little or not before, seen=seen)


def _press_as_others(race: RaceRun, shown: list[str], *, times: int) -> None:
    """Press buttons that the pages show, each from a network of its own: each must give the slot."""
    for slot in shown[:: max(1, len(shown) // times)]:
        answer = race.post_from(race.http.network(), reverse("booking:choose"), _button(race, slot))
        case = ("other", slot)
        race.counter.count("flood", case, failed=answer.status != 303, status=answer.status)


def _shown_to_another(race: RaceRun) -> set[str]:
    """Return the values of the buttons that the pages of seven days show to a network without requests so far."""
    network = race.http.network()
    first = (datetime.now(ZONE) + FLOODED_IN).date()
    shown: set[str] = set()
    for day in (first + timedelta(days=shift) for shift in range(FLOODED_DAYS)):
        query = urlencode(
            {
                "motif": race.appointment_types[30].ref.hex,
                "avec": race.people[3].ref.hex,
                "jour": f"{day:%Y-%m-%d}",
            }
        )
        path = f"{reverse('booking:slots')}?{query}"
        request = RawRequest("GET", path, (HOST.encode(),), {"X-Forwarded-For": network})
        answer = race.send("", request)
        race.counter.control(
            ("flood", "page", f"{day}"), failed=answer.status != 200, status=answer.status
        )
        buttons = _SLOT_BUTTON.findall(answer.body.decode())
        # A day without a free hour shows its week instead.
        shown |= {value for value in buttons if _starts_at(value).astimezone(ZONE).date() == day}
    return shown


def _starts_at(value: str) -> datetime:
    """Return the instant of a slot's button."""
    return datetime.fromtimestamp(int(value.partition("-")[0], 36) * 60, UTC)


def _button(race: RaceRun, slot: str) -> dict[str, str]:
    return {
        "token": race.token("choose", uuid.uuid4()),
        "slot": slot,
        "appointment_type": race.appointment_types[30].ref.hex,
    }


def one_person(race: RaceRun, *, clients: int) -> None:
    """One person sends many forms at once from one network: three of them are booked."""
    contested = race.new_slots(clients)
    person, network = race.details(), race.http.network()
    answers: dict[int, RawAnswer] = defaultdict()

    def send(number: int) -> None:
        form = race.choice_form(contested[number], random.Random(number), uuid.uuid4(), "details")
        answers[number] = race.post_from(network, reverse("booking:confirm"), form | person)

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(send, range(clients)))
    booked = sum(answer.status == 302 for answer in answers.values())
    race.counter.count("person", ("limit",), failed=booked != 3, seen=booked)
