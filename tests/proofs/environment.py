"""The environment of a proof or bench: a database of its own, and processes of the product that use it.

The database lies on the PostgreSQL of the run, beside the run's own one; Redis is used under another database
number. Both are deleted at the end. With the variable ``PROOF_KEEP_DATABASE`` the empty database stays, and the
next proof with the same migrations uses it. The processes of the product remove a guard when ``PROOF`` and
``SABOTAGE`` name one (tests.proofs.guards): the product itself has no switch for it.
"""

import hashlib
import json
import os
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

from tests.databases import drop_database, on_server, prepare
from tests.proofs.child_process import ROOT, ChildProcess
from tests.proofs.counter import FirstFailure, Outcome
from tests.proofs.guards import PRODUCT, find_guard

PROOF_DATABASE = "librdv_proof"
REDIS_DATABASE = 7
APEX = "lib-rdv.localhost"
PUBLIC_HOST = APEX
CONNECT_HOST = f"connect.{APEX}"
LOG_LINES_SHOWN = 40


@dataclass
class WebProcess:
    """A gunicorn that serves the product: its port on the loopback, and its process."""

    port: int
    process: ChildProcess

    def check(self) -> None:
        """Raise RuntimeError when it has ended by itself."""
        if self.process.returncode is not None:
            raise RuntimeError(f"the web process ended with {self.process.returncode}")


