"""gunicorn's worker with threads, which receives a request whole before it takes a thread for it.

gunicorn's own reads the head and the body in the thread: eight clients that send a byte now and then hold eight
threads for as long as they like, and a client that does not close its connection holds the loop that accepts the
others for two seconds. Here the loop receives all requests at once, each up to a length and until an absolute
deadline, and a thread gets bytes that are in memory (ADR 64). Connections end with the response: ``keepalive``
is 0.
"""

import errno
import selectors
import socket
import time
from contextlib import suppress
from functools import partial
from typing import Any, Final

from gunicorn import http
from gunicorn.workers.gthread import TConn, ThreadWorker

from config.request_body import MOST_BYTES, TOO_LONG, TOO_SLOW, most_bytes
from config.serving import answer

HEAD_SECONDS: Final = 10.0
BODY_SECONDS: Final = 20.0
PICTURE_SECONDS: Final = 90.0
"""How long a head, the body of a form and a body with a picture may take to arrive, in all."""
LINGER_SECONDS: Final = 2.0
"""How long a client may take to close the connection after the response."""
SERVED_SECONDS: Final = 60.0
"""How long a thread works for a connection, reading of the response included; it is then shut down."""
MOST_HEAD_BYTES: Final = 32 * 1024
MOST_WAITING: Final = 400
"""The connections of a process without a thread; one more ends the oldest, because an honest client is done in
milliseconds and a slow one is the oldest."""
MOST_PICTURES: Final = 4
"""The pictures that a process receives at once: each takes up to 12 MB of memory."""
MOST_PICTURES_SERVED: Final = 2
"""The pictures that have a thread of a process at once: of all processes one is encoded and one waits, so that a
further one would be refused there after its page is drawn, which takes longer than this answer."""
_RECEIVE: Final = 64 * 1024
_HEAD_END: Final = b"\r\n\r\n"
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_SLOW: Final = (408, "Request Timeout", TOO_SLOW)
_LONG: Final = (413, "Content Too Large", TOO_LONG)
_NO_LENGTH: Final = (411, "Length Required", "Envoi refusé : sa longueur n’est pas annoncée.")
_HEAD_TOO_LONG: Final = (
    431,
    "Request Header Fields Too Large",
    "Demande refusée : adresse trop longue.",
)
_BUSY: Final = (
    503,
    "Service Unavailable",
    "Trop d’images arrivent en même temps. Réessayez dans une minute.",
)
Refusal = tuple[int, str, str]


class Arrival:
    """A request that is being received: its bytes, and when it must be whole (seconds of the monotonic clock)."""

    def __init__(self, conn: Any, *, now: float) -> None:
        self.conn = conn
        self.ends_at = now + HEAD_SECONDS
        self.received = bytearray()
        self.length: int | None = None  # of head and body, once the head is known
        self.is_picture = False
        self.is_closing = False
        self.refusal: Refusal | None = None

    @property
    def is_whole(self) -> bool:
        """Return whether a thread can serve it without waiting for its client."""
        return self.length is not None and len(self.received) >= self.length

    def add(self, data: bytes, *, now: float) -> None:
        """Add received bytes; ``refusal`` is set when the request must not be served."""
        before = len(self.received)
        self.received += data
        if self.length is not None:
            return
        end = self.received.find(_HEAD_END, max(0, before - 3))
        if end < 0:
            if len(self.received) > MOST_HEAD_BYTES:
                self.refusal = _HEAD_TOO_LONG
            return
        self._read_head(end + len(_HEAD_END), now=now)

    def _read_head(self, end: int, *, now: float) -> None:
        try:
            request = next(
                http.get_parser(self.conn.cfg, iter([bytes(self.received[:end])]), self.conn.client)
            )
        except Exception:  # noqa: BLE001  # whatever is wrong: the thread parses again and answers it
            self.length = end
            return
        length = getattr(request.body.reader, "length", None)
        if length is None:
            self.refusal = _NO_LENGTH
            return
        most = most_bytes(request.path)
        if length > most:
            self.refusal = _LONG
            return
        self.length = end + length
        self.is_picture = most > MOST_BYTES and length > MOST_BYTES
        self.ends_at = now + (PICTURE_SECONDS if self.is_picture else BODY_SECONDS)
        if not self.is_whole and ("EXPECT", "100-continue") in request.headers:
            with suppress(OSError):
                self.conn.sock.sendall(_CONTINUE)


class WholeRequestWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Receives requests in its loop and serves them in its threads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._waiting: dict[Any, Arrival] = {}
        self._served: dict[Any, float] = {}
        self._served_pictures: set[Any] = set()
        self._most_served = 0
        super().__init__(*args, **kwargs)

    @property
    def worker_connections(self) -> int:
        """The bound of ``nr_conns``: connections in a thread, as configured, and those without one."""
        return self._most_served + len(self._waiting)

    @worker_connections.setter
    def worker_connections(self, value: int) -> None:
        self._most_served = value

    def accept(self, listener: Any) -> None:
        """Accept a connection and begin to receive its request."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        conn = TConn(self.cfg, client, address, listener.getsockname())
        self._wait(Arrival(conn, now=time.monotonic()))
        if len(self._waiting) > MOST_WAITING:
            oldest = next(iter(self._waiting.values()))
            self._close(oldest)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Half-close the connection of a served request, and wait in the loop until its client closes it."""
        self._served.pop(conn, None)
        self._served_pictures.discard(conn)
        with suppress(Exception):
            fs.result()
        arrival = Arrival(conn, now=time.monotonic())
        conn.sock.settimeout(0)
        self._wait(arrival)
        self._half_close(arrival)

    def murder_pending(self) -> None:
        """End what is late; gunicorn calls it in each round of its loop."""
        now = time.monotonic()
        for arrival in [late for late in self._waiting.values() if late.ends_at <= now]:
            if arrival.is_closing:
                self._close(arrival)
            else:
                self._refuse(arrival, _SLOW)
        for conn in [conn for conn, since in self._served.items() if since + SERVED_SECONDS <= now]:
            with suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RDWR)

    def _wait(self, arrival: Arrival) -> None:
        self._waiting[arrival.conn] = arrival
        self.poller.register(
            arrival.conn.sock, selectors.EVENT_READ, partial(self._receive, arrival)
        )

    def _receive(self, arrival: Arrival, _sock: Any) -> None:
        if arrival.conn not in self._waiting:
            return  # ended by an event of the same round
        try:
            data = arrival.conn.sock.recv(_RECEIVE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._close(arrival)
        elif not arrival.is_closing:
            self._add(arrival, data)

    def _add(self, arrival: Arrival, data: bytes) -> None:
        is_known = arrival.length is not None
        arrival.add(data, now=time.monotonic())
        if not is_known and arrival.is_picture and self._pictures() > MOST_PICTURES:
            arrival.refusal = _BUSY
        if (
            arrival.is_whole
            and arrival.is_picture
            and len(self._served_pictures) >= MOST_PICTURES_SERVED
        ):
            arrival.refusal = _BUSY
        if arrival.refusal is not None:
            self._refuse(arrival, arrival.refusal)
        elif arrival.is_whole:
            self._serve(arrival)

    def _pictures(self) -> int:
        return sum(found.is_picture and not found.is_closing for found in self._waiting.values())

    def _serve(self, arrival: Arrival) -> None:
        conn = arrival.conn
        self._stop_waiting(arrival)
        # The parser reads these bytes and never the socket, so that it waits for nothing.
        conn.parser = http.get_parser(
            self.cfg, iter([bytes(arrival.received[: arrival.length])]), conn.client
        )
        conn.initialized = True
        self._served[conn] = time.monotonic()
        if arrival.is_picture:
            self._served_pictures.add(conn)
        self.enqueue_req(conn)

    def _refuse(self, arrival: Arrival, refusal: Refusal) -> None:
        with suppress(OSError):
            arrival.conn.sock.sendall(answer(*refusal))
        self._half_close(arrival)

    def _half_close(self, arrival: Arrival) -> None:
        """Say that nothing follows; what the client still sends is discarded, or it would lose the answer."""
        arrival.is_closing = True
        arrival.received = bytearray()
        arrival.ends_at = time.monotonic() + LINGER_SECONDS
        try:
            arrival.conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(arrival)

    def _close(self, arrival: Arrival) -> None:
        self._stop_waiting(arrival)
        self.nr_conns -= 1
        arrival.conn.close()

    def _stop_waiting(self, arrival: Arrival) -> None:
        del self._waiting[arrival.conn]
        with suppress(OSError, KeyError, ValueError):
            self.poller.unregister(arrival.conn.sock)
