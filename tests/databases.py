"""Databases that a test makes beside the run's own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import psycopg2
from psycopg2 import errors, sql

from config import embedded

ROOT = Path(__file__).resolve().parent.parent


def on_server(url: str, statement: sql.Composable | str) -> None:
    """Run one statement that cannot stand in a transaction."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)


def drop_database(url: str, name: str) -> None:
    """Drop a database whoever is in it; nothing when there is none.

    Among them may be a worker of autovacuum, which nobody but a superuser may end by force; without force
    the server sends it away by itself.
    """
    drop = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
    try:
        on_server(url, drop + sql.SQL(" WITH (FORCE)"))
    except errors.InsufficientPrivilege:
        on_server(url, drop)


SHARED = "LIBRDV_SHARED"
"""The variable that names a dump of the shared tables; a run of all checks has one made for its later lanes."""


def leave_shared(services: embedded.Services) -> None:
    """Dump the migrated shared tables to where the run wants them; servers that are not ours are not dumped."""
    wanted = os.environ.get(SHARED, "")
    if not wanted or services.postgres is None:
        return
    program = str(services.postgres.bin_dir / "pg_dump")
    made = Path(wanted).with_suffix(".made")
    subprocess.run([program, "--file", str(made), services.owner_url], check=True)
    made.rename(wanted)  # all of it, or none


def prepare(environment: Mapping[str, str]) -> None:
    """Make the roles and the shared tables of an empty database: from the dump, or else by their migrations."""
    _manage(environment, "prepare_database")
    found = Path(os.environ.get(SHARED, ""))
    if not found.is_file() or not environment.get("PG_BIN"):
        _manage(environment, "migrate_shared", "--verbosity=0")
        return
    program = str(Path(environment["PG_BIN"]) / "psql")
    quietly = ["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--single-transaction"]
    subprocess.run(
        [program, *quietly, "--file", str(found), environment["OWNER_DATABASE_URL"]],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _manage(environment: Mapping[str, str], *command: str) -> None:
    subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", *command],
        cwd=ROOT,
        env=dict(environment),
        check=True,
        stdout=subprocess.DEVNULL,
    )
