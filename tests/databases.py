"""Helpers for databases of tests, beside the database of the run."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import psycopg2
from psycopg2 import errors, sql

from config.devtools import embedded

ROOT = Path(__file__).resolve().parent.parent


def on_server(url: str, statement: sql.Composable | str) -> None:
    """Run one statement outside a transaction."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)


def drop_database(url: str, name: str) -> None:
    """Drop a database with its sessions, if it exists.

    Only a superuser may end the session of an autovacuum worker by force; without force the server ends it.
    """
    statement = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
    try:
        on_server(url, statement + sql.SQL(" WITH (FORCE)"))
    except errors.InsufficientPrivilege:
        on_server(url, statement)


SHARED_DUMP = "LIBRDV_SHARED_DUMP"
"""The variable that names the file of a dump of the migrated shared tables, which later jobs of a run restore."""


def dump_shared_tables(services: embedded.Services) -> None:
    """Dump the migrated shared tables to the file of SHARED_DUMP, unless the server is external."""
    path = os.environ.get(SHARED_DUMP, "")
    if not path or services.postgres is None:
        return
    program = str(services.postgres.bin_dir / "pg_dump")
    made = Path(path).with_suffix(".made")
    subprocess.run([program, "--file", str(made), services.owner_url], check=True)
    made.rename(path)  # a file with this name is complete


def prepare(environment: Mapping[str, str]) -> None:
    """Create the roles and shared tables of an empty database, from the dump or by the migrations."""
    _manage(environment, "prepare_database")
    dump = Path(os.environ.get(SHARED_DUMP, ""))
    if not dump.is_file() or not environment.get("PG_BIN"):
        _manage(environment, "migrate_shared", "--verbosity=0")
        return
    program = str(Path(environment["PG_BIN"]) / "psql")
    quietly = ["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--single-transaction"]
    subprocess.run(
        [program, *quietly, "--file", str(dump), environment["OWNER_DATABASE_URL"]],
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
