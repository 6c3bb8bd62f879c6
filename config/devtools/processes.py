"""The commands of the processes of lib-rdv, and helpers for loopback ports."""

import contextlib
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def web(*, bind: str, workers: int = 1, threads: int = 4) -> list[str]:
    """Return the command of gunicorn with threads, as used for the measurements."""
    command = [sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.py"]
    command += ["--workers", str(workers), "--threads", str(threads), "--bind", bind]
    # As in config/gunicorn.py: one connection per thread (ADR 51).
    command += ["--worker-connections", str(threads)]
    return [*command, "config.wsgi:application"]


QUICK_QUEUES = ("outbox", "sweep")
SLOW_QUEUES = ("slow",)
"""Jobs that call slow external services run in a separate process, so that mails do not wait for them."""


def worker(
    *, processes: int = 1, threads: int = 4, queues: Sequence[str] = QUICK_QUEUES
) -> list[str]:
    """Return the command of a worker for these queues."""
    command = [sys.executable, "-m", "dramatiq", "config.worker", "--queues", *queues]
    command += ["--processes", str(processes), "--threads", str(threads)]
    # dramatiq's logging would print messages with their arguments; config.logs configures each process.
    return [*command, "--worker-shutdown-timeout", "8000", "--skip-logging"]


def clock() -> list[str]:
    """Return the command of the scheduler, which enqueues the periodic jobs."""
    return manage("crontab", "--no-heartbeat")


def provisioner() -> list[str]:
    """Return the command of the provisioner, the only process with the owner's login."""
    return manage("provision", "--watch")


def exporter() -> list[str]:
    """Return the command of the exporter, which serves the metrics of all processes on METRICS_PORT."""
    return [sys.executable, "-m", "config.exporter"]


def manage(*arguments: str) -> list[str]:
    """Return the command line of a management command."""
    return [sys.executable, "manage.py", *arguments]


def free_port() -> int:
    """Return a free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Return whether a loopback port is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def wait_until(ready: Callable[[], bool], *, seconds: float) -> bool:
    """Poll ``ready`` every 50 ms; return False when it is not true within ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ready():
            return True
        time.sleep(0.05)
    return False


def answers(port: int) -> bool:
    """Return whether a loopback port accepts connections."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
