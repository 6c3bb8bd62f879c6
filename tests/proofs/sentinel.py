"""Nobody is left: markers in every personal field, a whole life through the doors, and a search of everything.

Patients whose every field carries a marker book through HTTP; mails leave; they are reminded, move, correct,
cancel, are erased by their own hand or by the purge; their practitioner is linked with the double of Google, which
fails, and leaves it in the end. Then schemas, sessions, dumps, broker, dead letters, cache,
the relay's spool, logs, temporary files and the very files of the database are searched in every spelling.
Before the erasures each person is opened on their page, and in each place a control marker is found by the same
search. A dump made before the erasures is restored three ways.
"""

import json
import os
import re
import secrets
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
from zoneinfo import ZoneInfo

import psycopg2

from config import embedded
from tests.databases import drop_database, on_server
from tests.proofs import double as doubles
from tests.proofs import nursery, searching
from tests.proofs import sentinel_controls as controls
from tests.proofs.patient import Answer, Form, Patient, choose, confirm
from tests.proofs.sabotage import Guard
from tests.proofs.sentinel_controls import OUTSIDE
from tests.proofs.sentinel_google import ENVIRONMENT, Linked
from tests.proofs.spool import Spool, relaying
from tests.proofs.stage import Served, Stage, set_stage
from tests.proofs.tally import Tally

HOST = "sentinel.lib-rdv.localhost"
RESTORED = "librdv_sentinel"
FATES = ("reminded", "cancelled", "moved", "erased", "kept")
"""What becomes of a patient; the one who is kept shows that a restored dump can be read at all."""
WAITERS = ("waits", "leaves")
"""What becomes of who only waits for an earlier slot."""
NEVER_TOLD = {"email", "other email", "extra"}
"""What no event says of anybody, at any level."""
SAID_IN_MAIL = ("email", "first_name")
WAITING_LIST = "/espace/attente/"
NOT_IN_THE_LIST = {"extra"}
"""What the waiting list keeps for the appointment and does not show."""
WAIT = 40.0
ZONES = ("Europe/Paris", "Indian/Reunion", "America/Martinique", "Pacific/Tahiti", "Pacific/Noumea")


# --- The guards ---------------------------------------------------------------------------------------


def _keep_the_key() -> None:
    from tenants.keyring import services

    services.destroy_many = lambda *, keys: [b"" for _ in keys]


def _keep_the_row() -> None:
    from django.db.models import QuerySet

    from booking.models import PatientContact, WaitingEntry

    delete = QuerySet.delete

    def spare(rows: Any) -> Any:
        return (0, {}) if rows.model in {PatientContact, WaitingEntry} else delete(rows)

    QuerySet.delete = spare  # type: ignore[method-assign, assignment]


def _write_no_ledger() -> None:
    from tenants import ledger

    ledger.append_many = lambda **_facts: None


def _dump_the_keys_too() -> None:
    from tenants.backup import dumps

    dumps._main_arguments = lambda group, snapshot: [
        *(f"--schema={name}" for name in group),
        f"--snapshot={snapshot}",
    ]


def _seal_nothing() -> None:
    from tenants.keyring import services

    services.seal = lambda *, data, **_facts: data
    services.open_sealed = lambda *, sealed, **_facts: bytes(sealed)


def _remember_in_the_cache() -> None:
    from django.core.cache import cache

    from booking.services import appointments

    book = appointments.book

    def talkative(*, person: Any, **facts: Any) -> Any:
        cache.set(f"last-{person.email}", person.full_name, None)
        return book(person=person, **facts)

    appointments.book = talkative


def _name_people_elsewhere_in_events() -> None:
    from booking import event_body

    body_of = event_body.body_of

    def talkative(visit: Any, **facts: Any) -> Any:
        return body_of(visit, **facts) | {"location": visit.last_name}

    event_body.body_of = talkative


def _send_people_to_the_broker() -> None:
    import dramatiq

    from booking.services import appointments
    from tenants.broker import broker

    book = appointments.book

    def talkative(*, person: Any, **facts: Any) -> Any:
        message: Any = dramatiq.Message(
            queue_name="outbox", actor_name="tenants.outbox.actors.deliver",
            args=("t_0", "unstamped", person.email, person.full_name), kwargs={}, options={},
        )  # fmt: skip
        broker.enqueue(message)
        return book(person=person, **facts)

    appointments.book = talkative


