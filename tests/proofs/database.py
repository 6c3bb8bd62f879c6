"""Proof: each acknowledged booking is stored exactly once, although the database crashes under load.

Patients book over HTTP while PostgreSQL is stopped with ``-m immediate`` and started again, several times. A
patient without an answer sends the same form until there is an answer, and then a second time, as a double click
does. At the end each acknowledged booking is read back as the product reads it, and counted.
"""

import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

from config.devtools import embedded
from tests.proofs.counter import CaseCounter
from tests.proofs.environment import ProofEnvironment, WebProcess, open_environment
from tests.proofs.guards import Guard, replace, wrap
from tests.proofs.patient import FilledForm, PageAnswer, Patient, choose, confirm

WORKERS = 2
HOST = "crash.lib-rdv.localhost"
ANSWERS_WITHIN = 10.0


@dataclass(frozen=True)
class DatabaseSize:
    """How much is asked of one run; seconds, except for counts."""

    stops: int
    patients: int
    load: float  # between the answer after a stop and the next stop
    down: float
    patience: float  # how long the patients may go on sending after the last stop


FULL = DatabaseSize(stops=20, patients=40, load=4.5, down=0.5, patience=25)
SHORT = DatabaseSize(stops=2, patients=8, load=4.0, down=0.2, patience=8)
# A removed guard that one stop does not show would not show after a second one.
SABOTAGED = changed(SHORT, stops=1)
ENOUGH = 4
"""Bookings that must be acknowledged before the server is stopped, however slow the machine is."""


# --- The guards ---------------------------------------------------------------------------------------


def _commit_later(environment: ProofEnvironment, proof: "DatabaseProof") -> None:
    environment.owner("ALTER ROLE app SET synchronous_commit = off")
    proof.administer("ALTER SYSTEM SET wal_writer_delay = '10s'", "SELECT pg_reload_conf()")


def _book_each_click() -> None:
    from booking.appointments import book as booking_service
    from booking.models import Appointment

    def book(call: Any, arguments: Any) -> Any:
        Appointment.objects.filter(form_ref=arguments["form_ref"], status="held").delete()
        return call(form_ref=uuid.uuid4())

    wrap(booking_service, "book", book, uses=["form_ref"])


def _keep_dead_connections() -> None:
    from django.db.backends.base.base import BaseDatabaseWrapper

    from tenants.database.base import DatabaseWrapper

    def set_autocommit(
        self: Any, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False
    ) -> None:
        BaseDatabaseWrapper.set_autocommit(self, autocommit)
        if not autocommit and self.unit is not None:
            self.enter()

    replace(DatabaseWrapper, "set_autocommit", set_autocommit)
    replace(BaseDatabaseWrapper, "close_if_unusable_or_obsolete", lambda self: None)


GUARDS = {
    "durable": Guard("a commit is on disk before it is acknowledged", database=_commit_later),
    "key": Guard(
        "the form's reference makes a second click the same booking", process=_book_each_click
    ),
    "reconnect": Guard(
        "a dead connection is replaced",
        process=_keep_dead_connections,
        server_errors=(
            "django.db.utils.DatabaseError",
            "django.db.utils.InterfaceError",
            "django.db.utils.OperationalError",
            "tenants.schema.WrongUnitError",
        ),
    ),
}


# --- The load -----------------------------------------------------------------------------------------


@dataclass
class SentForm:
    """One form: the e-mail address by which its booking is found, and the answers."""

    email: str
    acknowledged: str = ""  # the token of the link
    second_click: PageAnswer | None = None
    refused: int = 0
    sent: int = 0


