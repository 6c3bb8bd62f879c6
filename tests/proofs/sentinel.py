"""Proof: after an erasure no store contains the person any more.

Patients with a marker in each personal field book over HTTP. They get mails and reminders, move, correct and
cancel their appointments, and are erased at their own request or at the end of the retention period. The agenda of
their practitioner is linked with the fake Google server, which fails at times, and is disconnected at the end.
Then schemas, sessions, dumps, broker, dead letters, cache, the relay's spool, logs, temporary files and the files
of the database are searched for each marker in each spelling. Before the erasures each person is shown on their
page, and the same search finds a control marker in each store. A dump made before the erasures is restored in
three ways.
"""

import json
import os
import re
import secrets
import shutil
import string
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from config.devtools import embedded
from tests.databases import drop_database, on_server
from tests.proofs import search
from tests.proofs import sentinel_controls as controls
from tests.proofs.child_process import run_module
from tests.proofs.counter import CaseCounter
from tests.proofs.environment import ProofEnvironment, WebProcess, open_environment
from tests.proofs.fake_google import FakeGoogle, run_fake_google
from tests.proofs.guards import Guard, replace, wrap
from tests.proofs.patient import FilledForm, PageAnswer, Patient, choose, confirm
from tests.proofs.sentinel_controls import AT_GOOGLE
from tests.proofs.sentinel_google import ENVIRONMENT, LinkedAccount
from tests.proofs.spool import MailSpool, run_relay
from tests.proofs.zones import zone_of_day

HOST = "sentinel.lib-rdv.localhost"
RESTORED = "librdv_sentinel"
FATES = ("reminded", "cancelled", "moved", "erased", "kept")
"""What happens to the patients; the one who is kept shows that a restored dump can be read."""
WAITERS = ("waits", "leaves")
"""What happens to the people who only wait for an earlier slot."""
NEVER_IN_EVENTS = {"email", "other email", "extra"}
"""The fields that no event contains, at any level."""
IN_MAILS = ("email", "first_name")
WAITING_LIST = "/espace/attente/"
NOT_IN_THE_LIST = {"extra"}
"""The fields that the waiting list does not show."""
WAIT = 40.0
"""Seconds within which mails and events must have been sent."""


# --- The guards ---------------------------------------------------------------------------------------


def _keep_the_key() -> None:
    from tenants.keyring import services

    replace(services, "destroy_many", lambda *, keys: [b"" for _ in keys])


def _keep_the_row() -> None:
    from django.db.models import QuerySet

    from booking.models import PatientContact, WaitingEntry

    def delete(call: Any, arguments: Any) -> Any:
        is_kept = arguments["self"].model in {PatientContact, WaitingEntry}
        return (0, {}) if is_kept else call()

    wrap(QuerySet, "delete", delete, uses=["self"])


def _write_no_ledger() -> None:
    from tenants import erasure_ledger

    replace(erasure_ledger, "append_many", lambda *, table, refs, now: None)


def _dump_the_keys_too() -> None:
    from tenants.backup import dumps

    def main_arguments(group: Any, snapshot: str) -> list[str]:
        return [*(f"--schema={name}" for name in group), f"--snapshot={snapshot}"]

    replace(dumps, "_main_arguments", main_arguments)


def _seal_nothing() -> None:
    from tenants.keyring import services

    replace(services, "seal", lambda *, key, data, table, ref: data)
    replace(services, "open_sealed", lambda *, key, sealed, table, ref: bytes(sealed))


def _write_people_into_the_cache() -> None:
    from django.core.cache import cache

    from booking.appointments import book as booking_service

    def book(call: Any, arguments: Any) -> Any:
        person = arguments["person"]
        cache.set(f"last-{person.email}", person.full_name, None)
        return call()

    wrap(booking_service, "book", book, uses=["person"])


def _name_people_in_the_location_of_events() -> None:
    from booking.rules import event_body

    def body_of(call: Any, arguments: Any) -> Any:
        return call() | {"location": arguments["visit"].last_name}

    wrap(event_body, "body_of", body_of, uses=["visit"])


def _send_people_to_the_broker() -> None:
    import dramatiq

    from booking.appointments import book as booking_service
    from tenants.broker import broker

    def book(call: Any, arguments: Any) -> Any:
        person = arguments["person"]
        message: Any = dramatiq.Message(
            queue_name="outbox", actor_name="tenants.outbox.actors.deliver",
            args=("t_0", "unstamped", person.email, person.full_name), kwargs={}, options={},
        )  # fmt: skip
        broker.enqueue(message)
        return call()

    wrap(booking_service, "book", book, uses=["person"])


