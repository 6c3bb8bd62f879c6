"""A mail relay with a spool: an accepted message lies on disk until it is delivered, and no longer."""

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

from config.devtools.processes import wait_until
from tests.fakes.smtp import Delivery, SmtpServer

_POLL_SECONDS = 0.05


class MailSpool:
    """The queue of a relay: one file for each message, written before the relay acknowledges the message.

    A message is delivered from its file, which is then deleted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.accepted = 0
        self.delivered: list[Delivery] = []
        """The delivered messages: from here on they belong to the recipient and are not searched."""
        self._numbers = count(1)
        self._blocked: frozenset[str] = frozenset()
        self._ended = threading.Event()
        self._deliverer = threading.Thread(target=self._deliver_all, daemon=True)

    def accept(self, delivery: Delivery) -> None:
        """Write the file of a message; the relay acknowledges the message after this."""
        envelope = {
            "at": delivery.at.isoformat(),
            "sender": delivery.sender,
            "recipients": delivery.recipients,
        }
        name = f"{next(self._numbers):06}"
        partial = self.folder / f".{name}"
        partial.write_bytes(json.dumps(envelope).encode() + b"\n" + delivery.raw)
        partial.rename(self.folder / f"{name}.msg")  # the file is complete when it enters the queue
        self.accepted += 1

    def hold_back(self, *addresses: str) -> None:
        """Deliver nothing to these addresses, as when their server does not answer."""
        self._blocked = frozenset(addresses)

    def release(self) -> None:
        """Deliver to all addresses again."""
        self._blocked = frozenset()

    def in_flight(self) -> list[Delivery]:
        """Return the messages in the queue."""
        return [self._read(path) for path in self._queue()]

    def wait_until_empty(self, *, seconds: float) -> bool:
        """Wait until all messages are delivered; False when some are left after ``seconds``."""
        return wait_until(lambda: not self._queue(), seconds=seconds)

    def _queue(self) -> list[Path]:
        return sorted(self.folder.glob("*.msg"))

    def _read(self, path: Path) -> Delivery:
        head, _line, raw = path.read_bytes().partition(b"\n")
        envelope = json.loads(head)
        at = datetime.fromisoformat(envelope["at"])
        return Delivery(at, envelope["sender"], tuple(envelope["recipients"]), raw)

    def _deliver_all(self) -> None:
        while not self._ended.wait(_POLL_SECONDS):
            for path in self._queue():
                delivery = self._read(path)
                if self._blocked.isdisjoint(delivery.recipients):
                    self.delivered.append(delivery)
                    path.unlink()

    def __enter__(self) -> Self:
        self._deliverer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._deliverer.join()


@contextmanager
def run_relay() -> Iterator[tuple[str, MailSpool]]:
    """Run a relay until the block ends; yield the value of `EMAIL_URL`, and the spool."""
    with (
        tempfile.TemporaryDirectory(prefix="relay-") as folder,
        MailSpool(Path(folder)) as spool,
        SmtpServer(on_delivery=spool.accept) as server,
    ):
        yield server.url, spool
