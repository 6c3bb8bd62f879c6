"""Access lock of a restored database: the application cannot connect before the erasures are replayed."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

from tenants.provisioning.build import prepare_roles
from tenants.schema import PUBLIC, ROUTER, SWEEPER


@contextmanager
def application_locked_out(*, owner_url: str, app_role: str) -> Iterator[str]:
    """Revoke the application login's CONNECT right; yield the URL of a temporary login for the block.

    The right is granted again only when the block succeeds. The temporary login is dropped in any case.
    """
    login, password = f"librdv_restore_{secrets.token_hex(6)}", secrets.token_urlsafe(32)
    with _owner(owner_url) as cursor:
        database = _database(cursor)
        prepare_roles(cursor, app_role=app_role, database=database)
        _run(cursor, "REVOKE CONNECT ON DATABASE {} FROM {}", database, app_role)
        _run(cursor, "CREATE ROLE {} LOGIN NOINHERIT PASSWORD {}", login, password=password)
        _run(cursor, "GRANT CONNECT ON DATABASE {} TO {}", database, login)
    try:
        yield _with_login(owner_url, login, password)
    finally:
        with _owner(owner_url) as cursor:
            _run(cursor, "REVOKE ALL ON DATABASE {} FROM {}", database, login)
            _run(cursor, "DROP ROLE {}", login)
    with _owner(owner_url) as cursor:
        _run(cursor, "GRANT CONNECT ON DATABASE {} TO {}", database, app_role)


def grant_application_roles(*, owner_url: str, login_url: str) -> None:
    """Grant every role of the application to the temporary login, once the tenants are loaded."""
    login = urlsplit(login_url).username or ""
    with _owner(owner_url) as cursor:
        # A tenant's role has the name of its schema.
        cursor.execute(r"SELECT nspname FROM pg_namespace WHERE nspname ~ '^t_[a-z0-9_]+$'")
        tenants = [name for (name,) in cursor.fetchall()]
        for role in (PUBLIC.role, ROUTER.role, SWEEPER.role, *tenants):
            _run(cursor, "GRANT {} TO {}", role, login)


@contextmanager
def _owner(url: str) -> Iterator[Any]:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _database(cursor: Any) -> str:
    cursor.execute("SELECT current_database()")
    name: str = cursor.fetchone()[0]
    return name


def _run(cursor: Any, text: str, *names: str, password: str | None = None) -> None:
    values: list[sql.Composable] = [sql.Identifier(name) for name in names]
    if password is not None:
        values.append(sql.Literal(password))
    cursor.execute(sql.SQL(text).format(*values))


def _with_login(url: str, login: str, password: str) -> str:
    parts = urlsplit(url)
    address = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{login}:{quote(password)}@{address}"))
