"""Pages with slots have old busy times read again, after themselves and not too often."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

from booking.actors import poll
from booking.models import GoogleAccount
from tenants.broker import TenantActor
from tenants.schema import Unit, inside
from tests.factories import Cabinet, make_appointment, make_link, make_practitioner

HOST = "frais.lib-rdv.localhost"
OLD = timedelta(minutes=5)


class Practice:
    """A practice that commits, linked with Google, and the polls that its pages have enqueued."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.polled: list[tuple[str, str]] = []
        with inside(unit):
            self.cabinet = Cabinet()
            self.account = make_link(
                self.cabinet.practitioner,
                can_read_busy=True,
                busy_at=datetime.now(UTC) - OLD,
            )

    def get(self, path: str = "/") -> Any:
        return Client(SERVER_NAME=HOST).get(path)

    def change(self, **fields: Any) -> None:
        with inside(self.unit):
            GoogleAccount.objects.update(**fields)


@pytest.fixture
def practice(
    committed_tenant: Callable[[str], Unit], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Practice]:
    cache.clear()
    made = Practice(committed_tenant("frais"))

    def send(actor: TenantActor, schema: str, ref: str) -> None:
        if actor is poll:
            assert not connection.in_atomic_block  # the page is done with the database
            made.polled.append((schema, ref))

    monkeypatch.setattr(TenantActor, "send", send)
    yield made
    cache.clear()


@pytest.mark.parametrize("path", ["/", "/creneaux/"])
def test_a_page_that_meets_old_busy_times_has_them_read_again(
    practice: Practice, path: str
) -> None:
    answer = practice.get(path)

    assert answer.status_code == 200
    assert practice.polled == [("t_frais", practice.account.ref.hex)]


def test_the_page_of_an_appointment_does_so_too(practice: Practice) -> None:
    from booking.patients.links import manage_token  # only here

    now = datetime.now(UTC)
    with inside(practice.unit):
        appointment = make_appointment(practice.cabinet, now + timedelta(days=5), now=now)
        path = f"/rdv/{manage_token(appointment)}/"

    assert practice.get(path).status_code == 200
    assert len(practice.polled) == 1


def test_once_a_minute_is_enough_however_many_pages_are_opened(practice: Practice) -> None:
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda _: practice.get().status_code, range(8)))
        list(pool.map(lambda _: connection.close(), range(8)))
    first = len(practice.polled)
    cache.clear()  # a minute later
    practice.get()

    assert set(statuses) == {200}
    assert (first, len(practice.polled)) == (1, 2)


def test_each_account_has_its_own_minute(practice: Practice) -> None:
    practice.get()
    with inside(practice.unit):
        other = make_practitioner("Hugo Fictif", position=1)
        practice.cabinet.type.practitioners.add(other)
        second = make_link(other, can_read_busy=True, busy_at=datetime.now(UTC) - OLD)
    practice.get()

    assert [ref for _schema, ref in practice.polled] == [practice.account.ref.hex, second.ref.hex]


@pytest.mark.parametrize(
    "fields",
    [
        {"busy_at": datetime(2100, 1, 1, tzinfo=UTC)},
        {"can_read_busy": False},
        {"state": "reconnect"},
        {"state": "leaving"},
    ],
    ids=str,
)
def test_what_is_fresh_or_not_to_be_read_is_left_alone(
    practice: Practice, fields: dict[str, Any]
) -> None:
    practice.change(**fields)

    practice.get()

    assert practice.polled == []


def test_what_was_never_read_is_old(practice: Practice) -> None:
    practice.change(busy_at=None)

    practice.get()

    assert len(practice.polled) == 1


def test_without_counters_nothing_is_enqueued_and_the_page_is_there(
    practice: Practice, settings: Settings
) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"

    answer = practice.get()

    assert answer.status_code == 200
    assert practice.polled == []


def test_looking_writes_nothing(practice: Practice) -> None:
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:
        practice.get()

    verbs = {
        captured_query["sql"].lstrip().split()[0].upper()
        for captured_query in asked.captured_queries
    }
    assert practice.polled
    assert verbs <= {"SELECT", "SET", "BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"}
