"""Logical dumps with pg_dump and pg_restore, under the owner's login.

The main dump has no rows of the key tables, so its personal data are unreadable on their own; a separate
dump holds the keys. A file holds ``SCHEMAS_PER_FILE`` schemas, so that no transaction locks all of them.
"""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import psycopg2
from psycopg2 import sql

from tenants.backup import sealing
from tenants.backup.store import Manifest
from tenants.database.client_programs import without_password
from tenants.models import Heartbeat
from tenants.provisioning.build import FOR_TENANTS, create_role

KEY_TABLES = ("keyring_datakey", "keyring_tenantkey")
SCHEMAS_PER_FILE = 20
MAIN, KEYS = "main", "keys"


class DumpFailed(Exception):
    """pg_dump or pg_restore failed; the message names database objects, never rows."""


@dataclass(frozen=True)
class DumpServer:
    """The database to dump from or load into: its URL, the folder of PostgreSQL's programs, the files' key."""

    url: str
    programs: str
    key: bytes | None
    accepts_plain: bool = True
    """Whether files that are not sealed are loaded."""

    def program(self, name: str) -> str:
        """Return the path of a PostgreSQL program, or its name when no folder is set."""
        return str(Path(self.programs) / name) if self.programs else name


def schemas_of(server: DumpServer) -> list[str]:
    """Return the schemas to dump: ``public``, then the tenants' schemas by name."""
    with _connected(server) as connection, connection.cursor() as cursor:
        cursor.execute(
            r"SELECT nspname FROM pg_namespace WHERE nspname ~ '^t_[a-z0-9_]+$' ORDER BY nspname"
        )
        return ["public", *(name for (name,) in cursor.fetchall())]


def dump(server: DumpServer, *, main: Path, keys: Path) -> tuple[dict[str, list[str]], ...]:
    """Write both dumps of every schema; return for each dump its files with their schemas.

    Both dumps of one group of schemas use the same snapshot.
    """
    written: tuple[dict[str, list[str]], ...] = ({}, {})
    schemas = schemas_of(server)
    for number, start in enumerate(range(0, len(schemas), SCHEMAS_PER_FILE)):
        group = schemas[start : start + SCHEMAS_PER_FILE]
        name = f"{number:05}.dump"
        with _snapshot(server) as snapshot:
            _dump_into(main / name, server, _main_arguments(group, snapshot))
            _dump_into(keys / name, server, _key_arguments(group, snapshot))
        for files in written:
            files[name] = group
    return written


def kek_ids_of(server: DumpServer) -> list[str]:
    """Return the ids of the KEKs that wrap the keys of all schemas, sorted."""
    found: set[str] = set()
    with _connected(server) as connection, connection.cursor() as cursor:
        for schema in schemas_of(server):
            table = sql.Identifier(schema, "keyring_tenantkey")
            cursor.execute(sql.SQL("SELECT kek_id FROM {}").format(table))
            found.update(kek_id for (kek_id,) in cursor.fetchall())
    return sorted(found)


def has_login(server: DumpServer, role: str) -> bool:
    """Return whether the cluster has this role; a restore creates it without a password when not."""
    with _connected(server) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        return cursor.fetchone() is not None


def beat(server: DumpServer, *, now: datetime) -> None:
    """Record that a backup succeeded at ``now``; the owner's login enters no role, so not by ``heartbeat``."""
    with _connected(server) as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO public.tenants_heartbeat (duty, at) VALUES (%s, %s)"
            " ON CONFLICT (duty) DO UPDATE SET at = excluded.at",
            [Heartbeat.Duty.BACKUP.value, now],
        )


def check_empty(server: DumpServer) -> None:
    """Raise DumpFailed when the database has any table: a restore needs an empty database."""
    with _connected(server) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
            r" WHERE nspname = 'public' OR nspname ~ '^t_'"
        )
        if cursor.fetchone()[0]:
            raise DumpFailed("the database is not empty")


