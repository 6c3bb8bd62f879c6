"""The processes that make up a running lib-rdv, and how to start one that ends with us."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from config import leash

ROOT = Path(__file__).resolve().parent.parent


def web(*, bind: str, workers: int = 1, threads: int = 4) -> list[str]:
    """The pages: gunicorn with threads, which is what the figures were measured with."""
    command = [sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.py"]
    command += ["--workers", str(workers), "--threads", str(threads), "--bind", bind]
    # As in the configuration: a connection for each thread (ADR 51), however many are asked for here.
    command += ["--worker-connections", str(threads)]
    return [*command, "config.wsgi:application"]


QUICK_QUEUES = ("outbox", "sweep")
SLOW_QUEUES = ("slow",)
"""What speaks to outsides that may hang has a process of its own: no mail waits behind it."""


def worker(
    *, processes: int = 1, threads: int = 4, queues: Sequence[str] = QUICK_QUEUES
) -> list[str]:
    """The jobs of these queues."""
    command = [sys.executable, "-m", "dramatiq", "config.worker", "--queues", *queues]
    command += ["--processes", str(processes), "--threads", str(threads)]
    # Its own logging would print messages with their arguments; ours is set up in each process.
    return [*command, "--worker-shutdown-timeout", "8000", "--skip-logging"]


def clock() -> list[str]:
    """What enqueues the periodic jobs; it does nothing else."""
    return manage("crontab", "--no-heartbeat")


def provisioner() -> list[str]:
    """What builds the spaces of new practices: the only process with the owner's login."""
    return manage("provision", "--watch")


def exporter() -> list[str]:
    """The metrics of all processes, on METRICS_PORT."""
    return [sys.executable, "-m", "config.exporter"]


def manage(*arguments: str) -> list[str]:
    """A management command."""
    return [sys.executable, "manage.py", *arguments]


class Leashed:
    """A running command that ends when the block ends, or when this process does."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        output: Path | None = None,
    ) -> None:
        self.command = list(command)
        self._log: IO[bytes] | None = output.open("ab") if output else None
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *command],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C reaches us, and we end the others in order
        )

    def ended(self) -> bool:
        """Whether the command has ended by itself."""
        return self.process.poll() is not None

    def release(self) -> None:
        """Ask it to end without waiting."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()

    def close(self) -> None:
        """Ask it to end and wait until it has."""
        self.release()
        self.process.wait()
        if self._log is not None:
            self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether this port of the loopback can be had."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def wait_until(ready: Callable[[], bool], *, seconds: float) -> bool:
    """Ask until the answer is yes; False when it never was."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ready():
            return True
        time.sleep(0.05)
    return False


def answers(port: int) -> bool:
    """Whether something accepts connections on this port of the loopback."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
