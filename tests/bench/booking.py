"""Bookings per second over HTTP, against bare connections that write the same final rows.

A booking is the request that sends the form of a held slot. The limit: as many psycopg2 connections as
the server has threads, one statement per table and one durable commit per booking.
"""

import itertools
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
from django.db import connection
from psycopg2.extras import execute_values

from tests.bench.rounds import alternate, milliseconds, ratio
from tests.proofs.counter import CaseCounter, print_line
from tests.proofs.environment import open_environment

NAME = "booking"
LEAST_TO_LIMIT = 0.4
MOST_STATEMENTS = 12
THREADS = 8
_TABLES = (
    "keyring_datakey",
    "booking_appointment",
    "booking_patientcontact",
    "outbox_outboxentry",
    "audit_auditevent",
)


class _Bookings:
    """The same number of bookings in the two ways; nothing but the booking itself is timed."""

    def __init__(self, race: Any, many: int) -> None:
        self.race, self.many = race, many
        self.pool = ThreadPoolExecutor(THREADS)
        self.raw = [psycopg2.connect(race.environment.owner_url) for _ in range(THREADS)]
        self.later = itertools.count(1)
        self.forms: list[dict[str, str]] = []
        self.rows: list[dict[str, list[tuple[Any, ...]]]] = []
        self.columns: dict[str, list[str]] = {}
        self.failures = 0

    def hold(self, count: int) -> None:
        """Hold slots, as the page before the form does."""
        from tests.proofs.race_rounds import RaceClient

        slots = self.race.new_slots(count)

        def form_of(pair: tuple[int, Any]) -> dict[str, str]:
            number, slot = pair
            client, ref = RaceClient(self.race, number), uuid.uuid4()
            form: dict[str, str] = self.race.choice_form(slot, client.turn, ref, "choose")
            answer = self.race.post("hold_slot", "/reserver/", form)
            assert answer.status == 303, answer.status
            details: dict[str, str] = self.race.details()
            return {**form, "token": self.race.token("details", ref), **details}

        self.forms += self.pool.map(form_of, enumerate(slots))

    def over_http(self) -> None:
        """Send the forms."""
        forms, self.forms = self.forms[: self.many], self.forms[self.many :]

        def send(form: dict[str, str]) -> int:
            answer = self.race.post("book", "/reserver/confirmer/", form)
            return int(answer.status)

        self.failures += sum(status != 302 for status in self.pool.map(send, forms))

    def learn(self) -> None:
        """Take the final rows of one booking as the rows to write."""
        schema = self.race.schema
        for table in _TABLES:
            found = self.race.environment.owner(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = %s"
                " AND table_name = %s ORDER BY ordinal_position",
                [schema, table],
            )
            self.columns[table] = [name for (name,) in found if name != "id"]
        (self.last,) = self.race.environment.owner(
            f'SELECT max(id) FROM "{schema}".booking_appointment WHERE status = %s', ["booked"]
        )[0]

    def bare(self) -> None:
        """Write as many bookings by bare connections."""
        per = self.many // THREADS
        list(self.pool.map(self._write, self.raw, itertools.repeat(per)))

    def _write(self, raw: Any, count: int) -> None:
        for _booking in range(count):
            with raw, raw.cursor() as cursor:
                self._insert(cursor, timedelta(days=1000 + next(self.later)))

    def _insert(self, cursor: Any, shift: timedelta) -> None:
        s, last = f'"{self.race.schema}"', self.last
        cursor.execute(
            f"INSERT INTO {s}.keyring_datakey (ref, wrapped, created_at) SELECT gen_random_uuid(),"
            f" wrapped, created_at FROM {s}.keyring_datakey ORDER BY id DESC LIMIT 1 RETURNING id"
        )
        (key,) = cursor.fetchone()
        names = [
            name
            for name in self.columns["booking_appointment"]
            if name not in {"ref", "form_ref", "manage_hash", "short_hash", "during", "starts_at", "ends_at"}
        ]  # fmt: skip
        listed = ", ".join(names)
        cursor.execute(
            f"INSERT INTO {s}.booking_appointment (ref, form_ref, manage_hash, short_hash, during,"
            f" starts_at, ends_at, {listed}) SELECT gen_random_uuid(), gen_random_uuid(),"
            " sha256(gen_random_uuid()::text::bytea), sha256(gen_random_uuid()::text::bytea),"
            " tstzrange(lower(during) + %s, upper(during) + %s), starts_at + %s, ends_at + %s,"
            f" {listed} FROM {s}.booking_appointment WHERE id = %s RETURNING id",
            [shift, shift, shift, shift, last],
        )
        (made,) = cursor.fetchone()
        cursor.execute(
            f"INSERT INTO {s}.booking_patientcontact (ref, appointment_id, data_key_id, sealed,"
            " email_index, phone_index, booked_at, retention_days, erase_at) SELECT gen_random_uuid(),"
            " %s, %s, sealed, email_index, phone_index, booked_at, retention_days, erase_at"
            f" FROM {s}.booking_patientcontact"
            " WHERE appointment_id = %s",
            [made, key, last],
        )
        now = datetime.now(UTC)
        execute_values(
            cursor,
            f"INSERT INTO {s}.outbox_outboxentry (ref, kind, subject_type, subject_id, payload,"
            " dedup_key, due_at, expires_at, state, reason, attempts, created_at) VALUES %s",
            [
                (
                    str(uuid.uuid4()),
                    kind,
                    "appointment",
                    made,
                    '{"sequence": 0}',
                    "0",
                    now,
                    None,
                    "pending",
                    "",
                    0,
                    now,
                )
                for kind in ("bench.confirmation", "bench.reminder")
            ],
        )
        cursor.execute(
            f"INSERT INTO {s}.audit_auditevent (actor, verb, ref, at) VALUES ('patient',"
            " 'appointment.booked', gen_random_uuid(), now())"
        )


