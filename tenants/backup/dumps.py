"""Logical dumps through pg_dump and pg_restore, with the owner's login.

The main dump leaves the key tables' rows out: alone it holds noise where people stood. The keys go to
a dump of their own. Schemas go a few to a file, so that no transaction takes the locks of all of them.
"""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psycopg2

from tenants.backup import sealing
from tenants.backup.shelf import Manifest
from tenants.provisioning.build import create_role

KEY_TABLES = ("keyring_datakey", "keyring_tenantkey")
SCHEMAS_PER_FILE = 20
MAIN, KEYS = "main", "keys"


class DumpFailed(Exception):
    """pg_dump or pg_restore ended with an error; its message names objects, never rows."""


@dataclass(frozen=True)
class Server:
    """Where to dump from or load into, and how: programs, address, and the key of the files."""

    url: str
    programs: str
    key: bytes | None

    def program(self, name: str) -> str:
        """Return the path of a program of PostgreSQL."""
        return str(Path(self.programs) / name) if self.programs else name


def schemas_of(server: Server) -> list[str]:
    """Return the schemas to dump: public first, then those of the tenants."""
    with _connected(server) as connection, connection.cursor() as cursor:
        cursor.execute(
            r"SELECT nspname FROM pg_namespace WHERE nspname ~ '^t_[a-z0-9_]+$' ORDER BY nspname"
        )
        return ["public", *(name for (name,) in cursor.fetchall())]


def dump(server: Server, *, main: Path, keys: Path) -> tuple[dict[str, list[str]], ...]:
    """Write both dumps of every schema; return the files of each with their schemas.

    The two dumps of one group of schemas show the same instant: they share a snapshot.
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


def check_empty(server: Server) -> None:
    """Refuse a database that holds anything: a restore never mixes with what is there."""
    with _connected(server) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
            r" WHERE nspname = 'public' OR nspname ~ '^t_'"
        )
        if cursor.fetchone()[0]:
            raise DumpFailed("the database is not empty")


def load_main(server: Server, folder: Path, manifest: Manifest, *, app_role: str) -> None:
    """Load the main dump into the empty database, making the tenants' roles first."""
    with _connected(server) as connection, connection.cursor() as cursor:
        for schemas in manifest.files.values():
            for schema in schemas:
                if schema != "public":
                    create_role(cursor, schema=schema, app_role=app_role)
        cursor.execute("DROP SCHEMA public")
    for name in manifest.files:
        _load(server, folder / name)


def load_keys(server: Server, folder: Path, manifest: Manifest) -> None:
    """Load the rows of the key tables of the schemas that the database has."""
    present = set(schemas_of(server))
    for name, schemas in manifest.files.items():
        kept = [f"--schema={schema}" for schema in schemas if schema in present]
        if kept:
            _load(server, folder / name, "--data-only", *kept)


def _main_arguments(group: Sequence[str], snapshot: str) -> list[str]:
    left_out = [f"--exclude-table-data={name}.{table}" for name in group for table in KEY_TABLES]
    return [*(f"--schema={name}" for name in group), *left_out, f"--snapshot={snapshot}"]


def _key_arguments(group: Sequence[str], snapshot: str) -> list[str]:
    tables = [f"--table={name}.{table}" for name in group for table in KEY_TABLES]
    return ["--data-only", *tables, f"--snapshot={snapshot}"]


def _dump_into(path: Path, server: Server, arguments: Sequence[str]) -> None:
    command = [server.program("pg_dump"), "--format=custom", *arguments, "-d", server.url]
    with path.open("xb") as target, _running(command) as (_input, output):
        if server.key is not None:
            sealing.seal(source=output, target=target, key=server.key)
            return
        while chunk := output.read(sealing.CHUNK_BYTES):
            target.write(chunk)


def _load(server: Server, path: Path, *arguments: str) -> None:
    command = [server.program("pg_restore"), "--exit-on-error", *arguments, "-d", server.url]
    with path.open("rb") as source, _running(command) as (program, _output):
        for chunk in _chunks(source, key=server.key):
            program.write(chunk)
        program.close()


def _chunks(source: Any, *, key: bytes | None) -> Iterator[bytes]:
    if not sealing.is_sealed(source):
        return iter(lambda: source.read(sealing.CHUNK_BYTES), b"")
    if key is None:
        raise sealing.BadBackup("this backup is sealed and no key was given")
    return sealing.opened(source, key=key)


@contextmanager
def _running(command: list[str]) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Yield the program's input and output; DumpFailed with what it said when it fails."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin is not None  # noqa: S101
        assert process.stdout is not None  # noqa: S101
        try:
            yield process.stdin, process.stdout
        except BrokenPipeError:
            # The program has ended early: what it said is the reason.
            with suppress(BrokenPipeError):
                process.stdin.close()
        except BaseException:
            process.kill()
            raise
        message = _drain(process.stderr)
        if process.wait():
            raise DumpFailed(f"{Path(command[0]).name}: {message}")


def _drain(stream: IO[bytes] | None) -> str:
    return "" if stream is None else stream.read().decode(errors="replace").strip()


@contextmanager
def _snapshot(server: Server) -> Iterator[str]:
    with _connected(server) as connection, connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        yield cursor.fetchone()[0]


@contextmanager
def _connected(server: Server) -> Iterator[Any]:
    connection = psycopg2.connect(server.url)
    try:
        with connection:
            yield connection
    finally:
        connection.close()