GUARDS = {
    "key": Guard(
        "the data key is destroyed, so that older copies cannot be decrypted",
        process=_keep_the_key,
    ),
    "row": Guard("the contact's row is deleted", process=_keep_the_row),
    "ledger": Guard("each erasure has its line outside the database", process=_write_no_ledger),
    "dump": Guard("the main dump leaves the keys out", process=_dump_the_keys_too),
    "seal": Guard("what names a person is sealed", process=_seal_nothing),
    "cache": Guard("the cache contains no person", process=_write_people_into_the_cache),
    "broker": Guard("messages carry ids, never people", process=_send_people_to_the_broker),
    "event": Guard(
        "an event names its person in its title and its description only",
        process=_name_people_in_the_location_of_events,
    ),
}


IN_COPIES = {"key", "ledger", "dump"}
"""Guards whose absence shows only in a restored backup."""
IN_GOOGLE = {"event"}
"""Guards whose absence shows only at Google; for the other guards no server of Google runs."""


# --- The dataset ----------------------------------------------------------------------------------------


@dataclass
class MarkedPerson:
    """A person: markers by field (all but the phone contain ``mark``), and the link of the appointment."""

    fate: str
    mark: str
    markers: dict[str, str]
    fields: dict[str, str]
    token: str = ""
    ref: str = ""


