"""Prometheus metrics. No label carries a tenant, a path or a person.

Every process writes to files of METRICS_DIR; one exporter (``python -m config.exporter``) adds them up. Each
process locks the lowest free slot, so that new processes reuse the files of ended ones instead of adding
files per process id.
"""

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger("metrics")


def _usable(directory: str) -> str:
    """Return the directory, which is made when it is missing; an empty text when it cannot be written.

    A command that runs before the units have made the directory, or as another user, counts for itself only.
    """
    try:
        if directory:
            Path(directory).mkdir(mode=0o700, parents=True, exist_ok=True)
        is_usable = bool(directory) and os.access(directory, os.W_OK | os.X_OK)
    except OSError:
        is_usable = False
    return directory if is_usable else ""


_DIRECTORY = _usable(os.environ.get("METRICS_DIR", ""))
if _DIRECTORY:
    # prometheus_client reads the variable at import.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _DIRECTORY

from prometheus_client import Counter, Histogram, values

_MAX_SLOTS = 1_000
_mine: dict[int, tuple[str, int]] = {}


class NoSlotError(RuntimeError):
    """Every slot of the metrics is taken, or belongs to another user."""


def _slot() -> str:
    """Return the slot of this process; evaluated at every count, because a fork changes the process id."""
    pid = os.getpid()
    if pid not in _mine:
        _mine.clear()
        _mine[pid] = _take_slot()
    return _mine[pid][0]


def _take_slot() -> tuple[str, int]:
    for number in range(_MAX_SLOTS):
        path = Path(_DIRECTORY) / f"slot-{number}.lock"
        # Permission denied: a process of another user took this slot.
        with suppress(PermissionError):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            return str(number), descriptor
    raise NoSlotError


def _attempt(action: Callable[[], Any]) -> Any:
    """Return the result of an action on the shared files, None when they cannot be read or written."""
    try:
        return action()
    except (OSError, ValueError, RuntimeError) as error:
        log.warning("metric_lost", error=type(error).__name__)
        return None


def forgiving(shared: type[Any]) -> type[Any]:
    """Return a class of values that keeps counts in the files of ``shared`` and never fails.

    A count that cannot be written is lost: the request or job that it counts goes on.
    """

    class ForgivingValue:
        _multiprocess = True

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            made = _attempt(lambda: shared(*args, **kwargs))
            self._shared: Any = values.MutexValue(*args, **kwargs) if made is None else made

        def inc(self, amount: float) -> None:
            _attempt(lambda: self._shared.inc(amount))

        def set(self, value: float, timestamp: float | None = None) -> None:
            _attempt(lambda: self._shared.set(value, timestamp))

        def get(self) -> float:
            return _attempt(self._shared.get) or 0.0

        def set_exemplar(self, exemplar: Any) -> None:
            return

        def get_exemplar(self) -> None:
            return

    return ForgivingValue


if _DIRECTORY:
    _made = _attempt(lambda: values.MultiProcessValue(process_identifier=_slot))
    values.ValueClass = values.MutexValue if _made is None else forgiving(_made)

REQUESTS = Counter(
    "librdv_http_requests_total",
    "Requests by route name, method and class of status.",
    ("route", "method", "status"),
)
DURATION = Histogram(
    "librdv_http_request_seconds",
    "Time to the first byte of the answer, by route name.",
    ("route",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
FINISHED = Counter(
    "librdv_outbox_finished_total",
    "Outbox entries that reached a terminal state, by kind and state.",
    ("kind", "state"),
)
RETRIED = Counter(
    "librdv_outbox_retries_total",
    "Attempts postponed because a service did not respond.",
    ("kind",),
)
ERASED = Counter("librdv_erasures_total", "Persons erased on their date.")
REFUSED = Counter(
    "librdv_refused_total",
    "Refused requests, by kind: failed login, network with too many failed logins, unknown host.",
    ("what",),
)
CONCURRENCY_REFUSED = Counter(
    "librdv_concurrency_refused_total",
    "Requests refused because every place of a concurrency limit was taken, by kind of work.",
    ("work",),
)