@dataclass
class DatabaseProof:
    """The state of the run: the services, the forms that were sent, and when the patients stop."""

    services: embedded.Services
    size: DatabaseSize
    counter: CaseCounter
    stop: threading.Event = field(default_factory=threading.Event)
    forms: list[SentForm] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)
    ends_at: float = float("inf")

    @property
    def is_over(self) -> bool:
        """Whether the patients send nothing more."""
        return time.monotonic() > self.ends_at

    def wait_for_load(self) -> None:
        """Wait for ``load`` seconds, and until some bookings are acknowledged."""
        time.sleep(self.size.load)
        deadline = time.monotonic() + ANSWERS_WITHIN
        while sum(bool(form.acknowledged) for form in self.forms) < ENOUGH:
            if time.monotonic() > deadline:
                return
            time.sleep(0.1)

    def administer(self, *statements: str) -> None:
        """Run statements with the administrator's login of the server."""
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


def _patient(proof: DatabaseProof, web: WebProcess, number: int, practitioner_ref: str) -> None:
    """Book one slot of a practitioner after the other, until ``stop`` is set."""
    visitor = Patient(web.port, HOST, address=f"10.{number}.0.1")
    page = PageAnswer(0)
    while not proof.stop.is_set():
        if not page.slots:
            page = visitor.get(f"/creneaux/?avec={practitioner_ref}")
            continue
        slots = page.slots
        booked = SentForm(email=f"p{number}-{uuid.uuid4().hex}@example.org")
        # One network may send sixty forms in ten minutes: the patients come from many networks.
        visitor.address = f"10.{number}.{len(proof.forms) % 250}.1"
        _book(proof, visitor, page, slots[0], booked)
        page = PageAnswer(page.status, page.location, page.body.replace(slots[0], slots[-1]))
        if len(slots) < 3:
            page = PageAnswer(0)


def _book(
    proof: DatabaseProof, visitor: Patient, page: PageAnswer, slot: str, booked: SentForm
) -> None:
    person = {"first_name": "Camille", "last_name": "Crash", "email": booked.email}
    answer, form = choose(visitor, page, slot, person)
    while answer.status in {0, 500, 502, 503} and not proof.stop.is_set():
        time.sleep(0.2)
        answer, form = choose(visitor, page, slot, person)
    if answer.status != 200 or not answer.token:
        return
    form.wait()
    proof.forms.append(booked)
    _send_until_answered(proof, visitor, form, booked)


def _send_until_answered(
    proof: DatabaseProof, visitor: Patient, form: FilledForm, booked: SentForm
) -> None:
    while not proof.is_over:
        booked.sent += 1
        answer = confirm(visitor, form)
        if answer.status == 302:
            booked.acknowledged = answer.location.split("/")[2]
            break
        if answer.status in {409, 422, 429, 400}:
            booked.refused = answer.status
            return
        time.sleep(0.2)
    while not proof.is_over:
        booked.second_click = confirm(visitor, form)
        if booked.second_click.status not in {0, 500, 502, 503}:
            return
        time.sleep(0.2)


