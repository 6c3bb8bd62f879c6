"""The walls inside the database: statements of every role against every table that is not its own.

A probe succeeds (and the proof fails) when PostgreSQL answers anything but "permission denied": a
constraint that stops a statement later is not this wall.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg2
from django.db import DatabaseError, connection, transaction

from tenants.provisioning.build import SWEPT
from tenants.schema import PUBLIC, ROUTER, SWEEPER, Unit, inside
from tests.proofs.tally import Tally

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
class Actor:
    """Who sends statements: a role reached as the product reaches it. ``reset`` falls back to the login."""

    name: str
    unit: Unit
    reset: bool = False


def attempt(actor: Actor, statement: str) -> str | None:
    """Run one statement inside the actor's unit, undo it; return the SQLSTATE, or None when it worked."""
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
class Table:
    """A table with its columns, in their order."""

    schema: str
    name: str
    columns: tuple[str, ...]

    @property
    def sql(self) -> str:
        """The qualified, quoted name."""
        return f'"{self.schema}"."{self.name}"'


def tables_of(stage: Any, schema: str) -> list[Table]:
    """Return every table of a schema."""
    rows = stage.owner(
        "SELECT c.relname, array_agg(a.attname ORDER BY a.attnum)::text[] FROM pg_class c"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE c.relkind = 'r' AND c.relnamespace = %s::regnamespace GROUP BY 1 ORDER BY 1",
        [schema],
    )
    return [Table(schema, name, tuple(columns)) for name, columns in rows]


def probe(stage: Any, tally: Tally, *, one: Unit, other: Unit, short: bool) -> None:
    """Send everything that the roles may not do; ``short`` takes the four rights of one direction."""
    tables = {schema: tables_of(stage, schema) for schema in (one.schema, other.schema, "public")}
    actors = [
        Actor("other tenant", other),
        Actor("public host", PUBLIC),
        Actor("router", ROUTER),
        Actor("sweeper", SWEEPER),
        Actor("login alone", other, reset=True),
    ]
    if not short:
        actors.insert(1, Actor("tenant", one))
    kinds = _RIGHTS if short else _RIGHTS | _MORE
    for actor in actors:
        for schema, found in tables.items():
            if _owns(actor, schema) or (short and schema == other.schema):
                continue
            for table in found:
                _table(tally, actor, table, kinds)
    _columns(tally, tables, short=short)
    _unqualified(tally, tables["public"], other, short=short)
    _schemas(tally, actors, [one, other])
    _own_walls(tally, other)
    _outside(tally)
    _names_resolve_at_home(tally, one, other)


def _owns(actor: Actor, schema: str) -> bool:
    return not actor.reset and schema == actor.unit.schema and actor.unit not in (ROUTER, SWEEPER)


def _allowed(actor: Actor, table: Table, kind: str) -> bool:
    if actor.reset or table.schema != "public":
        return False
    return kind == "select" and table.name in _READ_IN_PUBLIC.get(actor.unit, ())


def _table(tally: Tally, actor: Actor, table: Table, kinds: dict[str, str]) -> None:
    for kind, text in kinds.items():
        if _allowed(actor, table, kind):
            continue
        statement = text.format(table=table.sql, column=table.columns[-1])
        code = attempt(actor, statement)
        tally.count("sql", (actor.name, kind, table.sql), failed=code not in _DENIED, seen=code)


def _columns(tally: Tally, tables: dict[str, list[Table]], *, short: bool) -> None:
    """The sweeper reads a few columns of two tables in every schema, and no other one."""
    actor = Actor("sweeper", SWEEPER)
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
                tally.count("sql", what, failed=code not in _DENIED, seen=code)


def _unqualified(tally: Tally, shared: list[Table], unit: Unit, *, short: bool) -> None:
    """A name without a schema is looked up in the tenant's schema only, never in public."""
    actor = Actor("other tenant", unit)
    for table in shared[:: 4 if short else 1]:
        if attempt(actor, f'SELECT 1 FROM "{unit.schema}"."{table.name}"') is None:
            continue
        code = attempt(actor, f'SELECT count(*) FROM "{table.name}"')
        what = (actor.name, "unqualified", table.name)
        tally.count("sql", what, failed=code not in _UNKNOWN, seen=code)


