"""An SMTP server on the loopback that stores the mails it accepts and fails on command.

    with SmtpServer() as server:
        server.fail(Fault.TRY_LATER, times=2)
        ...
        assert server.sent_to("zoe@exemple.fr") == 1

As a command (`python -m tests.fakes.smtp --port 2525 --spool folder`) it serves the demonstration.
"""

import argparse
import asyncio
import email
import email.policy
import enum
import itertools
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from config.devtools.processes import free_port


class Fault(enum.Enum):
    """What goes wrong with one message."""

    REFUSE_RECIPIENT = "550 at RCPT: there is no such box, and there never will be"
    TRY_LATER = "451 at the end of DATA: nothing was taken, come back later"
    REFUSE_MESSAGE = "554 at the end of DATA: this content is not wanted"
    RESET_BEFORE_ACCEPT = "the connection is cut before the message is taken"
    RESET_AFTER_ACCEPT = "the message is taken and the connection cut before the sender hears it"
    SLOW = "the answer takes `slow_seconds`"


@dataclass(frozen=True)
class Delivery:
    """One message that the server took."""

    at: datetime
    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        """The message, parsed."""
        return email.message_from_bytes(self.raw, _class=EmailMessage, policy=email.policy.default)

    @property
    def message_id(self) -> str:
        """Its Message-ID, by which a receiver may drop a second copy."""
        return str(self.message["Message-ID"] or "")

    def part(self, kind: str) -> str:
        """The text of its `plain` or `html` part; '' when there is none."""
        body = self.message.get_body(preferencelist=(kind,))
        return str(body.get_content()) if body is not None else ""


@dataclass
class _Order:
    fault: Fault
    times: int
    recipient: str | None


class _Handler:
    """aiosmtpd's hooks; they run in the server's thread."""

    def __init__(self, server: "SmtpServer") -> None:
        self.server = server

    async def handle_RCPT(
        self,
        smtp: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if self.server.take((Fault.REFUSE_RECIPIENT,), [address]):
            return "550 5.1.1 No such box here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, smtp: SMTP, session: Session, envelope: Envelope) -> str:
        fault = self.server.take(
            tuple(set(Fault) - {Fault.REFUSE_RECIPIENT}), list(envelope.rcpt_tos)
        )
        if fault is Fault.TRY_LATER:
            return "451 4.3.0 Come back later"
        if fault is Fault.REFUSE_MESSAGE:
            return "554 5.6.0 Not wanted"
        if fault is Fault.SLOW:
            await asyncio.sleep(self.server.slow_seconds)
        if fault is Fault.RESET_BEFORE_ACCEPT:
            return self._reset(smtp)
        self.server.keep(envelope)
        if fault is Fault.RESET_AFTER_ACCEPT:
            return self._reset(smtp)
        return "250 2.0.0 Taken"

    def _reset(self, smtp: SMTP) -> str:
        if isinstance(smtp.transport, asyncio.Transport):
            smtp.transport.abort()
        return "421 4.3.2 Bye"


class SmtpServer:
    """Listens on 127.0.0.1 while its block runs; safe to read from other threads."""

    def __init__(
        self,
        port: int = 0,
        *,
        spool: Path | None = None,
        on_delivery: Callable[[Delivery], None] | None = None,
    ) -> None:
        self.port = port or free_port()
        self.slow_seconds = 2.0
        self.deliveries: list[Delivery] = []
        self.faults: Counter[Fault] = Counter()
        self._orders: deque[_Order] = deque()
        self._lock = threading.Lock()
        self._spool = spool
        self._on_delivery = on_delivery
        self._numbers = itertools.count(1)
        self._controller = Controller(
            _Handler(self),
            hostname="127.0.0.1",
            port=self.port,
            ready_timeout=20,
            enable_SMTPUTF8=True,
        )

    @property
    def url(self) -> str:
        """What `EMAIL_URL` takes."""
        return f"smtp://127.0.0.1:{self.port}"

    def fail(self, fault: Fault, *, times: int = 1, recipient: str | None = None) -> None:
        """Apply a fault to the next messages, all or those to one address; orders queue up."""
        with self._lock:
            self._orders.append(_Order(fault, times, recipient))

    def take(self, kinds: tuple[Fault, ...], recipients: list[str]) -> Fault | None:
        """The fault that now applies, which is then used up."""
        with self._lock:
            for order in self._orders:
                meant = order.recipient is None or order.recipient in recipients
                if order.fault in kinds and meant:
                    order.times -= 1
                    if order.times == 0:
                        self._orders.remove(order)
                    self.faults[order.fault] += 1
                    return order.fault
        return None

    def keep(self, envelope: Envelope) -> None:
        """Take a message: into the journal and, when there is one, the spool."""
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode()
        delivery = Delivery(
            datetime.now(UTC), envelope.mail_from or "", tuple(envelope.rcpt_tos), raw
        )
        with self._lock:
            self.deliveries.append(delivery)
            number = next(self._numbers)
        if self._spool is not None:
            name = f"{delivery.at:%Y%m%dT%H%M%S.%f}-{number:05d}"
            partial = self._spool / f".{name}"
            partial.write_bytes(raw)
            partial.rename(self._spool / f"{name}.eml")  # a reader sees it whole or not at all
        if self._on_delivery is not None:
            self._on_delivery(delivery)

    def sent_to(self, recipient: str) -> int:
        """How many messages this address got, copies included."""
        return sum(recipient in delivery.recipients for delivery in list(self.deliveries))

    def copies(self) -> Counter[str]:
        """How often each Message-ID was taken: above 1 is a copy."""
        return Counter(delivery.message_id for delivery in list(self.deliveries))

    def clear(self) -> None:
        """Forget messages and orders."""
        with self._lock:
            self.deliveries.clear()
            self._orders.clear()
            self.faults.clear()

    def __enter__(self) -> Self:
        if self._spool is not None:
            self._spool.mkdir(parents=True, exist_ok=True)
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._controller.stop()


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description="A mail server that delivers to a folder.")
    parser.add_argument("--port", type=int, default=2525)
    parser.add_argument("--spool", type=Path, required=True)
    arguments = parser.parse_args()
    asked = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: asked.set())
    with SmtpServer(arguments.port, spool=arguments.spool):
        while not asked.is_set():
            time.sleep(0.2)


if __name__ == "__main__":
    main()
