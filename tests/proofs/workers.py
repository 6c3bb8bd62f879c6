"""Worker processes of a proof that may be killed at any moment, and are started again."""

import random
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.proofs import nursery


class Workers:
    """Worker processes, each with its own group: a blow takes the whole of it at once.

    They do the jobs of every queue unless some are named.
    """

    def __init__(
        self,
        environment: dict[str, str],
        log: Path,
        *,
        many: int,
        threads: int,
        queues: Sequence[str] = (),
    ) -> None:
        self.environment, self.log, self.many, self.threads = environment, log, many, threads
        self.queues = queues
        self.running: list[nursery.Born] = []
        self.killed = 0
        self._lock = threading.Lock()

    def start(self) -> None:
        """Bring their number up to what it should be: what systemd does in production."""
        arguments = ["tests.proofs.served_worker", "--processes", "1"]
        arguments += ["--threads", str(self.threads)]
        arguments += ["--queues", *self.queues] if self.queues else []
        with self._lock, self.log.open("ab") as log:
            self.running = [worker for worker in self.running if worker.poll() is None]
            while len(self.running) < self.many:
                self.running.append(
                    nursery.born("dramatiq", *arguments, environment=self.environment, output=log)
                )

    def have_started(self) -> bool:
        """Whether one of them has ever been ready: a loaded machine takes its time."""
        return self.log.exists() and b"ready for action" in self.log.read_bytes()

    def kill(self, chosen: random.Random, *, everybody: bool = False) -> None:
        """SIGKILL one group, or all of them."""
        with self._lock:
            alive = [worker for worker in self.running if worker.poll() is None]
            for worker in alive if everybody else alive[:1] and [chosen.choice(alive)]:
                worker.strike(signal.SIGKILL)
                self.killed += 1

    def close(self) -> None:
        """End them all, without waiting for their work."""
        struck = self.killed
        self.kill(random.Random(0), everybody=True)
        self.killed = struck
        for worker in self.running:
            worker.close()


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []
