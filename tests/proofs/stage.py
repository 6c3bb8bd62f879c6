"""A stage for proofs and benches: a database of its own, and the product served by processes of its own.

The stage lives on the run's PostgreSQL, beside the run's database, and on another Redis database. Nothing
of it is left afterwards, unless ``PROOF_STAGE_KEEP`` asks to keep the empty database for the next proof.
A sabotage is applied by ``served`` and ``served_worker``, in the processes that serve: the product has
no switch for it.
"""

import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

from tests.databases import drop_database, on_server, prepare
from tests.proofs import nursery
from tests.proofs.tally import Red

ROOT = Path(__file__).resolve().parent.parent.parent
STAGE_DATABASE = "librdv_stage"
APEX = "lib-rdv.localhost"
PUBLIC_HOST = APEX
CONNECT_HOST = f"connect.{APEX}"


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _with_redis_database(url: str, number: int) -> str:
    if url.startswith("unix:"):
        return f"{url.partition('?')[0]}?db={number}"
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


@dataclass
class Served:
    """A gunicorn under test: its port, and the process to stop."""

    port: int
    process: nursery.Born

    def check(self) -> None:
        """Raise when it has ended by itself."""
        if self.process.poll() is not None:
            raise RuntimeError(f"the served application ended with {self.process.returncode}")


@dataclass
class Stage:
    """Addresses of the stage; ``environment`` is what every process on it is given."""

    owner_url: str
    redis_url: str
    environment: dict[str, str]
    logs: Path
    made: list[str] = field(default_factory=list)
    _owner: Any = None

    def owner(self, statement: Any, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run one statement with the owner's login, committed at once; return its rows."""
        if self._owner is None:
            self._owner = psycopg2.connect(self.owner_url)
            self._owner.autocommit = True
        with self._owner.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall()) if cursor.description else []

    def add_tenant(self, host: str, *, state: str = "live", custom: str = "") -> Any:
        """Order a space, let provisioning build it, put it in ``state``; return its unit."""
        from tenants.keyring.services import ensure_tenant_key  # apps must be ready
        from tenants.provisioning.machine import advance_one  # apps must be ready
        from tenants.schema import inside, tenant_unit  # apps must be ready

        schema = f"t_{secrets.token_hex(8)}"
        rows = self.owner(
            "INSERT INTO public.tenants_tenant (ref, schema_name, name, state, schema_version,"
            " last_error, suspended_reason, profession, time_zone, territory, owner_email, owner_name,"
            " attestation_text_version, created_at) VALUES (gen_random_uuid(), %s, %s, 'ordered', '',"
            " '', '', '', 'Europe/Paris', '', '', '', '', now()) RETURNING id",
            [schema, schema],
        )
        self.made.append(schema)
        with closing(psycopg2.connect(self.owner_url)) as connection:
            advance_one(connection, app_role=self.environment.get("APP_ROLE", "app"))
        self.owner("UPDATE public.tenants_tenant SET state = %s WHERE id = %s", [state, rows[0][0]])
        add_domain = (
            "INSERT INTO public.tenants_domain (domain, tenant_id, is_primary, is_custom, verified_at)"
            " VALUES (%s, %s, %s, %s, now())"
        )
        self.owner(add_domain, [host, rows[0][0], True, False])
        if custom:
            self.owner(add_domain, [custom, rows[0][0], False, True])
        unit = tenant_unit(schema)
        with inside(unit):
            ensure_tenant_key(now=_now())
        return unit

    def clear(self) -> None:
        """Drop the tenants and the rows of the shared tables: what an earlier proof has left."""
        from tenants.provisioning.build import drop_schema  # apps must be ready

        left = self.owner(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE 't\\_%' AND nspowner = current_user::regrole"
        )
        for (schema,) in left:
            with self._owner.cursor() as cursor:
                drop_schema(cursor, schema=schema)
        keep = ("django_migrations", "django_content_type", "auth_permission")
        tables = self.owner("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = [sql.Identifier("public", name) for (name,) in tables if name not in keep]
        if names:
            self.owner(
                sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(sql.SQL(", ").join(names))
            )

        self._restore_rights()

    def _restore_rights(self) -> None:
        """Take back what a sabotage may have granted: the shared schema outlives a proof."""
        from tenants.provisioning.build import TENANTS_GROUP, grant_shared, prepare_roles
        from tenants.schema import PUBLIC, ROUTER, SWEEPER

        roles = ", ".join((TENANTS_GROUP, PUBLIC.role, ROUTER.role, SWEEPER.role))
        self.owner(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {roles}")
        self.owner(f"REVOKE ALL ON SCHEMA public FROM {roles}")
        app_role = self.environment.get("APP_ROLE", "app")
        with self._owner.cursor() as cursor:
            prepare_roles(cursor, app_role=app_role, database=STAGE_DATABASE)
            grant_shared(cursor)

    def show_logs(self) -> None:
        """Print the end of what the processes said: a proof that broke should say why."""
        for path in sorted(self.logs.glob("*.log")):
            lines = [
                line
                for line in path.read_text(errors="replace").splitlines()
                if '"level":"info"' not in line and '"level":"warning"' not in line
            ][-40:]
            print(f"--- {path.name}", *lines, sep="\n", file=sys.stderr)

    def flush_redis(self) -> None:
        """Empty the stage's own Redis database: caches, limits and queues."""
        import redis  # the stage's address is known by now

        client = redis.Redis.from_url(self.redis_url)
        client.flushdb()
        client.close()

    @contextmanager
    def serve(
        self,
        *,
        proof: str = "",
        sabotage: str | None = None,
        workers: int = 2,
        threads: int = 4,
        application: str = "tests.proofs.served:application",
    ) -> Iterator[Served]:
        """Serve the product by gunicorn on a loopback port until the block ends."""
        with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
            # As gunicorn does with a socket of its own: a client may connect before it is up, and would wait
            # 40 ms for each answer as long as that connection lives.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            port = listener.getsockname()[1]
            arguments = [
                application, "--config", "config/gunicorn.py", "--max-requests", "0",
                "--bind", f"fd://{listener.fileno()}",
                "--workers", str(workers), "--worker-class", "gthread", "--threads", str(threads),
                "--worker-connections", str(threads), "--backlog", "2048", "--log-level", "warning",
                "--worker-tmp-dir", "/dev/shm" if Path("/dev/shm").is_dir() else str(self.logs),
            ]  # fmt: skip
            asked = {"PROOF": proof, "SABOTAGE": sabotage or ""}
            web = self.start(
                "gunicorn", *arguments, log="web.log", environment=asked, keep=[listener.fileno()]
            )
            try:
                yield Served(port, web)
            finally:
                web.kill()

    @contextmanager
    def work(self, *, proof: str = "", sabotage: str | None = None) -> Iterator[nursery.Born]:
        """Run the worker process until the block ends."""
        arguments = ["tests.proofs.served_worker", "--processes", "1", "--threads", "2"]
        asked = {"PROOF": proof, "SABOTAGE": sabotage or ""}
        worker = self.start("dramatiq", *arguments, log="worker.log", environment=asked)
        try:
            yield worker
        finally:
            worker.kill()

    def start(
        self,
        module: str,
        *arguments: str,
        log: str,
        environment: Mapping[str, str],
        keep: Sequence[int] = (),
    ) -> nursery.Born:
        """Start a process of the stage; what it says is added to that log."""
        given = {**self.environment, **environment}
        with (self.logs / log).open("ab") as sink:
            return nursery.born(module, *arguments, environment=given, output=sink, keep=keep)


def _now() -> Any:
    from datetime import UTC, datetime  # kept out of the module: proofs patch nothing here

    return datetime.now(UTC)


def _stage_exists(owner_url: str, marker: str) -> bool:
    """Return whether a stage made from the same migrations was kept."""
    try:
        connection = psycopg2.connect(_with_database(owner_url, STAGE_DATABASE))
    except psycopg2.OperationalError:
        return False
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
            [STAGE_DATABASE],
        )
        (found,) = cursor.fetchone() or (None,)
    connection.close()
    return bool(found == marker)


def _marker() -> str:
    """Return what the stage is made from: the names and contents of all migrations."""
    import hashlib

    digest = hashlib.sha256()
    for package in nursery.OURS:
        for path in sorted((ROOT / package).glob("**/migrations/*.py")):
            digest.update(path.read_bytes())
    digest.update((ROOT / "tenants/provisioning/build.py").read_bytes())
    return digest.hexdigest()


def _create(owner_url: str, environment: dict[str, str], marker: str) -> None:
    drop_database(owner_url, STAGE_DATABASE)
    on_server(owner_url, f"CREATE DATABASE {STAGE_DATABASE} TEMPLATE template0 ENCODING 'UTF8'")
    prepare(environment)
    on_server(owner_url, f"COMMENT ON DATABASE {STAGE_DATABASE} IS '{marker}'")


@contextmanager
def set_stage(**extra: str) -> Iterator[Stage]:
    """Prepare the stage and Django on it; must come before anything imports the settings.

    Needs ``OWNER_DATABASE_URL``, ``DATABASE_URL`` and ``REDIS_URL`` of running services. ``extra`` are
    further variables for every process of the stage.
    """
    import tempfile

    run_owner_url = os.environ["OWNER_DATABASE_URL"]
    redis_url = _with_redis_database(os.environ["REDIS_URL"], 7)
    with nursery.running(), tempfile.TemporaryDirectory(prefix="stage-") as folder:
        environment = {
            **os.environ,
            "LIBRDV_TESTING": "1",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "OWNER_DATABASE_URL": _with_database(run_owner_url, STAGE_DATABASE),
            "DATABASE_URL": _with_database(os.environ["DATABASE_URL"], STAGE_DATABASE),
            "REDIS_URL": redis_url,
            "BROKER_URL": redis_url,
            "TRUSTED_PROXIES": "1",
            "ERASURE_LEDGER": str(Path(folder) / "erasures.ledger"),
            "PYTHONPATH": str(ROOT),
            **extra,
        }
        marker = _marker()
        if not _stage_exists(run_owner_url, marker):
            _create(run_owner_url, environment, marker)
        os.environ.update(environment)
        import django

        django.setup()
        stage = Stage(environment["OWNER_DATABASE_URL"], redis_url, environment, Path(folder))
        try:
            stage.clear()
            stage.flush_redis()
            yield stage
        except Red:
            raise
        except BaseException:
            stage.show_logs()
            raise
        finally:
            _close(stage, run_owner_url)


def _close(stage: Stage, run_owner_url: str) -> None:
    from django.db import connection

    connection.close()
    with suppress(psycopg2.Error):
        stage.clear()
    if stage._owner is not None:
        stage._owner.close()
    stage.flush_redis()
    if not os.environ.get("PROOF_STAGE_KEEP"):
        drop_database(run_owner_url, STAGE_DATABASE)


class Stopwatch:
    """Seconds of a block, in ``seconds``."""

    seconds = 0.0

    def __enter__(self) -> Self:
        self._start = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._start
