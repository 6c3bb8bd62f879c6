"""`make demo`: every process of lib-rdv on this machine, with three fictitious practices.

Data are kept under `.demo/` until `make demo-reset`. Ctrl-C, SIGTERM or the end of whoever started us
stops all of it; every process hangs on a leash (`config.leash`), so a crash of this one does too.
"""

import argparse
import contextlib
import os
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from config import embedded, guardian, processes
from config.processes import ROOT, Leashed

FOLDER = Path(os.environ.get("DEMO_FOLDER", ROOT / ".demo"))
LOGS = FOLDER / "logs"
APEX = "lib-rdv.localhost"
CONNECT_HOST = f"connect.{APEX}"
GOOGLE_ACCOUNTS = ("maite@exemple.fr", "sophie@exemple.fr:workspace")
"""Accounts of the double: a personal one, and one that an organisation's contract covers."""
QUICK_DEATH_SECONDS = 10.0
QUICK_DEATHS_ALLOWED = 3


class CannotStartError(Exception):
    """The demonstration cannot start or go on; the message says why and what to do."""


@dataclass
class Child:
    """One process of the demonstration, started again when it dies."""

    name: str
    command: list[str]
    environment: dict[str, str]
    quick_deaths: int = 0
    started: float = 0.0
    running: Leashed | None = None

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return LOGS / f"{self.name}.log"

    def start(self) -> None:
        """Start it, its output at the end of its log."""
        self.started = time.monotonic()
        self.running = Leashed(self.command, environment=self.environment, output=self.log)

    def watch(self) -> None:
        """Start it again when it has died; give up when it keeps dying at once."""
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
    """The processes, in the order in which they start."""

    port: int
    mail_port: int
    sms_port: int
    metrics_port: int
    google_port: int
    services: embedded.Services
    children: list[Child] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What the settings read."""
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
    def has_double(self) -> bool:
        """Whether Google is a double of this machine: it is unless somebody names their own identifier."""
        return not os.environ.get("GOOGLE_CLIENT_ID")

    @property
    def google(self) -> dict[str, str]:
        """Where Google is. Itself accepts plain HTTP on ``localhost`` only, and cannot knock here."""
        if not self.has_double:
            back = f"http://localhost:{self.port}/google/retour"
            return {
                "CONNECT_HOST": os.environ.get("CONNECT_HOST", "localhost"),
                "GOOGLE_REDIRECT_URI": os.environ.get("GOOGLE_REDIRECT_URI", back),
            }
        double = f"http://127.0.0.1:{self.google_port}"
        return {
            "CONNECT_HOST": CONNECT_HOST,
            "GOOGLE_CLIENT_ID": "fake-client",
            "GOOGLE_CLIENT_SECRET": "fake-secret",
            "GOOGLE_REDIRECT_URI": f"http://{CONNECT_HOST}:{self.port}/google/retour",
            "GOOGLE_API_URL": f"{double}/",
            "GOOGLE_OAUTH_URL": f"{double}/",
            "GOOGLE_CONSENT_URL": f"{double}/o/oauth2/v2/auth",
            "GOOGLE_SIGNAL_URL": f"http://{CONNECT_HOST}:{self.port}/google/signal/",
        }

    @property
    def owner_environment(self) -> dict[str, str]:
        """The same, with the login that makes roles and schemas: for migrations and provisioning only."""
        return {**self.environment, "OWNER_DATABASE_URL": self.services.owner_url}

    def step(self, sentence: str, *command: str) -> str:
        """Run a management command to its end and return what it printed."""
        say(f"{sentence} ...")
        log = LOGS / f"{command[0]}.log"
        log.unlink(missing_ok=True)
        with Leashed(
            processes.manage(*command), environment=self.owner_environment, output=log
        ) as running:
            code = running.process.wait()
        if code != 0:
            raise CannotStartError(f"manage.py {command[0]} failed (code {code}):\n{tail(log)}")
        return log.read_text("utf-8")

    def start(self, name: str, command: list[str], *, as_owner: bool = False) -> None:
        """Start a process that stays."""
        environment = self.owner_environment if as_owner else self.environment
        child = Child(name, command, environment)
        child.log.unlink(missing_ok=True)
        child.start()
        self.children.append(child)

    def watch(self) -> None:
        """Look after every process once."""
        for child in self.children:
            child.watch()
        for server in (self.services.postgres, self.services.redis):
            if server is None:
                continue
            try:
                server.check()
            except embedded.Unavailable as error:
                say(f"{error}\nIt is started again.")
                server.start()

    def stop(self) -> None:
        """End every process, all at the same time."""
        running = [child.running for child in self.children if child.running is not None]
        for leashed in running:
            leashed.release()
        for leashed in running:
            leashed.close()

    def is_served(self) -> bool:
        """Whether the public host answers a page."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/healthz", headers={"Host": APEX}
        )
        try:
            with urllib.request.urlopen(request, timeout=5):  # noqa: S310
                return True
        except urllib.error.HTTPError as error:
            return error.code < 500
        except OSError:
            return False