def load_main(server: DumpServer, folder: Path, manifest: Manifest, *, app_role: str) -> None:
    """Create the tenants' roles, then load the main dump into the empty database."""
    with _connected(server) as connection, connection.cursor() as cursor:
        for schemas in manifest.files.values():
            for schema in schemas:
                if schema != "public":
                    create_role(cursor, schema=schema, app_role=app_role)
        cursor.execute("DROP SCHEMA public")
    for name in manifest.files:
        _load(server, folder / name)


def load_keys(server: DumpServer, folder: Path, manifest: Manifest) -> None:
    """Load the rows of the key tables for the schemas that exist in the database."""
    present = set(schemas_of(server))
    for name, schemas in manifest.files.items():
        kept = [f"--schema={schema}" for schema in schemas if schema in present]
        if kept:
            _load(server, folder / name, "--data-only", *kept)


def _main_arguments(group: Sequence[str], snapshot: str) -> list[str]:
    left_out = [f"--exclude-table-data={name}.{table}" for name in group for table in KEY_TABLES]
    # The views for tenants read shared tables, so they are in the file of these.
    schemas = [*group, FOR_TENANTS] if "public" in group else group
    return [*(f"--schema={name}" for name in schemas), *left_out, f"--snapshot={snapshot}"]


def _key_arguments(group: Sequence[str], snapshot: str) -> list[str]:
    tables = [f"--table={name}.{table}" for name in group for table in KEY_TABLES]
    return ["--data-only", *tables, f"--snapshot={snapshot}"]


def _dump_into(path: Path, server: DumpServer, arguments: Sequence[str]) -> None:
    command = [server.program("pg_dump"), "--format=custom", *arguments]
    with path.open("xb") as target, _running(command, server) as (_input, output):
        if server.key is not None:
            sealing.seal(source=output, target=target, key=server.key)
            return
        while chunk := output.read(sealing.CHUNK_BYTES):
            target.write(chunk)


def _load(server: DumpServer, path: Path, *arguments: str) -> None:
    command = [server.program("pg_restore"), "--exit-on-error", *arguments]
    with path.open("rb") as source, _running(command, server) as (program, _output):
        for chunk in _chunks(source, server):
            program.write(chunk)
        program.close()


def _chunks(source: Any, server: DumpServer) -> Iterator[bytes]:
    if not sealing.is_sealed(source):
        if not server.accepts_plain:
            raise sealing.BadBackup("this file is not sealed")
        return iter(lambda: source.read(sealing.CHUNK_BYTES), b"")
    if server.key is None:
        raise sealing.BadBackup("this backup is sealed and no key was given")
    return sealing.opened(source, key=server.key)


@contextmanager
def _running(command: list[str], server: DumpServer) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Yield the input and output of the program on this server's database.

    Raises DumpFailed with the program's error output when it fails.
    """
    url, environment = without_password(server.url)
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*command, "-d", url], stdin=pipe, stdout=pipe, stderr=pipe, env=environment
    ) as process:
        program_input, program_output = _pipes_of(process)
        try:
            yield program_input, program_output
        except BrokenPipeError:
            # The program ended early; its error output says why.
            with suppress(BrokenPipeError):
                program_input.close()
        except BaseException:
            process.kill()
            raise
        message = _drain(process.stderr)
        if process.wait():
            raise DumpFailed(f"{Path(command[0]).name}: {message}")


def _pipes_of(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("the program was started without pipes")
    return process.stdin, process.stdout


def _drain(stream: IO[bytes] | None) -> str:
    return "" if stream is None else stream.read().decode(errors="replace").strip()


@contextmanager
def _snapshot(server: DumpServer) -> Iterator[str]:
    with _connected(server) as connection, connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        yield cursor.fetchone()[0]


@contextmanager
def _connected(server: DumpServer) -> Iterator[Any]:
    connection = psycopg2.connect(server.url)
    try:
        with connection:
            yield connection
    finally:
        connection.close()
