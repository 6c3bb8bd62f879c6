"""Reading a full week: 4 practitioners, 30 appointments a day, 6 days, every contact opened.

Timed is what the product reads for the grid: appointments with their people, absences, free times, appointment
types and places. Beside it, the same statements sent bare and their rows fetched, and the bare calls of
``cryptography`` on the same bytes. Drawing is apart: the page's weight and time are told, not compared.
"""

import gzip
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.bench.rounds import alternate, milliseconds, ratio
from tests.proofs.counter import print_line
from tests.proofs.environment import open_environment

NAME = "week"
PRACTITIONERS, A_DAY, DAYS = 4, 30, 6
MOST_QUERIES = 8
MOST_TO_LIMIT = 1.5
MOST_BYTES = 100_000
HOST = "week.lib-rdv.localhost"
ZONE = ZoneInfo("Europe/Paris")


def _monday(now: datetime) -> datetime:
    """The Monday after next, at midnight: nothing of it is past."""
    today = now.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=14 - today.weekday())


def _store(now: datetime) -> list[Any]:
    """Store the week as bookings do; return the practitioners."""
    from booking.models import Absence, Appointment
    from booking.patients import contacts
    from tests import factories
    from tests.bench.agenda import _person

    factories.make_practice()
    place = factories.make_location()
    people = [factories.make_practitioner(f"Docteur {initial}") for initial in "WXYZ"]
    appointment_type = factories.make_type(people, [place], duration_min=15)
    monday = _monday(now)
    number = 0
    for practitioner in people:
        factories.make_hours(practitioner, place, weekdays=range(6), starts_min=480, ends_min=1140)
        Absence.objects.create(
            practitioner=practitioner,
            starts_at=monday + timedelta(hours=12, days=practitioner.pk % 6),
            ends_at=monday + timedelta(hours=13, days=practitioner.pk % 6),
            label="Repas",
        )
        for day in range(DAYS):
            for turn in range(A_DAY):
                starts_at = monday + timedelta(days=day, hours=8, minutes=20 * turn)
                ends_at = starts_at + timedelta(minutes=15)
                appointment = Appointment.objects.create(
                    practitioner=practitioner,
                    location=place,
                    appointment_type=appointment_type,
                    status=Appointment.Status.BOOKED,
                    starts_at=starts_at,
                    ends_at=ends_at,
                    during=(starts_at, ends_at),
                    booked_at=now,
                )
                person = _person(number)
                contacts.store(
                    appointment=appointment,
                    person=person,
                    indexes=contacts.indexes_of(person),
                    retention_days=357,
                    erase_at=ends_at,
                    now=now,
                )
                number += 1
    return people


def _read(practitioners: list[Any], now: datetime) -> Any:
    from booking.agenda.week import read_days

    monday = _monday(now)
    return read_days(
        practitioners=practitioners,
        first=monday.date(),
        last=monday.date() + timedelta(days=6),
        starts_at=monday,
        ends_at=monday + timedelta(days=7),
        now=now,
    )


def _statements(work: Callable[[], Any]) -> list[tuple[str, Any]]:
    """Return the statements of a piece of work, with their parameters."""
    from django.db import connection

    sent: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        work()
    return sent


def _bare_queries(sent: list[tuple[str, Any]]) -> Callable[[], None]:
    """Send the same statements by the driver, and fetch their rows."""
    from django.db import connection

    connection.ensure_connection()
    cursor = connection.connection.cursor()

    def work() -> None:
        for sql, params in sent:
            cursor.execute(sql, params)
            cursor.fetchall()

    return work


def _page(unit: Any, user: Any, now: datetime) -> tuple[int, int, float]:
    """Return the weight of the page, compressed and not, and the seconds that it takes; warm."""
    from tenants.schema import inside
    from tests.accounts import browser

    with inside(unit):
        client = browser(HOST, user)
    address = f"/espace/semaine/?du={_monday(now):%Y-%m-%d}"
    client.get(address)
    start = time.perf_counter()
    answer = client.get(address)
    seconds = time.perf_counter() - start
    if answer.status_code != 200:
        raise RuntimeError(f"the week answered {answer.status_code}")
    return len(gzip.compress(answer.content, 6)), len(answer.content), seconds


def run(*, short: bool = False) -> dict[str, Any]:
    """Measure; return the line of the bench."""
    now = datetime.now(UTC).replace(microsecond=0)
    with open_environment() as environment:
        unit = environment.add_tenant(HOST)
        from booking.agenda.week import visits_between
        from booking.models import PatientContact
        from tenants.accounts.models import Role
        from tenants.schema import inside
        from tests.accounts import make_member
        from tests.bench.agenda import _bare

        with inside(unit):
            practitioners = _store(now)
            user = make_member(Role.OWNER)
        with inside(unit):
            # In a unit of its own: the tenant's key is read once in each.
            sent = _statements(lambda: _read(practitioners, now))
            rows = list(PatientContact.objects.select_related("data_key").order_by("pk"))
            named = sum(bool(visit.name) for visit in _read(practitioners, now).visits)
            queries, opening = _bare_queries(sent), _bare(rows)

            def bare() -> None:
                queries()
                opening()

            monday = _monday(now)
            works = {
                "ours": lambda: _read(practitioners, now),
                "bare": bare,
                "visits": lambda: visits_between(
                    practitioner_ids=[practitioner.pk for practitioner in practitioners],
                    starts_at=monday,
                    ends_at=monday + timedelta(days=7),
                ),
            }
            alternate(3, **works)
            seconds = alternate(9 if short else 60, **works)
        packed, plain, page = _page(unit, user, now)
    to_limit = ratio(seconds["ours"], seconds["bare"])
    return {
        "bench": NAME,
        "ratio_to_limit": round(to_limit, 3),
        "appointments": named,
        "queries": len(sent),
        "ms": milliseconds(seconds["ours"]),
        "ms_bare": milliseconds(seconds["bare"]),
        "ms_names": milliseconds(seconds["visits"]),
        "ms_page": round(page * 1000, 1),
        "bytes": plain,
        "bytes_compressed": packed,
        "rounds": len(seconds["ours"]),
        "ok": named == PRACTITIONERS * A_DAY * DAYS
        and len(sent) <= MOST_QUERIES
        and to_limit <= MOST_TO_LIMIT
        and packed <= MOST_BYTES,
    }


if __name__ == "__main__":
    sys.exit(print_line(run(short="--short" in sys.argv)))
