"""Fixtures of the whole suite: real PostgreSQL, one tenant schema per run, each test rolled back inside it.

``django_db`` marks are refused: they would truncate the tables of the run's tenants. A test that commits uses
``committed_tenant``, which has a separate schema.
"""

import gc
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import sql
from pytest_django.fixtures import Settings
from pytest_django.plugin import DjangoDbBlocker

from tenants.provisioning.build import build_schema, drop_schema
from tenants.provisioning.template import CURRENT_VERSION
from tenants.schema import PUBLIC, Unit, inside, tenant_unit
from tests.databases import prepare

ROOT = Path(__file__).resolve().parent.parent
APP_ROLE = "app"
TENANT_ONE, TENANT_TWO = tenant_unit("t_one"), tenant_unit("t_two")
HOSTS = {TENANT_ONE.schema: "one.lib-rdv.localhost", TENANT_TWO.schema: "two.lib-rdv.localhost"}
PUBLIC_HOST = "lib-rdv.localhost"


def pytest_configure() -> None:
    """Search the static files once per run, although each test client builds the middleware."""
    from django.utils.module_loading import import_string  # settings must be loaded

    serving: Any = import_string("whitenoise.middleware.WhiteNoiseMiddleware")
    found: dict[str, Any] = {}
    find = serving.add_files_from_finders

    def find_once(middleware: Any) -> None:
        if not found:
            find(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    serving.add_files_from_finders = find_once


def pytest_collection_finish() -> None:
    """Exempt the objects that live until the end of the run from garbage collection."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Raise UsageError for tests with a django_db mark."""
    marked = [item.nodeid for item in items if item.get_closest_marker("django_db")]
    if marked:
        raise pytest.UsageError(f"django_db marks are refused, use the tenant fixture: {marked}")


def manage(*arguments: str) -> None:
    """Run a management command in a separate process."""
    subprocess.run(  # a management command of this project
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
    """Build a tenant's schema and insert its rows in ``public``, as provisioning does."""
    build_schema(cursor, schema=schema, app_role=APP_ROLE)
    _register(cursor, schema=schema, host=host, state=state)


def _register(cursor: Any, *, schema: str, host: str, state: str = "live") -> None:
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
    """Drop the schema of a test's tenant and delete its rows in ``public``."""
    drop_schema(cursor, schema=schema)
    _delete_rows_of(cursor, schema=schema)


def _delete_rows_of(cursor: Any, *, schema: str) -> None:
    cursor.execute(
        "DELETE FROM public.clients_identitystatement WHERE tenant_id IN"
        " (SELECT id FROM public.tenants_tenant WHERE schema_name = %s)",
        [schema],
    )
    for table in ("domain", "readiness", "health", "provisioningstep"):
        cursor.execute(
            f"DELETE FROM public.tenants_{table} WHERE tenant_id IN"  # names of the tuple above
            " (SELECT id FROM public.tenants_tenant WHERE schema_name = %s)",
            [schema],
        )
    cursor.execute(
        "UPDATE public.clients_client SET tenant_id = NULL WHERE tenant_id IN"
        " (SELECT id FROM public.tenants_tenant WHERE schema_name = %s)",
        [schema],
    )
    cursor.execute("DELETE FROM public.tenants_tenant WHERE schema_name = %s", [schema])


class SchemaPool:
    """Reuses schemas between tests by emptying them, because building one takes most of a short test.

    A schema whose structure or rights were changed by a test is built again.
    """

    def __init__(self) -> None:
        self._built: dict[str, str] = {}

    def take(self, cursor: Any, *, schema: str, host: str) -> None:
        """Provide an empty schema of that name, and the rows of its tenant in ``public``."""
        _delete_rows_of(cursor, schema=schema)
        if schema in self._built and self._empty(cursor, schema) == self._built[schema]:
            _register(cursor, schema=schema, host=host)
            return
        drop_schema(cursor, schema=schema)
        add_tenant(cursor, schema=schema, host=host)
        self._built[schema] = self._empty(cursor, schema)

    def release(self, cursor: Any, *, schema: str) -> None:
        """Delete the rows of the tenant in ``public``; its schema stays in the pool."""
        _delete_rows_of(cursor, schema=schema)

    def drop_schemas(self, cursor: Any) -> None:
        """Drop the schemas of the pool before a test that reads the whole database."""
        for schema in self._built:
            drop_schema(cursor, schema=schema)
            cursor.connection.commit()  # the server has locks for a dozen schemas at once
        self._built.clear()

    def _empty(self, cursor: Any, schema: str) -> str:
        """Delete all rows except the seeds; return a digest of the schema's structure and rights."""
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
        for name in [name for (name,) in cursor.fetchall() if name not in SEEDS]:
            # Foreign keys are deferred to the commit, so any order works. Most tables are empty.
            cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(schema, name)))
        cursor.execute(_STATE, {"schema": schema})
        (state,) = cursor.fetchone()
        return str(state)


