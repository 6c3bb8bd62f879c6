"""Prometheus metrics. No label carries a tenant, a path or a person.

Every process writes to files of METRICS_DIR; one exporter (``python -m config.exporter``) adds them up. Each
process locks the lowest free slot, so that new processes reuse the files of ended ones instead of adding
files per process id.
"""

import fcntl
import os
from pathlib import Path

_DIRECTORY = os.environ.get("METRICS_DIR", "")
if _DIRECTORY:
    # prometheus_client reads the variable at import.
    Path(_DIRECTORY).mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _DIRECTORY

from prometheus_client import Counter, Histogram, values

_MAX_SLOTS = 1_000
_mine: dict[int, tuple[str, int]] = {}


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
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        return str(number), descriptor
    raise RuntimeError("no free slot for the metrics of this process")


if _DIRECTORY:
    values.ValueClass = values.MultiProcessValue(process_identifier=_slot)

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