def _statements(race: Any) -> int:
    """Count the statements of one booking, in this process, by the request that a patient sends."""
    from django.test import Client

    from tests.proofs.race_rounds import HOST
    from tests.proofs.race_rounds import RaceClient as Racer

    (slot,) = race.new_slots(1)
    ref = uuid.uuid4()
    form = race.choice_form(slot, Racer(race, 0).turn, ref, "choose")
    client = Client(headers={"host": HOST, "x-forwarded-for": race.http.network()})
    assert client.post("/reserver/", form).status_code == 303
    ran: list[str] = []

    def note(execute: Any, statement: str, *rest: Any) -> Any:
        ran.append(statement)
        return execute(statement, *rest)

    form |= {"token": race.token("details", ref), **race.details()}
    with connection.execute_wrapper(note):
        answer = client.post("/reserver/confirmer/", form)
    assert answer.status_code == 302, answer.status_code
    return len(ran)


def run(*, short: bool = False) -> dict[str, Any]:
    """Measure; return the line of the bench."""
    rounds, many = (2, 16) if short else (6, 48)
    with (
        open_environment() as environment,
        environment.serve(workers=2, threads=THREADS // 2) as served,
    ):
        from tests.proofs.race_rounds import RaceRun

        race = RaceRun(environment, CaseCounter(), served)
        statements = _statements(race)
        work = _Bookings(race, many)
        work.hold(many * (rounds + 1))
        work.over_http()  # warm
        work.learn()
        seconds = alternate(rounds, http=work.over_http, bare=work.bare)
        for raw in work.raw:
            raw.close()
    to_limit = ratio(seconds["bare"], seconds["http"])
    return {
        "bench": NAME,
        "ratio_to_limit": round(to_limit, 3),
        "statements": statements,
        "bookings_per_s": round(many / (milliseconds(seconds["http"]) / 1000), 1),
        "bare_per_s": round(many / (milliseconds(seconds["bare"]) / 1000), 1),
        "failures": work.failures,
        "rounds": rounds,
        "ok": to_limit >= LEAST_TO_LIMIT and statements <= MOST_STATEMENTS and work.failures == 0,
    }


if __name__ == "__main__":
    sys.exit(print_line(run(short="--short" in sys.argv)))
