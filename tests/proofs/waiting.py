"""A freed slot goes to one person at a time, never to a person twice, and is never lost.

People wait on a list; appointments are cancelled by their links; the mails of the offers come through a
relay, and their readers accept, refuse, leave, or do nothing until their time is over. Workers, and a
process of the web, are killed with SIGKILL meanwhile, the worst moment included: the relay has taken a
mail and nobody has noted it. Every slot must end booked by who was offered it, or free because everybody
whom it suited was asked or was answering another offer. Where it is night nothing leaves. At the end the
thirty days of those who are left go by, and nobody may remain.

The hour of an offer is moved by hand: its rows are made older, as if the time of an answer had passed.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import random
import re
import signal
import sys
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.fakes.smtp import Delivery, SmtpServer
from tests.proofs.reminders import ZONES, Redis, _short_folder, _zone_of_day
from tests.proofs.sabotage import Guard
from tests.proofs.stage import Stage, set_stage
from tests.proofs.tally import Tally
from tests.proofs.wire import Ask, Wire
from tests.proofs.workers import Workers, children

PROOF = "waiting"
HOST = "waiting.lib-rdv.localhost"
LINK = re.compile(r"/offre/([A-Za-z0-9_-]+)/")
ANSWERS = ("accepter", "refuser", "quitter", "")
WEIGHTS = (40, 25, 10, 25)
"""What people do with an offer; the last ones do nothing until its time is over."""
TOGETHER = timedelta(seconds=2)
"""Clocks are read before locks are had: within this span two instants have no order."""


@dataclass(frozen=True)
class Size:
    """How much is asked of one run; seconds, except for counts."""

    people: int
    cancellations: int
    agendas: int
    workers: int
    threads: int
    kills: int
    every: float
    lease: float
    sweep_every: float
    patience: float


FULL = Size(
    people=100, cancellations=1000, agendas=4, workers=2, threads=4, kills=24, every=4.0, lease=10,
    sweep_every=2.0, patience=60,
)  # fmt: skip
SHORT = Size(
    people=8, cancellations=14, agendas=2, workers=1, threads=3, kills=1, every=3.0, lease=1,
    sweep_every=0.3, patience=15,
)  # fmt: skip


# --- The guards ---------------------------------------------------------------------------------------


def _replace(owner: Any, name: str, value: Any) -> None:
    setattr(owner, name, value)


def _free_and_forget() -> None:
    from booking.services import offering

    _replace(offering, "offer_freed", lambda **_facts: None)


def _hold_nothing() -> None:
    from booking.services import offering

    _replace(offering, "GRACE", timedelta(hours=-3))


def _sweep_nothing() -> None:
    from tenants.outbox import actors

    _replace(actors, "due_entries", lambda *, now: [])


def _ask_again() -> None:
    from django.db.models import Exists, OuterRef

    from booking.models import Offer
    from booking.services import offering

    def forgetful(entries: Any, placed: Any) -> Any:
        busy = Offer.objects.filter(entry=OuterRef("pk"), state="offered")
        return entries.filter(~Exists(busy)).select_related(
            "data_key", "appointment__appointment_type"
        )

    _replace(offering, "_those_free", forgetful)


def _end_what_has_ended() -> None:
    from booking.services import offering

    _replace(offering, "open_offer", offering.offer_as_it_is)


def _never_quiet() -> None:
    from booking.services import offering

    _replace(offering, "out_of_quiet_hours", lambda now, *, zone: now)


def _erase_nobody() -> None:
    from booking.services import waiting_contacts

    _replace(waiting_contacts, "erase", lambda entries, **_facts: 0)


def _keep_the_keys() -> None:
    from tenants.keyring import services

    _replace(services, "destroy_many", lambda *, keys: [b"" for _ in keys])


def _drop(index: str) -> Any:
    def drop(stage: Any, world: Any) -> None:
        table = f'"{world.unit.schema}".booking_offer'
        stage.owner(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {index}")
        stage.owner(f'DROP INDEX IF EXISTS "{world.unit.schema}".{index}')

    return drop


GUARDS: dict[str, Guard] = {
    "freed": Guard("what is freed is offered in the same transaction", process=_free_and_forget),
    "hold": Guard("a slot that is offered is held", process=_hold_nothing),
    "sweep": Guard("the sweep finds what nobody rang for", process=_sweep_nothing),
    "once": Guard(
        "a slot is offered to a person once",
        process=_ask_again,
        database=_drop("offer_never_twice"),
    ),
    "state": Guard(
        "an offer that has ended does not end again",
        process=_end_what_has_ended,
        database=_drop("offer_one_person"),
    ),
    "quiet": Guard("nothing leaves at night", process=_never_quiet),
    "erase": Guard("who accepts or leaves is erased", process=_erase_nobody),
    "key": Guard("the key of who is erased is destroyed", process=_keep_the_keys),
}


# --- The world ----------------------------------------------------------------------------------------


@dataclass
class Freed:
    """A slot that will be cancelled: whose, when, by which link."""

    practitioner_id: int
    starts_at: datetime
    token: str
    is_cancelled: bool = False


@dataclass
class World:
    """One practice, who waits, and what their mails have told them."""

    stage: Stage
    unit: Any
    size: Size
    cabinet: Any = None
    freed: list[Freed] = field(default_factory=list)
    night: list[Freed] = field(default_factory=list)
    addresses: dict[str, str] = field(default_factory=dict)
    """Of an entry, by its reference."""
    night_address: str = "nuit@personne.example"
    mails: list[tuple[str, str]] = field(default_factory=list)
    """What has arrived: the token of the offer and the address."""
    number: int = 0

    def rows(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run a statement with the owner's login; {s} stands for the schema."""
        return self.stage.owner(statement.replace("{s}", f'"{self.unit.schema}"'), parameters)

    def fill(self) -> None:
        """Book everything that will be cancelled; put everybody on the list."""
        from tenants.schema import inside
        from tests import factories

        now = datetime.now(UTC)
        zone = _zone_of_day(now)
        with inside(self.unit):
            self.cabinet = cabinet = factories.Cabinet(max_open_bookings=50)
            type(cabinet.location).objects.update(time_zone=zone.key)
            cabinet.location.refresh_from_db()
            rules: dict[str, Any] = {"duration_min": 5, "min_notice_min": 0}
            type(cabinet.type).objects.update(**rules)
            people = [cabinet.practitioner]
            people += [
                factories.make_practitioner(f"Praticien {n}") for n in range(1, self.size.agendas)
            ]
            cabinet.type.practitioners.set(people)
            cabinet.type.refresh_from_db()
            type(cabinet.hours[0]).objects.all().delete()
            for one in people:
                factories.make_hours(
                    one, cabinet.location, weekdays=range(7), starts_min=0, ends_min=1440
                )
            morning = now.astimezone(zone).replace(hour=1, minute=0, second=0, microsecond=0)
            for n in range(self.size.cancellations):
                step = timedelta(days=3, minutes=5 * (n // len(people)))
                self.freed.append(self._book(people[n % len(people)], morning + step, now))
            for _ in range(self.size.people):
                self.join(self.to_give_back(now), now)
            self._fill_the_night(now)

    def to_give_back(self, now: datetime) -> Any:
        """Book an appointment for every fifth person who joins; inside the unit."""
        number = self.number + 1
        if number % 5:
            return None
        later = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(
            days=12 + number // 250, minutes=5 * (number % 250)
        )
        return self._booked(self.cabinet.practitioner, later, now)

    def join(self, gives_back: Any, now: datetime) -> None:
        """Put one more person on the list; inside the unit."""
        from booking.models import WaitingEntry
        from booking.services import waiting
        from tests.factories import make_person

        self.number += 1
        email = f"attente-{self.number}@personne.example"
        person = make_person(first_name=f"P{self.number}", email=email, phone="")
        entry = waiting.join(
            wish=waiting.Wish(self.cabinet.type, self.cabinet.location),
            person=person,
            form_ref=uuid.uuid4(),
            origin=WaitingEntry.Origin.PATIENT,
            actor="patient",
            gives_back=gives_back,
            now=now,
        )
        assert entry is not None
        self.addresses[entry.ref.hex] = email

    def _book(self, practitioner: Any, at: datetime, now: datetime) -> Freed:
        from booking.services.links import manage_token

        booked = self._booked(practitioner, at.astimezone(UTC), now)
        return Freed(practitioner.pk, booked.starts_at, manage_token(booked))

    def _booked(self, practitioner: Any, at: datetime, now: datetime, **choice: Any) -> Any:
        from booking.persons import Person
        from booking.services.appointments import book_by_staff

        return book_by_staff(
            choice=self.cabinet.choice(at, practitioner_id=practitioner.pk, **choice),
            form_ref=uuid.uuid4(),
            person=Person(),
            actor="system",
            now=now,
        )

    def _fill_the_night(self, now: datetime) -> None:
        """A place where it is night now, one who waits there, one appointment to cancel."""
        from booking.models import WaitingEntry
        from booking.services import waiting
        from booking.services.links import manage_token
        from tests import factories

        name = next(zone for zone in ZONES if not 7 <= now.astimezone(ZoneInfo(zone)).hour < 20)
        place = factories.make_location(name="Nuit", time_zone=name)
        who = factories.make_practitioner("Praticien de nuit")
        motif = factories.make_type([who], [place], label="Nuit", duration_min=5)
        factories.make_hours(who, place, weekdays=range(7), starts_min=0, ends_min=1440)
        waiting.join(
            wish=waiting.Wish(motif, place),
            person=factories.make_person(email=self.night_address, phone=""),
            form_ref=uuid.uuid4(),
            origin=WaitingEntry.Origin.PATIENT,
            actor="patient",
            now=now,
        )
        at = now.replace(second=0, microsecond=0) + timedelta(days=5)
        booked = self._booked(who, at, now, location_id=place.pk, appointment_type_id=motif.pk)
        self.night.append(Freed(who.pk, booked.starts_at, manage_token(booked)))

    def on_mail(self, delivery: Delivery) -> str:
        """Note what a mail offers to whom; return the token, or nothing when it offers nothing."""
        found = LINK.search(delivery.part("plain"))
        if not found:
            return ""
        self.mails.append((found[1], delivery.recipients[0]))
        return found[1]

    def open_offers(self) -> int:
        """How many offers stand now, the night's apart."""
        return int(
            self.rows(
                "SELECT count(*) FROM {s}.booking_offer WHERE state = 'offered' AND"
                " practitioner_id <> %s",
                [self.night[0].practitioner_id],
            )[0][0]
        )


# --- What happens -------------------------------------------------------------------------------------


class Course:
    """Cancels, answers, lets time pass, and kills, until every offer has ended."""

    def __init__(self, world: World, served: Any, workers: Workers, tally: Tally) -> None:
        self.world, self.served, self.workers, self.tally = world, served, workers, tally
        self.wire = Wire(served.port, timeout=30)
        self.chosen = random.Random(2026)
        self.answered: dict[str, str] = {}
        self.left: list[Freed] = [*world.night, *world.freed]
        self.struck_web = 0
        self._lock = threading.Lock()
        self._swept = self._struck = time.monotonic()
        self._kills = world.size.kills
        self._taken = 0

    def on_delivery(self, delivery: Delivery) -> None:
        """Note a mail; now and then the worker dies before it can note it too."""
        if self.world.on_mail(delivery):
            with self._lock:
                self._taken += 1
                strike = self._kills > 0 and self._taken % 6 == 3
                self._kills -= int(strike)
            if strike:
                self.workers.kill(self.chosen)

    def play(self) -> None:
        """Go on until nothing is left to do, or nothing moves any more."""
        moved_at, before = time.monotonic(), (-1, -1, -1)
        while time.monotonic() - moved_at < self.world.size.patience:
            self.workers.start()
            self._strike()
            self._cancel_some()
            self._answer_all()
            self._let_time_pass()
            self._watch_the_public_page()
            self._sweep()
            now = (len(self.left), self.world.open_offers(), len(self.answered))
            if now[:2] == (0, 0):
                return
            if now != before or not self.workers.have_started():
                moved_at, before = time.monotonic(), now
            time.sleep(0.05)
            self.served.check()

    def _post(self, path: str, form: dict[str, str]) -> int:
        headers = {"X-Forwarded-For": self.wire.network(), "Origin": f"http://{HOST}"}
        for _ in range(5):
            with contextlib.suppress(OSError, Exception):
                return self.wire.send(Ask("POST", path, (HOST.encode(),), headers, form)).status
            time.sleep(0.2)  # its process was killed: a person tries again
        return 0

    def _cancel_some(self) -> None:
        """Cancel a few, as long as most of those who wait are free to be asked."""
        room = max(2, self.world.size.people // 2) - self.world.open_offers()
        now, self.left = self.left[: max(room, 0)], self.left[max(room, 0) :]
        with ThreadPoolExecutor(4) as pool:
            statuses = list(pool.map(lambda one: self._post(f"/rdv/{one.token}/annuler/", {}), now))
        for one, status in zip(now, statuses, strict=True):
            one.is_cancelled = status == 302
            self.tally.count("cancelled", (one.token[:12],), failed=status != 302, seen=status)

    def _answer_all(self) -> None:
        """Read the new mails and answer; who has gone is followed by somebody new."""
        from tenants.schema import inside

        new = {token for token, _address in list(self.world.mails)} - set(self.answered)
        for token in new:
            self.answered[token] = self.chosen.choices(ANSWERS, WEIGHTS)[0]
        to_send = [(token, self.answered[token]) for token in new if self.answered[token]]
        with ThreadPoolExecutor(4) as pool:
            statuses = list(
                pool.map(lambda one: self._post(f"/offre/{one[0]}/", {"reponse": one[1]}), to_send)
            )
        gone = 0
        for (token, said), status in zip(to_send, statuses, strict=True):
            # A reader of a second copy, or of an offer that the purge has ended, comes too late.
            bad = status not in {200, 302, 409}
            self.tally.count(f"answer: {said}", (token,), failed=bad, seen=status)
            gone += said != "refuser"
        for _ in range(gone if self.left else 0):
            # Agendas are locked before the list: the appointment to give back is made first.
            now = datetime.now(UTC)
            with inside(self.world.unit):
                gives_back = self.world.to_give_back(now)
            with inside(self.world.unit):
                self.world.join(gives_back, now)

    def _let_time_pass(self) -> None:
        """Make older what has been read and answered, or was not: the end of its time is due."""
        hashes = [_hash(token) for token in self.answered]
        if not hashes:
            return
        self.world.rows(
            "UPDATE {s}.booking_offer SET opens_at = opens_at - interval '2 hours', expires_at ="
            " expires_at - interval '2 hours' WHERE link_hash = ANY(%s) AND told_at IS NOT NULL"
            " AND expires_at > now()",
            [hashes],
        )
        self.world.rows(
            "UPDATE {s}.outbox_outboxentry SET due_at = now() WHERE kind = 'waiting.offer_expiry'"
            " AND state = 'pending' AND due_at > now() + interval '10 minutes' AND object_id IN"
            " (SELECT id FROM {s}.booking_offer WHERE link_hash = ANY(%s))",
            [hashes],
        )

    def _watch_the_public_page(self) -> None:
        """What is being offered stands on no public page."""
        from booking.queries import free_slots
        from tenants.schema import inside

        offers = self._some_open()
        if not offers:
            return
        practitioner, starts_at = offers[0][1:]
        on = starts_at.astimezone(ZoneInfo(self.world.cabinet.location.time_zone)).date()
        with inside(self.world.unit):
            shown = free_slots(
                appointment_type=self.world.cabinet.type, practitioners=[practitioner],
                location=self.world.cabinet.location, from_on=on, until_on=on, now=datetime.now(UTC),
            )  # fmt: skip
        visible = {(slot.practitioner_id, slot.starts_at) for slot in shown}
        still = {offer[0] for offer in self._some_open()}
        for offer in offers:
            if offer[0] in still:
                seen = offer[1:] in visible
                self.tally.count("hidden while offered", (offer[0],), failed=seen, seen="shown")

    def _some_open(self) -> list[tuple[Any, ...]]:
        rows = self.world.rows(
            "SELECT id, practitioner_id, starts_at FROM {s}.booking_offer WHERE state = 'offered'"
            " AND practitioner_id = %s ORDER BY id LIMIT 40",
            [self.world.freed[0].practitioner_id],
        )
        return [(key, who, at.astimezone(UTC)) for key, who, at in rows]

    def _sweep(self) -> None:
        from tenants.outbox.actors import sweep

        if time.monotonic() - self._swept >= self.world.size.sweep_every:
            self._swept = time.monotonic()
            with contextlib.suppress(Exception):
                sweep.send()

    def _strike(self) -> None:
        """A blow when it is time for one: a worker, and once in a while a process of the web."""
        if time.monotonic() - self._struck < self.world.size.every or self._kills <= 0:
            return
        self._struck = time.monotonic()
        with self._lock:
            self._kills -= 1
        self.workers.kill(self.chosen)
        if self._kills % 4 == 0:
            for pid in children(self.served.process.pid)[:1]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    self.struck_web += 1


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


# --- Judging ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Made:
    """An offer as the table has it."""

    key: int
    entry: str
    slot: tuple[int, datetime]
    state: str
    offered_at: datetime
    told_at: datetime | None
    ended_at: datetime | None
    link: bytes


def _offers(world: World) -> list[Made]:
    rows = world.rows(
        "SELECT id, replace(entry_ref::text, '-', ''), practitioner_id, starts_at, state, offered_at,"
        " told_at, ended_at, link_hash FROM {s}.booking_offer ORDER BY id"
    )
    return [
        Made(key, entry, (who, at.astimezone(UTC)), state, offered, told, ended, bytes(link))
        for key, entry, who, at, state, offered, told, ended, link in rows
    ]


def judge_offers(world: World, tally: Tally) -> dict[str, Any]:
    """One at a time, never twice, never lost, told to the right person, nothing at night."""
    made = _offers(world)
    night = {(one.practitioner_id, one.starts_at) for one in world.night}
    by_slot: dict[tuple[int, datetime], list[Made]] = defaultdict(list)
    by_entry: dict[str, list[Made]] = defaultdict(list)
    for offer in made:
        by_slot[offer.slot].append(offer)
        by_entry[offer.entry].append(offer)
    alive = _lives(world)
    booked, held = _places(world)
    # What was given back in exchange is freed too.
    slots = {(one.practitioner_id, one.starts_at) for one in world.freed} | set(by_slot)
    for slot in sorted(slots - night):
        offers = by_slot[slot]
        name = (slot[0], slot[1].isoformat())
        asked = [offer.entry for offer in offers]
        tally.count("never twice", name, failed=len(set(asked)) < len(asked), seen=asked)
        overlap = [
            (one.key, two.key)
            for one, two in itertools.pairwise(offers)
            if one.ended_at is None or two.offered_at < one.ended_at
        ]
        tally.count("one at a time", name, failed=bool(overlap), seen=overlap)
        taken = [offer for offer in offers if offer.state == "accepted"]
        right = len(taken) == (slot in booked) and slot not in held
        lost = [] if taken else _not_asked(slot, offers, by_entry, alive, world)
        seen = (len(taken), slot in booked, slot in held, lost)
        tally.count("never lost", name, failed=not right or bool(lost), seen=seen)
    _judge_mails(world, made, tally)
    for slot in night:
        told = [offer.told_at for offer in by_slot[slot]]
        wrote = [address for _token, address in world.mails if address == world.night_address]
        bad = told != [None] or bool(wrote) or slot not in held
        tally.count("at night", ("nothing leaves",), failed=bad, seen=(told, wrote))
    longest = max((len(offers) for offers in by_slot.values()), default=0)
    states: dict[str, int] = defaultdict(int)
    for offer in made:
        states[offer.state] += 1
    return {"offers": len(made), "states": dict(states), "longest_chain": longest}


def _judge_mails(world: World, made: list[Made], tally: Tally) -> None:
    by_link = {offer.link: offer for offer in made}
    reached = defaultdict(set)
    for token, address in world.mails:
        offer = by_link.get(_hash(token))
        right = offer is not None and world.addresses.get(offer.entry) == address
        tally.count("told to whom it is offered", (token,), failed=not right, seen=address)
        if offer is not None:
            reached[offer.key].add(address)
    for offer in made:
        if offer.state in {"accepted", "refused", "expired"}:
            wrong = len(reached[offer.key]) != 1
            tally.count("told", (offer.key,), failed=wrong, seen=(offer.state, reached[offer.key]))


def _lives(world: World) -> dict[str, tuple[datetime, datetime]]:
    """Return from when to when each entry was on the list."""
    far = datetime.now(UTC) + timedelta(days=1)
    gone = dict(
        world.rows(
            "SELECT replace(subject_ref::text, '-', ''), at FROM {s}.trail_receipt WHERE kind ="
            " 'booking_waitingentry'"
        )
    )
    joined = dict(
        world.rows(
            "SELECT replace(ref::text, '-', ''), at FROM {s}.trail_act WHERE verb = 'waiting.joined'"
        )
    )
    return {ref: (at, gone.get(ref, far)) for ref, at in joined.items()}


def _places(world: World) -> tuple[set[Any], set[Any]]:
    rows = world.rows(
        "SELECT practitioner_id, starts_at, status FROM {s}.booking_appointment WHERE status IN"
        " ('booked', 'held')"
    )
    found: dict[str, set[Any]] = {"booked": set(), "held": set()}
    for who, at, status in rows:
        found[status].add((who, at.astimezone(UTC)))
    return found["booked"], found["held"]


def _not_asked(
    slot: tuple[int, datetime],
    offers: list[Made],
    by_entry: dict[str, list[Made]],
    alive: dict[str, tuple[datetime, datetime]],
    world: World,
) -> list[str]:
    """Return who was on the list when the slot was given up, was free, and was not asked."""
    if offers:
        given_up = offers[-1].ended_at
    else:
        rows = world.rows(
            "SELECT cancelled_at FROM {s}.booking_appointment WHERE practitioner_id = %s AND"
            " starts_at = %s AND status LIKE 'cancelled%%'",
            list(slot),
        )
        given_up = rows[0][0] if rows else None
    if given_up is None:
        return ["not even freed"]
    asked = {offer.entry for offer in offers}
    return [
        entry
        for entry, (since, until) in alive.items()
        if entry in world.addresses
        and entry not in asked
        and since < given_up - TOGETHER
        and until > given_up + TOGETHER
        and not any(
            other.offered_at <= given_up + TOGETHER
            and (other.ended_at is None or other.ended_at >= given_up - TOGETHER)
            for other in by_entry[entry]
        )
    ]


def judge_erasure(world: World, course: Course, tally: Tally) -> dict[str, Any]:
    """Who accepted or left is gone; the thirty days of the others go by, and nobody is left."""
    made = {offer.link: offer for offer in _offers(world)}
    here = {ref for (ref,) in world.rows(
        "SELECT replace(ref::text, '-', '') FROM {s}.booking_waitingentry"
    )}  # fmt: skip
    for offer in made.values():
        if offer.state == "accepted":
            tally.count("accepted, erased", (offer.key,), failed=offer.entry in here)
    world.rows(
        "UPDATE {s}.booking_waitingentry SET joined_at = joined_at - interval '31 days',"
        " erase_at = least(erase_at - interval '31 days', now())"
        " WHERE erase_at - interval '31 days' >= joined_at - interval '31 days'"
    )
    started, left = time.monotonic(), len(here)
    struck = False
    while left and time.monotonic() - started < world.size.patience * 2:
        course.workers.start()
        _ring_the_purge()
        if not struck and world.size is FULL:  # in the midst of it
            struck = True
            time.sleep(0.2)
            course.workers.kill(course.chosen, everybody=True)
        time.sleep(0.3)
        left = int(world.rows("SELECT count(*) FROM {s}.booking_waitingentry")[0][0])
    receipts = {ref for (ref,) in world.rows(
        "SELECT replace(subject_ref::text, '-', '') FROM {s}.trail_receipt WHERE kind ="
        " 'booking_waitingentry'"
    )}  # fmt: skip
    for ref in world.addresses:
        tally.count("erased, with a receipt", (ref,), failed=ref not in receipts)
    tally.count("nobody left", ("rows",), failed=left > 0, seen=left)
    keys = int(world.rows("SELECT count(*) FROM {s}.keyring_datakey")[0][0])
    contacts = int(world.rows("SELECT count(*) FROM {s}.booking_patientcontact")[0][0])
    tally.count("nobody left", ("keys",), failed=keys != contacts, seen=(keys, contacts))
    twice = world.rows(
        "SELECT subject_ref FROM {s}.trail_receipt WHERE kind = 'booking_waitingentry'"
        " GROUP BY 1 HAVING count(*) > 1"
    )
    tally.count("nobody erased twice", ("receipts",), failed=bool(twice), seen=twice)
    return {"erased": len(receipts), "by_the_purge": len(here)}


def _ring_the_purge() -> None:
    from compliance.retention.actors import purge_all

    with contextlib.suppress(Exception):
        purge_all.send()


# --- The run ------------------------------------------------------------------------------------------


@contextmanager
def _broker() -> Iterator[Redis]:
    with _short_folder() as folder:
        broker = Redis(folder)
        broker.start()
        try:
            yield broker
        finally:
            broker.close()


def run(*, short: bool, sabotage: str | None) -> dict[str, Any]:
    """Play it; return the line of the proof."""
    size, tally = SHORT if short else FULL, Tally(sabotage)
    if sabotage and short:
        # What needs no blow is shown faster without.
        size = replace(SHORT, kills=0, patience=4)
    callbacks: list[Any] = []

    def on_delivery(mail: Delivery) -> None:
        for callback in callbacks:
            callback(mail)

    with (
        _broker() as broker,
        SmtpServer(on_delivery=on_delivery) as relay,
        set_stage(
            REDIS_URL=broker.url, BROKER_URL=broker.url, MAIL_PROVIDER="smtp", EMAIL_URL=relay.url,
            OUTBOX_LEASE_SECONDS=str(size.lease), OUTBOX_BACKOFF_SECONDS="0.2",
        ) as stage,
    ):  # fmt: skip
        environment = {**stage.environment, "PROOF": PROOF, "SABOTAGE": sabotage or ""}
        workers = Workers(
            environment, stage.logs / "worker.log", many=size.workers, threads=size.threads
        )
        workers.start()
        started = time.monotonic()
        world = World(stage, stage.add_tenant(HOST), size)
        try:
            with stage.serve(proof=PROOF, sabotage=sabotage, workers=2) as served:
                world.fill()
                if sabotage:
                    GUARDS[sabotage].remove_from_database(stage, world)
                course = Course(world, served, workers, tally)
                callbacks.append(course.on_delivery)
                course.play()
                figures = judge_offers(world, tally)
                figures |= judge_erasure(world, course, tally)
        finally:
            workers.close()
        if tally.failed and not sabotage:
            stage.show_logs()
    figures |= {
        "people": world.number,
        "cancellations": sum(one.is_cancelled for one in world.freed),
        "mails": len(world.mails),
        "kills": workers.killed,
        "web_kills": course.struck_web,
        "played_seconds": round(time.monotonic() - started, 1),
    }
    if not short:
        print(figures, file=sys.stderr)
    return tally.report(PROOF, **figures)
