"""Free slots of sixty days, twenty appointments a day, database included.

Against fetching the same busy rows as whole minutes through the same connection, which is what any
answer must at least do, and against django-appointment 3.12 on the same practice: its own environment,
its own database on the same server, asked in the same rounds.
"""

import contextlib
import json
import random
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

import psycopg2
from psycopg2.extensions import parse_dsn

from config.devtools.processes import ROOT
from tests.bench.rounds import milliseconds, ratio
from tests.proofs.environment import ProofEnvironment, open_environment

NAME = "slots"
MOST_TO_LIMIT = 2.0
LEAST_TO_PEER = 300.0
MOST_QUERIES = 3
PEER = "django-appointment==3.12.0"
PEER_DATABASE = "librdv_peer"
DAYS, PER_DAY, DURATION, STEP = 60, 20, 30, 15
PARIS = ZoneInfo("Europe/Paris")
WEEKDAY, PAUSE, SATURDAY = (480, 1170), (750, 810), (480, 1110)
"""Minutes of the local day: 8:00 to 19:30 with a pause from 12:30 to 13:30; Saturday 8:00 to 18:30."""

_SAME_ROWS = """
SELECT floor(date_part('epoch', lower(during)) / 60)::int,
    ceil(date_part('epoch', upper(during)) / 60)::int
FROM booking_appointment
WHERE practitioner_id = %s AND starts_at >= %s AND starts_at < %s
  AND status IN ('held', 'booked', 'fulfilled', 'noshow')
ORDER BY starts_at
"""


@dataclass(frozen=True)
class Practice:
    """What both are given: working dates, closed ones, and taken minutes of each date."""

    first: date
    closed: tuple[date, ...]
    taken: dict[date, list[int]]

    @property
    def dates(self) -> list[date]:
        """The sixty dates."""
        return [self.first + timedelta(days=shift) for shift in range(DAYS)]


def draw(first: date) -> Practice:
    """Draw a practice: in each working day one of the twenty-one places is left free."""
    from booking.rules.holidays import public_holidays

    lot = random.Random(first.isoformat())
    dates = [first + timedelta(days=shift) for shift in range(-30, DAYS + 30)]
    holidays = {
        on
        for year in {on.year for on in dates}
        for on in public_holidays(territory="", postcode="64210", year=year)
    }
    closed = holidays | {first + timedelta(days=9), first + timedelta(days=32)}
    week = [*range(WEEKDAY[0], PAUSE[0], DURATION), *range(PAUSE[1], WEEKDAY[1], DURATION)]
    saturday = list(range(*SATURDAY, DURATION))
    taken = {
        on: sorted(lot.sample(saturday if on.weekday() == 5 else week, PER_DAY))
        for on in dates
        if on.weekday() < 6 and on not in closed
    }
    return Practice(first, tuple(sorted(on for on in closed if on in dates)), taken)


class Ours:
    """The practice in the product's own tables."""

    def __init__(self, environment: ProofEnvironment, practice: Practice, now: datetime) -> None:
        from tenants.schema import inside
        from tests import factories

        self.practice, self.now = practice, now
        self.unit = environment.add_tenant("slots.lib-rdv.localhost")
        with inside(self.unit):
            self.cabinet = factories.Cabinet()
            self._write()
        environment.owner(f"ANALYZE {self.unit.schema}.booking_appointment")

    def _write(self) -> None:
        from booking.models import Appointment, OpeningException, OpeningHours
        from tests import factories

        made = self.cabinet
        made.type.duration_min, made.type.step_min, made.type.min_notice_min = DURATION, STEP, 0
        made.type.save(update_fields=["duration_min", "step_min", "min_notice_min"])
        OpeningHours.objects.all().delete()
        ranges = ((WEEKDAY[0], PAUSE[0]), (PAUSE[1], WEEKDAY[1]))
        for weekdays, start, end in [
            *((range(5), *each) for each in ranges),
            (range(5, 6), *SATURDAY),
        ]:
            factories.make_hours(
                made.practitioner, made.location, weekdays=weekdays, starts_min=start, ends_min=end
            )
        for on in self.practice.closed:
            OpeningException.objects.create(
                practitioner=made.practitioner, location=made.location, on_date=on
            )
        starts = [_at(on, minute) for on, taken in self.practice.taken.items() for minute in taken]
        length = timedelta(minutes=DURATION)
        Appointment.objects.bulk_create(
            Appointment(
                practitioner=made.practitioner,
                location=made.location,
                appointment_type=made.type,
                status="booked",
                starts_at=start,
                ends_at=start + length,
                during=(start, start + length),
                booked_at=self.now,
            )
            for start in starts
        )

    def search(self) -> list[Any]:
        """Ask for the free slots as the pages do."""
        from booking.scheduling.queries import free_slots

        return free_slots(
            appointment_type=self.cabinet.type,
            practitioners=[self.cabinet.practitioner.pk],
            location=self.cabinet.location,
            from_on=self.practice.dates[0],
            until_on=self.practice.dates[-1],
            now=self.now,
        )

    def fetch(self) -> list[Any]:
        """Fetch the busy rows of the same days, and nothing else."""
        from django.db import connection

        bounds = (_at(self.practice.dates[0], 0), _at(self.practice.dates[-1], 1439))
        with connection.cursor() as cursor:
            cursor.execute(_SAME_ROWS, [self.cabinet.practitioner.pk, *bounds])
            rows: list[Any] = cursor.fetchall()
        return rows


