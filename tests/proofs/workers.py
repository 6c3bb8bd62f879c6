"""Worker processes that a proof kills at any moment and starts again."""

import random
import signal
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.proofs.child_process import ChildProcess


class Workers:
    """Worker processes of the product, each in a process group of its own: one SIGKILL ends the whole group.

    They work on all queues unless ``queues`` names some.
    """

    def __init__(
        self,
        variables: Mapping[str, str],
        log: Path,
        *,
        many: int,
        threads: int,
        queues: Sequence[str] = (),
    ) -> None:
        self.variables, self.log, self.many, self.threads = variables, log, many, threads
        self.queues = queues
        self.running: list[ChildProcess] = []
        self.killed = 0
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start as many as are missing, as systemd does in production; call it in the main thread."""
        arguments = ["tests.proofs.product_worker", "--processes", "1"]
        arguments += ["--threads", str(self.threads)]
        arguments += ["--queues", *self.queues] if self.queues else []
        with self._lock, self.log.open("ab") as log:
            self.running = self._alive()
            while len(self.running) < self.many:
                self.running.append(
                    ChildProcess("dramatiq", *arguments, variables=self.variables, output=log)
                )

    def have_started(self) -> bool:
        """Whether one of them has been ready at least once; on a loaded machine this takes seconds."""
        return self.log.exists() and b"ready for action" in self.log.read_bytes()

    def kill_one(self, lot: random.Random) -> None:
        """Send SIGKILL to one group, drawn by lot."""
        with self._lock:
            alive = self._alive()
            self._kill([lot.choice(alive)] if alive else [])

    def kill_all(self) -> None:
        """Send SIGKILL to all groups."""
        with self._lock:
            self._kill(self._alive())

    def close(self) -> None:
        """End them all without waiting for their work; they do not count as killed."""
        killed = self.killed
        self.kill_all()
        self.killed = killed
        for worker in self.running:
            worker.stop()

    def _alive(self) -> list[ChildProcess]:
        return [worker for worker in self.running if worker.returncode is None]

    def _kill(self, workers: Sequence[ChildProcess]) -> None:
        for worker in workers:
            worker.signal_group(signal.SIGKILL)
            self.killed += 1


def children(pid: int) -> list[int]:
    """Return the process numbers of the children of a process."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()] if path.exists() else []
