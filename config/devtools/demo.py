"""`make demo`: every process of lib-rdv on this machine, with three fictitious practices.

Data are kept under `.demo/` until `make demo-reset`. Ctrl-C, SIGTERM or, with `--with-parent`, the end of the
parent process stops it. Every process is a `ManagedProcess`, which ends even when this process is killed.
"""

import argparse
import contextlib
import http.client
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from config.devtools import (
    embedded,
    processes,
    supervisor,
)
from config.devtools.managed_process import ManagedProcess
from config.devtools.processes import ROOT

FOLDER = Path(os.environ.get("DEMO_FOLDER", ROOT / ".demo"))
LOGS = FOLDER / "logs"
LAYOUT = "3"
"""The layout of the kept data. It grows when migrations are rewritten, which no migration can follow."""
APEX = "lib-rdv.localhost"
CONNECT_HOST = f"connect.{APEX}"
GOOGLE_ACCOUNTS = ("maite@exemple.fr", "sophie@exemple.fr:workspace")
"""The accounts of the fake Google server: a personal one, and one covered by an organisation's contract."""
QUICK_DEATH_SECONDS = 10.0
QUICK_DEATHS_ALLOWED = 3


class CannotStartError(Exception):
    """The demonstration cannot start or continue; the message says why and what to do."""


@dataclass
class Child:
    """One process of the demonstration, restarted when it ends."""

    name: str
    command: list[str]
    environment: dict[str, str]
    quick_deaths: int = 0
    started: float = 0.0
    running: ManagedProcess | None = None

    @property
    def log(self) -> Path:
        """The log file of the process."""
        return LOGS / f"{self.name}.log"

    def start(self) -> None:
        """Start the process; its output is appended to its log."""
        self.started = time.monotonic()
        self.running = ManagedProcess(self.command, environment=self.environment, output=self.log)

    def watch(self) -> None:
        """Restart the process when it has ended. Raises CannotStartError after repeated quick deaths."""
        if self.running is None or not self.running.ended():
            return
        code = self.running.process.returncode
        self.running.close()
        lived = time.monotonic() - self.started
        self.quick_deaths = self.quick_deaths + 1 if lived < QUICK_DEATH_SECONDS else 0
        if self.quick_deaths >= QUICK_DEATHS_ALLOWED:
            raise CannotStartError(f"{self.name} keeps ending (code {code}):\n{tail(self.log)}")
        say(f"{self.name} ended (code {code}) and is started again, see {self.log}")
        self.start()


