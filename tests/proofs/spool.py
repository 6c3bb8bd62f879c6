"""A mail relay with a spool: what it has accepted lies on disk until it is handed on, and no longer."""

import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from config.processes import wait_until
from tests.fakes.smtp import Delivery, SmtpServer

_TICK_SECONDS = 0.05


class Spool:
    """The queue of a relay: one file a message, written before the sender hears yes, deleted once delivered.

    A message is delivered from its file, so what is not on disk is delivered to nobody.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.accepted = 0
        self.delivered: list[Delivery] = []
        """What has reached its box; the box is its owner's, and no place of ours."""
        self._numbers = count(1)
        self._held: frozenset[str] = frozenset()
        self._ended = threading.Event()
        self._carrier = threading.Thread(target=self._carry, daemon=True)

    def accept(self, delivery: Delivery) -> None:
        """Write a message down; the relay acknowledges it after this."""
        envelope = {
            "at": delivery.at.isoformat(),
            "sender": delivery.sender,
            "recipients": delivery.recipients,
        }
        name = f"{next(self._numbers):06}"
        partial = self.folder / f".{name}"
        partial.write_bytes(json.dumps(envelope).encode() + b"\n" + delivery.raw)
        partial.rename(self.folder / f"{name}.msg")  # whole, or not in the queue
        self.accepted += 1

    def hold_back(self, *addresses: str) -> None:
        """Keep what is for these addresses, as when their server does not answer."""
        self._held = frozenset(addresses)

    def release(self) -> None:
        """Hand everything on again."""
        self._held = frozenset()

    def in_flight(self) -> list[Delivery]:
        """Return what lies in the queue."""
        return [self._read(path) for path in self._queue()]

    def wait_until_empty(self, *, seconds: float) -> bool:
        """Wait until all is delivered; False when something is left."""
        return wait_until(lambda: not self._queue(), seconds=seconds)

    def _queue(self) -> list[Path]:
        return sorted(self.folder.glob("*.msg"))

    def _read(self, path: Path) -> Delivery:
        head, _line, raw = path.read_bytes().partition(b"\n")
        said = json.loads(head)
        at = datetime.fromisoformat(said["at"])
        return Delivery(at, said["sender"], tuple(said["recipients"]), raw)

    def _carry(self) -> None:
        while not self._ended.wait(_TICK_SECONDS):
            for path in self._queue():
                delivery = self._read(path)
                if self._held.isdisjoint(delivery.recipients):
                    self.delivered.append(delivery)
                    path.unlink()

    def __enter__(self) -> Self:
        self._carrier.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._carrier.join()


@contextmanager
def relaying() -> Iterator[tuple[str, Spool]]:
    """Run a relay; yield what `EMAIL_URL` takes, and its spool."""
    with (
        tempfile.TemporaryDirectory(prefix="relay-") as folder,
        Spool(Path(folder)) as spool,
        SmtpServer(on_delivery=spool.accept) as server,
    ):
        yield server.url, spool