@contextmanager
def _load(proof: DatabaseProof, web: WebProcess, refs: list[str]) -> Iterator[None]:
    threads = [
        threading.Thread(target=_patient, args=(proof, web, number, ref), daemon=True)
        for number, ref in enumerate(refs)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        # A decided run needs no answers any more.
        proof.ends_at = time.monotonic() + (0 if proof.counter.is_decided else proof.size.patience)
        proof.stop.set()
        for thread in threads:
            thread.join(max(1.0, proof.ends_at + 5 - time.monotonic()))


def _crash(proof: DatabaseProof, web: WebProcess, counter: CaseCounter, number: int) -> bool:
    """Crash the server, start it, wait for a page; return whether the page came in time."""
    postgres = proof.services.postgres
    assert postgres is not None
    postgres.stop_immediate()
    time.sleep(proof.size.down)
    postgres.start()
    started = time.monotonic()
    visitor = Patient(web.port, HOST, timeout=ANSWERS_WITHIN)
    while visitor.get("/").status != 200:
        if time.monotonic() - started > ANSWERS_WITHIN:
            break
        time.sleep(0.05)
    seconds = time.monotonic() - started
    proof.recoveries.append(seconds)
    counter.count("stop", (number,), failed=seconds > ANSWERS_WITHIN, seen=f"{seconds:.1f} s")
    return seconds <= ANSWERS_WITHIN


# --- The verdict --------------------------------------------------------------------------------------


def _judge(proof: DatabaseProof, unit: Any, counter: CaseCounter) -> None:
    """Read each form back as the product does; there must be no booking without a form."""
    from booking.models import Appointment
    from tenants.schema import inside

    with inside(unit):
        for form in proof.forms:
            _judge_form(form, counter)
        booked = Appointment.objects.filter(status="booked").count()
    acknowledged = sum(1 for form in proof.forms if form.acknowledged)
    counter.count("total", ("booked",), failed=booked != acknowledged, seen=(booked, acknowledged))


def _judge_form(form: SentForm, counter: CaseCounter) -> None:
    from booking.models import Appointment, PatientContact
    from booking.patients import contacts
    from tenants.keyring import services as keyring
    from tenants.outbox.models import OutboxEntry

    if not form.acknowledged:
        counter.count("unanswered", (form.email,), failed=True, seen=form.refused or "no answer")
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
        and OutboxEntry.objects.filter(subject_id=appointment.pk).exists()
    )
    seen = "lost" if not found else f"{len(found)} times" if len(found) > 1 else "not whole"
    counter.count("acknowledged", (form.email,), failed=not whole, seen=seen)
    again = form.second_click
    same = again is not None and again.status == 302 and form.acknowledged in again.location
    answered = again.status if again is not None else None
    counter.count("second click", (form.email,), failed=not same, seen=answered)


def _children(pid: int) -> set[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    return {int(child) for child in listed.split()}


def run(*, short: bool, sabotage: str | None) -> dict[str, Any]:
    """Crash the server under load; return the report."""
    size = (SABOTAGED if sabotage else SHORT) if short else FULL
    guard = GUARDS[sabotage] if sabotage else None
    counter = CaseCounter(guard)
    with embedded.services(environ={}) as services:
        os.environ.update(services.environment())
        proof = DatabaseProof(services, size, counter)
        with open_environment(proof="database", sabotage=sabotage) as environment:
            unit = environment.add_tenant(HOST)
            _open_practice(unit, size.patients)
            rows = environment.owner(
                f"SELECT ref FROM {unit.schema}.booking_practitioner ORDER BY id"
            )
            if guard is not None:
                guard.remove_from_database(environment, proof)
            with environment.serve(workers=WORKERS) as web:
                # gunicorn starts its second worker a moment after the first, which may answer already.
                while Patient(web.port, HOST).get("/").status != 200 or (
                    len(_children(web.process.pid)) < WORKERS
                ):
                    web.check()
                processes = _children(web.process.pid)
                agendas = [str(ref).replace("-", "") for (ref,) in rows]
                with _load(proof, web, agendas):
                    for number in range(size.stops):
                        proof.wait_for_load()
                        if not _crash(proof, web, counter, number):
                            break
                web.check()
                same = processes == _children(web.process.pid)
                counter.count("process", ("never restarted",), failed=not same)
                for number in range(10):
                    answer = Patient(web.port, HOST).get("/")
                    counter.count(
                        "page after the stops",
                        (number,),
                        failed=answer.status != 200,
                        status=answer.status,
                    )
            _reconnect(environment)
            _judge(proof, unit, counter)
    retried = sum(1 for form in proof.forms if form.sent > 1)
    return counter.report(
        "database",
        stops=size.stops,
        bookings=len(proof.forms),
        repeated_after_no_answer=retried,
        slowest_recovery_s=round(max(proof.recoveries), 2),
    )


def _reconnect(environment: ProofEnvironment) -> None:
    """Close the connections of this process: the crash has ended them too."""
    from django.db import connection

    connection.close()
    environment.disconnect()