SEEDS = ("django_content_type", "auth_permission", "django_migrations")
"""The tables with rows in a new schema."""
# The state that a test may change: relations and their rights, columns, constraints, triggers, the role.
_STATE = """
SELECT md5(concat_ws('/',
    (SELECT string_agg(concat_ws(',', relname, relkind, relacl, relrowsecurity), ';' ORDER BY relname)
        FROM pg_class WHERE relnamespace = namespace.oid),
    (SELECT string_agg(concat_ws(',', attrelid::regclass, attname, atttypid, attnotnull, attacl), ';'
            ORDER BY attrelid, attnum)
        FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped
            AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = namespace.oid)),
    (SELECT string_agg(concat_ws(',', conname, convalidated, pg_get_constraintdef(oid)), ';' ORDER BY oid)
        FROM pg_constraint WHERE connamespace = namespace.oid),
    (SELECT string_agg(concat_ws(',', tgname, tgenabled), ';' ORDER BY oid)
        FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = namespace.oid)),
    namespace.nspacl,
    (SELECT string_agg(roleid::regrole || ',' || member::regrole, ';' ORDER BY roleid, member)
        FROM pg_auth_members WHERE %(schema)s IN (roleid::regrole::text, member::regrole::text))
)) FROM pg_namespace namespace WHERE nspname = %(schema)s
"""
SCHEMA_POOL = SchemaPool()


def ensure_key(unit: Unit) -> None:
    """Create the tenant key of the schema, as after provisioning."""
    from tenants.keyring.services import ensure_tenant_key  # apps must be ready

    with inside(unit):
        ensure_tenant_key(now=datetime.now(UTC))


@pytest.fixture(scope="session")
def ledger_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make one folder for the erasure ledgers of all tests, because a folder for each takes milliseconds."""
    return tmp_path_factory.mktemp("ledgers")


@pytest.fixture(autouse=True)
def ledger_file(settings: Settings, ledger_folder: Path) -> Path:
    """Give each test a separate erasure ledger."""
    path = ledger_folder / f"{uuid.uuid4().hex}.ledger"
    settings.ERASURE_LEDGER = str(path)
    return path


@pytest.fixture(scope="session")
def django_db_setup(services: object, django_db_blocker: DjangoDbBlocker) -> None:
    """Prepare the database of the run: roles, shared tables, two tenants."""
    from tenants import routing  # apps must be ready

    # Counts of statements must not depend on how fast the machine is.
    routing.cache.seconds = 60
    prepare(os.environ)
    with owner_cursor() as cursor:
        for unit in (TENANT_ONE, TENANT_TWO):
            add_tenant(cursor, schema=unit.schema, host=HOSTS[unit.schema])
    with django_db_blocker.unblock():
        for unit in (PUBLIC, TENANT_ONE, TENANT_TWO):
            ensure_key(unit)


@contextmanager
def _own_message_counters() -> Iterator[None]:
    """Count the messages of a test apart: the tests share tenants and instants, and Redis rolls nothing back."""
    from tenants.outbox import message_limits  # settings must be loaded

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(message_limits, "_PREFIX", f"message.{uuid.uuid4().hex[:8]}")
        yield


@contextmanager
def _rolled_back(unit: Unit, blocker: DjangoDbBlocker) -> Iterator[Unit]:
    from django.db import connection, transaction  # settings must be loaded

    from tenants import routing  # apps must be ready

    with blocker.unblock(), _own_message_counters():
        wrapper: Any = connection
        wrapper.may_switch = True
        try:
            with inside(unit):
                yield unit
                if not connection.needs_rollback:
                    # Check deferred foreign keys here, since this transaction is never committed.
                    connection.check_constraints()
                transaction.set_rollback(True)
        finally:
            wrapper.may_switch = False
            hits = [routing.cache.get(host) for host in HOSTS.values()]
            seen = {(hit[1].state, hit[1].schema_version) for hit in hits if hit and hit[1]}
            if seen - {("live", CURRENT_VERSION)} or any(hit and hit[1] is None for hit in hits):
                # The cached routes hold states of these tenants that were rolled back with the test.
                routing.cache.clear()


@pytest.fixture
def tenant(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Unit]:
    """Run the test inside the run's first tenant; its transaction is rolled back."""
    with _rolled_back(TENANT_ONE, django_db_blocker) as unit:
        yield unit


@pytest.fixture
def public(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Unit]:
    """Run the test inside the public unit; its transaction is rolled back."""
    with _rolled_back(PUBLIC, django_db_blocker) as unit:
        yield unit


@pytest.fixture
def host() -> str:
    """Return the host name of the ``tenant`` fixture's practice."""
    return HOSTS[TENANT_ONE.schema]


@pytest.fixture
def count_queries() -> Callable[[], Any]:
    """Return a context manager that collects the statements of a process with a cached route."""
    from django.db import connection  # settings must be loaded
    from django.test.utils import CaptureQueriesContext

    from tenants import routing  # apps must be ready

    def collect() -> Any:
        routing.find_route(HOSTS[TENANT_ONE.schema])
        return CaptureQueriesContext(connection)

    return collect


@pytest.fixture
def public_host() -> str:
    """Return the host name of lib-rdv's public site."""
    return PUBLIC_HOST


@pytest.fixture
def committed_tenant(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Callable[[str], Unit]]:
    """Return a function that provides an empty tenant in which a test may commit.

    ``committed_tenant("race")`` has the host ``race.lib-rdv.localhost`` and the schema ``t_race``. The tenants
    are removed after the test.
    """
    from django.core.cache import cache  # settings must be loaded
    from django.db import connection  # settings must be loaded

    from tenants import routing  # apps must be ready

    made: list[str] = []

    def make(name: str) -> Unit:
        unit = tenant_unit(f"t_{name}")
        with owner_cursor() as cursor:
            SCHEMA_POOL.take(cursor, schema=unit.schema, host=f"{name}.lib-rdv.localhost")
        made.append(unit.schema)
        routing.cache.clear()
        ensure_key(unit)
        return unit

    with django_db_blocker.unblock(), _own_message_counters():
        yield make
        connection.close()
        for schema in made:
            with owner_cursor() as cursor:
                SCHEMA_POOL.release(cursor, schema=schema)
        routing.cache.clear()
        cache.clear()
