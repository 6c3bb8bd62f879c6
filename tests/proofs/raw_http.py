"""An HTTP client that sends exactly the given bytes: any Host line, any request line, any cookie."""

import http.client
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlencode

T = TypeVar("T")
R = TypeVar("R")
CSRF = "A" * 32
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class RawAnswer:
    """An answer as it was received."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def text(self) -> str:
        """Head and body, in lower case."""
        head = "\n".join(f"{name}: {value}" for name, value in self.headers)
        return f"{head}\n{self.body.decode(errors='replace')}".lower()

    def all(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass
class RawRequest:
    """One request; ``hosts`` are the values of its Host lines, as many as are to be sent."""

    method: str
    target: str
    hosts: tuple[bytes, ...]
    headers: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] | None = None


class RawHttpClient:
    """Connections to one port of the loopback: each thread has its own and keeps it."""

    def __init__(self, port: int, *, timeout: float = 20) -> None:
        self.port, self.timeout = port, timeout
        self._local = threading.local()
        self._numbers = iter(range(1 << 20, 200 << 16))
        self._lock = threading.Lock()

    def network(self) -> str:
        """Return an address of a network that no request has come from: rate limits count by network."""
        with self._lock:
            number = next(self._numbers)
        return f"{11 + (number >> 16)}.{(number >> 8) & 255}.{number & 255}.7"

    def send(self, request: RawRequest) -> RawAnswer:
        """Send one request; when the server has closed the connection, send it again on a new one."""
        try:
            return self._send(request)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self._disconnect()
            return self._send(request)

    def _send(self, request: RawRequest) -> RawAnswer:
        connection = self._connection()
        try:
            connection.putrequest(
                request.method, request.target, skip_host=True, skip_accept_encoding=True
            )
            for host in request.hosts:
                connection.putheader("Host", host)
            body = urlencode(request.form).encode() if request.form is not None else b""
            if request.form is not None:
                connection.putheader("Content-Type", FORM)
                connection.putheader("Content-Length", str(len(body)))
            for name, value in request.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            response = connection.getresponse()
            answer = RawAnswer(response.status, tuple(response.getheaders()), response.read())
        except BaseException:
            self._disconnect()
            raise
        if response.will_close:
            self._disconnect()
        return answer

    def _connection(self) -> http.client.HTTPConnection:
        found: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if found is None:
            found = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
            self._local.connection = found
        return found

    def _disconnect(self) -> None:
        found = getattr(self._local, "connection", None)
        if found is not None:
            found.close()
        self._local.connection = None


def in_parallel(work: Callable[[T], R], items: Sequence[T], pool: ThreadPoolExecutor) -> list[R]:
    """Run ``work`` over ``items`` in the pool's threads, in eight chunks; return the results in order."""
    size = max(1, len(items) // 8)
    chunks = [items[start : start + size] for start in range(0, len(items), size)]

    def run(chunk: Iterable[T]) -> list[R]:
        return [work(item) for item in chunk]

    return [result for part in pool.map(run, chunks) for result in part]
