"""Isolation inside the database: each role sends statements against each table that is not its own.

A case fails unless PostgreSQL answers "permission denied": a constraint that stops a statement later does not
count as isolation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg2
from django.db import DatabaseError, connection, transaction

from tenants.provisioning.build import SWEPT
from tenants.schema import PUBLIC, ROUTER, SWEEPER, Unit, inside
from tests.proofs.counter import CaseCounter

_DENIED = ("42501",)
_UNKNOWN = ("42P01", "3F000")
_RIGHTS = {
    "select": "SELECT * FROM {table}",
    "insert": "INSERT INTO {table} DEFAULT VALUES",
    "update": 'UPDATE {table} SET "{column}" = "{column}"',
    "delete": "DELETE FROM {table}",
}
_MORE = {
    "truncate": "TRUNCATE {table}",
    "lock": "LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
    "for update": "SELECT 1 FROM {table} FOR UPDATE",
    "drop": "DROP TABLE {table}",
    "alter": 'ALTER TABLE {table} DROP COLUMN "{column}"',
    "owner": "ALTER TABLE {table} OWNER TO CURRENT_USER",
}
_READ_IN_PUBLIC = {ROUTER: {"tenants_tenant", "tenants_domain"}, SWEEPER: {"tenants_heartbeat"}}


@dataclass(frozen=True)
class SqlActor:
    """A role that sends statements, entered as the product enters it; ``reset`` goes back to the login role."""

    name: str
    unit: Unit
    reset: bool = False


def attempt(actor: SqlActor, statement: str) -> str | None:
    """Run one statement inside the actor's unit and roll it back; return the SQLSTATE, None when it worked."""
    try:
        with inside(actor.unit), transaction.atomic(), connection.cursor() as cursor:
            if actor.reset:
                cursor.execute("RESET ROLE")
            cursor.execute(statement)
            transaction.set_rollback(True)
    except DatabaseError as error:
        return str(getattr(error.__cause__, "pgcode", "") or type(error).__name__)
    except psycopg2.Error as error:
        return str(error.pgcode or type(error).__name__)
    return None


@dataclass(frozen=True)
class SchemaTable:
    """A table with its columns, in their order."""

    schema: str
    name: str
    columns: tuple[str, ...]

    @property
    def sql(self) -> str:
        """The qualified, quoted name."""
        return f'"{self.schema}"."{self.name}"'


def tables_of(environment: Any, schema: str) -> list[SchemaTable]:
    """Return every table of a schema."""
    rows = environment.owner(
        "SELECT c.relname, array_agg(a.attname ORDER BY a.attnum)::text[] FROM pg_class c"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE c.relkind = 'r' AND c.relnamespace = %s::regnamespace GROUP BY 1 ORDER BY 1",
        [schema],
    )
    return [SchemaTable(schema, name, tuple(columns)) for name, columns in rows]


def probe(environment: Any, counter: CaseCounter, *, first: Unit, other: Unit, short: bool) -> None:
    """Send all that the roles may not do; ``short``: four statements for each table, in one direction."""
    tables = {
        schema: tables_of(environment, schema) for schema in (first.schema, other.schema, "public")
    }
    actors = [
        SqlActor("other tenant", other),
        SqlActor("public host", PUBLIC),
        SqlActor("router", ROUTER),
        SqlActor("sweeper", SWEEPER),
        SqlActor("login alone", other, reset=True),
    ]
    if not short:
        actors.insert(1, SqlActor("tenant", first))
    kinds = _RIGHTS if short else _RIGHTS | _MORE
    for actor in actors:
        for schema, found in tables.items():
            if _owns(actor, schema) or (short and schema == other.schema):
                continue
            for table in found:
                _table(counter, actor, table, kinds)
    _columns(counter, tables, short=short)
    _unqualified(counter, tables["public"], other, short=short)
    _schemas(counter, actors, [first, other])
    _own_tables(counter, other)
    _without_unit(counter)
    _search_paths(counter, first, other)
    _views(environment, counter, first, other)


def _owns(actor: SqlActor, schema: str) -> bool:
    return not actor.reset and schema == actor.unit.schema and actor.unit not in (ROUTER, SWEEPER)


def _allowed(actor: SqlActor, table: SchemaTable, kind: str) -> bool:
    if actor.reset or table.schema != "public":
        return False
    return kind == "select" and table.name in _READ_IN_PUBLIC.get(actor.unit, ())


