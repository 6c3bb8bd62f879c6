"""What is counted, without a name: no tenant, no path, no person stands in a label.

Every process writes to files of METRICS_DIR and one exporter (``python -m config.exporter``) adds them
up. Each process takes the lowest free slot, held by a lock that dies with it, so that recycled
processes reuse the files of the dead instead of leaving one per process id.
"""

import fcntl
import os
from pathlib import Path

_DIRECTORY = os.environ.get("METRICS_DIR", "")
if _DIRECTORY:
    # prometheus_client reads it when it is imported.
    Path(_DIRECTORY).mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _DIRECTORY

from prometheus_client import Counter, Histogram, values  # noqa: E402

_MAX_SLOTS = 1_000
_mine: dict[int, tuple[str, int]] = {}


def _slot() -> str:
    """Return the slot of this process; asked at every count, because a fork changes the process."""
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
    "librdv_outbox_retries_total", "Attempts put off because the outside did not answer.", ("kind",)
)
ERASED = Counter("librdv_erasures_total", "Persons erased by the purge, on their date.")
REFUSED = Counter(
    "librdv_refused_total", "Failed logins and unknown hosts, by what was refused.", ("what",)
)
