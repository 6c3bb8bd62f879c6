"""The health probes: alive, ready, promises, and Caddy's question for a certificate."""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from booking.models import CalendarEntry, GoogleAccount, PatientContact
from booking.rules import kinds
from config.health import broker, promises, readiness
from tenants import routing
from tenants.audit import chain_heads
from tenants.heartbeat import TOLERANCE, Duty, beat
from tenants.models import Domain, Tenant
from tenants.outbox.models import OutboxEntry
from tenants.schema import PUBLIC, Unit, inside
from tests.conftest import PUBLIC_HOST, TENANT_ONE, owner_cursor
from tests.factories import NOW as BOOKED_AT
from tests.factories import Cabinet, local, make_appointment

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable the cache of promises and clear the cache of routes."""
    monkeypatch.setattr("config.health.middleware.KEEP_SECONDS", -1.0)
    routing.cache.clear()


@pytest.fixture
def duties_done(public: Unit) -> None:
    """Record a heartbeat of every duty."""
    for duty in Duty:
        beat(duty=duty, now=datetime.now(UTC))


@functools.cache
def client() -> Client:
    """Return a client whose middlewares are loaded once: WhiteNoise reads every folder."""
    return Client()


def probe(path: str, host: str = "192.0.2.10") -> tuple[int, dict]:
    response = client().get(path, headers={"host": host})
    is_json = response.headers.get("Content-Type") == "application/json"
    return response.status_code, json.loads(response.content) if is_json else {}


def broken() -> set[str]:
    return {p.name for p in promises.all_promises(now=datetime.now(UTC)) if not p.is_kept}


@pytest.mark.parametrize("host", ["192.0.2.10", "10.0.0.3:8000", "[::1]:8000", "nobody.example"])
def test_alive_by_any_address_without_touching_the_database(host: str) -> None:
    # The database is blocked in this test: a statement would raise an error.
    assert probe("/healthz", host=host)[0] == 200


def test_ready_when_the_database_stands_where_the_code_expects_it(public: Unit) -> None:
    assert probe("/readyz") == (200, {"ready": True, "reasons": []})


def test_not_ready_without_a_database(public: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(unit: Unit) -> None:
        raise OperationalError

    monkeypatch.setattr(readiness, "inside", refuse)

    assert probe("/readyz") == (503, {"ready": False, "reasons": ["database"]})


def test_not_ready_when_a_shared_migration_is_missing(
    public: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        readiness, "_expected", lambda: (frozenset({("tenants", "9999_later")}), True)
    )

    assert probe("/readyz") == (503, {"ready": False, "reasons": ["migrations"]})


def test_not_ready_when_the_template_is_older_than_the_migrations(
    public: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "_expected", lambda: (frozenset(), False))

    assert probe("/readyz") == (503, {"ready": False, "reasons": ["template"]})


def test_promises_are_kept_when_nothing_is_late(duties_done: None) -> None:
    status, body = probe("/promises")

    assert status == 200, body
    assert body["kept"] is True
    assert body["erasures"] == {"kept": True, "overdue": 0}
    assert set(body) == {
        "kept", "erasures", "reminders", "calendars", "sweep", "expiry", "seal", "audit", "invoices", "backup",
        "periods", "tenants",
        "broker",
    }  # fmt: skip


def test_an_erasure_an_hour_late_breaks_the_promise(duties_done: None) -> None:
    with inside(TENANT_ONE):
        starts_at = local(date(2026, 11, 18), 10)
        appointment = make_appointment(Cabinet(), starts_at, now=BOOKED_AT)
        contact = PatientContact.objects.filter(appointment=appointment)
        late = datetime.now(UTC) - promises.ERASURE_TOLERANCE
        booked_at = late - timedelta(days=30)
        contact.update(booked_at=booked_at, erase_at=late + timedelta(minutes=1))
        assert "erasures" not in broken()
        contact.update(erase_at=late - timedelta(minutes=1))

    status, body = probe("/promises")

    assert status == 503
    assert body["erasures"] == {"kept": False, "overdue": 1}


@pytest.mark.parametrize(
    ("state", "age", "is_broken"),
    [("connected", 61, True), ("connected", 59, False), ("reconnect", 61, False)],
)
def test_a_calendar_stuck_for_an_hour_breaks_the_promise(
    duties_done: None, state: str, age: int, is_broken: bool
) -> None:
    with inside(TENANT_ONE):
        cabinet = Cabinet()
        GoogleAccount.objects.create(
            practitioner=cabinet.practitioner,
            sealed=b"",
            state=state,
            connected_at=NOW,
            last_success_at=datetime.now(UTC),
        )
        make_appointment(cabinet, local(date(2026, 11, 18), 10), now=BOOKED_AT)
        CalendarEntry.objects.update(changed_at=datetime.now(UTC) - timedelta(minutes=age))

    assert ("calendars" in broken()) is is_broken


def reminder(**fields: object) -> None:
    values = {
        "kind": kinds.REMINDER,
        "subject_id": 7,
        "payload": {"sequence": 0},
        "due_at": NOW,
        "expires_at": NOW + timedelta(hours=2),
        "created_at": NOW,
    }
    with inside(TENANT_ONE):
        OutboxEntry.objects.create(**{**values, **fields})


@pytest.mark.parametrize(
    ("fields", "is_at_risk"),
    [
        ({"due_at": NOW - timedelta(minutes=14)}, False),
        ({"due_at": NOW - timedelta(minutes=16)}, True),
        # Postponed after an attempt: the expiry counts.
        ({"attempts": 3, "expires_at": NOW + timedelta(minutes=104)}, True),
        ({"attempts": 2, "expires_at": NOW + timedelta(minutes=104)}, True),
        ({"attempts": 2, "expires_at": NOW + timedelta(minutes=110)}, False),
        # Leaving at this moment, at seven in the evening: it expires in an hour, and nothing is wrong.
        ({"attempts": 1, "expires_at": NOW + timedelta(minutes=60)}, False),
        # Terminal, or of another kind: not at risk.
        (
            {"due_at": NOW - timedelta(days=1), "state": "not_sent", "finished_at": NOW},
            False,
        ),
        ({"due_at": NOW - timedelta(days=1), "kind": kinds.SLOT_FREED}, False),
    ],
)
def test_a_reminder_is_at_risk_a_quarter_of_an_hour_late(
    duties_done: None, fields: dict, is_at_risk: bool
) -> None:
    reminder(**fields)

    found = promises.all_promises(now=NOW)
    (promise,) = [p for p in found if p.name == "reminders"]
    assert promise.figures["at_risk"] == int(is_at_risk)


@pytest.mark.parametrize("duty", list(Duty))
def test_a_duty_not_done_for_long_breaks_its_promise(duties_done: None, duty: Duty) -> None:
    beat(duty=duty, now=datetime.now(UTC) - TOLERANCE[duty] - timedelta(seconds=5))

    assert broken() == {duty.value}


def test_a_duty_that_was_never_done_breaks_its_promise(public: Unit) -> None:
    assert {duty.value for duty in Duty} <= broken()


@pytest.mark.parametrize("duty", list(Duty))
def test_a_heartbeat_of_a_clock_ahead_breaks_its_promise(duties_done: None, duty: Duty) -> None:
    """A heartbeat in the future would keep a dead worker green until that hour."""
    beat(duty=duty, now=datetime.now(UTC) + timedelta(hours=20))

    assert broken() == {duty.value}


def test_a_chain_that_differs_from_its_recorded_head_breaks_the_promise(duties_done: None) -> None:
    now = datetime.now(UTC)
    chain_heads.raise_alarm(schema="t_one", chain="events", finding="cut", at=now)
    assert broken() == {"audit"}
    (promise,) = [p for p in promises.all_promises(now=now) if p.name == "audit"]
    assert promise.figures["altered"] == 1

    chain_heads.end_alarm(schema="t_one", chain="events", at=now)
    assert broken() == set()


def test_an_unavailable_broker_breaks_its_promise(duties_done: None, settings) -> None:
    settings.BROKER_URL = "redis://127.0.0.1:1/0"

    assert broken() == {"broker"}


def test_the_broker_of_the_run_answers(services, settings) -> None:
    settings.BROKER_URL = services.environment()["REDIS_URL"]

    assert broker.is_reachable()


def test_an_outdated_schema_breaks_the_promise(duties_done: None) -> None:
    with inside(PUBLIC):
        Tenant.objects.filter(schema_name=TENANT_ONE.schema).update(schema_version="old")

    assert broken() == {"tenants"}


def test_an_unreadable_schema_breaks_the_promise_and_hides_no_other(
    duties_done: None, committed_tenant: Callable[[str], Unit]
) -> None:
    unit = committed_tenant("unreadable")
    with owner_cursor() as cursor:
        cursor.execute(f"DROP TABLE {unit.schema}.booking_waitingentry CASCADE")

    status, body = probe("/promises")

    assert status == 503
    assert body["tenants"] == {"kept": False, "behind": 0, "unreadable": 1, "unbuilt": 0}
    assert body["erasures"] == {"kept": True, "overdue": 0}


def test_promises_without_a_database_are_broken(
    public: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*, now: datetime) -> None:
        raise OperationalError

    monkeypatch.setattr(promises, "_of_schemas", refuse)

    assert probe("/promises")[0] == 503


def test_without_any_server_a_process_is_alive_not_ready_and_breaks_its_promises() -> None:
    program = (
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings'\n"
        "import django; django.setup()\n"
        "from django.test import Client\n"
        "probe = lambda path: Client(headers={'host': '127.0.0.1'}).get(path)\n"
        "print(*(probe(path).status_code for path in ('/healthz', '/readyz', '/promises')))\n"
        "print(probe('/promises').content.decode())\n"
    )
    nowhere = {"DATABASE_URL": "postgres://app@127.0.0.1:1/librdv", "BROKER_URL": "redis://[::1]:1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **nowhere},
    )

    statuses, body = done.stdout.splitlines()
    assert statuses == "200 503 503"
    assert json.loads(body)["database"] == {"kept": False, "reachable": False}
    assert json.loads(body)["broker"] == {"kept": False, "reachable": False}


def test_a_practices_host_does_not_show_the_promises(duties_done: None, host: str) -> None:
    assert probe("/promises", host=host)[0] == 404
    assert probe("/promises", host=PUBLIC_HOST)[0] == 200


def test_promises_need_the_same_number_of_statements_for_any_number_of_schemas(
    duties_done: None,
) -> None:
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        promises.all_promises(now=NOW)

    assert len([q for q in captured if q["sql"].startswith("SELECT")]) <= 6


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/promises", "/ask"])
@pytest.mark.parametrize("method", ["post", "put", "delete", "options"])
def test_a_probe_answers_to_get_and_head_only(public: Unit, path: str, method: str) -> None:
    response = getattr(client(), method)(path, headers={"host": "127.0.0.1"})

    assert response.status_code == 405


def certificate(name: str, *, host: str = "127.0.0.1:8000", **extra: Any) -> int:
    response = client().get("/ask", {"domain": name}, headers={"host": host}, **extra)
    return int(response.status_code)


def custom(name: str, *, verified: bool) -> None:
    with inside(PUBLIC):
        tenant = Tenant.objects.get(schema_name=TENANT_ONE.schema)
        Domain.objects.create(
            domain=name,
            tenant=tenant,
            is_primary=False,
            is_custom=True,
            verified_at=NOW if verified else None,
        )


def test_a_certificate_for_our_names_and_served_practices(public: Unit, host: str) -> None:
    custom("rdv.cabinet-exemple.fr", verified=True)

    for name in (PUBLIC_HOST, host, host.upper(), f"{host}.", "rdv.cabinet-exemple.fr"):
        assert certificate(name) == 200, name


@pytest.mark.parametrize(
    "name",
    ["", "nobody.lib-rdv.localhost", "example.org", "a" * 300, "x y", "é.fr", "..", "192.0.2.1"],
)
def test_no_certificate_for_another_name(public: Unit, name: str) -> None:
    assert certificate(name) == 404


def test_no_certificate_before_a_domain_is_verified(public: Unit) -> None:
    custom("rdv.cabinet-exemple.fr", verified=False)

    assert certificate("rdv.cabinet-exemple.fr") == 404


@pytest.mark.parametrize("state", ["ordered", "provisioning", "terminated", "erased"])
def test_no_certificate_for_a_practice_that_is_not_served(
    public: Unit, host: str, state: str
) -> None:
    Tenant.objects.filter(schema_name=TENANT_ONE.schema).update(state=state)

    assert certificate(host) == 404


@pytest.mark.parametrize(
    "extra",
    [
        {"host": PUBLIC_HOST},
        {"host": "192.0.2.10"},
        {"REMOTE_ADDR": "192.0.2.7"},
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_FORWARDED": "for=127.0.0.1"},
        {"HTTP_VIA": "1.1 caddy"},
    ],
)
def test_ask_answers_to_loopback_only(public: Unit, host: str, extra: dict[str, str]) -> None:
    assert certificate(host, **extra) == 404


def test_a_tenant_that_nobody_builds_breaks_the_promise(duties_done: None) -> None:
    """A dead provisioner was noticed by nothing but its clients."""
    with inside(PUBLIC):
        tenant = Tenant.objects.filter(schema_name=TENANT_ONE.schema)
        tenant.update(state=Tenant.State.ORDERED, created_at=datetime.now(UTC))
    assert broken() == set()
    with inside(PUBLIC):
        tenant.update(created_at=datetime.now(UTC) - promises.BUILD_TOLERANCE)

    assert broken() == {"tenants"}
