"""A receiver of push notifications, for tests that only want to see them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """What came in: the headers of each POST, names in lower case."""

    address: str = ""
    status: int = 204
    received: list[dict[str, str]] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Quiet."""

    def do_POST(self) -> None:
        self.receiver.received.append({key.lower(): value for key, value in self.headers.items()})
        self.send_response(self.receiver.status)
        self.end_headers()


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Listen while the block runs."""
    receiver = Receiver()
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Handler", (_Handler,), {"receiver": receiver})
    )
    receiver.address = f"http://connect.lib-rdv.localhost:{server.server_address[1]}/google/avis"
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