def _table(
    counter: CaseCounter, actor: SqlActor, table: SchemaTable, kinds: dict[str, str]
) -> None:
    for kind, text in kinds.items():
        if _allowed(actor, table, kind):
            continue
        statement = text.format(table=table.sql, column=table.columns[-1])
        code = attempt(actor, statement)
        counter.count("sql", (actor.name, kind, table.sql), failed=code not in _DENIED, seen=code)


def _columns(counter: CaseCounter, tables: dict[str, list[SchemaTable]], *, short: bool) -> None:
    """The sweeper reads a few columns of two tables in every schema, and no other one."""
    actor = SqlActor("sweeper", SWEEPER)
    for schema, found in tables.items():
        swept = SWEPT if schema != "public" else {"outbox_outboxentry": SWEPT["outbox_outboxentry"]}
        for table in found:
            if short and table.name not in SWEPT:
                continue
            for column in table.columns:
                if column in swept.get(table.name, ()) or table.name in _READ_IN_PUBLIC[SWEEPER]:
                    continue
                code = attempt(actor, f'SELECT "{column}" FROM {table.sql}')
                what = (actor.name, "column", f"{table.sql}.{column}")
                counter.count("sql", what, failed=code not in _DENIED, seen=code)


def _unqualified(
    counter: CaseCounter, shared: list[SchemaTable], unit: Unit, *, short: bool
) -> None:
    """A name without a schema is looked up in the tenant's schema only, never in public."""
    actor = SqlActor("other tenant", unit)
    for table in shared[:: 4 if short else 1]:
        if attempt(actor, f'SELECT 1 FROM "{unit.schema}"."{table.name}"') is None:
            continue
        code = attempt(actor, f'SELECT count(*) FROM "{table.name}"')
        what = (actor.name, "unqualified", table.name)
        counter.count("sql", what, failed=code not in _UNKNOWN, seen=code)


def _schemas(counter: CaseCounter, actors: list[SqlActor], units: list[Unit]) -> None:
    """Create, drop and rename schemas, tables and roles, and read files of the server."""
    for actor in actors:
        statements = [
            "CREATE TABLE isolation_probe (id int)",
            "CREATE TEMPORARY TABLE isolation_probe (id int)",
            "CREATE SCHEMA isolation_probe",
            "CREATE ROLE isolation_probe",
            "SELECT pg_read_file('/etc/passwd')",
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "SELECT count(*) FROM pg_authid",
            *(f'CREATE TABLE "{unit.schema}".isolation_probe (id int)' for unit in units),
            *(f'DROP SCHEMA "{unit.schema}" CASCADE' for unit in units),
            *(f'ALTER SCHEMA "{unit.schema}" RENAME TO isolation_probe' for unit in units),
            *(f'ALTER ROLE "{unit.role}" SUPERUSER' for unit in units),
            "CREATE TABLE public.isolation_probe (id int)",
        ]
        for statement in statements:
            code = attempt(actor, statement)
            # Without any schema in the path that it may use, PostgreSQL says 3F000.
            refused = code in (*_DENIED, "3F000")
            counter.count("sql", (actor.name, "schema", statement), failed=not refused, seen=code)


def _own_tables(counter: CaseCounter, unit: Unit) -> None:
    """A tenant may not rewrite its own audit trail or its own migrations."""
    actor = SqlActor("own tables", unit)
    for table in ("audit_auditevent", "audit_auditseal", "audit_receipt"):
        for statement in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}"):
            code = attempt(actor, statement)
            what = (actor.name, "append only", statement)
            counter.count("sql", what, failed=code not in _DENIED, seen=code)
    for statement in (
        "DELETE FROM django_migrations",
        "INSERT INTO django_migrations DEFAULT VALUES",
    ):
        code = attempt(actor, statement)
        what = (actor.name, "read only", statement)
        counter.count("sql", what, failed=code not in _DENIED, seen=code)


