"""The socket: threads on one port of the loopback, and their end."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from typing import Any

from tests.fakes.google.handler import Handler
from tests.fakes.google.state import Google


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._links: set[socket.socket] = set()
        self._guard = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._links.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._links.discard(request)
        super().shutdown_request(request)

    def cut_links(self) -> None:
        """Close the connections that are kept alive, so that their clients notice the end of the server."""
        with self._guard:
            for link in self._links:
                with suppress(OSError):
                    link.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client killed in the middle of a request is what the proofs do."""


@dataclass(frozen=True)
class Served:
    """Where the fake server listens."""

    google: Google
    port: int

    @property
    def base(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(google: Google, port: int = 0) -> Iterator[Served]:
    """Serve `google` from threads while the block runs; then connections are cut."""
    handler = type("OfOne", (Handler,), {"google": google})
    server = _Server(("127.0.0.1", port), handler)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    google.watch.start()
    try:
        yield Served(google, int(server.server_address[1]))
    finally:
        server.shutdown()
        server.cut_links()
        server.server_close()
        thread.join()
        google.watch.close()