def _at(on: date, minute: int) -> datetime:
    local_time = datetime(on.year, on.month, on.day, minute // 60, minute % 60, tzinfo=PARIS)
    return local_time.astimezone(UTC)


class Peer:
    """The peer's process: one line in, one round out."""

    def __init__(self, process: "subprocess.Popen[str]", practice: dict[str, Any]) -> None:
        self.process = process
        self.facts: dict[str, int] = self._send(practice)

    def search(self) -> float:
        """Seconds of one round, measured where it runs."""
        return float(self._send("go"))

    def _send(self, what: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the peer ended with {self.process.wait()}")
        return json.loads(answer)


def environment_of_peer() -> Path:
    """Return the Python of the peer's environment, made at the first run."""
    folder = ROOT / ".cache" / "peers" / PEER.replace("==", "-")
    python = folder / "bin" / "python"
    done = folder / "installed"
    if not done.exists():
        print(f"Installing {PEER} into an environment of its own ...", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", PEER, "psycopg2-binary", "tzdata"],
            check=True,
            stdout=sys.stderr,
        )
        done.touch()
    return python


@contextlib.contextmanager
def peer_on(environment: ProofEnvironment, practice: Practice) -> Iterator[Peer]:
    """Run the peer on a database of its own, dropped afterwards."""
    python = environment_of_peer()
    statement = f"DROP DATABASE IF EXISTS {PEER_DATABASE} WITH (FORCE)"
    environment.owner(statement)
    environment.owner(f"CREATE DATABASE {PEER_DATABASE} TEMPLATE template0 ENCODING 'UTF8'")
    url = urlunsplit(urlsplit(environment.owner_url)._replace(path=f"/{PEER_DATABASE}"))
    dsn = parse_dsn(url)
    described = {
        "database": {
            "NAME": PEER_DATABASE,
            "USER": dsn.get("user", ""),
            "PASSWORD": dsn.get("password", ""),
            "HOST": dsn.get("host", ""),
            "PORT": dsn.get("port", ""),
        },
        "duration": DURATION,
        "step": STEP,
        "hours": dict.fromkeys(range(5), WEEKDAY) | {5: SATURDAY},
        "pauses": [(str(on), *PAUSE) for on in practice.taken if on.weekday() < 5],
        "closed": [str(on) for on in practice.closed],
        "appointments": [
            (str(on), minute, minute + DURATION)
            for on, taken in practice.taken.items()
            for minute in taken
        ],
        "dates": [str(on) for on in practice.dates],
    }
    command = [
        str(python),
        "-W",
        "ignore",
        str(Path(__file__).parent / "peer_django_appointment.py"),
    ]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=python.parent
    )
    try:
        yield Peer(process, described)
    finally:
        process.kill()
        process.communicate()
        with contextlib.suppress(psycopg2.Error):
            environment.owner(statement)


def measure(ours: Ours, peer: Peer, *, rounds: int, times: int) -> dict[str, list[float]]:
    """Alternate: in each round ``times`` answers of ours and as many bare fetches, and one of the peer."""
    seconds: dict[str, list[float]] = {"ours": [], "limit": [], "peer": []}
    works = [("ours", ours.search), ("limit", ours.fetch)]
    for number in range(rounds + 1):
        spent = {"ours": 0.0, "limit": 0.0, "peer": peer.search() * times}
        for turn in range(times):
            for name, work in works if (number + turn) % 2 else works[::-1]:
                start = time.perf_counter()
                work()
                spent[name] += time.perf_counter() - start
        if number:  # the first one warms up
            for name, value in spent.items():
                seconds[name].append(value / times)
    return seconds


def run(*, short: bool = False) -> dict[str, Any]:
    """Measure; return the line of the bench."""
    with open_environment() as environment:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        from tenants.schema import inside

        now = datetime.now(UTC)
        tomorrow = now.astimezone(PARIS).date() + timedelta(days=1)
        practice = draw(tomorrow)
        ours = Ours(environment, practice, now)
        with peer_on(environment, practice) as peer, inside(ours.unit):
            with CaptureQueriesContext(connection) as captured:
                found = ours.search()
            rows = ours.fetch()
            seconds = measure(ours, peer, rounds=3 if short else 21, times=10 if short else 40)
    to_limit = ratio(seconds["ours"], seconds["limit"])
    to_peer = ratio(seconds["peer"], seconds["ours"])
    return {
        "bench": NAME,
        "ratio_to_limit": round(to_limit, 3),
        "ratio_to_peer": round(to_peer, 1),
        "queries": len(captured),
        "ms": milliseconds(seconds["ours"]),
        "ms_bare_fetch": milliseconds(seconds["limit"]),
        "ms_peer": milliseconds(seconds["peer"]),
        "peer": PEER,
        "peer_queries": peer.facts["queries"],
        "slots": len(found),
        "peer_slots": peer.facts["slots"],
        "busy_rows": len(rows),
        "rounds": len(seconds["ours"]),
        "ok": to_limit <= MOST_TO_LIMIT
        and to_peer >= LEAST_TO_PEER
        and len(captured) <= MOST_QUERIES,
    }
