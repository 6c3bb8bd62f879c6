"""Limits of concurrency: expensive work runs in a few places of this machine; further requests are refused.

A place is a locked file of CONCURRENCY_DIR, shared by all threads and processes of the same directory. The kernel
releases the lock of a process that ends, however it ends. A caller without a place waits a short time in one of
a few waiting places, because each waiting request holds a thread that could serve another practice.
"""

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from tenants import metrics

logger = logging.getLogger(__name__)
RETRY_AFTER_SECONDS = 5
"""What the answer 503 recommends in Retry-After."""
_POLL_SECONDS = 0.02


class NoPlaceFree(Exception):
    """Every place of a limit stayed taken; ``BusyAnswer`` turns it into 503 with Retry-After."""


class ConcurrencyLimit:
    """At most ``holders`` callers at once on this machine, and at most ``waiters`` that wait ``wait_seconds``.

    ``name`` identifies the work in CONCURRENCY_DIR and in the metrics; it holds lower-case letters and hyphens.
    When the directory cannot be written, the bounds hold for each process alone.
    """

    def __init__(self, name: str, *, holders: int, waiters: int, wait_seconds: float) -> None:
        self.name = name
        self.wait_seconds = wait_seconds
        self._holding = _Places(name, holders)
        self._waiting = _Places(f"{name}-wait", waiters)

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Run the block in a place. Raises NoPlaceFree: at once without a waiting place, else after the wait."""
        release = self._holding.take() or self._wait()
        if release is None:
            metrics.CONCURRENCY_REFUSED.labels(self.name).inc()
            raise NoPlaceFree(self.name)
        try:
            yield
        finally:
            release()

    def _wait(self) -> Callable[[], None] | None:
        leave = self._waiting.take()
        if leave is None:
            return None
        try:
            until = time.monotonic() + self.wait_seconds
            while time.monotonic() < until:
                time.sleep(_POLL_SECONDS)
                release = self._holding.take()
                if release is not None:
                    return release
            return None
        finally:
            leave()


class _Places:
    """A number of places: files that are locked while they are taken."""

    def __init__(self, name: str, count: int) -> None:
        self._names = [f"{name}-{number}.place" for number in range(count)]
        self._of_process = threading.BoundedSemaphore(max(count, 1))

    def take(self) -> Callable[[], None] | None:
        """Return the function that releases the taken place, or None when every place is taken."""
        try:
            directory = _directory()
            for name in self._names:
                release = _lock(directory / name)
                if release is not None:
                    return release
        except OSError:
            logger.warning("concurrency limits hold for this process only")
            return self._of_process.release if self._of_process.acquire(blocking=False) else None
        return None


def _directory() -> Path:
    directory = Path(settings.CONCURRENCY_DIR)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def _lock(path: Path) -> Callable[[], None] | None:
    # Each open file has a lock of its own, so that threads of one process exclude each other too.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None

    def release() -> None:
        # Unlocked explicitly: a child process forked meanwhile shares the open file.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)

    return release
