"""Fixtures of the whole suite: real PostgreSQL, one tenant schema per run, each test rolled back inside it.

``django_db`` marks are refused: they would truncate or poison the run's tenants. A test that must
commit takes ``committed_tenant``, a schema of its own.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from pytest_django.fixtures import Settings
from pytest_django.plugin import DjangoDbBlocker

from tenants.provisioning.build import build_schema, drop_schema
from tenants.provisioning.template import CURRENT_VERSION
from tenants.schema import PUBLIC, Unit, inside, tenant_unit

ROOT = Path(__file__).resolve().parent.parent
APP_ROLE = "app"
ONE, TWO = tenant_unit("t_one"), tenant_unit("t_two")
HOSTS = {ONE.schema: "one.lib-rdv.localhost", TWO.schema: "two.lib-rdv.localhost"}
PUBLIC_HOST = "lib-rdv.localhost"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse django_db marks."""
    marked = [item.nodeid for item in items if item.get_closest_marker("django_db")]
    if marked:
        raise pytest.UsageError(f"django_db marks are refused, use the tenant fixture: {marked}")


def manage(*arguments: str) -> None:
    """Run a management command in a process of its own, as a user would."""
    subprocess.run(  # our own command
        [sys.executable, "-W", "ignore", "manage.py", *arguments],
        cwd=ROOT,
        check=True,
        env=dict(os.environ),
        stdout=subprocess.DEVNULL,
    )


@contextmanager
def owner_cursor() -> Iterator[Any]:
    """Yield a cursor with the owner's login; commits at the end."""
    connection = psycopg2.connect(os.environ["OWNER_DATABASE_URL"])
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def add_tenant(cursor: Any, *, schema: str, host: str, state: str = "live") -> None:
    """Build a tenant's schema and its rows in public, as provisioning does."""
    build_schema(cursor, schema=schema, app_role=APP_ROLE)
    cursor.execute(
        "INSERT INTO public.tenants_tenant (ref, schema_name, name, state, schema_version, last_error,"
        " suspended_reason, profession, time_zone, territory, owner_email, owner_name,"
        " attestation_text_version, created_at)"
        " VALUES (gen_random_uuid(), %s, %s, %s, %s, '', '', '', 'Europe/Paris', '', '', '', '', now())"
        " RETURNING id",
        [schema, schema, state, CURRENT_VERSION],
    )
    cursor.execute(
        "INSERT INTO public.tenants_domain (domain, tenant_id, is_primary, is_custom)"
        " VALUES (%s, %s, true, false)",
        [host, cursor.fetchone()[0]],
    )


def remove_tenant(cursor: Any, *, schema: str) -> None:
    """Remove a tenant of one test."""
    drop_schema(cursor, schema=schema)
    for table in ("domain", "readiness", "health", "provisioningstep"):
        cursor.execute(
            f"DELETE FROM public.tenants_{table} WHERE tenant_id IN"  # four known words
            " (SELECT id FROM public.tenants_tenant WHERE schema_name = %s)",
            [schema],
        )
    cursor.execute("DELETE FROM public.tenants_tenant WHERE schema_name = %s", [schema])


def ensure_key(unit: Unit) -> None:
    """Give the schema its key, as provisioning's first visit does."""
    from tenants.keyring.services import ensure_tenant_key  # apps must be ready

    with inside(unit):
        ensure_tenant_key(now=datetime.now(UTC))


@pytest.fixture(autouse=True)
def ledger_file(settings: Settings, tmp_path: Path) -> Path:
    """Give each test an erasure ledger of its own."""
    path = tmp_path / "erasures.ledger"
    settings.ERASURE_LEDGER = str(path)
    return path


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> None:
    """Prepare the database of the run: roles, shared tables, two tenants. Nothing is kept after it."""
    manage("prepare_database")
    manage("migrate_shared", "--verbosity=0")
    with owner_cursor() as cursor:
        for unit in (ONE, TWO):
            add_tenant(cursor, schema=unit.schema, host=HOSTS[unit.schema])
    with django_db_blocker.unblock():
        for unit in (PUBLIC, ONE, TWO):
            ensure_key(unit)


@contextmanager
def _rolled_back(unit: Unit, blocker: DjangoDbBlocker) -> Iterator[Unit]:
    from django.db import connection, transaction  # settings must be loaded

    from tenants import routing  # apps must be ready

    with blocker.unblock():
        wall: Any = connection
        wall.may_switch = True
        try:
            with inside(unit):
                yield unit
                if not connection.needs_rollback:
                    # Deferred foreign keys never reach a COMMIT here.
                    connection.check_constraints()
                transaction.set_rollback(True)
        finally:
            wall.may_switch = False
            hits = [routing.cache.get(host) for host in HOSTS.values()]
            seen = {(hit[1].state, hit[1].schema_version) for hit in hits if hit and hit[1]}
            if seen - {("live", CURRENT_VERSION)} or any(hit and hit[1] is None for hit in hits):
                # What the test let the router see of these tenants was rolled back with it.
                routing.cache.clear()


@pytest.fixture
def tenant(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Unit]:
    """Work inside the run's first tenant; everything is rolled back."""
    with _rolled_back(ONE, django_db_blocker) as unit:
        yield unit


@pytest.fixture
def public(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Unit]:
    """Work inside the public schema; everything is rolled back."""
    with _rolled_back(PUBLIC, django_db_blocker) as unit:
        yield unit


@pytest.fixture
def host() -> str:
    """The host name of the ``tenant`` fixture's practice."""
    return HOSTS[ONE.schema]


@pytest.fixture
def count_queries() -> Callable[[], Any]:
    """Return a context manager that collects the statements of a warm process: the host is known."""
    from django.db import connection  # settings must be loaded
    from django.test.utils import CaptureQueriesContext

    from tenants import routing  # apps must be ready

    def collect() -> Any:
        routing.find_route(HOSTS[ONE.schema])
        return CaptureQueriesContext(connection)

    return collect


@pytest.fixture
def public_host() -> str:
    """The host name of lib-rdv's own site."""
    return PUBLIC_HOST


@pytest.fixture
def committed_tenant(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Callable[[str], Unit]]:
    """Return a function that builds a tenant in which a test may commit; all are dropped afterwards.

    ``committed_tenant("race")`` answers on ``race.lib-rdv.localhost`` with schema ``t_race``.
    """
    from django.core.cache import cache  # settings must be loaded
    from django.db import connection  # settings must be loaded

    from tenants import routing  # apps must be ready

    made: list[str] = []

    def make(name: str) -> Unit:
        unit = tenant_unit(f"t_{name}")
        with owner_cursor() as cursor:
            remove_tenant(cursor, schema=unit.schema)
            add_tenant(cursor, schema=unit.schema, host=f"{name}.lib-rdv.localhost")
        made.append(unit.schema)
        routing.cache.clear()
        ensure_key(unit)
        return unit

    with django_db_blocker.unblock():
        yield make
        connection.close()
        for schema in made:
            with owner_cursor() as cursor:
                remove_tenant(cursor, schema=schema)
        routing.cache.clear()
        cache.clear()
