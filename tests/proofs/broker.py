"""A Redis server that a proof empties, kills and starts again while the product uses it as its broker."""

import contextlib
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import redis

from config.devtools import embedded
from config.devtools.managed_process import ManagedProcess
from config.devtools.processes import wait_until


class ProofBroker:
    """The server, with its socket in ``folder``; a short path, since a socket's path has at most 107 bytes."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}?db=0"
        self._server: ManagedProcess | None = None

    def start(self) -> None:
        """Start it empty and wait until it answers; RuntimeError after ten seconds."""
        command = [str(embedded._redis_binary()), "--port", "0", "--unixsocket", str(self.socket)]
        self.socket.unlink(missing_ok=True)
        self._server = ManagedProcess(
            [*command, "--save", "", "--dir", str(self.socket.parent)],
            output=self.socket.with_suffix(".log"),
        )
        if not wait_until(self._answers, seconds=10):
            raise RuntimeError("the broker did not start")

    def flush(self) -> None:
        """Delete all keys of all databases."""
        with self._client() as client:
            client.flushall()

    def kill(self) -> None:
        """Kill it with SIGKILL: its messages are lost."""
        with self._client() as client:
            os.kill(client.info()["process_id"], signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """Stop it."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _answers(self) -> bool:
        with contextlib.suppress(redis.RedisError, OSError), self._client() as client:
            return bool(client.ping())
        return False

    def _client(self) -> "redis.Redis":
        return redis.Redis.from_url(self.url)


@contextlib.contextmanager
def run_broker() -> Iterator[ProofBroker]:
    """Run a broker until the block ends."""
    with tempfile.TemporaryDirectory(prefix="rdv-") as folder:
        broker = ProofBroker(Path(folder))
        broker.start()
        try:
            yield broker
        finally:
            broker.close()
