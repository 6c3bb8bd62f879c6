"""The supervisor process: it runs PostgreSQL and Redis for one parent process and stops them when the parent ends.

`config.devtools.embedded` runs this file as a script with one JSON argument, a `Plan`. Its standard input is a
pipe whose other end only the parent has open: when the parent ends, even by SIGKILL, the pipe closes and the
supervisor stops the servers. The parent writes commands into the pipe, one a line (`_execute`), and reads one
line of JSON for each. Standard library only: the script starts without site-packages.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

LOCK = "supervisor.lock"
PREFIX = "librdv-"
START_SECONDS = 60
STOP_SECONDS = 30
PDEATHSIG = 1  # PR_SET_PDEATHSIG of prctl(2)


class SupervisorError(Exception):
    """A server cannot be started; the message is shown at the terminal."""


@dataclass(frozen=True)
class Plan:
    """What to run, where, and as whom."""

    parent: int
    runtime: Path  # short, temporary: sockets
    data: Path  # the cluster and the logs
    temporary: bool  # remove `data` at the end too
    postgres_bin: Path | None
    redis_binary: Path | None
    uid: int | None  # run the services as this user; None: as ourselves
    gid: int | None
    keep_search: bool  # the user cannot reach the folders: lend it CAP_DAC_OVERRIDE

    @classmethod
    def read(cls, text: str) -> "Plan":
        """Read the plan that `config.devtools.embedded` wrote."""
        raw = json.loads(text)
        for name in ("runtime", "data", "postgres_bin", "redis_binary"):
            raw[name] = Path(raw[name]) if raw[name] else None
        return cls(**raw)

    @property
    def sockets(self) -> Path:
        """The folder of the sockets; only the servers' user and root may enter it."""
        return self.runtime / "s"

    @property
    def cluster(self) -> Path:
        """PGDATA."""
        return self.data / "postgres" / "cluster"


class Stop(Exception):
    """A signal asked the supervisor to end."""


def _raise_stop(signum: int, _frame: object) -> None:
    raise Stop(signal.Signals(signum).name)


def lock(folder: Path) -> IO[str] | None:
    """Take the folder's lock; None when a running supervisor has it."""
    handle = (folder / LOCK).open("a+", encoding="ascii")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        return None
    return handle


def _die_with_parent(signum: int) -> Callable[[], None] | None:
    """On Linux the kernel ends a server whose supervisor was killed."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)

    def before_exec() -> None:
        libc.prctl(PDEATHSIG, signum, 0, 0, 0)

    return before_exec


def _as_user(plan: Plan, command: list[str], log: Path, death: int) -> "subprocess.Popen[bytes]":
    """Start a command as the services' user, its output in `log`, in a group of its own."""
    extra: dict[str, Any] = {}
    if plan.uid is not None and plan.keep_search:
        command = [
            "setpriv",
            f"--reuid={plan.uid}",
            f"--regid={plan.gid}",
            "--clear-groups",
            # Without it access(2), by which initdb looks for the other programs, ignores the capability.
            "--securebits=+no_setuid_fixup",
            "--inh-caps=+dac_override",
            "--ambient-caps=+dac_override",
            f"--pdeathsig={signal.Signals(death).name.removeprefix('SIG')}",
            *command,
        ]
    elif plan.uid is not None:
        extra = {"user": plan.uid, "group": plan.gid, "extra_groups": []}
    with log.open("ab") as output:
        process: subprocess.Popen[bytes] = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
            process_group=0,
            preexec_fn=_die_with_parent(death),  # noqa: PLW1509 - one thread only
            **extra,
        )
    return process


def _tail(log: Path) -> str:
    with contextlib.suppress(OSError):
        return "\n".join(log.read_text("utf-8", "replace").splitlines()[-8:])
    return ""