def say(sentence: str) -> None:
    """A line for the person at the terminal."""
    with contextlib.suppress(BrokenPipeError):
        print(sentence, flush=True)


def tail(log: Path) -> str:
    """The end of a log."""
    with contextlib.suppress(OSError):
        return "\n".join(log.read_text("utf-8", "replace").splitlines()[-15:])
    return ""


def wanted_port() -> int:
    """DEMO_PORT, else 8000; refused when somebody else listens there."""
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


@contextlib.contextmanager
def demonstration() -> Iterator[tuple[Demonstration, str]]:
    """Everything running, and what to tell the person: addresses, logins, codes."""
    port = wanted_port()
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
            if demo.has_double:
                demo.start("google", google_double(demo))
            demo.start("provisioner", processes.provisioner(), as_owner=True)
            notice = demo.step("Filling the three practices", "seed_demo")
            demo.start("worker", processes.worker())
            demo.start("slow-worker", processes.worker(queues=processes.SLOW_QUEUES))
            demo.start("clock", processes.clock())
            demo.start("exporter", processes.exporter())
            demo.start("web", processes.web(bind=f"127.0.0.1:{port}", workers=2))
            say("Waiting for the first page ...")
            if not processes.wait_until(demo.is_served, seconds=60):
                raise CannotStartError(f"No page is served:\n{tail(LOGS / 'web.log')}")
            yield demo, notice
        finally:
            demo.stop()


def mail_server(demo: Demonstration) -> list[str]:
    """A real SMTP server whose folder is read at /courrier/."""
    command = [sys.executable, "-m", "tests.fakes.smtp", "--port", str(demo.mail_port)]
    return [*command, "--spool", str(FOLDER / "mail")]


def sms_gateway(demo: Demonstration) -> list[str]:
    """A gateway that speaks Brevo's interface; its SMS are read at /courrier/ too."""
    command = [sys.executable, "-m", "tests.fakes.brevo", "--port", str(demo.sms_port)]
    return [*command, "--spool", str(FOLDER / "mail")]


def google_double(demo: Demonstration) -> list[str]:
    """Google Calendar and its consent page; its agenda is a page where one acts as the practitioner."""
    command = [sys.executable, "-m", "tests.fakes.google", "--port", str(demo.google_port)]
    command += ["--redirect", demo.google["GOOGLE_REDIRECT_URI"]]
    for account in GOOGLE_ACCOUNTS:
        command += ["--account", account]
    return command


def google_notice(demo: Demonstration) -> str:
    """Where the agenda is that the practitioners connect."""
    if not demo.has_double:
        return f"Google Agenda: Google itself, which comes back to {demo.google['GOOGLE_REDIRECT_URI']}"
    return (
        f"Google Agenda (a double that forgets when it stops):  http://127.0.0.1:{demo.google_port}/agenda/"
        f"\n      connect it in the dashboard, at /espace/google/"
    )


def run(*, parent: int | None) -> int:
    """Run until somebody asks us to stop; 0 when that went well."""
    with demonstration() as (demo, notice):
        machines = f"http://127.0.0.1:{demo.port}/promises"
        metrics = f"http://127.0.0.1:{demo.metrics_port}/metrics"
        say(f"\n{notice.strip()}\n{google_notice(demo)}\n\nFor machines: {machines} and {metrics}")
        say("\nCtrl-C stops everything; the data stay (make demo-reset).")
        while parent is None or os.getppid() == parent:
            time.sleep(0.5)
            demo.watch()
    return 0


def reset() -> int:
    """Forget the data, unless a demonstration is running on them."""
    if not FOLDER.exists():
        return 0
    handle = guardian.lock(FOLDER)
    if handle is None:
        say("The demonstration is running: stop it first (Ctrl-C).")
        return 1
    with handle:
        guardian.clear_stale(FOLDER)
        shutil.rmtree(FOLDER)
    say("The demonstration's data are gone.")
    return 0


def _stop(signum: int, _frame: object) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # stopping takes seconds and is not interrupted
    raise SystemExit(0)


def main() -> int:
    """Start, or reset."""
    parser = argparse.ArgumentParser(description="The demonstration of lib-rdv.")
    parser.add_argument("--reset", action="store_true", help="forget the data")
    parser.add_argument("--with-parent", action="store_true", help="stop when our parent ends")
    arguments = parser.parse_args()
    if arguments.reset:
        return reset()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        return run(parent=os.getppid() if arguments.with_parent else None)
    except (CannotStartError, embedded.Unavailable) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        say("Stopped.")


if __name__ == "__main__":
    sys.exit(main())