GUARDS = {
    "key": Guard(
        "the data key is destroyed, so that older copies hold noise", process=_keep_the_key
    ),
    "row": Guard("the contact's row is deleted", process=_keep_the_row),
    "ledger": Guard("each erasure has its line outside the database", process=_write_no_ledger),
    "dump": Guard("the main dump leaves the keys out", process=_dump_the_keys_too),
    "seal": Guard("what names a person is sealed", process=_seal_nothing),
    "cache": Guard("the cache knows nobody", process=_remember_in_the_cache),
    "broker": Guard("messages carry ids, never people", process=_send_people_to_the_broker),
    "event": Guard(
        "an event names its person in its title and its description only",
        process=_name_people_elsewhere_in_events,
    ),
}


IN_COPIES = {"key", "ledger", "dump"}
"""What only a restored backup shows."""
IN_GOOGLE = {"event"}
"""What only Google is told; the other sabotages do without it."""


# --- The world ----------------------------------------------------------------------------------------


@dataclass
class Life:
    """One patient: markers by field, all but the phone around ``mark``, and the link of the appointment."""

    fate: str
    mark: str
    markers: dict[str, str]
    fields: dict[str, str]
    token: str = ""
    ref: str = ""


@dataclass
class World:
    """Everything that runs, and everybody in it."""

    stage: Stage
    folder: Path
    cluster: Path | None
    """The folder of PostgreSQL's files, when the server is ours."""
    unit: Any
    spool: Spool
    """Of the relay that takes the product's mails."""
    sabotage: str | None
    lives: list[Life] = field(default_factory=list)
    waiters: list[Life] = field(default_factory=list)
    """Those who only wait for an earlier slot."""
    google: Linked | None = None
    planted: list[controls.Control] = field(default_factory=list)
    practitioner: Patient | None = None
    """The browser of who receives these patients."""

    def command(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run a management command as an operator does."""
        owner = {"LIBRDV_AS_OWNER": "1"} if arguments[0] in {"backup", "restore"} else {}
        given = {"PROOF": "sentinel", "SABOTAGE": self.sabotage or ""}
        return nursery.run(
            "tests.proofs.served_command",
            *arguments,
            environment=self.stage.environment | owner | given | environment,
        )

    def must(self, *arguments: str, **environment: str) -> str:
        """Run a command that has to succeed."""
        done = self.command(*arguments, **environment)
        if done.returncode:
            raise RuntimeError(f"{arguments[0]}: {done.stderr[-2000:]}")
        return done.stdout

    def program(self, name: str) -> str:
        """Return a program of PostgreSQL."""
        folder = self.stage.environment.get("PG_BIN", "")
        return str(Path(folder) / name) if folder else name

    @property
    def everybody(self) -> list[Life]:
        """All who have booked, and all who only wait."""
        return [*self.lives, *self.waiters]

    @property
    def erased(self) -> list[Life]:
        """Everybody but the kept."""
        return [*(life for life in self.lives if life.fate != "kept"), *self.waiters]


def _new_life(fate: str, number: int) -> Life:
    mark = secrets.token_hex(5)
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
    return Life(fate, mark, markers, fields)


def _open_practice(world: World) -> None:
    from booking.models import ExtraField
    from booking.services.form_versions import Question, publish
    from tenants.schema import inside
    from tests.factories import Cabinet

    question = Question(
        key="etage", label="Étage", kind=ExtraField.Kind.SHORT_TEXT,
        purpose="savoir où se rendre", retention="effacé avec le rendez-vous",
    )  # fmt: skip
    now = datetime.now(UTC)
    # A reminder leaves between 8 and 20 h, wherever it is that now.
    zone = next(name for name in ZONES if 9 <= now.astimezone(ZoneInfo(name)).hour < 19)
    with inside(world.unit):
        cabinet = Cabinet()
        cabinet.location.time_zone = zone
        cabinet.location.save(update_fields=["time_zone"])
        publish(questions=[question], actor="system", now=now)
    if world.google is not None:
        world.google.link(cabinet.practitioner)


def _book_all(world: World, served: Served, tally: Tally) -> None:
    """Everybody takes a slot, fills the form and confirms."""
    forms: list[tuple[Life, Patient, Form]] = []
    next_week = datetime.now(UTC) + timedelta(days=7)
    for number, life in enumerate(world.lives):
        visitor = Patient(served.port, HOST, address=f"10.0.{number}.1")
        page = visitor.get(f"/creneaux/?semaine={next_week:%Y-%m-%d}")
        answer, form = choose(visitor, page, page.slots[-1], life.fields)
        tally.control(("chosen", number), failed=answer.status != 200, seen=answer.status)
        forms.append((life, visitor, form))
    forms[-1][2].wait()
    for number, (life, visitor, form) in enumerate(forms):
        answer = confirm(visitor, form)
        tally.control(("booked", number), failed=answer.status != 302, seen=answer.status)
        life.token = answer.location.split("/")[2]
        shown = visitor.get(answer.location).body
        tally.control(("greeted", number), failed=life.markers["first_name"] not in shown)


def _fill_lists(world: World, served: Served) -> list[tuple[Patient, Form]]:
    """Everybody who waits fills the form of the list."""
    filled: list[tuple[Patient, Form]] = []
    for number, life in enumerate(world.waiters):
        visitor = Patient(served.port, HOST, address=f"10.2.{number}.1")
        page = visitor.get("/plus-tot/")
        place = re.search(r'name="lieu" value="([^"]+)"', page.body)
        asked = {"token": page.token, "motif": page.motif, "lieu": place[1] if place else ""}
        filled.append((visitor, Form(asked | life.fields, time.monotonic())))
    return filled


def _wait_all(filled: list[tuple[Patient, Form]], tally: Tally) -> None:
    """They send it."""
    for number, (visitor, form) in enumerate(filled):
        form.wait()
        answer = visitor.post("/plus-tot/", form.fields)
        tally.control(("waits", number), failed=answer.status != 302, seen=answer.status)


def _leave_by_mail(world: World, served: Served, tally: Tally) -> None:
    """Who leaves the list uses the link of the mail; the others stay until the purge."""
    visitor = Patient(served.port, HOST, address="10.3.0.1")
    for life in world.waiters:
        if life.fate != "leaves":
            continue
        mine = [
            one for one in list(world.spool.delivered) if life.markers["email"] in one.recipients
        ]
        found = [re.search(r"/attente/[\w-]+/", one.part("plain")) for one in mine]
        links = [one[0] for one in found if one]
        answer = visitor.post(links[0], {}) if links else None
        tally.control(("leaves", life.fate), failed=answer is None or answer.status != 200)


def _look_at_them(world: World, served: Served, tally: Tally) -> None:
    """The practitioner signs in and reads the week: names stand on the page, for a moment."""
    from tenants.schema import inside
    from tests.accounts import browser, make_member

    with inside(world.unit):
        client = browser(HOST, make_member())
        cookie = "; ".join(f"{name}={value.value}" for name, value in client.cookies.items())
    world.practitioner = Patient(served.port, HOST, cookie=cookie)
    for path in ("/espace/", "/espace/semaine/", WAITING_LIST):
        answer = world.practitioner.get(path)
        tally.control(("dashboard", path), failed=answer.status != 200, seen=answer.status)


def _pages(world: World) -> Iterator[tuple[Life, Answer]]:
    """Open everybody as their practitioner does: who booked on a page of their own, who waits in the list."""
    assert world.practitioner is not None
    for life in world.lives:
        ref = uuid.UUID(hex=life.ref)
        yield life, world.practitioner.get(f"/espace/rendez-vous/{ref}/")
    waiting = world.practitioner.get(WAITING_LIST)
    for life in world.waiters:
        yield life, waiting


def _open_everybody(world: World, tally: Tally) -> None:
    """Before the erasures each page shows all that its person has typed."""
    for life, page in _pages(world):
        for name, marker in life.markers.items():
            if life in world.waiters and name in NOT_IN_THE_LIST:
                continue
            _see(tally, "opened before", life, name, page, failed=marker not in page.body)


def _open_nobody(world: World, tally: Tally) -> None:
    """After the erasures the same pages show nobody but who was kept."""
    for life, page in _pages(world):
        for name, marker in life.markers.items():
            failed = (marker in page.body) == (life in world.erased)
            _see(tally, "opened after", life, name, page, failed=failed)


def _see(tally: Tally, kind: str, life: Life, name: str, page: Answer, *, failed: bool) -> None:
    # A page that broke shows nobody either.
    failed = failed or page.status != 200
    tally.count(kind, (life.fate, life.mark, name), failed=failed, seen=page.status)


def _see_held_back(world: World, held: Life, tally: Tally) -> None:
    """One message cannot be handed on, and is seen in the spool; of those that were nothing is left there."""
    address = held.markers["email"]
    until = time.monotonic() + WAIT
    while time.monotonic() < until and not _only_in_flight(world, address):
        _sweep()
        time.sleep(0.3)
    alone = _only_in_flight(world, address)
    tally.control(("held back", "alone"), failed=not alone, seen=len(world.spool.in_flight()))
    hits = _search_lives(world, [held], ["mail spool"])["mail spool"]
    found = {name for _fate, name, _spelling, _marker in hits}
    for name in SAID_IN_MAIL:
        tally.count("control before", ("mail spool", "held back", name), failed=name not in found)
    others = [life for life in world.everybody if life is not held]
    _judge(world, tally, others, ["mail spool"], "delivered")


def _only_in_flight(world: World, address: str) -> bool:
    """Whether everybody has been written to, and what lies in the spool is for this address."""
    waiting = {one for delivery in world.spool.in_flight() for one in delivery.recipients}
    written = {one for delivery in list(world.spool.delivered) for one in delivery.recipients}
    others = {life.markers["email"] for life in world.everybody} - {address}
    return waiting == {address} and others <= written


def _mails(world: World, fates: Iterable[str], about: str, tally: Tally) -> None:
    """Wait until a mail whose subject begins so has come to each of them."""
    wanted = {life.markers["email"] for life in world.everybody if life.fate in set(fates)}
    until = time.monotonic() + WAIT
    while wanted and time.monotonic() < until:
        _sweep()
        time.sleep(0.3)
        for delivery in list(world.spool.delivered):
            if about in str(delivery.message["Subject"]).lower():
                wanted -= set(delivery.recipients)
    seen = f"{len(wanted)} without; {_states(world) if wanted else ''}"
    tally.control(("mail", about), failed=bool(wanted), seen=seen)


def _states(world: World) -> list[tuple[Any, ...]]:
    """Return what became of the messages: kinds, states and reasons, nobody."""
    return world.stage.owner(
        f"SELECT kind, state, reason, count(*) FROM {world.unit.schema}.outbox_outboxentry"
        " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )


def _sweep() -> None:
    from tenants.outbox.actors import sweep

    sweep.send()


def _remind(world: World) -> None:
    """Bring the reminders' hour: they are due now. Who is reminded is erased, so the kept one is not."""
    kept = [life.ref for life in world.lives if life.fate == "kept"]
    world.stage.owner(
        f"UPDATE {world.unit.schema}.outbox_outboxentry SET due_at = now(),"
        " expires_at = now() + interval '1 hour' WHERE kind = 'booking.reminder' AND state = 'pending'"
        f" AND object_id NOT IN (SELECT id FROM {world.unit.schema}.booking_appointment"
        " WHERE replace(ref::text, '-', '') = ANY(%s))",
        [kept],
    )


def _live(world: World, served: Served, tally: Tally) -> None:
    """Each one's fate, through the link of the mail."""
    for number, life in enumerate(world.lives):
        visitor = Patient(served.port, HOST, address=f"10.1.{number}.1")
        link = f"/rdv/{life.token}/"
        if life.fate == "cancelled":
            visitor.post(f"{link}annuler/", {})
        elif life.fate == "moved":
            slots = visitor.get(f"{link}deplacer/").slots
            visitor.post(f"{link}deplacer/", {"slot": slots[-1]})
            other = f"autre.{life.markers['email']}"
            answer = visitor.post(f"{link}coordonnees/", {"email": other, "phone": ""})
            life.markers["other email"] = other
            tally.control(("corrected", number), failed=answer.status not in {200, 302})
        elif life.fate == "erased":
            visitor.post(f"{link}effacer/", {"outcome": "cancel"})


def _purge(world: World) -> None:
    """The day comes: everybody but the kept is due, and the sweep of every five minutes runs."""
    kept = [life.ref for life in world.lives if life.fate == "kept"]
    world.stage.owner(
        f"UPDATE {world.unit.schema}.booking_patientcontact c SET erase_at = now() FROM"
        f" {world.unit.schema}.booking_appointment a WHERE a.id = appointment_id"
        " AND NOT replace(a.ref::text, '-', '') = ANY(%s)",
        [kept],
    )
    # Thirty days have passed for who waits.
    world.stage.owner(
        f"UPDATE {world.unit.schema}.booking_waitingentry SET erase_at = now(),"
        " joined_at = now() - interval '30 days'"
    )
    time.sleep(0.05)
    world.must("purge")


def _refs(world: World) -> None:
    from booking.services import links
    from tenants.schema import inside

    with inside(world.unit):
        for life in world.lives:
            found = links.find_by_token(life.token)
            life.ref = found.ref.hex if found else ""


# --- The search ---------------------------------------------------------------------------------------


def _stores(world: World) -> dict[str, Any]:
    """Return every place that is searched, read anew each time."""
    stores: dict[str, Any] = {
        "schemas": lambda: searching.rows_of(world.stage.owner_url),
        "sessions": lambda: searching.sessions_of(world.stage.owner_url),
        "dump": lambda: _newest_dump(world),
        "broker": lambda: searching.redis_values(world.stage.redis_url, "broker"),
        "dead letters": lambda: searching.redis_values(world.stage.redis_url, "dead letters"),
        "cache": lambda: searching.redis_values(world.stage.redis_url, "cache"),
        "mail spool": lambda: searching.unfolded(searching.files_under(world.spool.folder)),
        "logs": lambda: searching.files_under(world.stage.logs),
        "temporary files": lambda: searching.files_under(world.folder / "tmp"),
    }
    if world.google is not None:
        stores[OUTSIDE] = world.google.outside
    if world.cluster is not None:
        cluster = world.cluster
        stores["files and log of the database"] = lambda: searching.files_under(cluster)
    return stores


def _newest_dump(world: World) -> Iterator[bytes]:
    for shelf in ("main", "keys"):
        folder = max((world.folder / shelf).iterdir())
        yield from searching.dumped(folder, program=world.program("pg_restore"))


def _search(
    world: World, needles: dict[tuple[str, ...], bytes], names: Iterable[str]
) -> dict[str, set[tuple[str, ...]]]:
    """Return, by store, which needles are in it."""
    stores = _stores(world)
    found: dict[str, set[tuple[str, ...]]] = {name: set() for name in names}
    for name, hits in found.items():
        for piece in _joined(stores[name]()):
            hits |= {key for key, needle in needles.items() if needle in piece}
    return found


def _search_lives(
    world: World, lives: Sequence[Life], names: Iterable[str]
) -> dict[str, set[tuple[str, ...]]]:
    """Return, by store, which needles of these lives are in it.

    Every spelling of a marker holds its mark in the same spelling: where no mark is, no marker is.
    """
    stores = _stores(world)
    needles = {life.mark: _needles([life]) for life in lives}
    marks = {life.mark: list(searching.spellings(life.mark).values()) for life in lives}
    phones = {key: n for found in needles.values() for key, n in found.items() if key[1] == "phone"}
    found: dict[str, set[tuple[str, ...]]] = {name: set() for name in names}
    for name, hits in found.items():
        for piece in _joined(stores[name]()):
            hits |= {key for key, needle in phones.items() if needle in piece}
            for life in lives:
                if any(mark in piece for mark in marks[life.mark]):
                    hits |= {key for key, n in needles[life.mark].items() if n in piece}
    return found


def _joined(pieces: Iterable[bytes], size: int = 1 << 22) -> Iterator[bytes]:
    """Yield small pieces together: one search for many rows."""
    held: list[bytes] = []
    length = 0
    for piece in pieces:
        held.append(piece)
        length += len(piece)
        if length >= size:
            yield b"\n".join(held)
            held, length = [], 0
    yield b"\n".join(held)


def _needles(lives: Iterable[Life]) -> dict[tuple[str, ...], bytes]:
    needles: dict[tuple[str, ...], bytes] = {}
    for life in lives:
        for name, marker in life.markers.items():
            for spelling, needle in searching.spellings(marker).items():
                needles[life.fate, name, spelling, marker] = needle
        national = "0" + life.markers["phone"][3:]
        spaced = " ".join(national[at : at + 2] for at in range(0, 10, 2))
        needles[life.fate, "phone", "national", national] = national.encode()
        needles[life.fate, "phone", "spaced", national] = spaced.encode()
    return needles


def _plant_controls(world: World, tally: Tally) -> None:
    """Plant markers of nobody while everybody is still there, and find them in a dump made after that."""
    world.planted = controls.plant(
        stage=world.stage,
        unit=world.unit,
        spool=world.spool.folder,
        temporary=world.folder / "tmp",
        tell_google=world.google.plant if world.google else None,
    )
    world.must("backup")
    _find_controls(world, tally, "before")


def _find_controls(world: World, tally: Tally, when: str) -> None:
    """Count one case for each control and spelling that the search finds in its place."""
    stores = _stores(world)
    for control in world.planted:
        if control.store not in stores:
            continue  # a server that is not ours keeps its files where we do not look
        found = _search(world, control.needles, [control.store])[control.store]
        for spelling in sorted(control.wanted):
            case = (control.store, control.how, spelling)
            missing = (spelling,) not in found
            tally.count(f"control {when}", case, failed=missing, seen="not found")


def _judge(
    world: World, tally: Tally, lives: Sequence[Life], names: Iterable[str], when: str
) -> None:
    """Count one case for each marker, spelling and store; what is found fails."""
    needles = _needles(lives)
    for store in names:
        hits = _search_lives(world, lives, [store])[store]
        for key in needles:
            tally.count(f"{when} {store}", key, failed=key in hits, seen="found")


def _judge_google(world: World, tally: Tally) -> None:
    """Google was told names and numbers, in their place, and nothing else of anybody."""
    google = world.google
    if google is None:
        return
    hits = _search_lives(world, world.everybody, [OUTSIDE])[OUTSIDE]
    words = b"\n".join(google.words())
    for key, needle in _needles(world.everybody).items():
        tally.count(OUTSIDE, key, failed=key in hits, seen="found")
        if key[1] in NEVER_TOLD:
            tally.count("Google, the words", key, failed=needle in words, seen="found")
    # One push was refused for good: everybody else who booked stands there by name.
    told = sum(life.markers["last_name"].encode() in words for life in world.lives)
    tally.control(("Google was told",), failed=told < len(world.lives) - 1, seen=told)


def _judge_link(world: World, tally: Tally) -> None:
    """What opens the calendar is in no store at any time but under its seal."""
    if world.google is None:
        return
    needles: dict[tuple[str, ...], bytes] = {
        ("link", name, spelling): needle
        for name, secret in world.google.secrets.items()
        for spelling, needle in searching.spellings(secret).items()
    }
    names = [name for name in _stores(world) if name != OUTSIDE]
    for store, hits in _search(world, needles, names).items():
        for key in needles:
            tally.count(f"link, {store}", key, failed=key in hits, seen="found")


# --- The dump of before, restored ---------------------------------------------------------------------


def _in_database(url: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{RESTORED}"))


@contextmanager
def _restored(world: World, *, keys: bool, ledger: bool) -> Iterator[dict[str, str]]:
    """Restore the oldest backup into an empty database; yield the environment that reads it."""
    drop_database(world.stage.owner_url, RESTORED)
    on_server(world.stage.owner_url, f"CREATE DATABASE {RESTORED}")
    environment = {
        name: _in_database(world.stage.environment[name])
        for name in ("OWNER_DATABASE_URL", "DATABASE_URL")
    }
    if not ledger:
        environment["ERASURE_LEDGER"] = str(world.folder / "no.ledger")
    main, key_dump = (min((world.folder / shelf).iterdir()) for shelf in ("main", "keys"))
    world.must("restore", str(main), *(["--keys", str(key_dump)] if keys else []), **environment)
    try:
        yield environment
    finally:
        drop_database(world.stage.owner_url, RESTORED)


def _read_all(world: World, environment: dict[str, str]) -> dict[str, str]:
    """Return ref -> address, as the product reads them in the restored database."""
    done = nursery.run(
        "tests.proofs.reading",
        world.unit.schema,
        environment=world.stage.environment | environment,
    )
    if done.returncode:
        raise RuntimeError(f"reading: {done.stderr[-2000:]}")
    read: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return read


def _links(world: World, environment: dict[str, str]) -> int:
    """Return how many links with Google there are in the restored database."""
    connection = psycopg2.connect(environment["OWNER_DATABASE_URL"])
    with connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {world.unit.schema}.booking_googleaccount")
        (count,) = cursor.fetchone() or (0,)
    connection.close()
    return int(count)


def _lend_the_living_keys(world: World, environment: dict[str, str]) -> None:
    """Copy the keys that production still has into the restored database."""
    tables = [f"{world.unit.schema}.keyring_{name}" for name in ("tenantkey", "datakey")]
    target = psycopg2.connect(environment["OWNER_DATABASE_URL"])
    with target, target.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DELETE FROM {table}")
            for row in world.stage.owner(f"SELECT * FROM {table}"):
                marks = ", ".join(["%s"] * len(row))
                cursor.execute(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE VALUES ({marks})", row)
    target.close()


def _restore_and_judge(world: World, tally: Tally) -> None:
    """Without the keys, with the keys that live on, and with key dump and ledger."""
    kept = {life.ref for life in world.lives if life.fate == "kept"}
    with _restored(world, keys=False, ledger=False) as environment:
        _judge_restored(world, tally, _read_all(world, environment), "no keys", set())
        _lend_the_living_keys(world, environment)
        _judge_restored(world, tally, _read_all(world, environment), "living keys", kept)
    with _restored(world, keys=True, ledger=True) as environment:
        read = _read_all(world, environment)
        _judge_restored(world, tally, read, "keys and ledger", kept)
        for life in world.erased:
            if life.ref:
                back = life.ref in read
                tally.count("row back", (life.fate, life.ref), failed=back, seen="is back")
        if world.google is not None:
            links = _links(world, environment)
            tally.count("row back", ("the link",), failed=links > 0, seen=links)


def _judge_restored(
    world: World, tally: Tally, read: dict[str, str], how: str, readable: set[str]
) -> None:
    for life in world.lives:
        opened = bool(read.get(life.ref))
        if life.ref in readable:
            tally.control(("restored", how, life.fate, life.ref), failed=not opened)
        else:
            tally.count(f"restored, {how}", (life.fate, life.ref), failed=opened, seen="readable")


# --- The run ------------------------------------------------------------------------------------------


def _act(world: World, served: Served, tally: Tally) -> None:
    held = world.lives[0]
    if not world.sabotage:
        world.spool.hold_back(held.markers["email"])
    filled = _fill_lists(world, served)
    _book_all(world, served, tally)
    _refs(world)
    _wait_all(filled, tally)
    _look_at_them(world, served, tally)
    if not world.sabotage:
        _see_held_back(world, held, tally)
    world.spool.release()
    _mails(world, FATES, "votre rendez-vous", tally)
    _mails(world, WAITERS, "liste d'attente", tally)
    _written(world, tally, "booked")
    _judge(world, tally, world.everybody, ["schemas", "sessions"], "before")
    if world.sabotage in IN_GOOGLE:
        _judge_google(world, tally)
    world.must("backup")
    _judge_link(world, tally)
    if not world.sabotage:
        _open_everybody(world, tally)
        _plant_controls(world, tally)
    _live(world, served, tally)
    _leave_by_mail(world, served, tally)
    _remind(world)
    _mails(world, ["reminded"], "rappel", tally)
    _mails(world, ["cancelled"], "annulé", tally)
    _written(world, tally, "lived")
    _purge(world)
    if world.google is not None:
        left = world.google.leave(_sweep, seconds=WAIT)
        tally.control(("left Google",), failed=not left)


def _written(world: World, tally: Tally, when: str) -> None:
    """Let all that waits for Google be written there."""
    if world.google is not None:
        done = world.google.wait_until_written(_sweep, seconds=WAIT)
        tally.control(("written", when), failed=not done, seen=_states(world))


def _after(world: World, tally: Tally) -> None:
    rows = world.stage.owner(
        f"SELECT replace(a.ref::text, '-', '') FROM {world.unit.schema}.booking_patientcontact c"
        f" JOIN {world.unit.schema}.booking_appointment a ON a.id = c.appointment_id"
    )
    left = {ref for (ref,) in rows}
    for life in world.erased:
        if life.ref:
            tally.count("row left", (life.fate, life.ref), failed=life.ref in left, seen="is left")
    (waiting,) = world.stage.owner(
        f"SELECT count(*) FROM {world.unit.schema}.booking_waitingentry"
    )[0]
    tally.count("row left", ("waiting list",), failed=waiting > 0, seen=waiting)
    if world.sabotage in IN_COPIES:
        _restore_and_judge(world, tally)
        return
    _open_nobody(world, tally)
    empty = world.spool.wait_until_empty(seconds=WAIT)
    tally.control(("spool", "delivered"), failed=not empty, seen=len(world.spool.in_flight()))
    world.must("backup")
    ours = [name for name in _stores(world) if name != OUTSIDE]
    _judge(world, tally, world.erased, ours, "after")
    _judge_google(world, tally)
    _find_controls(world, tally, "after")
    _restore_and_judge(world, tally)
    checked = world.command("verify_receipts")
    tally.control(("receipts",), failed=checked.returncode != 0, seen=checked.stdout[-300:])


@contextmanager
def _google(sabotage: str | None) -> Iterator[doubles.Double | None]:
    """Run the double; a sabotage that it does not show goes without."""
    if sabotage and sabotage not in IN_GOOGLE:
        yield None
        return
    with (
        tempfile.TemporaryDirectory(prefix="double-") as folder,
        doubles.running(Path(folder)) as double,
    ):
        yield double


@contextmanager
def _server_of(*, short: bool) -> Iterator[Path | None]:
    """Yield the folder of a PostgreSQL of our own; the short form makes do with the run's, unopened."""
    if short:
        yield None
        return
    with embedded.services(environ={}) as services:
        os.environ.update(services.environment())
        yield services.postgres.data_dir if services.postgres else None


def run(*, short: bool, sabotage: str | None) -> dict[str, Any]:
    """Play the lives and search; return the line of the proof."""
    tally = Tally(sabotage)
    with (
        _server_of(short=short) as cluster,
        relaying() as (mail_url, spool),
        _google(sabotage) as double,
        set_stage(
            MAIL_PROVIDER="smtp",
            EMAIL_URL=mail_url,
            **ENVIRONMENT,
            **(double.environment() if double else {}),
        ) as stage,
    ):
        folder = stage.logs / "places"
        for name in ("main", "keys", "tmp"):
            (folder / name).mkdir(parents=True)
        stage.environment |= {
            "TMPDIR": str(folder / "tmp"),
            "BACKUP_DIR": str(folder / "main"),
            "KEY_BACKUP_DIR": str(folder / "keys"),
        }
        world = World(stage, folder, cluster, stage.add_tenant(HOST), spool, sabotage)
        world.google = Linked(stage, world.unit, double) if double else None
        world.lives = [_new_life(fate, n) for n in range(1 if short else 3) for fate in FATES]
        number = len(world.lives)
        world.waiters = [_new_life(fate, number + n) for n, fate in enumerate(WAITERS)]
        _open_practice(world)
        with (
            stage.serve(proof="sentinel", sabotage=sabotage) as served,
            stage.work(proof="sentinel", sabotage=sabotage),
        ):
            while Patient(served.port, HOST).get("/").status != 200:
                served.check()
            _act(world, served, tally)
            _after(world, tally)
    return tally.report("sentinel", lives=len(world.lives), mails=len(spool.delivered))