@dataclass
class ProofEnvironment:
    """The addresses of the environment; ``variables`` are the environment variables of each of its processes."""

    owner_url: str
    redis_url: str
    variables: dict[str, str]
    logs: Path
    _owner: Any = None

    def owner(self, statement: Any, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run one statement with the owner's login, committed at once; return its rows."""
        if self._owner is None:
            self._owner = psycopg2.connect(self.owner_url)
            self._owner.autocommit = True
        with self._owner.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall()) if cursor.description else []

    def disconnect(self) -> None:
        """Close the owner's connection; the next statement opens another one."""
        if self._owner is not None:
            self._owner.close()
            self._owner = None

    def add_tenant(self, host: str, *, state: str = "live", custom: str = "") -> Any:
        """Order a tenant, run its provisioning, set its state; return its unit.

        It answers on ``host``, and on its own domain ``custom`` when one is given.
        """
        from tenants.keyring.services import ensure_tenant_key  # apps must be ready
        from tenants.provisioning.state_machine import advance_one  # apps must be ready
        from tenants.schema import inside, tenant_unit  # apps must be ready

        schema = f"t_{secrets.token_hex(8)}"
        ((key,),) = self.owner(
            "INSERT INTO public.tenants_tenant (ref, schema_name, name, state, schema_version,"
            " last_error, suspended_reason, profession, time_zone, territory, owner_email, owner_name,"
            " attestation_text_version, created_at) VALUES (gen_random_uuid(), %s, %s, 'ordered', '',"
            " '', '', '', 'Europe/Paris', '', '', '', '', now()) RETURNING id",
            [schema, schema],
        )
        with closing(psycopg2.connect(self.owner_url)) as connection:
            advance_one(connection, app_role=self.variables.get("APP_ROLE", "app"))
        self.owner("UPDATE public.tenants_tenant SET state = %s WHERE id = %s", [state, key])
        for domain, is_custom in ((host, False), (custom, True)):
            if domain:
                self.owner(
                    "INSERT INTO public.tenants_domain"
                    " (domain, tenant_id, is_primary, is_custom, verified_at)"
                    " VALUES (%s, %s, %s, %s, now())",
                    [domain, key, not is_custom, is_custom],
                )
        unit = tenant_unit(schema)
        with inside(unit):
            ensure_tenant_key(now=datetime.now(UTC))
        return unit

    def clear(self) -> None:
        """Delete the tenants and the rows of the shared tables that an earlier proof has left."""
        from tenants.provisioning.build import drop_schema  # apps must be ready

        schemas = self.owner(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE 't\\_%' AND nspowner = current_user::regrole"
        )
        for (schema,) in schemas:
            with self._owner.cursor() as cursor:
                drop_schema(cursor, schema=schema)
        seeds = ("django_migrations", "django_content_type", "auth_permission")
        tables = self.owner("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = [sql.Identifier("public", name) for (name,) in tables if name not in seeds]
        if names:
            with self._without_triggers():
                self.owner(
                    sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(
                        sql.SQL(", ").join(names)
                    )
                )
        self._restore_rights()

    @contextmanager
    def _without_triggers(self) -> Iterator[None]:
        """Disable the triggers of the shared tables, which refuse to empty those of issued documents."""
        tables = self.owner(
            "SELECT DISTINCT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace"
        )
        for action in ("DISABLE", "ENABLE"):
            for (name,) in tables:
                table = sql.Identifier("public", name)
                self.owner(sql.SQL(f"ALTER TABLE {{}} {action} TRIGGER USER").format(table))
            if action == "DISABLE":
                yield

    def _restore_rights(self) -> None:
        """Grant the rights on the shared schema as provisioning does: a removed guard may have granted more."""
        from tenants.provisioning.build import TENANTS_GROUP, grant_shared, prepare_roles
        from tenants.schema import PUBLIC, ROUTER, SWEEPER

        roles = ", ".join((TENANTS_GROUP, PUBLIC.role, ROUTER.role, SWEEPER.role))
        self.owner(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {roles}")
        self.owner(f"REVOKE ALL ON SCHEMA public FROM {roles}")
        self.owner(f"REVOKE ALL ON ALL TABLES IN SCHEMA for_tenants FROM {roles}")
        self.owner(f"REVOKE ALL ON SCHEMA for_tenants FROM {roles}")
        for (view,) in self.owner("SELECT viewname FROM pg_views WHERE schemaname = 'for_tenants'"):
            self.owner(f"ALTER VIEW for_tenants.{view} SET (security_barrier = true)")
        app_role = self.variables.get("APP_ROLE", "app")
        with self._owner.cursor() as cursor:
            prepare_roles(cursor, app_role=app_role, database=PROOF_DATABASE)
            grant_shared(cursor)

    def show_logs(self) -> None:
        """Print the last lines of each process on standard error, without the ordinary ones."""
        for path in sorted(self.logs.glob("*.log")):
            lines = [
                line
                for line in path.read_text(errors="replace").splitlines()
                if '"level":"info"' not in line and '"level":"warning"' not in line
            ][-LOG_LINES_SHOWN:]
            print(f"--- {path.name}", *lines, sep="\n", file=sys.stderr)

    def unhandled_errors(self) -> set[str]:
        """Return the types of the exceptions that the web processes have logged as errors (not their causes)."""
        found = set()
        log = self.logs / "web.log"
        for line in log.read_text(errors="replace").splitlines() if log.exists() else []:
            with suppress(ValueError, TypeError, LookupError):
                record = json.loads(line)
                if record["level"] in {"error", "critical"}:
                    found.add(record["exception"][0]["type"])
        return found

    def check_errors(self, expected: Sequence[str]) -> None:
        """Raise RuntimeError when the web processes have logged another exception than the expected ones."""
        others = self.unhandled_errors() - set(expected)
        if others:
            raise RuntimeError(f"the product raised {', '.join(sorted(others))}")

    def flush_redis(self) -> None:
        """Empty the environment's Redis database: caches, limits and queues."""
        import redis

        client = redis.Redis.from_url(self.redis_url)
        client.flushdb()
        client.close()

    @contextmanager
    def serve(
        self,
        *,
        workers: int = 2,
        threads: int = 4,
        application: str = "tests.proofs.product_web:application",
    ) -> Iterator[WebProcess]:
        """Serve the product by gunicorn on a loopback port until the block ends."""
        with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
            # A client may connect before gunicorn is up. Without this option, which gunicorn sets on sockets of
            # its own, each answer on such a connection comes 40 ms later.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            port = listener.getsockname()[1]
            arguments = [
                application, "--config", "config/gunicorn.py", "--max-requests", "0",
                "--bind", f"fd://{listener.fileno()}",
                "--workers", str(workers), "--threads", str(threads),
                "--worker-connections", str(threads), "--backlog", "2048", "--log-level", "warning",
                "--worker-tmp-dir", "/dev/shm" if Path("/dev/shm").is_dir() else str(self.logs),
            ]  # fmt: skip
            web = self.start("gunicorn", *arguments, log="web.log", pass_fds=[listener.fileno()])
            try:
                yield WebProcess(port, web)
            finally:
                web.kill()

    @contextmanager
    def work(self) -> Iterator[ChildProcess]:
        """Run one worker process for all queues until the block ends."""
        arguments = ["tests.proofs.product_worker", "--processes", "1", "--threads", "2"]
        worker = self.start("dramatiq", *arguments, log="worker.log")
        try:
            yield worker
        finally:
            worker.kill()

    def start(
        self,
        module: str,
        *arguments: str,
        log: str,
        variables: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> ChildProcess:
        """Start ``python -m module``; its output is appended to that file of ``logs``."""
        with (self.logs / log).open("ab") as output:
            return ChildProcess(
                module,
                *arguments,
                variables={**self.variables, **(variables or {})},
                output=output,
                pass_fds=pass_fds,
            )


@contextmanager
def open_environment(
    *, proof: str = "", sabotage: str | None = None, **variables: str
) -> Iterator[ProofEnvironment]:
    """Make the environment, and set Django up on it: nothing may have imported the settings before.

    Needs ``OWNER_DATABASE_URL``, ``DATABASE_URL`` and ``REDIS_URL`` of running services. ``sabotage`` is the guard
    of ``proof`` that its processes remove; GuardRemovalError when it cannot be removed. ``variables`` are further
    environment variables of each process.
    """
    run_owner_url = os.environ["OWNER_DATABASE_URL"]
    with tempfile.TemporaryDirectory(prefix="proof-") as folder:
        of_processes = _variables(Path(folder)) | {"PROOF": proof, "SABOTAGE": sabotage or ""}
        of_processes |= variables
        marker = _marker()
        if not _is_kept(run_owner_url, marker):
            _create(run_owner_url, of_processes, marker)
        os.environ.update(of_processes)
        import django

        django.setup()
        owner_url, redis_url = of_processes["OWNER_DATABASE_URL"], of_processes["REDIS_URL"]
        environment = ProofEnvironment(owner_url, redis_url, of_processes, Path(folder))
        guard = find_guard(proof, sabotage) if sabotage else None
        try:
            if guard is not None:
                guard.check()
            environment.clear()
            environment.flush_redis()
            yield environment
        except FirstFailure as failure:
            if failure.counter.outcome is Outcome.BROKEN:
                environment.show_logs()
            if guard is not None and guard.server_errors:
                environment.check_errors(guard.server_errors)
            raise
        except BaseException:
            environment.show_logs()
            raise
        finally:
            _close(environment, run_owner_url)


def _variables(folder: Path) -> dict[str, str]:
    redis_url = _with_redis_database(os.environ["REDIS_URL"], REDIS_DATABASE)
    return {
        **os.environ,
        "LIBRDV_TESTING": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "OWNER_DATABASE_URL": _with_database(os.environ["OWNER_DATABASE_URL"], PROOF_DATABASE),
        "DATABASE_URL": _with_database(os.environ["DATABASE_URL"], PROOF_DATABASE),
        "REDIS_URL": redis_url,
        "BROKER_URL": redis_url,
        "TRUSTED_PROXIES": "1",
        "ERASURE_LEDGER": str(folder / "erasures.ledger"),
        "PYTHONPATH": str(ROOT),
    }


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _with_redis_database(url: str, number: int) -> str:
    if url.startswith("unix:"):
        return f"{url.partition('?')[0]}?db={number}"
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


def _is_kept(owner_url: str, marker: str) -> bool:
    """Return whether an earlier proof has kept a database that was made from the same migrations."""
    try:
        connection = psycopg2.connect(_with_database(owner_url, PROOF_DATABASE))
    except psycopg2.OperationalError:
        return False
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
            [PROOF_DATABASE],
        )
        (found,) = cursor.fetchone() or (None,)
    return bool(found == marker)


def _marker() -> str:
    """Return a digest of what the empty database is made from: all migrations and the code of the roles."""
    digest = hashlib.sha256()
    for package in PRODUCT:
        for path in sorted((ROOT / package).glob("**/migrations/*.py")):
            digest.update(path.read_bytes())
    digest.update((ROOT / "tenants/provisioning/build.py").read_bytes())
    return digest.hexdigest()


def _create(owner_url: str, variables: dict[str, str], marker: str) -> None:
    drop_database(owner_url, PROOF_DATABASE)
    on_server(owner_url, f"CREATE DATABASE {PROOF_DATABASE} TEMPLATE template0 ENCODING 'UTF8'")
    prepare(variables)
    on_server(owner_url, f"COMMENT ON DATABASE {PROOF_DATABASE} IS '{marker}'")


def _close(environment: ProofEnvironment, run_owner_url: str) -> None:
    from django.db import connection

    connection.close()
    with suppress(psycopg2.Error):
        environment.clear()
    environment.disconnect()
    environment.flush_redis()
    if not os.environ.get("PROOF_KEEP_DATABASE"):
        drop_database(run_owner_url, PROOF_DATABASE)


class Stopwatch:
    """Measures the block; ``seconds`` is its length."""

    seconds = 0.0

    def __enter__(self) -> Self:
        self._start = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._start