def _views(environment: Any, counter: CaseCounter, first: Unit, other: Unit) -> None:
    """A tenant reads its own invoices by the views for tenants; nobody else reads them, and nobody writes."""
    issued = {unit.schema: _invoice_of(unit) for unit in (first, other)}
    foreign = issued[first.schema]
    views = [
        name
        for (name,) in environment.owner(
            "SELECT viewname FROM pg_views WHERE schemaname = 'for_tenants' ORDER BY 1"
        )
    ]
    for unit in (PUBLIC, ROUTER, SWEEPER):
        for view in views:
            code = attempt(SqlActor(unit.role, unit), f"SELECT * FROM for_tenants.{view}")
            counter.count("view", (unit.role, view), failed=code not in _DENIED, seen=code)
    for view in views:
        for statement in (
            f"DELETE FROM for_tenants.{view}",
            f"INSERT INTO for_tenants.{view} DEFAULT VALUES",
        ):
            code = attempt(SqlActor("other tenant", other), statement)
            counter.count("view", ("other tenant", statement), failed=code is None, seen=code)
    with inside(other), connection.cursor() as cursor:
        cursor.execute("SELECT number FROM for_tenants.invoices")
        seen = [number for (number,) in cursor.fetchall()]
    counter.control(("own invoices",), failed=issued[other.schema] not in seen, seen=seen)
    counter.count("view", ("other tenant", "rows"), failed=foreign in seen, seen=seen)
    # An error that names a row of another tenant would show that it exists.
    # The reader may choose the plan: one that reads the table of invoices first.
    plan = "".join(
        f"SET LOCAL enable_{kind} = off; " for kind in ("nestloop", "indexscan", "bitmapscan")
    )
    reveal = (
        f"{plan}SELECT number FROM for_tenants.invoices WHERE"
        f" 1 / (CASE WHEN number = '{foreign}' THEN 0 ELSE 1 END) = 1"
    )
    code = attempt(SqlActor("other tenant", other), reveal)
    counter.count("view", ("other tenant", "condition"), failed=code is not None, seen=code)


def _invoice_of(unit: Unit) -> str:
    from billing.invoicing.models import SellerProfile  # apps must be ready
    from tenants.models import Tenant
    from tests.ledger import issue_draft, make_buyer, make_draft, open_ledger

    with inside(PUBLIC):
        if not SellerProfile.objects.exists():
            open_ledger()
        tenant = Tenant.objects.get(schema_name=unit.schema)
        return issue_draft(make_draft(make_buyer(tenant=tenant))).number


def _refused(work: Callable[[], object]) -> str | None:
    try:
        work()
    except Exception as error:  # noqa: BLE001  # whatever refuses is named in the count
        return type(error).__name__
    return None


def _query(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()


def _without_unit(counter: CaseCounter) -> None:
    """No statement runs without a unit, with or without a transaction."""

    def bare_transaction() -> None:
        with transaction.atomic():
            _query("SELECT 1")

    cases = {
        "no unit": lambda: _query("SELECT nspname FROM pg_namespace"),
        "bare transaction": bare_transaction,
    }
    for name, work in cases.items():
        seen = _refused(work)
        counter.count("sql", ("no unit", "outside", name), failed=seen is None, seen=seen)
    connection.close()


def nested(counter: CaseCounter, first: Unit, other: Unit) -> None:
    """A unit inside another one is refused, for each ordered pair of units."""
    units = (first, other, PUBLIC, ROUTER, SWEEPER)
    for outer in units:
        for inner in units:
            if outer == inner:
                continue

            def switch(outer: Unit = outer, inner: Unit = inner) -> None:
                with inside(outer), inside(inner):
                    pass

            seen = _refused(switch)
            what = (outer.role, "nested", inner.role)
            counter.count("sql", what, failed=seen != "WrongUnitError", seen=seen)


def _search_paths(counter: CaseCounter, *units: Unit) -> None:
    """The search path of each unit is its own schema alone, and its role is its own."""
    for unit in (*units, PUBLIC, ROUTER, SWEEPER):
        with inside(unit):
            (path,) = _query("SHOW search_path")
            (role,) = _query("SELECT current_user")
        counter.count(
            "sql",
            (unit.role, "path", "search_path"),
            failed=path.strip('"') != unit.schema,
            seen=path,
        )
        counter.count(
            "sql", (unit.role, "path", "current_user"), failed=role != unit.role, seen=role
        )


def controls(counter: CaseCounter, environment: Any, units: list[Unit]) -> None:
    """Each tenant reads its own tables: refusals prove something only when its own statements work."""
    for unit in units:
        actor = SqlActor("own tables", unit)
        for table in tables_of(environment, unit.schema):
            code = attempt(actor, f'SELECT count(*) FROM "{table.name}"')
            counter.control(("sql", table.sql), failed=code is not None, seen=code)