@dataclass
class Demonstration:
    """The processes of a demonstration, in the order in which they start, and their ports."""

    port: int
    mail_port: int
    sms_port: int
    metrics_port: int
    google_port: int
    services: embedded.Services
    children: list[Child] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of the processes under the application's login."""
        return {
            **self.services.environment(),
            "OWNER_DATABASE_URL": "",
            "LIBRDV_DEMO": "1",
            "APEX": APEX,
            "PUBLIC_PORT": str(self.port),
            "EMAIL_URL": f"smtp://127.0.0.1:{self.mail_port}",
            "MAIL_SPOOL": str(FOLDER / "mail"),
            "SMS_GATEWAY": "brevo",
            "BREVO_API_URL": f"http://127.0.0.1:{self.sms_port}/v3/",
            "BREVO_API_KEY": "xkeysib-fake",
            "ERASURE_LEDGER": str(FOLDER / "erasures.ledger"),
            "METRICS_DIR": str(FOLDER / "metrics"),
            "METRICS_PORT": str(self.metrics_port),
            **self.google,
        }

    @property
    def has_fake_google(self) -> bool:
        """Whether the fake Google server is used: yes, unless GOOGLE_CLIENT_ID is set."""
        return not os.environ.get("GOOGLE_CLIENT_ID")

    @property
    def google(self) -> dict[str, str]:
        """The settings of Google Agenda. Google itself accepts plain HTTP redirects to ``localhost`` only."""
        if not self.has_fake_google:
            back = f"http://localhost:{self.port}/google/retour"
            return {
                "CONNECT_HOST": os.environ.get("CONNECT_HOST", "localhost"),
                "GOOGLE_REDIRECT_URI": os.environ.get("GOOGLE_REDIRECT_URI", back),
            }
        base_url = f"http://127.0.0.1:{self.google_port}"
        return {
            "CONNECT_HOST": CONNECT_HOST,
            "GOOGLE_CLIENT_ID": "fake-client",
            "GOOGLE_CLIENT_SECRET": "fake-secret",
            "GOOGLE_REDIRECT_URI": f"http://{CONNECT_HOST}:{self.port}/google/retour",
            "GOOGLE_API_URL": f"{base_url}/",
            "GOOGLE_OAUTH_URL": f"{base_url}/",
            "GOOGLE_CONSENT_URL": f"{base_url}/o/oauth2/v2/auth",
            "GOOGLE_SIGNAL_URL": f"http://{CONNECT_HOST}:{self.port}/google/signal/",
        }

    @property
    def owner_environment(self) -> dict[str, str]:
        """The environment with the owner's login, for migrations and provisioning only."""
        return {**self.environment, "OWNER_DATABASE_URL": self.services.owner_url}

    def step(self, sentence: str, *command: str) -> str:
        """Run a management command and return its output. Raises CannotStartError when it fails."""
        say(f"{sentence} ...")
        log = LOGS / f"{command[0]}.log"
        log.unlink(missing_ok=True)
        with ManagedProcess(
            processes.manage(*command), environment=self.owner_environment, output=log
        ) as running:
            code = running.process.wait()
        if code != 0:
            raise CannotStartError(f"manage.py {command[0]} failed (code {code}):\n{tail(log)}")
        return log.read_text("utf-8")

    def start(self, name: str, command: list[str], *, as_owner: bool = False) -> None:
        """Start a permanent process."""
        environment = self.owner_environment if as_owner else self.environment
        child = Child(name, command, environment)
        child.log.unlink(missing_ok=True)
        child.start()
        self.children.append(child)

    def watch(self) -> None:
        """Restart each process and service that has ended."""
        for child in self.children:
            child.watch()
        for server in (self.services.postgres, self.services.redis):
            if server is None:
                continue
            try:
                server.check()
            except embedded.ServicesUnavailable as error:
                say(f"{error}\nIt is started again.")
                server.start()

    def stop(self) -> None:
        """End all processes concurrently."""
        running = [child.running for child in self.children if child.running is not None]
        for managed in running:
            managed.release()
        for managed in running:
            managed.close()

    def is_served(self) -> bool:
        """Return whether the public host responds without a server error."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthz", headers={"Host": APEX})
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def say(sentence: str) -> None:
    """Print a line; ignore a closed terminal."""
    with contextlib.suppress(BrokenPipeError):
        print(sentence, flush=True)


def tail(log: Path) -> str:
    """Return the last 15 lines of a log, "" when it cannot be read."""
    with contextlib.suppress(OSError):
        return "\n".join(log.read_text("utf-8", "replace").splitlines()[-15:])
    return ""


def requested_port() -> int:
    """Return DEMO_PORT, by default 8000. Raises CannotStartError when the port is invalid or taken."""
    text = os.environ.get("DEMO_PORT", "8000")
    if not text.isdigit() or not 1024 <= int(text) <= 65535:
        raise CannotStartError(f"DEMO_PORT is a number from 1024 to 65535, not {text!r}.")
    port = int(text)
    if not processes.is_free(port):
        raise CannotStartError(
            f"Port {port} is taken. Stop what listens there, or choose another one:"
            f" DEMO_PORT={port + 1} make demo"
        )
    return port


def check_layout(folder: Path) -> None:
    """Note the layout of a new data folder. Raises CannotStartError for data of another layout."""
    note = folder / "layout"
    if (folder / "postgres").exists():
        layout = note.read_text("utf-8").strip() if note.exists() else ""
        if layout != LAYOUT:
            raise CannotStartError(
                f"The data under {folder.name}/ come from another version and cannot be migrated."
                " `make demo-reset` deletes them; then start again."
            )
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(f"{LAYOUT}\n", "utf-8")


@contextlib.contextmanager
def demonstration() -> Iterator[tuple[Demonstration, str]]:
    """Start everything; yield the demonstration and the instructions with addresses, logins and password."""
    port = requested_port()
    check_layout(FOLDER)
    LOGS.mkdir(parents=True, exist_ok=True)
    say("Starting PostgreSQL and Redis ...")
    with embedded.services(FOLDER) as services:
        demo = Demonstration(
            port=port,
            mail_port=processes.free_port(),
            sms_port=processes.free_port(),
            metrics_port=processes.free_port(),
            google_port=processes.free_port(),
            services=services,
        )
        try:
            demo.step("Preparing the database", "prepare_database")
            demo.step("Migrating the shared tables", "migrate_shared", "--verbosity=0")
            demo.step("Migrating the practices", "migrate_tenants")
            demo.start("mail", mail_server(demo))
            demo.start("sms", sms_gateway(demo))
            if demo.has_fake_google:
                demo.start("google", fake_google(demo))
            demo.start("provisioner", processes.provisioner(), as_owner=True)
            instructions = demo.step("Filling the three practices", "seed_demo")
            demo.start("worker", processes.worker())
            demo.start("slow-worker", processes.worker(queues=processes.SLOW_QUEUES))
            demo.start("clock", processes.clock())
            demo.start("exporter", processes.exporter())
            demo.start("web", processes.web(bind=f"127.0.0.1:{port}", workers=2))
            say("Waiting for the first page ...")
            if not processes.wait_until(demo.is_served, seconds=60):
                raise CannotStartError(f"No page is served:\n{tail(LOGS / 'web.log')}")
            yield demo, instructions
        finally:
            demo.stop()


def mail_server(demo: Demonstration) -> list[str]:
    """Return the command of the SMTP server; its mails are shown at /courrier/."""
    command = [sys.executable, "-m", "tests.fakes.smtp", "--port", str(demo.mail_port)]
    return [*command, "--spool", str(FOLDER / "mail")]


def sms_gateway(demo: Demonstration) -> list[str]:
    """Return the command of the fake Brevo server; its SMS are shown at /courrier/."""
    command = [sys.executable, "-m", "tests.fakes.brevo", "--port", str(demo.sms_port)]
    return [*command, "--spool", str(FOLDER / "mail")]


def fake_google(demo: Demonstration) -> list[str]:
    """Return the command of the fake Google server: Calendar API, consent page and a page to edit events."""
    command = [sys.executable, "-m", "tests.fakes.google", "--port", str(demo.google_port)]
    command += ["--redirect", demo.google["GOOGLE_REDIRECT_URI"]]
    for account in GOOGLE_ACCOUNTS:
        command += ["--account", account]
    return command


def google_instructions(demo: Demonstration) -> str:
    """Return the instructions for connecting Google Agenda."""
    if not demo.has_fake_google:
        return (
            f"Google Agenda: Google itself, which redirects to {demo.google['GOOGLE_REDIRECT_URI']}"
        )
    return (
        f"Google Agenda (a fake server without storage):  http://127.0.0.1:{demo.google_port}/agenda/"
        f"\n      connect it in the dashboard, at /espace/google/"
    )


def run(*, parent: int | None) -> int:
    """Run until a signal or the end of ``parent`` (a process id); return 0."""
    with demonstration() as (demo, instructions):
        machines = f"http://127.0.0.1:{demo.port}/promises"
        metrics = f"http://127.0.0.1:{demo.metrics_port}/metrics"
        say(
            f"\n{instructions.strip()}\n{google_instructions(demo)}\n\nFor machines: {machines} and {metrics}"
        )
        say("\nCtrl-C stops everything; the data stay (make demo-reset).")
        while parent is None or os.getppid() == parent:
            time.sleep(0.5)
            demo.watch()
    return 0


def reset() -> int:
    """Delete the data, unless a demonstration uses them; return the exit code."""
    if not FOLDER.exists():
        return 0
    handle = supervisor.lock(FOLDER)
    if handle is None:
        say("The demonstration is running: stop it first (Ctrl-C).")
        return 1
    with handle:
        supervisor.clear_stale(FOLDER)
        shutil.rmtree(FOLDER)
    say("The demonstration's data are deleted.")
    return 0


def _stop(signum: int, _frame: object) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # stopping takes seconds and is not interrupted
    raise SystemExit(0)


def main() -> int:
    """Start the demonstration, or delete its data with `--reset`."""
    parser = argparse.ArgumentParser(description="The demonstration of lib-rdv.")
    parser.add_argument("--reset", action="store_true", help="delete the data")
    parser.add_argument("--with-parent", action="store_true", help="stop when our parent ends")
    arguments = parser.parse_args()
    if arguments.reset:
        return reset()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        return run(parent=os.getppid() if arguments.with_parent else None)
    except (CannotStartError, embedded.ServicesUnavailable) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        say("Stopped.")


if __name__ == "__main__":
    sys.exit(main())