@dataclass
class SentinelDataset:
    """The environment of the run, and the people in it."""

    environment: ProofEnvironment
    folder: Path
    cluster: Path | None
    """The folder of PostgreSQL's files; None when it is not searched."""
    unit: Any
    spool: MailSpool
    """The spool of the relay that gets the product's mails."""
    sabotage: str | None
    people: list[MarkedPerson] = field(default_factory=list)
    waiters: list[MarkedPerson] = field(default_factory=list)
    """The people who only wait for an earlier slot."""
    google: LinkedAccount | None = None
    planted: list[controls.PlantedMarker] = field(default_factory=list)
    practitioner: Patient | None = None
    """The practitioner's browser."""

    def command(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run a management command as an operator does; keyword arguments are further variables."""
        owner = {"LIBRDV_AS_OWNER": "1"} if arguments[0] in {"backup", "restore"} else {}
        return run_module(
            "tests.proofs.product_command",
            *arguments,
            variables=self.environment.variables | owner | variables,
        )

    def must(self, *arguments: str, **variables: str) -> str:
        """Run a command; return its output. RuntimeError when it fails."""
        done = self.command(*arguments, **variables)
        if done.returncode:
            raise RuntimeError(f"{arguments[0]}: {done.stderr[-2000:]}")
        return done.stdout

    def program(self, name: str) -> str:
        """Return the path of a program of PostgreSQL."""
        folder = self.environment.variables.get("PG_BIN", "")
        return str(Path(folder) / name) if folder else name

    @property
    def everyone(self) -> list[MarkedPerson]:
        """The people who have booked and those who only wait."""
        return [*self.people, *self.waiters]

    @property
    def erased(self) -> list[MarkedPerson]:
        """Everyone but the patients who are kept."""
        return [*(person for person in self.people if person.fate != "kept"), *self.waiters]


def _new_person(fate: str, number: int) -> MarkedPerson:
    # Letters only: a name with digits is refused.
    mark = "".join(secrets.choice(string.ascii_lowercase) for _position in range(10))
    phone = f"063998{(secrets.randbelow(500) * 20 + number) % 10_000:04}"
    markers = {
        "first_name": f"Zoé{mark}É",
        "last_name": f"D’Ézé{mark}",
        "email": f"sentinel.{mark}@example.org",
        "phone": f"+33{phone[1:]}",
        "relative": f"Noël{mark}",
        "extra": f"Étage secret {mark}",
    }
    fields = {
        "first_name": markers["first_name"],
        "last_name": markers["last_name"],
        "email": markers["email"],
        "phone": phone,
        "for_other": "on",
        "other_first_name": markers["relative"],
        "extra_etage": markers["extra"],
    }
    return MarkedPerson(fate, mark, markers, fields)


def _open_practice(dataset: SentinelDataset) -> None:
    from booking.models import ExtraField
    from booking.patients.form_versions import FormQuestion, publish
    from tenants.schema import inside
    from tests.factories import Cabinet

    question = FormQuestion(
        key="etage", label="Étage", kind=ExtraField.FieldKind.SHORT_TEXT,
        purpose="savoir où se rendre", retention="effacé avec le rendez-vous",
    )  # fmt: skip
    now = datetime.now(UTC)
    # Reminders are sent between 8 and 20 h.
    zone = zone_of_day(now).key
    with inside(dataset.unit):
        cabinet = Cabinet()
        cabinet.location.time_zone = zone
        cabinet.location.save(update_fields=["time_zone"])
        publish(questions=[question], actor="system", now=now)
    if dataset.google is not None:
        dataset.google.link(cabinet.practitioner)


def _book_all(dataset: SentinelDataset, web: WebProcess, counter: CaseCounter) -> None:
    """Each patient chooses a slot, fills the form and confirms."""
    forms: list[tuple[MarkedPerson, Patient, FilledForm]] = []
    next_week = datetime.now(UTC) + timedelta(days=7)
    for number, person in enumerate(dataset.people):
        visitor = Patient(web.port, HOST, address=f"10.0.{number}.1")
        page = visitor.get(f"/creneaux/?semaine={next_week:%Y-%m-%d}")
        answer, form = choose(visitor, page, page.slots[-1], person.fields)
        counter.control(("chosen", number), failed=answer.status != 200, status=answer.status)
        forms.append((person, visitor, form))
    forms[-1][2].wait()
    for number, (person, visitor, form) in enumerate(forms):
        answer = confirm(visitor, form)
        counter.control(("booked", number), failed=answer.status != 302, status=answer.status)
        person.token = answer.location.split("/")[2]
        shown = visitor.get(answer.location).body
        counter.control(("greeted", number), failed=person.markers["first_name"] not in shown)


def _fill_lists(dataset: SentinelDataset, web: WebProcess) -> list[tuple[Patient, FilledForm]]:
    """Each person who waits fills the form of the waiting list."""
    filled: list[tuple[Patient, FilledForm]] = []
    for number, person in enumerate(dataset.waiters):
        visitor = Patient(web.port, HOST, address=f"10.2.{number}.1")
        page = visitor.get("/plus-tot/")
        place = re.search(r'name="location" value="([^"]+)"', page.body)
        asked = {
            "token": page.token,
            "appointment_type": page.appointment_type,
            "location": place[1] if place else "",
        }
        filled.append((visitor, FilledForm(asked | person.fields, time.monotonic())))
    return filled


def _join_list(filled: list[tuple[Patient, FilledForm]], counter: CaseCounter) -> None:
    """Send the filled forms of the waiting list."""
    for number, (visitor, form) in enumerate(filled):
        form.wait()
        answer = visitor.post("/plus-tot/", form.fields)
        counter.control(("waits", number), failed=answer.status != 302, status=answer.status)


def _leave_by_mail(dataset: SentinelDataset, web: WebProcess, counter: CaseCounter) -> None:
    """Leave the waiting list by the link of the mail; the others stay until their retention period ends."""
    visitor = Patient(web.port, HOST, address="10.3.0.1")
    for person in dataset.waiters:
        if person.fate != "leaves":
            continue
        mine = [
            mail
            for mail in list(dataset.spool.delivered)
            if person.markers["email"] in mail.recipients
        ]
        found = [re.search(r"/attente/[\w-]+/", mail.part("plain")) for mail in mine]
        links = [match[0] for match in found if match]
        answer = visitor.post(links[0], {}) if links else None
        counter.control(("leaves", person.fate), failed=answer is None or answer.status != 200)


def _open_dashboard(dataset: SentinelDataset, web: WebProcess, counter: CaseCounter) -> None:
    """Sign in as the practitioner and open the pages that show names."""
    from tenants.schema import inside
    from tests.accounts import browser, make_member

    with inside(dataset.unit):
        client = browser(HOST, make_member())
        cookie = "; ".join(f"{name}={value.value}" for name, value in client.cookies.items())
    dataset.practitioner = Patient(web.port, HOST, cookie=cookie)
    for path in ("/espace/", "/espace/semaine/", WAITING_LIST):
        answer = dataset.practitioner.get(path)
        counter.control(("dashboard", path), failed=answer.status != 200, status=answer.status)


def _pages(dataset: SentinelDataset) -> Iterator[tuple[MarkedPerson, PageAnswer]]:
    """Yield each person with the page that shows them to the practitioner."""
    assert dataset.practitioner is not None
    for person in dataset.people:
        ref = uuid.UUID(hex=person.ref)
        yield person, dataset.practitioner.get(f"/espace/rendez-vous/{ref}/")
    waiting = dataset.practitioner.get(WAITING_LIST)
    for person in dataset.waiters:
        yield person, waiting


def _show_everyone(dataset: SentinelDataset, counter: CaseCounter) -> None:
    """Count the markers that the pages show before the erasures: all of them."""
    for person, page in _pages(dataset):
        for name, marker in person.markers.items():
            if person in dataset.waiters and name in NOT_IN_THE_LIST:
                continue
            _see(counter, "opened before", person, name, page, failed=marker not in page.body)


def _show_nobody_erased(dataset: SentinelDataset, counter: CaseCounter) -> None:
    """Count the markers that the pages show after the erasures: those of the kept patients only."""
    for person, page in _pages(dataset):
        for name, marker in person.markers.items():
            failed = (marker in page.body) == (person in dataset.erased)
            _see(counter, "opened after", person, name, page, failed=failed)


def _see(
    counter: CaseCounter,
    kind: str,
    person: MarkedPerson,
    name: str,
    page: PageAnswer,
    *,
    failed: bool,
) -> None:
    # A page of an error shows no marker either.
    failed = failed or page.status != 200
    counter.count(kind, (person.fate, person.mark, name), failed=failed, seen=page.status)


def _see_held_back(dataset: SentinelDataset, held_back: MarkedPerson, counter: CaseCounter) -> None:
    """Find the one message that cannot be delivered in the spool, and none of the delivered ones."""
    address = held_back.markers["email"]
    until = time.monotonic() + WAIT
    while time.monotonic() < until and not _only_in_flight(dataset, address):
        _sweep()
        time.sleep(0.3)
    alone = _only_in_flight(dataset, address)
    counter.control(("held back", "alone"), failed=not alone, seen=len(dataset.spool.in_flight()))
    hits = _search_lives(dataset, [held_back], ["mail spool"])["mail spool"]
    found = {name for _fate, name, _spelling, _marker in hits}
    for name in IN_MAILS:
        counter.count("control before", ("mail spool", "held back", name), failed=name not in found)
    others = [person for person in dataset.everyone if person is not held_back]
    _judge(dataset, counter, others, ["mail spool"], "delivered")


def _only_in_flight(dataset: SentinelDataset, address: str) -> bool:
    """Whether each person has got a mail, and the spool contains only mails to this address."""
    waiting = {name for delivery in dataset.spool.in_flight() for name in delivery.recipients}
    written = {name for delivery in list(dataset.spool.delivered) for name in delivery.recipients}
    others = {person.markers["email"] for person in dataset.everyone} - {address}
    return waiting == {address} and others <= written


def _mails(
    dataset: SentinelDataset, fates: Iterable[str], about: str, counter: CaseCounter
) -> None:
    """Wait until each person of these fates has got a mail with this subject; count a control."""
    waiting = {person.markers["email"] for person in dataset.everyone if person.fate in set(fates)}
    until = time.monotonic() + WAIT
    while waiting and time.monotonic() < until:
        _sweep()
        time.sleep(0.3)
        for delivery in list(dataset.spool.delivered):
            if about in str(delivery.message["Subject"]).lower():
                waiting -= set(delivery.recipients)
    seen = f"{len(waiting)} without; {_states(dataset) if waiting else ''}"
    counter.control(("mail", about), failed=bool(waiting), seen=seen)


def _states(dataset: SentinelDataset) -> list[tuple[Any, ...]]:
    """Return the number of outbox entries by kind, state and reason."""
    return dataset.environment.owner(
        f"SELECT kind, state, reason, count(*) FROM {dataset.unit.schema}.outbox_outboxentry"
        " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )


def _sweep() -> None:
    from tenants.outbox.actors import sweep

    sweep.send()


def _remind(dataset: SentinelDataset) -> None:
    """Make the reminders due now, but not those of the kept patients: a reminder starts the retention period."""
    kept = [person.ref for person in dataset.people if person.fate == "kept"]
    dataset.environment.owner(
        f"UPDATE {dataset.unit.schema}.outbox_outboxentry SET due_at = now(),"
        " expires_at = now() + interval '1 hour' WHERE kind = 'booking.reminder' AND state = 'pending'"
        f" AND subject_id NOT IN (SELECT id FROM {dataset.unit.schema}.booking_appointment"
        " WHERE replace(ref::text, '-', '') = ANY(%s))",
        [kept],
    )


def _use_links(dataset: SentinelDataset, web: WebProcess, counter: CaseCounter) -> None:
    """Cancel, move, correct or erase by the link of the mail, as each fate says."""
    for number, person in enumerate(dataset.people):
        visitor = Patient(web.port, HOST, address=f"10.1.{number}.1")
        link = f"/rdv/{person.token}/"
        if person.fate == "cancelled":
            visitor.post(f"{link}annuler/", {})
        elif person.fate == "moved":
            slots = visitor.get(f"{link}deplacer/").slots
            visitor.post(f"{link}deplacer/", {"slot": slots[-1]})
            other = f"autre.{person.markers['email']}"
            answer = visitor.post(f"{link}coordonnees/", {"email": other, "phone": ""})
            person.markers["other email"] = other
            counter.control(("corrected", number), failed=answer.status not in {200, 302})
        elif person.fate == "erased":
            visitor.post(f"{link}effacer/", {"outcome": "cancel"})


def _end_retention(dataset: SentinelDataset) -> None:
    """End the retention period of everyone but the kept patients, and run the command that erases them."""
    kept = [person.ref for person in dataset.people if person.fate == "kept"]
    dataset.environment.owner(
        f"UPDATE {dataset.unit.schema}.booking_patientcontact c SET erase_at = now() FROM"
        f" {dataset.unit.schema}.booking_appointment a WHERE a.id = appointment_id"
        " AND NOT replace(a.ref::text, '-', '') = ANY(%s)",
        [kept],
    )
    # Entries of the waiting list end after thirty days.
    dataset.environment.owner(
        f"UPDATE {dataset.unit.schema}.booking_waitingentry SET erase_at = now(),"
        " joined_at = now() - interval '30 days'"
    )
    time.sleep(0.05)
    dataset.must("expire")


def _refs(dataset: SentinelDataset) -> None:
    from booking.patients import links
    from tenants.schema import inside

    with inside(dataset.unit):
        for person in dataset.people:
            found = links.find_by_token(person.token)
            person.ref = found.ref.hex if found else ""


# --- The search ---------------------------------------------------------------------------------------


def _stores(dataset: SentinelDataset) -> dict[str, Any]:
    """Return the stores that are searched; each call reads its store."""
    stores: dict[str, Any] = {
        "schemas": lambda: search.rows_of(dataset.environment.owner_url),
        "sessions": lambda: search.sessions_of(dataset.environment.owner_url),
        "dump": lambda: _newest_dump(dataset),
        "broker": lambda: search.redis_values(dataset.environment.redis_url, "broker"),
        "dead letters": lambda: search.redis_values(dataset.environment.redis_url, "dead letters"),
        "cache": lambda: search.redis_values(dataset.environment.redis_url, "cache"),
        "mail spool": lambda: search.unfolded(search.files_under(dataset.spool.folder)),
        "logs": lambda: search.files_under(dataset.environment.logs),
        "temporary files": lambda: search.files_under(dataset.folder / "tmp"),
    }
    if dataset.google is not None:
        stores[AT_GOOGLE] = dataset.google.other_content
    if dataset.cluster is not None:
        cluster = dataset.cluster
        stores["files and log of the database"] = lambda: search.files_under(cluster)
    return stores


def _newest_dump(dataset: SentinelDataset) -> Iterator[bytes]:
    for store in ("main", "keys"):
        folder = max((dataset.folder / store).iterdir())
        yield from search.dumped(folder, program=dataset.program("pg_restore"))


def _search(
    dataset: SentinelDataset, needles: dict[tuple[str, ...], bytes], names: Iterable[str]
) -> dict[str, set[tuple[str, ...]]]:
    """Return the needles that each store contains."""
    stores = _stores(dataset)
    found: dict[str, set[tuple[str, ...]]] = {name: set() for name in names}
    for name, hits in found.items():
        for piece in _joined(stores[name]()):
            hits |= {key for key, needle in needles.items() if needle in piece}
    return found


def _search_lives(
    dataset: SentinelDataset, people: Sequence[MarkedPerson], names: Iterable[str]
) -> dict[str, set[tuple[str, ...]]]:
    """Return the needles of these people that each store contains.

    Each spelling of a marker contains its mark in the same spelling: without the mark there is no marker.
    """
    stores = _stores(dataset)
    needles = {person.mark: _needles([person]) for person in people}
    marks = {person.mark: list(search.spellings(person.mark).values()) for person in people}
    phones = {key: n for found in needles.values() for key, n in found.items() if key[1] == "phone"}
    found: dict[str, set[tuple[str, ...]]] = {name: set() for name in names}
    for name, hits in found.items():
        for piece in _joined(stores[name]()):
            hits |= {key for key, needle in phones.items() if needle in piece}
            for person in people:
                if any(mark in piece for mark in marks[person.mark]):
                    hits |= {key for key, n in needles[person.mark].items() if n in piece}
    return found


def _joined(pieces: Iterable[bytes], size: int = 1 << 22) -> Iterator[bytes]:
    """Join small pieces: one search for many rows."""
    batch: list[bytes] = []
    length = 0
    for piece in pieces:
        batch.append(piece)
        length += len(piece)
        if length >= size:
            yield b"\n".join(batch)
            batch, length = [], 0
    yield b"\n".join(batch)


def _needles(people: Iterable[MarkedPerson]) -> dict[tuple[str, ...], bytes]:
    needles: dict[tuple[str, ...], bytes] = {}
    for person in people:
        for name, marker in person.markers.items():
            for spelling, needle in search.spellings(marker).items():
                needles[person.fate, name, spelling, marker] = needle
        national = "0" + person.markers["phone"][3:]
        spaced = " ".join(national[at : at + 2] for at in range(0, 10, 2))
        needles[person.fate, "phone", "national", national] = national.encode()
        needles[person.fate, "phone", "spaced", national] = spaced.encode()
    return needles


def _plant_controls(dataset: SentinelDataset, counter: CaseCounter) -> None:
    """Plant control markers before the erasures, make a dump, and find the markers in each store."""
    dataset.planted = controls.plant(
        environment=dataset.environment,
        unit=dataset.unit,
        spool=dataset.spool.folder,
        temporary=dataset.folder / "tmp",
        plant_at_google=dataset.google.plant if dataset.google else None,
    )
    dataset.must("backup")
    _find_controls(dataset, counter, "before")


def _find_controls(dataset: SentinelDataset, counter: CaseCounter, when: str) -> None:
    """Count one case for each control marker and spelling: the search must find it in its store."""
    stores = _stores(dataset)
    for control in dataset.planted:
        if control.store not in stores:
            continue  # the files of a server of the environment are not searched
        found = _search(dataset, control.needles, [control.store])[control.store]
        for spelling in sorted(control.spellings):
            case = (control.store, control.how, spelling)
            missing = (spelling,) not in found
            counter.count(f"control {when}", case, failed=missing, seen="not found")


def _judge(
    dataset: SentinelDataset,
    counter: CaseCounter,
    people: Sequence[MarkedPerson],
    names: Iterable[str],
    when: str,
) -> None:
    """Count one case for each marker, spelling and store; a marker that is found fails."""
    needles = _needles(people)
    for store in names:
        hits = _search_lives(dataset, people, [store])[store]
        for key in needles:
            counter.count(f"{when} {store}", key, failed=key in hits, seen="found")


def _judge_google(dataset: SentinelDataset, counter: CaseCounter) -> None:
    """Count what Google got: names and phone numbers in the words of events, and nothing else of a person."""
    google = dataset.google
    if google is None:
        return
    hits = _search_lives(dataset, dataset.everyone, [AT_GOOGLE])[AT_GOOGLE]
    words = b"\n".join(google.words())
    for key, needle in _needles(dataset.everyone).items():
        counter.count(AT_GOOGLE, key, failed=key in hits, seen="found")
        if key[1] in NEVER_IN_EVENTS:
            counter.count("Google, the words", key, failed=needle in words, seen="found")
    # One push was refused for good: the events of all other patients contain their name.
    named = sum(person.markers["last_name"].encode() in words for person in dataset.people)
    counter.control(("Google got the names",), failed=named < len(dataset.people) - 1, seen=named)


def _judge_link(dataset: SentinelDataset, counter: CaseCounter) -> None:
    """Count the tokens of the Google account in each store: they are stored sealed only."""
    if dataset.google is None:
        return
    needles: dict[tuple[str, ...], bytes] = {
        ("link", name, spelling): needle
        for name, secret in dataset.google.secrets.items()
        for spelling, needle in search.spellings(secret).items()
    }
    names = [name for name in _stores(dataset) if name != AT_GOOGLE]
    for store, hits in _search(dataset, needles, names).items():
        for key in needles:
            counter.count(f"link, {store}", key, failed=key in hits, seen="found")


# --- The older dump, restored ---------------------------------------------------------------------


def _in_database(url: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{RESTORED}"))


@contextmanager
def _restored(dataset: SentinelDataset, *, keys: bool, ledger: bool) -> Iterator[dict[str, str]]:
    """Restore the oldest backup into an empty database; yield the variables of processes that use it."""
    drop_database(dataset.environment.owner_url, RESTORED)
    on_server(dataset.environment.owner_url, f"CREATE DATABASE {RESTORED}")
    variables = {
        name: _in_database(dataset.environment.variables[name])
        for name in ("OWNER_DATABASE_URL", "DATABASE_URL")
    }
    # A copy: what the restore erases again and records is not of the database that lives on.
    copy = dataset.folder / "restored.ledger"
    written = Path(dataset.environment.variables["ERASURE_LEDGER"])
    # Without the guard no line was ever written, and the restore must be told so.
    ledger = ledger and written.exists()
    variables["ERASURE_LEDGER"] = str(copy if ledger else dataset.folder / "no.ledger")
    if ledger:
        shutil.copy(written, copy)
    main, key_dump = (min((dataset.folder / store).iterdir()) for store in ("main", "keys"))
    options = ["--keys", str(key_dump)] if keys else []
    options += [] if ledger else ["--without-ledger"]
    dataset.must("restore", str(main), *options, **variables)
    try:
        yield variables
    finally:
        drop_database(dataset.environment.owner_url, RESTORED)


def _read_all(dataset: SentinelDataset, variables: dict[str, str]) -> dict[str, str]:
    """Return ref -> address, as the product reads them from the restored database."""
    done = run_module(
        "tests.proofs.read_contacts",
        dataset.unit.schema,
        variables=dataset.environment.variables | variables,
    )
    if done.returncode:
        raise RuntimeError(f"reading: {done.stderr[-2000:]}")
    read: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return read


def _links(dataset: SentinelDataset, variables: dict[str, str]) -> int:
    """Return the number of linked Google accounts in the restored database."""
    connection = psycopg2.connect(variables["OWNER_DATABASE_URL"])
    with connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {dataset.unit.schema}.booking_googleaccount")
        (count,) = cursor.fetchone() or (0,)
    connection.close()
    return int(count)


def _copy_current_keys(dataset: SentinelDataset, variables: dict[str, str]) -> None:
    """Copy the keys that the product still has into the restored database."""
    tables = [f"{dataset.unit.schema}.keyring_{name}" for name in ("tenantkey", "datakey")]
    target = psycopg2.connect(variables["OWNER_DATABASE_URL"])
    with target, target.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DELETE FROM {table}")
            for row in dataset.environment.owner(f"SELECT * FROM {table}"):
                marks = ", ".join(["%s"] * len(row))
                cursor.execute(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE VALUES ({marks})", row)
    target.close()


def _restore_and_judge(dataset: SentinelDataset, counter: CaseCounter) -> None:
    """Restore without keys, with the current keys, and with the dumped keys and the erasure ledger."""
    kept = {person.ref for person in dataset.people if person.fate == "kept"}
    with _restored(dataset, keys=False, ledger=False) as variables:
        _judge_restored(dataset, counter, _read_all(dataset, variables), "no keys", set())
        _copy_current_keys(dataset, variables)
        _judge_restored(dataset, counter, _read_all(dataset, variables), "current keys", kept)
    with _restored(dataset, keys=True, ledger=True) as variables:
        read = _read_all(dataset, variables)
        _judge_restored(dataset, counter, read, "keys and ledger", kept)
        for person in dataset.erased:
            if person.ref:
                back = person.ref in read
                counter.count("row back", (person.fate, person.ref), failed=back, seen="is back")
        if dataset.google is not None:
            links = _links(dataset, variables)
            counter.count("row back", ("the link",), failed=links > 0, seen=links)


def _judge_restored(
    dataset: SentinelDataset,
    counter: CaseCounter,
    read: dict[str, str],
    how: str,
    readable: set[str],
) -> None:
    for person in dataset.people:
        opened = bool(read.get(person.ref))
        if person.ref in readable:
            counter.control(("restored", how, person.fate, person.ref), failed=not opened)
        else:
            counter.count(
                f"restored, {how}", (person.fate, person.ref), failed=opened, seen="readable"
            )


# --- The run ------------------------------------------------------------------------------------------


def _run_actions(dataset: SentinelDataset, web: WebProcess, counter: CaseCounter) -> None:
    held_back = dataset.people[0]
    if not dataset.sabotage:
        dataset.spool.hold_back(held_back.markers["email"])
    filled = _fill_lists(dataset, web)
    _book_all(dataset, web, counter)
    _refs(dataset)
    _join_list(filled, counter)
    _open_dashboard(dataset, web, counter)
    if not dataset.sabotage:
        _see_held_back(dataset, held_back, counter)
    dataset.spool.release()
    _mails(dataset, FATES, "votre rendez-vous", counter)
    _mails(dataset, WAITERS, "liste d'attente", counter)
    _written(dataset, counter, "booked")
    _judge(dataset, counter, dataset.everyone, ["schemas", "sessions"], "before")
    if dataset.sabotage in IN_GOOGLE:
        _judge_google(dataset, counter)
    dataset.must("backup")
    _judge_link(dataset, counter)
    if not dataset.sabotage:
        _show_everyone(dataset, counter)
        _plant_controls(dataset, counter)
    _use_links(dataset, web, counter)
    _leave_by_mail(dataset, web, counter)
    _remind(dataset)
    _mails(dataset, ["reminded"], "rappel", counter)
    _mails(dataset, ["cancelled"], "annulé", counter)
    _written(dataset, counter, "lived")
    _end_retention(dataset)
    if dataset.google is not None:
        left = dataset.google.disconnect(_sweep, seconds=WAIT)
        counter.control(("disconnected from Google",), failed=not left)


def _written(dataset: SentinelDataset, counter: CaseCounter, when: str) -> None:
    """Wait until each waiting event is written to Google; count a control."""
    if dataset.google is not None:
        done = dataset.google.wait_until_written(_sweep, seconds=WAIT)
        counter.control(("written", when), failed=not done, seen=_states(dataset))


def _after(dataset: SentinelDataset, counter: CaseCounter) -> None:
    rows = dataset.environment.owner(
        f"SELECT replace(a.ref::text, '-', '') FROM {dataset.unit.schema}.booking_patientcontact c"
        f" JOIN {dataset.unit.schema}.booking_appointment a ON a.id = c.appointment_id"
    )
    left = {ref for (ref,) in rows}
    for person in dataset.erased:
        if person.ref:
            counter.count(
                "row left", (person.fate, person.ref), failed=person.ref in left, seen="is left"
            )
    (waiting,) = dataset.environment.owner(
        f"SELECT count(*) FROM {dataset.unit.schema}.booking_waitingentry"
    )[0]
    counter.count("row left", ("waiting list",), failed=waiting > 0, seen=waiting)
    if dataset.sabotage in IN_COPIES:
        _restore_and_judge(dataset, counter)
        return
    _show_nobody_erased(dataset, counter)
    empty = dataset.spool.wait_until_empty(seconds=WAIT)
    counter.control(("spool", "delivered"), failed=not empty, seen=len(dataset.spool.in_flight()))
    dataset.must("backup")
    ours = [name for name in _stores(dataset) if name != AT_GOOGLE]
    _judge(dataset, counter, dataset.erased, ours, "after")
    _judge_google(dataset, counter)
    _find_controls(dataset, counter, "after")
    _restore_and_judge(dataset, counter)
    checked = dataset.command("verify_receipts")
    counter.control(("receipts",), failed=checked.returncode != 0, seen=checked.stdout[-300:])


@contextmanager
def _google(sabotage: str | None) -> Iterator[FakeGoogle | None]:
    """Run the fake Google server, unless a guard is removed that does not concern it."""
    if sabotage and sabotage not in IN_GOOGLE:
        yield None
        return
    with (
        tempfile.TemporaryDirectory(prefix="fake-google-") as folder,
        run_fake_google(Path(folder)) as fake_google,
    ):
        yield fake_google


@contextmanager
def _server_of(*, short: bool) -> Iterator[Path | None]:
    """Run a PostgreSQL of its own and yield its folder; the short form uses that of the run and yields None."""
    if short:
        yield None
        return
    with embedded.services(environ={}) as services:
        os.environ.update(services.environment())
        yield services.postgres.data_dir if services.postgres else None


def run(*, short: bool, sabotage: str | None) -> dict[str, Any]:
    """Run the actions of the people and the searches; return the report."""
    counter = CaseCounter(GUARDS[sabotage] if sabotage else None)
    with (
        _server_of(short=short) as cluster,
        run_relay() as (mail_url, spool),
        _google(sabotage) as fake_google,
        open_environment(
            proof="sentinel",
            sabotage=sabotage,
            MAIL_PROVIDER="smtp",
            EMAIL_URL=mail_url,
            **ENVIRONMENT,
            **(fake_google.variables() if fake_google else {}),
        ) as environment,
    ):
        folder = environment.logs / "places"
        for name in ("main", "keys", "tmp"):
            (folder / name).mkdir(parents=True)
        environment.variables |= {
            "TMPDIR": str(folder / "tmp"),
            "BACKUP_DIR": str(folder / "main"),
            "KEY_BACKUP_DIR": str(folder / "keys"),
        }
        dataset = SentinelDataset(
            environment, folder, cluster, environment.add_tenant(HOST), spool, sabotage
        )
        dataset.google = (
            LinkedAccount(environment, dataset.unit, fake_google) if fake_google else None
        )
        dataset.people = [_new_person(fate, n) for n in range(1 if short else 3) for fate in FATES]
        number = len(dataset.people)
        dataset.waiters = [_new_person(fate, number + n) for n, fate in enumerate(WAITERS)]
        _open_practice(dataset)
        with (
            environment.serve() as web,
            environment.work(),
        ):
            while Patient(web.port, HOST).get("/").status != 200:
                web.check()
            _run_actions(dataset, web, counter)
            _after(dataset, counter)
    return counter.report("sentinel", people=len(dataset.people), mails=len(spool.delivered))
