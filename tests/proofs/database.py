"""The database dies under load, again and again: what was acknowledged is there, once.

Patients book through HTTP while the server is stopped with ``-m immediate`` and started again. A patient
without an answer sends the same form until there is one, and then once more, as a second click does. In
the end every acknowledged booking is read back as the application reads it, and counted.
"""

import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from config import embedded
from tests.proofs.patient import Answer, Form, Patient, choose, confirm
from tests.proofs.sabotage import Guard
from tests.proofs.stage import Served, Stage, set_stage
from tests.proofs.tally import Tally

HOST = "crash.lib-rdv.localhost"
ANSWERS_WITHIN = 10.0


@dataclass(frozen=True)
class Size:
    """How much is asked of one run; seconds, except for counts."""

    stops: int
    patients: int
    load: float  # between the answer after a stop and the next stop
    down: float
    patience: float  # how long the patients may still ask once the last stop is over


FULL = Size(stops=20, patients=40, load=4.5, down=0.5, patience=25)
SHORT = Size(stops=2, patients=8, load=4.0, down=0.2, patience=8)
# What one stop does not show without a guard, a second would not show either.
SABOTAGED = replace(SHORT, stops=1)
ENOUGH = 4
"""Bookings that are acknowledged before the server is stopped, however slow the machine is."""


# --- The guards ---------------------------------------------------------------------------------------


def _commit_later(stage: Stage, world: "World") -> None:
    stage.owner("ALTER ROLE app SET synchronous_commit = off")
    world.tell_server("ALTER SYSTEM SET wal_writer_delay = '10s'", "SELECT pg_reload_conf()")


def _forget_the_form() -> None:
    from booking.models import Appointment
    from booking.services import appointments

    book = appointments.book

    def forgetful(*, form_ref: uuid.UUID, **facts: Any) -> Appointment:
        Appointment.objects.filter(form_ref=form_ref, status="held").delete()
        return book(form_ref=uuid.uuid4(), **facts)

    appointments.book = forgetful


def _keep_dead_connections() -> None:
    from django.db.backends.base.base import BaseDatabaseWrapper

    from tenants.database.base import DatabaseWrapper

    def begin(self: Any, autocommit: bool, **_: bool) -> None:
        BaseDatabaseWrapper.set_autocommit(self, autocommit)
        if not autocommit and self.unit is not None:
            self.enter()

    DatabaseWrapper.set_autocommit = begin  # type: ignore[method-assign, assignment]
    BaseDatabaseWrapper.close_if_unusable_or_obsolete = (  # type: ignore[method-assign]
        lambda self: None
    )


GUARDS = {
    "durable": Guard("a commit is on disk before it is acknowledged", database=_commit_later),
    "key": Guard(
        "the form's reference makes a second click the same booking", process=_forget_the_form
    ),
    "reconnect": Guard("a connection that died is made again", process=_keep_dead_connections),
}


# --- The load -----------------------------------------------------------------------------------------


@dataclass
class Booked:
    """One form: the address that makes it findable, and what was answered."""

    email: str
    acknowledged: str = ""  # the token of the link
    second_click: Answer | None = None
    refused: int = 0
    sent: int = 0