def _command_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return (
            Path(f"/proc/{pid}/cmdline")
            .read_bytes()
            .replace(b"\0", b" ")
            .decode("utf-8", "replace")
        )
    found = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end(pid: int, signals: tuple[int, ...]) -> None:
    """Send each signal in turn until the process is gone; it is not necessarily our child."""
    for signum in signals:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signum)
        deadline = time.monotonic() + 10
        while _alive(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        if not _alive(pid):
            return


def clear_stale(data: Path) -> None:
    """Stop the servers that a killed supervisor left in this folder. The caller has the folder's lock.

    The second line of a pid file is the folder that the process names on its command line; a pid
    that now belongs to another program is left alone.
    """
    for pid_file, signals in (
        (data / "postgres" / "cluster" / "postmaster.pid", (signal.SIGINT, signal.SIGQUIT)),
        (data / "redis" / "redis.pid", (signal.SIGTERM, signal.SIGKILL)),
    ):
        with contextlib.suppress(OSError, ValueError):
            first, folder, *_ = pid_file.read_text("utf-8").splitlines()
            if _alive(int(first)) and folder in _command_of(int(first)):
                _end(int(first), signals)
        pid_file.unlink(missing_ok=True)
    shutil.rmtree(data / "postgres" / "cluster.new", ignore_errors=True)


def clear_abandoned(parent: Path) -> None:
    """Remove temporary folders of supervisors that were killed: their lock is free."""
    for folder in parent.glob(f"{PREFIX}*"):
        # Its own supervisor, or another run that starts now, may be removing it.
        with contextlib.suppress(FileNotFoundError):
            _clear_if_abandoned(folder)


def _clear_if_abandoned(folder: Path) -> None:
    if not (folder / LOCK).exists() or folder.stat().st_uid != os.getuid():
        return
    handle = lock(folder)
    if handle is None:
        return
    with handle:
        clear_stale(folder)
        shutil.rmtree(folder, ignore_errors=True)


class PostgreSQL:
    """One cluster on a private socket, without TCP, crash-safe (fsync stays on)."""

    def __init__(self, plan: Plan, bin_dir: Path) -> None:
        self.plan = plan
        self.bin_dir = bin_dir
        self.log = plan.data / "postgres.log"
        self.process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        """Make the cluster, whole or not at all: a killed attempt leaves only `cluster.new`."""
        if self.plan.cluster.exists():
            return
        new = self.plan.cluster.with_name("cluster.new")
        command = [
            str(self.bin_dir / "initdb"),
            f"--pgdata={new}",
            "--username=postgres",
            # `trust` is safe here and nowhere else: there is no TCP, and only the services' user
            # and root may enter the folder of the socket.
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            *(["--no-sync"] if self.plan.temporary else []),
        ]
        if _as_user(self.plan, command, self.log, signal.SIGKILL).wait(START_SECONDS) != 0:
            raise SupervisorError(f"initdb failed, see {self.log}:\n{_tail(self.log)}")
        new.rename(self.plan.cluster)

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        if self.process is not None and self.process.poll() is None:
            return
        # An immediate stop leaves it half-written; no other server uses this cluster.
        (self.plan.cluster / "postmaster.pid").unlink(missing_ok=True)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.plan.sockets),
            "max_connections": "200",
            "jit": "off",
            "fsync": "on",
            "synchronous_commit": "on",
            "max_wal_size": "2GB",
            # psycopg2 puts values into the statements: a log of statements is a log of people.
            "log_statement": "none",
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
            "log_timezone": "UTC",
            "timezone": "UTC",
        }
        command = [str(self.bin_dir / "postgres"), "-D", str(self.plan.cluster)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self.process = _as_user(self.plan, command, self.log, signal.SIGINT)
        self._wait_until_ready(self.process)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        pid_file = self.plan.cluster / "postmaster.pid"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            with contextlib.suppress(OSError, IndexError):
                if pid_file.read_text("utf-8").splitlines()[7].strip() == "ready":
                    return
            time.sleep(0.02)
        raise SupervisorError(f"PostgreSQL did not start, see {self.log}:\n{_tail(self.log)}")

    def stop(self, signum: int = signal.SIGINT) -> None:
        """SIGINT: fast shutdown. SIGQUIT: immediate, as a power cut for the clients."""
        _stop_child(self.process, signum, signal.SIGQUIT)


class Redis:
    """A broker and cache on a private socket, without TCP, nothing written to disk."""

    def __init__(self, plan: Plan, binary: Path) -> None:
        self.plan = plan
        self.binary = binary
        self.log = plan.data / "redis.log"
        self.process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        """Nothing is kept."""

    def start(self) -> None:
        """Start the server and wait for its socket."""
        if self.process is not None and self.process.poll() is None:
            return
        folder = self.plan.data / "redis"
        socket = self.plan.sockets / "redis.sock"
        socket.unlink(missing_ok=True)
        command = [str(self.binary), "--port", "0", "--unixsocket", str(socket)]
        command += ["--unixsocketperm", "700", "--save", "", "--appendonly", "no"]
        command += ["--dir", str(folder), "--daemonize", "no", "--loglevel", "warning"]
        self.process = _as_user(self.plan, command, self.log, signal.SIGTERM)
        # Redis writes its pid file only as a daemon; a later supervisor needs it to clean up.
        (folder / "redis.pid").write_text(f"{self.process.pid}\n{self.plan.sockets}\n", "utf-8")
        deadline = time.monotonic() + START_SECONDS
        while not socket.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SupervisorError(f"Redis did not start, see {self.log}:\n{_tail(self.log)}")
            time.sleep(0.01)

    def stop(self, signum: int = signal.SIGTERM) -> None:
        """End the server; what it held is lost, as in a real loss of the broker."""
        _stop_child(self.process, signum, signal.SIGKILL)
        (self.plan.sockets / "redis.sock").unlink(missing_ok=True)


def _stop_child(process: "subprocess.Popen[bytes] | None", signum: int, last: int) -> None:
    if process is None or process.poll() is not None:
        return
    process.send_signal(signum)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.send_signal(last)
        process.wait(STOP_SECONDS)


def _commands(plan: Plan) -> Iterator[str]:
    """Lines from the parent, until it closes the pipe or is gone.

    The parent's pid is watched as well: a process it forked may still hold the pipe.
    """
    buffer = b""
    while os.getppid() == plan.parent:
        readable, _, _ = select.select([0], [], [], 0.5)
        if not readable:
            continue
        chunk = os.read(0, 4096)
        if not chunk:
            return
        *lines, buffer = (buffer + chunk).split(b"\n")
        yield from (line.decode("ascii") for line in lines)


def _answer(**message: object) -> None:
    with contextlib.suppress(OSError):
        os.write(1, json.dumps(message).encode() + b"\n")


def _execute(services: dict[str, PostgreSQL | Redis], command: str) -> None:
    verb, name = command.split()
    service = services[name]
    if verb == "start":
        service.start()
    elif verb == "stop":
        service.stop()
    elif verb == "kill":
        service.stop(signal.SIGQUIT if name == "postgres" else signal.SIGKILL)
    elif verb == "check" and (service.process is None or service.process.poll() is not None):
        raise SupervisorError(f"{name} is not running:\n{_tail(service.log)}")


def _prepare_folders(plan: Plan) -> None:
    for folder in (plan.sockets, plan.data / "postgres", plan.data / "redis"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if plan.uid is not None:
            os.chown(folder, plan.uid, plan.gid if plan.gid is not None else -1)


def _services(plan: Plan) -> dict[str, PostgreSQL | Redis]:
    services: dict[str, PostgreSQL | Redis] = {}
    if plan.postgres_bin is not None:
        services["postgres"] = PostgreSQL(plan, plan.postgres_bin)
    if plan.redis_binary is not None:
        services["redis"] = Redis(plan, plan.redis_binary)
    return services


def _serve(plan: Plan, services: dict[str, PostgreSQL | Redis]) -> None:
    _prepare_folders(plan)
    clear_stale(plan.data)
    for service in services.values():
        service.create()
        service.start()
    _answer(ok=True)
    for command in _commands(plan):
        try:
            _execute(services, command)
        except SupervisorError as error:
            _answer(ok=False, error=str(error))
        else:
            _answer(ok=True)


def run(plan: Plan) -> int:
    """Run the servers until the parent ends; 0 when they were started and stopped in order."""
    with contextlib.ExitStack() as locks:
        for folder in dict.fromkeys((plan.runtime, plan.data)):
            handle = lock(folder)
            if handle is None:
                _answer(ok=False, error=f"Another run already uses {folder}. Stop it first.")
                return 1
            locks.enter_context(handle)
        services = _services(plan)
        try:
            _serve(plan, services)
        except Stop:
            return 0
        except (SupervisorError, OSError) as error:
            _answer(ok=False, error=str(error))
            return 1
        finally:
            for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(signum, signal.SIG_IGN)  # stopping is not interrupted
            for service in reversed(services.values()):
                service.stop()
            clear_stale(plan.data)
            shutil.rmtree(plan.runtime, ignore_errors=True)
            if plan.temporary:
                shutil.rmtree(plan.data, ignore_errors=True)
    return 0


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _raise_stop)
    sys.exit(run(Plan.read(sys.argv[1])))
