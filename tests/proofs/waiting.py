"""Proof: a freed slot is offered to one person at a time, to no person twice, and is never lost.

People wait on the list and appointments are cancelled by their links. A relay gets the mails of the offers, and
their readers accept, refuse, leave the list, or do nothing until the offer ends. Meanwhile workers and web
processes are killed with SIGKILL, also when the relay has accepted a mail and the worker has not yet recorded it.
Each slot must end booked by the person to whom it was offered, or free, because each person whom it suited was
asked or was answering another offer. At night no offer is sent. At the end the thirty days of the remaining
entries pass, and no entry may remain.

Time passes by changing rows: offers and outbox entries are made older.
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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from dataclasses import replace as changed
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.fakes.smtp import Delivery, SmtpServer
from tests.proofs.broker import run_broker
from tests.proofs.counter import CaseCounter
from tests.proofs.environment import ProofEnvironment, open_environment
from tests.proofs.guards import Guard, replace
from tests.proofs.raw_http import RawHttpClient, RawRequest
from tests.proofs.workers import Workers, children
from tests.proofs.zones import zone_of_day, zone_of_night

PROOF = "waiting"
HOST = "waiting.lib-rdv.localhost"
LINK = re.compile(r"/offre/([A-Za-z0-9_-]+)/")
ANSWERS = ("accept", "refuse", "leave", "")
WEIGHTS = (40, 25, 10, 25)
"""The share in percent of each answer to an offer; the last is none until the offer ends."""
TOGETHER = timedelta(seconds=2)
"""The product reads the clock before it gets a lock: the order of two instants within this span is not known."""


@dataclass(frozen=True)
class WaitingSize:
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


FULL = WaitingSize(
    people=100, cancellations=1000, agendas=4, workers=2, threads=4, kills=24, every=4.0, lease=10,
    sweep_every=2.0, patience=60,
)  # fmt: skip
SHORT = WaitingSize(
    people=8, cancellations=14, agendas=2, workers=1, threads=3, kills=1, every=3.0, lease=1,
    sweep_every=0.3, patience=15,
)  # fmt: skip


# --- The guards ---------------------------------------------------------------------------------------


def _offer_nothing() -> None:
    from booking.waiting_list import offers

    replace(offers, "offer_freed", lambda *, resolved, left_by, now: None)


def _let_holds_end_too_early() -> None:
    from booking.waiting_list import offers

    replace(offers, "GRACE", timedelta(hours=-3))


def _sweep_nothing() -> None:
    from tenants.outbox import sweep

    replace(sweep, "due_entries", lambda *, now: [])


def _offer_again() -> None:
    from django.db.models import Exists, OuterRef

    from booking.models import Offer
    from booking.waiting_list import offers

    def without_open_offer(entries: Any, resolved: Any) -> Any:
        # Only after an offer that has expired: a person who leaves the list cannot be erased with an open offer.
        busy = Offer.objects.filter(entry=OuterRef("pk"), state__in=["offered", "refused"])
        return entries.filter(~Exists(busy)).select_related(
            "data_key", "appointment__appointment_type"
        )

    replace(offers, "_without_open_offer", without_open_offer)


def _end_offers_again() -> None:
    from booking.waiting_list import offers

    replace(offers, "open_offer", offers.read_offer)


def _know_no_quiet_hours() -> None:
    from booking.rules import erasure

    replace(erasure, "out_of_quiet_hours", lambda now, *, zone: now)


def _erase_nobody() -> None:
    from booking.waiting_list import waiting_contacts

    replace(waiting_contacts, "erase", lambda entries, *, rule, now: 0)


def _keep_the_keys() -> None:
    from tenants.keyring import services

    replace(services, "destroy_many", lambda *, keys: [b"" for _ in keys])


def _delete_index(index: str) -> Any:
    def delete(environment: Any, dataset: Any) -> None:
        table = f'"{dataset.unit.schema}".booking_offer'
        environment.owner(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {index}")
        environment.owner(f'DROP INDEX IF EXISTS "{dataset.unit.schema}".{index}')

    return delete


GUARDS: dict[str, Guard] = {
    "freed": Guard(
        "a slot that a cancellation frees is offered in the same transaction",
        process=_offer_nothing,
    ),
    "hold": Guard("a slot that is offered is held", process=_let_holds_end_too_early),
    "sweep": Guard(
        "the sweep finds due entries without a message in the broker", process=_sweep_nothing
    ),
    "once": Guard(
        "a slot is offered to a person once",
        process=_offer_again,
        database=_delete_index("offer_never_twice"),
    ),
    "state": Guard(
        "an offer that has ended does not end again",
        process=_end_offers_again,
        database=_delete_index("offer_one_person"),
    ),
    "quiet": Guard("no offer is sent at night", process=_know_no_quiet_hours),
    "erase": Guard("a person who accepts or leaves the list is erased", process=_erase_nobody),
    "key": Guard("the key of an erased person is destroyed", process=_keep_the_keys),
}


# --- The dataset ----------------------------------------------------------------------------------------


@dataclass
class FreedSlot:
    """An appointment to cancel: its practitioner, its start and the token of its link."""

    practitioner_id: int
    starts_at: datetime
    token: str
    is_cancelled: bool = False


@dataclass
class WaitingDataset:
    """One practice, its waiting list, and the mails of the offers."""

    environment: ProofEnvironment
    unit: Any
    size: WaitingSize
    cabinet: Any = None
    freed: list[FreedSlot] = field(default_factory=list)
    night: list[FreedSlot] = field(default_factory=list)
    addresses: dict[str, str] = field(default_factory=dict)
    """The e-mail address of each entry, by its reference."""
    night_address: str = "nuit@personne.example"
    mails: list[tuple[str, str]] = field(default_factory=list)
    """The offers that were mailed: token and address."""
    number: int = 0

    def rows(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run a statement with the owner's login; ``{s}`` is replaced by the schema."""
        return self.environment.owner(statement.replace("{s}", f'"{self.unit.schema}"'), parameters)

    def fill(self) -> None:
        """Book the appointments to cancel, and add the people to the list."""
        from tenants.schema import inside
        from tests import factories

        now = datetime.now(UTC)
        zone = zone_of_day(now)
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
            for practitioner in people:
                factories.make_hours(
                    practitioner, cabinet.location, weekdays=range(7), starts_min=0, ends_min=1440
                )
            morning = now.astimezone(zone).replace(hour=1, minute=0, second=0, microsecond=0)
            for n in range(self.size.cancellations):
                step = timedelta(days=3, minutes=5 * (n // len(people)))
                self.freed.append(self._book(people[n % len(people)], morning + step, now))
            for _ in range(self.size.people):
                self.join(self.to_give_back(now), now)
            self._fill_the_night(now)

    def to_give_back(self, now: datetime) -> Any:
        """Book an appointment that every fifth person gives up for an offer; inside the unit."""
        number = self.number + 1
        if number % 5:
            return None
        later = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(
            days=12 + number // 250, minutes=5 * (number % 250)
        )
        return self._booked(self.cabinet.practitioner, later, now)

    def join(self, gives_back: Any, now: datetime) -> None:
        """Add a person to the list; inside the unit."""
        from booking.models import WaitingEntry
        from booking.waiting_list import waiting_entries
        from tests.factories import make_person

        self.number += 1
        email = f"attente-{self.number}@personne.example"
        person = make_person(first_name=f"P{self.number}", email=email, phone="")
        entry = waiting_entries.join(
            wish=waiting_entries.Wish(self.cabinet.type, self.cabinet.location),
            person=person,
            form_ref=uuid.uuid4(),
            origin=WaitingEntry.EntryOrigin.PATIENT,
            actor="patient",
            gives_back=gives_back,
            now=now,
        )
        assert entry is not None
        self.addresses[entry.ref.hex] = email

    def _book(self, practitioner: Any, at: datetime, now: datetime) -> FreedSlot:
        from booking.patients.links import manage_token

        booked = self._booked(practitioner, at.astimezone(UTC), now)
        return FreedSlot(practitioner.pk, booked.starts_at, manage_token(booked))

    def _booked(self, practitioner: Any, at: datetime, now: datetime, **selection: Any) -> Any:
        from booking.appointments.book import book_by_staff
        from booking.rules.persons import Person

        return book_by_staff(
            selection=self.cabinet.selection(at, practitioner_id=practitioner.pk, **selection),
            form_ref=uuid.uuid4(),
            person=Person(),
            actor="system",
            now=now,
        )

    def _fill_the_night(self, now: datetime) -> None:
        """Make a location where it is night, with one person on its list and one appointment to cancel."""
        from booking.models import WaitingEntry
        from booking.patients.links import manage_token
        from booking.waiting_list import waiting_entries
        from tests import factories

        name = zone_of_night(now).key
        place = factories.make_location(name="Nuit", time_zone=name)
        practitioner = factories.make_practitioner("Praticien de nuit")
        appointment_type = factories.make_type(
            [practitioner], [place], label="Nuit", duration_min=5
        )
        factories.make_hours(practitioner, place, weekdays=range(7), starts_min=0, ends_min=1440)
        waiting_entries.join(
            wish=waiting_entries.Wish(appointment_type, place),
            person=factories.make_person(email=self.night_address, phone=""),
            form_ref=uuid.uuid4(),
            origin=WaitingEntry.EntryOrigin.PATIENT,
            actor="patient",
            now=now,
        )
        at = now.replace(second=0, microsecond=0) + timedelta(days=5)
        booked = self._booked(
            practitioner, at, now, location_id=place.pk, appointment_type_id=appointment_type.pk
        )
        self.night.append(FreedSlot(practitioner.pk, booked.starts_at, manage_token(booked)))

    def on_mail(self, delivery: Delivery) -> str:
        """Record the offer of a mail; return its token, "" for another mail."""
        found = LINK.search(delivery.part("plain"))
        if not found:
            return ""
        self.mails.append((found[1], delivery.recipients[0]))
        return found[1]

    def open_offers(self) -> int:
        """Return the number of open offers, without the one at night."""
        return int(
            self.rows(
                "SELECT count(*) FROM {s}.booking_offer WHERE state = 'offered' AND"
                " practitioner_id <> %s",
                [self.night[0].practitioner_id],
            )[0][0]
        )


# --- The actions -------------------------------------------------------------------------------------


class WaitingRun:
    """Cancels, answers offers, lets time pass and kills processes, until each offer has ended."""

    def __init__(
        self, dataset: WaitingDataset, web: Any, workers: Workers, counter: CaseCounter
    ) -> None:
        self.dataset, self.web, self.workers, self.counter = dataset, web, workers, counter
        self.http = RawHttpClient(web.port, timeout=30)
        self.lot = random.Random(2026)
        self.answered: dict[str, str] = {}
        self.left: list[FreedSlot] = [*dataset.night, *dataset.freed]
        self.web_kills = 0
        self._lock = threading.Lock()
        self._swept = self._killed_at = time.monotonic()
        self._kills = dataset.size.kills
        self._taken = 0

    def on_delivery(self, delivery: Delivery) -> None:
        """Record a mail; sometimes kill the worker before it can record the mail too."""
        if self.dataset.on_mail(delivery):
            with self._lock:
                self._taken += 1
                is_killed = self._kills > 0 and self._taken % 6 == 3
                self._kills -= int(is_killed)
            if is_killed:
                self.workers.kill_one(self.lot)

    def play(self) -> None:
        """Go on until nothing is left to do, or nothing changes for ``patience`` seconds."""
        moved_at, before = time.monotonic(), (-1, -1, -1)
        while time.monotonic() - moved_at < self.dataset.size.patience:
            self.workers.start()
            self._kill_due()
            self._cancel_some()
            self._answer_all()
            self._let_time_pass()
            self._watch_the_public_page()
            self._sweep()
            now = (len(self.left), self.dataset.open_offers(), len(self.answered))
            if now[:2] == (0, 0):
                return
            if now != before or not self.workers.have_started():
                moved_at, before = time.monotonic(), now
            time.sleep(0.05)
            self.web.check()

    def _post(self, path: str, form: dict[str, str]) -> int:
        headers = {"X-Forwarded-For": self.http.network(), "Origin": f"http://{HOST}"}
        for _ in range(5):
            with contextlib.suppress(OSError, Exception):
                return self.http.send(
                    RawRequest("POST", path, (HOST.encode(),), headers, form)
                ).status
            time.sleep(0.2)  # the web process was killed: a person tries again
        return 0

    def _cancel_some(self) -> None:
        """Cancel some appointments while at least half of the people have no open offer."""
        room = max(2, self.dataset.size.people // 2) - self.dataset.open_offers()
        now, self.left = self.left[: max(room, 0)], self.left[max(room, 0) :]
        with ThreadPoolExecutor(4) as pool:
            statuses = list(
                pool.map(lambda freed: self._post(f"/rdv/{freed.token}/annuler/", {}), now)
            )
        for freed, status in zip(now, statuses, strict=True):
            freed.is_cancelled = status == 302
            self.counter.count(
                "cancelled", (freed.token[:12],), failed=status != 302, status=status
            )

    def _answer_all(self) -> None:
        """Answer the new mails; a new person joins for each one who has left the list."""
        from tenants.schema import inside

        new = {token for token, _address in list(self.dataset.mails)} - set(self.answered)
        for token in new:
            self.answered[token] = self.lot.choices(ANSWERS, WEIGHTS)[0]
        to_send = [(token, self.answered[token]) for token in new if self.answered[token]]
        with ThreadPoolExecutor(4) as pool:
            statuses = list(
                pool.map(
                    lambda sent: self._post(f"/offre/{sent[0]}/", {"answer": sent[1]}), to_send
                )
            )
        gone = 0
        for (token, reply), status in zip(to_send, statuses, strict=True):
            # 409: the reader of a second copy, or of an offer that has ended, is too late.
            bad = status not in {200, 302, 409}
            self.counter.count(f"answer: {reply}", (token,), failed=bad, status=status)
            gone += reply != "refuse"
        for _ in range(gone if self.left else 0):
            # Agendas are locked before the list, so the appointment to give back is booked first.
            now = datetime.now(UTC)
            with inside(self.dataset.unit):
                gives_back = self.dataset.to_give_back(now)
            with inside(self.dataset.unit):
                self.dataset.join(gives_back, now)

    def _let_time_pass(self) -> None:
        """Make the offers that were read older, so that their end is due."""
        hashes = [_hash(token) for token in self.answered]
        if not hashes:
            return
        self.dataset.rows(
            "UPDATE {s}.booking_offer SET opens_at = opens_at - interval '2 hours', expires_at ="
            " expires_at - interval '2 hours' WHERE link_hash = ANY(%s) AND notified_at IS NOT NULL"
            " AND expires_at > now()",
            [hashes],
        )
        self.dataset.rows(
            "UPDATE {s}.outbox_outboxentry SET due_at = now() WHERE kind = 'waiting.offer_expiry'"
            " AND state = 'pending' AND due_at > now() + interval '10 minutes' AND subject_id IN"
            " (SELECT id FROM {s}.booking_offer WHERE link_hash = ANY(%s))",
            [hashes],
        )

    def _watch_the_public_page(self) -> None:
        """Count whether the public page shows slots that are being offered: it must not."""
        from booking.scheduling.queries import free_slots
        from tenants.schema import inside

        offers = self._some_open()
        if not offers:
            return
        practitioner, starts_at = offers[0][1:]
        on = starts_at.astimezone(ZoneInfo(self.dataset.cabinet.location.time_zone)).date()
        with inside(self.dataset.unit):
            shown = free_slots(
                appointment_type=self.dataset.cabinet.type, practitioners=[practitioner],
                location=self.dataset.cabinet.location, from_on=on, until_on=on, now=datetime.now(UTC),
            )  # fmt: skip
        visible = {(slot.practitioner_id, slot.starts_at) for slot in shown}
        still = {offer[0] for offer in self._some_open()}
        for offer in offers:
            if offer[0] in still:
                seen = offer[1:] in visible
                self.counter.count("hidden while offered", (offer[0],), failed=seen, seen="shown")

    def _some_open(self) -> list[tuple[Any, ...]]:
        rows = self.dataset.rows(
            "SELECT id, practitioner_id, starts_at FROM {s}.booking_offer WHERE state = 'offered'"
            " AND practitioner_id = %s ORDER BY id LIMIT 40",
            [self.dataset.freed[0].practitioner_id],
        )
        return [(key, practitioner, at.astimezone(UTC)) for key, practitioner, at in rows]

    def _sweep(self) -> None:
        from tenants.outbox.actors import sweep

        if time.monotonic() - self._swept >= self.dataset.size.sweep_every:
            self._swept = time.monotonic()
            with contextlib.suppress(Exception):
                sweep.send()

    def _kill_due(self) -> None:
        """When it is time, kill a worker, and sometimes a web process."""
        if time.monotonic() - self._killed_at < self.dataset.size.every or self._kills <= 0:
            return
        self._killed_at = time.monotonic()
        with self._lock:
            self._kills -= 1
        self.workers.kill_one(self.lot)
        if self._kills % 4 == 0:
            for pid in children(self.web.process.pid)[:1]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    self.web_kills += 1


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


# --- Judging ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OfferRow:
    """A row of the table of offers."""

    key: int
    entry: str
    slot: tuple[int, datetime]
    state: str
    offered_at: datetime
    mailed_at: datetime | None
    ended_at: datetime | None
    link: bytes


def _offers(dataset: WaitingDataset) -> list[OfferRow]:
    rows = dataset.rows(
        "SELECT id, replace(entry_ref::text, '-', ''), practitioner_id, starts_at, state, offered_at,"
        " notified_at, ended_at, link_hash FROM {s}.booking_offer ORDER BY id"
    )
    return [
        OfferRow(
            key, entry, (owner, at.astimezone(UTC)), state, offered, mailed, ended, bytes(link)
        )
        for key, entry, owner, at, state, offered, mailed, ended, link in rows
    ]


def judge_offers(dataset: WaitingDataset, counter: CaseCounter) -> dict[str, Any]:
    """Count the offers: one at a time, none twice, no slot lost, each mailed to its person, none at night."""
    made = _offers(dataset)
    night = {(freed.practitioner_id, freed.starts_at) for freed in dataset.night}
    by_slot: dict[tuple[int, datetime], list[OfferRow]] = defaultdict(list)
    by_entry: dict[str, list[OfferRow]] = defaultdict(list)
    for offer in made:
        by_slot[offer.slot].append(offer)
        by_entry[offer.entry].append(offer)
    alive = _entry_times(dataset)
    booked, on_hold = _occupied(dataset)
    # Appointments that were given up for an offer free slots too.
    slots = {(freed.practitioner_id, freed.starts_at) for freed in dataset.freed} | set(by_slot)
    for slot in sorted(slots - night):
        offers = by_slot[slot]
        name = (slot[0], slot[1].isoformat())
        asked = [offer.entry for offer in offers]
        counter.count("never twice", name, failed=len(set(asked)) < len(asked), seen=asked)
        overlap = [
            (first.key, second.key)
            for first, second in itertools.pairwise(offers)
            if first.ended_at is None or second.offered_at < first.ended_at
        ]
        counter.count("one at a time", name, failed=bool(overlap), seen=overlap)
        taken = [offer for offer in offers if offer.state == "accepted"]
        right = len(taken) == (slot in booked) and slot not in on_hold
        lost = [] if taken else _not_asked(slot, offers, by_entry, alive, dataset)
        seen = (len(taken), slot in booked, slot in on_hold, lost)
        counter.count("never lost", name, failed=not right or bool(lost), seen=seen)
    _judge_mails(dataset, made, counter)
    for slot in night:
        mailed = [offer.mailed_at for offer in by_slot[slot]]
        wrote = [address for _token, address in dataset.mails if address == dataset.night_address]
        bad = mailed != [None] or bool(wrote) or slot not in on_hold
        counter.count("at night", ("nothing leaves",), failed=bad, seen=(mailed, wrote))
    longest = max((len(offers) for offers in by_slot.values()), default=0)
    states: dict[str, int] = defaultdict(int)
    for offer in made:
        states[offer.state] += 1
    return {"offers": len(made), "states": dict(states), "longest_chain": longest}


def _judge_mails(dataset: WaitingDataset, made: list[OfferRow], counter: CaseCounter) -> None:
    by_link = {offer.link: offer for offer in made}
    reached = defaultdict(set)
    for token, address in dataset.mails:
        offer = by_link.get(_hash(token))
        right = offer is not None and dataset.addresses.get(offer.entry) == address
        counter.count("mailed to its person", (token,), failed=not right, seen=address)
        if offer is not None:
            reached[offer.key].add(address)
    for offer in made:
        if offer.state in {"accepted", "refused", "expired"}:
            wrong = len(reached[offer.key]) != 1
            counter.count(
                "mailed", (offer.key,), failed=wrong, seen=(offer.state, reached[offer.key])
            )


def _entry_times(dataset: WaitingDataset) -> dict[str, tuple[datetime, datetime]]:
    """Return the start and the end of each entry on the list."""
    far = datetime.now(UTC) + timedelta(days=1)
    gone = dict(
        dataset.rows(
            "SELECT replace(subject_ref::text, '-', ''), at FROM {s}.audit_receipt WHERE kind ="
            " 'booking_waitingentry'"
        )
    )
    joined = dict(
        dataset.rows(
            "SELECT replace(ref::text, '-', ''), at FROM {s}.audit_auditevent WHERE verb = 'waiting.joined'"
        )
    )
    return {ref: (at, gone.get(ref, far)) for ref, at in joined.items()}


def _occupied(dataset: WaitingDataset) -> tuple[set[Any], set[Any]]:
    rows = dataset.rows(
        "SELECT practitioner_id, starts_at, status FROM {s}.booking_appointment WHERE status IN"
        " ('booked', 'held')"
    )
    found: dict[str, set[Any]] = {"booked": set(), "held": set()}
    for owner, at, status in rows:
        found[status].add((owner, at.astimezone(UTC)))
    return found["booked"], found["held"]


def _not_asked(
    slot: tuple[int, datetime],
    offers: list[OfferRow],
    by_entry: dict[str, list[OfferRow]],
    alive: dict[str, tuple[datetime, datetime]],
    dataset: WaitingDataset,
) -> list[str]:
    """Return the entries on the list that were free when the slot was given up, and were not asked."""
    if offers:
        given_up = offers[-1].ended_at
    else:
        rows = dataset.rows(
            "SELECT cancelled_at FROM {s}.booking_appointment WHERE practitioner_id = %s AND"
            " starts_at = %s AND status LIKE 'cancelled%%'",
            list(slot),
        )
        given_up = rows[0][0] if rows else None
    if given_up is None:
        return ["was not cancelled"]
    asked = {offer.entry for offer in offers}
    return [
        entry
        for entry, (since, until) in alive.items()
        if entry in dataset.addresses
        and entry not in asked
        and since < given_up - TOGETHER
        and until > given_up + TOGETHER
        and not any(
            other.offered_at <= given_up + TOGETHER
            and (other.ended_at is None or other.ended_at >= given_up - TOGETHER)
            for other in by_entry[entry]
        )
    ]


def judge_erasure(
    dataset: WaitingDataset, waiting_run: WaitingRun, counter: CaseCounter
) -> dict[str, Any]:
    """Count erasures: after an accepted offer, and after the thirty days of the other entries."""
    made = {offer.link: offer for offer in _offers(dataset)}
    here = {ref for (ref,) in dataset.rows(
        "SELECT replace(ref::text, '-', '') FROM {s}.booking_waitingentry"
    )}  # fmt: skip
    for offer in made.values():
        if offer.state == "accepted":
            counter.count("accepted, erased", (offer.key,), failed=offer.entry in here)
    dataset.rows(
        "UPDATE {s}.booking_waitingentry SET joined_at = joined_at - interval '31 days',"
        " erase_at = least(erase_at - interval '31 days', now())"
        " WHERE erase_at - interval '31 days' >= joined_at - interval '31 days'"
    )
    started, left = time.monotonic(), len(here)
    has_killed = False
    while left and time.monotonic() - started < dataset.size.patience * 2:
        waiting_run.workers.start()
        _enqueue_erasures()
        if not has_killed and dataset.size is FULL:  # in the middle of the erasures
            has_killed = True
            time.sleep(0.2)
            waiting_run.workers.kill_all()
        time.sleep(0.3)
        left = int(dataset.rows("SELECT count(*) FROM {s}.booking_waitingentry")[0][0])
    receipts = {ref for (ref,) in dataset.rows(
        "SELECT replace(subject_ref::text, '-', '') FROM {s}.audit_receipt WHERE kind ="
        " 'booking_waitingentry'"
    )}  # fmt: skip
    for ref in dataset.addresses:
        counter.count("erased, with a receipt", (ref,), failed=ref not in receipts)
    counter.count("no entry left", ("rows",), failed=left > 0, seen=left)
    keys = int(dataset.rows("SELECT count(*) FROM {s}.keyring_datakey")[0][0])
    contacts = int(dataset.rows("SELECT count(*) FROM {s}.booking_patientcontact")[0][0])
    counter.count("no entry left", ("keys",), failed=keys != contacts, seen=(keys, contacts))
    twice = dataset.rows(
        "SELECT subject_ref FROM {s}.audit_receipt WHERE kind = 'booking_waitingentry'"
        " GROUP BY 1 HAVING count(*) > 1"
    )
    counter.count("no entry erased twice", ("receipts",), failed=bool(twice), seen=twice)
    return {"erased": len(receipts), "by_the_retention_period": len(here)}


def _enqueue_erasures() -> None:
    from compliance.retention.actors import erase_all_due

    with contextlib.suppress(Exception):
        erase_all_due.send()


# --- The run ------------------------------------------------------------------------------------------


def run(*, short: bool, sabotage: str | None) -> dict[str, Any]:
    """Run the proof; return the report."""
    guard = GUARDS[sabotage] if sabotage else None
    size, counter = SHORT if short else FULL, CaseCounter(guard)
    if sabotage and short:
        # A removed guard shows without kills, and faster.
        size = changed(SHORT, kills=0, patience=4)
    callbacks: list[Any] = []

    def on_delivery(mail: Delivery) -> None:
        for callback in callbacks:
            callback(mail)

    with (
        run_broker() as broker,
        SmtpServer(on_delivery=on_delivery) as relay,
        open_environment(
            proof=PROOF, sabotage=sabotage, REDIS_URL=broker.url, BROKER_URL=broker.url,
            MAIL_PROVIDER="smtp", EMAIL_URL=relay.url,
            OUTBOX_LEASE_SECONDS=str(size.lease), OUTBOX_BACKOFF_SECONDS="0.2",
        ) as environment,
    ):  # fmt: skip
        workers = Workers(
            environment.variables,
            environment.logs / "worker.log",
            many=size.workers,
            threads=size.threads,
        )
        workers.start()
        started = time.monotonic()
        dataset = WaitingDataset(environment, environment.add_tenant(HOST), size)
        try:
            with environment.serve(workers=2) as web:
                dataset.fill()
                if guard is not None:
                    guard.remove_from_database(environment, dataset)
                waiting_run = WaitingRun(dataset, web, workers, counter)
                callbacks.append(waiting_run.on_delivery)
                waiting_run.play()
                figures = judge_offers(dataset, counter)
                figures |= judge_erasure(dataset, waiting_run, counter)
        finally:
            workers.close()
        if counter.failed and not sabotage:
            environment.show_logs()
    figures |= {
        "people": dataset.number,
        "cancellations": sum(freed.is_cancelled for freed in dataset.freed),
        "mails": len(dataset.mails),
        "kills": workers.killed,
        "web_kills": waiting_run.web_kills,
        "played_seconds": round(time.monotonic() - started, 1),
    }
    if not short:
        print(figures, file=sys.stderr)
    return counter.report(PROOF, **figures)