@dataclass
class World:
    """What runs during the proof."""

    services: embedded.Services
    size: Size
    tally: Tally
    sabotage: str | None
    stop: threading.Event = field(default_factory=threading.Event)
    forms: list[Booked] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)
    ends_at: float = float("inf")

    @property
    def is_over(self) -> bool:
        """Whether the patients have lost patience."""
        return time.monotonic() > self.ends_at

    def wait_for_load(self) -> None:
        """Let the patients book for a while, and until some bookings are acknowledged."""
        time.sleep(self.size.load)
        deadline = time.monotonic() + ANSWERS_WITHIN
        while sum(bool(form.acknowledged) for form in self.forms) < ENOUGH:
            if time.monotonic() > deadline:
                return
            time.sleep(0.1)

    def tell_server(self, *statements: str) -> None:
        """Run statements with the administrator's login."""
        import psycopg2  # the services run by now

        connection = psycopg2.connect(self.services.admin_url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        connection.close()


def _open_practice(unit: Any, practitioners: int) -> None:
    from booking.models import AppointmentType, Practice
    from tenants.schema import inside
    from tests.factories import (
        make_hours,
        make_location,
        make_practice,
        make_practitioner,
        make_type,
    )

    with inside(unit):
        make_practice(max_open_bookings=3)
        location = make_location()
        people = [make_practitioner(f"Praticien {number}") for number in range(practitioners)]
        make_type(people, [location], duration_min=15, horizon_days=14)
        for person in people:
            make_hours(person, location, weekdays=range(7))
        assert Practice.objects.count() == AppointmentType.objects.count() == 1


def _patient(world: World, served: Served, number: int, practitioner_ref: str) -> None:
    """Book one slot after another of one practitioner, until told to stop."""
    visitor = Patient(served.port, HOST, address=f"10.{number}.0.1")
    page = Answer(0)
    while not world.stop.is_set():
        if not page.slots:
            page = visitor.get(f"/creneaux/?avec={practitioner_ref}")
            continue
        slots = page.slots
        booked = Booked(email=f"p{number}-{uuid.uuid4().hex}@example.org")
        # One network may send sixty forms in ten minutes: people come from many.
        visitor.address = f"10.{number}.{len(world.forms) % 250}.1"
        _book(world, visitor, page, slots[0], booked)
        page = Answer(page.status, page.location, page.body.replace(slots[0], slots[-1]))
        if len(slots) < 3:
            page = Answer(0)


def _book(world: World, visitor: Patient, page: Answer, slot: str, booked: Booked) -> None:
    person = {"first_name": "Camille", "last_name": "Crash", "email": booked.email}
    answer, form = choose(visitor, page, slot, person)
    while answer.status in {0, 500, 502, 503} and not world.stop.is_set():
        time.sleep(0.2)
        answer, form = choose(visitor, page, slot, person)
    if answer.status != 200 or not answer.token:
        return
    form.wait()
    world.forms.append(booked)
    _send_until_answered(world, visitor, form, booked)


def _send_until_answered(world: World, visitor: Patient, form: Form, booked: Booked) -> None:
    while not world.is_over:
        booked.sent += 1
        answer = confirm(visitor, form)
        if answer.status == 302:
            booked.acknowledged = answer.location.split("/")[2]
            break
        if answer.status in {409, 422, 429, 400}:
            booked.refused = answer.status
            return
        time.sleep(0.2)
    while not world.is_over:
        booked.second_click = confirm(visitor, form)
        if booked.second_click.status not in {0, 500, 502, 503}:
            return
        time.sleep(0.2)


@contextmanager
def _load(world: World, served: Served, refs: list[str]) -> Iterator[None]:
    threads = [
        threading.Thread(target=_patient, args=(world, served, number, ref), daemon=True)
        for number, ref in enumerate(refs)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        # Who waits for a page that does not come back has shown it already.
        world.ends_at = time.monotonic() + (0 if world.tally.is_decided else world.size.patience)
        world.stop.set()
        for thread in threads:
            thread.join(max(1.0, world.ends_at + 5 - time.monotonic()))


def _crash(world: World, served: Served, tally: Tally, number: int) -> bool:
    """Stop the server as a power cut does, start it, wait for a page; return whether it came in time."""
    postgres = world.services.postgres
    assert postgres is not None
    postgres.stop_immediate()
    time.sleep(world.size.down)
    postgres.start()
    started = time.monotonic()
    visitor = Patient(served.port, HOST, timeout=ANSWERS_WITHIN)
    while visitor.get("/").status != 200:
        if time.monotonic() - started > ANSWERS_WITHIN:
            break
        time.sleep(0.05)
    seconds = time.monotonic() - started
    world.recoveries.append(seconds)
    tally.count("stop", (number,), failed=seconds > ANSWERS_WITHIN, seen=f"{seconds:.1f} s")
    return seconds <= ANSWERS_WITHIN


# --- The verdict --------------------------------------------------------------------------------------


def _judge(world: World, unit: Any, tally: Tally) -> None:
    """Read every form back as the application does; nothing is there that nobody asked for."""
    from booking.models import Appointment
    from tenants.schema import inside

    with inside(unit):
        for form in world.forms:
            _judge_form(form, tally)
        booked = Appointment.objects.filter(status="booked").count()
    acknowledged = sum(1 for form in world.forms if form.acknowledged)
    tally.count("total", ("booked",), failed=booked != acknowledged, seen=(booked, acknowledged))


def _judge_form(form: Booked, tally: Tally) -> None:
    from booking.models import Appointment, PatientContact
    from booking.services import contacts
    from tenants.keyring import services as keyring
    from tenants.outbox.models import OutboxEntry

    if not form.acknowledged:
        tally.count("unanswered", (form.email,), failed=True, seen=form.refused or "no answer")
        return
    digest = keyring.token_hash(form.acknowledged)
    appointment = Appointment.objects.filter(manage_hash=digest, status="booked").first()
    index = keyring.blind_index(purpose=contacts.EMAIL_INDEX, value=form.email)
    found = list(PatientContact.objects.select_related("data_key").filter(email_index=index))
    person = contacts.open_contact(found[0]) if len(found) == 1 else None
    whole = (
        appointment is not None
        and person is not None
        and person.email == form.email
        and found[0].appointment_id == appointment.pk
        and OutboxEntry.objects.filter(object_id=appointment.pk).exists()
    )
    seen = "lost" if not found else f"{len(found)} times" if len(found) > 1 else "not whole"
    tally.count("acknowledged", (form.email,), failed=not whole, seen=seen)
    again = form.second_click
    same = again is not None and again.status == 302 and form.acknowledged in again.location
    answered = again.status if again is not None else None
    tally.count("second click", (form.email,), failed=not same, seen=answered)


def _children(pid: int) -> set[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    return {int(child) for child in listed.split()}


def run(*, short: bool, sabotage: str | None) -> dict[str, Any]:
    """Crash the server under load; return the line of the proof."""
    size = (SABOTAGED if sabotage else SHORT) if short else FULL
    tally = Tally(sabotage)
    with embedded.services(environ={}) as services:
        os.environ.update(services.environment())
        world = World(services, size, tally, sabotage)
        with set_stage() as stage:
            unit = stage.add_tenant(HOST)
            _open_practice(unit, size.patients)
            rows = stage.owner(f"SELECT ref FROM {unit.schema}.booking_practitioner ORDER BY id")
            if sabotage:
                GUARDS[sabotage].remove_from_database(stage, world)
            with stage.serve(proof="database", sabotage=sabotage) as served:
                while Patient(served.port, HOST).get("/").status != 200:
                    served.check()
                processes = _children(served.process.pid)
                agendas = [str(ref).replace("-", "") for (ref,) in rows]
                with _load(world, served, agendas):
                    for number in range(size.stops):
                        world.wait_for_load()
                        if not _crash(world, served, tally, number):
                            break
                served.check()
                same = processes == _children(served.process.pid)
                tally.count("process", ("never restarted",), failed=not same)
                for number in range(10):
                    answer = Patient(served.port, HOST).get("/")
                    tally.control(("page", number), failed=answer.status != 200, seen=answer.status)
            _reconnect(stage)
            _judge(world, unit, tally)
    retried = sum(1 for form in world.forms if form.sent > 1)
    return tally.report(
        "database",
        stops=size.stops,
        bookings=len(world.forms),
        repeated_after_no_answer=retried,
        slowest_recovery_s=round(max(world.recoveries), 2),
    )


def _reconnect(stage: Stage) -> None:
    """The runner's own connections died too."""
    from django.db import connection

    connection.close()
    if stage._owner is not None:
        stage._owner.close()
        stage._owner = None