def _schemas(tally: Tally, actors: list[Actor], units: list[Unit]) -> None:
    """Making, dropping and reaching schemas, temporary tables, roles and other sessions."""
    for actor in actors:
        statements = [
            "CREATE TABLE wall_probe (id int)",
            "CREATE TEMPORARY TABLE wall_probe (id int)",
            "CREATE SCHEMA wall_probe",
            "CREATE ROLE wall_probe",
            "SELECT pg_read_file('/etc/passwd')",
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "SELECT count(*) FROM pg_authid",
            *(f'CREATE TABLE "{unit.schema}".wall_probe (id int)' for unit in units),
            *(f'DROP SCHEMA "{unit.schema}" CASCADE' for unit in units),
            *(f'ALTER SCHEMA "{unit.schema}" RENAME TO wall_probe' for unit in units),
            *(f'ALTER ROLE "{unit.role}" SUPERUSER' for unit in units),
            "CREATE TABLE public.wall_probe (id int)",
        ]
        for statement in statements:
            code = attempt(actor, statement)
            # Without any schema in the path that it may use, PostgreSQL says 3F000.
            refused = code in (*_DENIED, "3F000")
            tally.count("sql", (actor.name, "schema", statement), failed=not refused, seen=code)


def _own_walls(tally: Tally, unit: Unit) -> None:
    """What a tenant may not even do at home: rewrite its trail or its migrations."""
    actor = Actor("at home", unit)
    for table in ("trail_act", "trail_actseal", "trail_receipt"):
        for statement in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}"):
            code = attempt(actor, statement)
            what = (actor.name, "append only", statement)
            tally.count("sql", what, failed=code not in _DENIED, seen=code)
    for statement in (
        "DELETE FROM django_migrations",
        "INSERT INTO django_migrations DEFAULT VALUES",
    ):
        code = attempt(actor, statement)
        what = (actor.name, "read only", statement)
        tally.count("sql", what, failed=code not in _DENIED, seen=code)


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


def _outside(tally: Tally) -> None:
    """No statement without a unit, none in a bare transaction, none of another unit within one."""

    def bare_transaction() -> None:
        with transaction.atomic():
            _query("SELECT 1")

    cases = {
        "no unit": lambda: _query("SELECT nspname FROM pg_namespace"),
        "bare transaction": bare_transaction,
    }
    for name, work in cases.items():
        seen = _refused(work)
        tally.count("sql", ("nobody", "outside", name), failed=seen is None, seen=seen)
    connection.close()


def nested(tally: Tally, one: Unit, other: Unit) -> None:
    """A unit inside another one is refused, in every order of two different units."""
    units = (one, other, PUBLIC, ROUTER, SWEEPER)
    for outer in units:
        for inner in units:
            if outer == inner:
                continue

            def switch(outer: Unit = outer, inner: Unit = inner) -> None:
                with inside(outer), inside(inner):
                    pass

            seen = _refused(switch)
            what = (outer.role, "nested", inner.role)
            tally.count("sql", what, failed=seen != "WrongUnitError", seen=seen)


def _names_resolve_at_home(tally: Tally, *units: Unit) -> None:
    """Each unit's path is its own schema and nothing else; so says every table's name."""
    for unit in (*units, PUBLIC, ROUTER, SWEEPER):
        with inside(unit):
            (path,) = _query("SHOW search_path")
            (role,) = _query("SELECT current_user")
        tally.count(
            "sql",
            (unit.role, "path", "search_path"),
            failed=path.strip('"') != unit.schema,
            seen=path,
        )
        tally.count("sql", (unit.role, "path", "current_user"), failed=role != unit.role, seen=role)


def controls(tally: Tally, stage: Any, units: list[Unit]) -> None:
    """At home everything works: a wall that stops its owner proves nothing."""
    for unit in units:
        actor = Actor("at home", unit)
        for table in tables_of(stage, unit.schema):
            code = attempt(actor, f'SELECT count(*) FROM "{table.name}"')
            tally.control(("sql", table.sql), failed=code is not None, seen=code)
