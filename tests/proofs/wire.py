"""A client that says exactly what it is told: any Host line, any request line, any cookie."""

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
class Answer:
    """What came back; ``text`` is everything that could carry a word: head and body, in lower case."""

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
class Ask:
    """One request. ``hosts`` are the Host lines, in bytes as they go out."""

    method: str
    target: str
    hosts: tuple[bytes, ...]
    headers: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] | None = None


class Wire:
    """Connections to one port, one per thread, kept as long as the server does."""

    def __init__(self, port: int, *, timeout: float = 20) -> None:
        self.port, self.timeout = port, timeout
        self._local = threading.local()
        self._numbers = iter(range(1 << 20, 200 << 16))
        self._lock = threading.Lock()

    def network(self) -> str:
        """Return an address of a network that nobody has used before: limits count by network."""
        with self._lock:
            number = next(self._numbers)
        return f"{11 + (number >> 16)}.{(number >> 8) & 255}.{number & 255}.7"

    def send(self, ask: Ask) -> Answer:
        """Send one request, again on a new connection when the kept one was closed meanwhile."""
        try:
            return self._send(ask)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self._drop()
            return self._send(ask)

    def _send(self, ask: Ask) -> Answer:
        connection = self._connection()
        try:
            connection.putrequest(ask.method, ask.target, skip_host=True, skip_accept_encoding=True)
            for host in ask.hosts:
                connection.putheader("Host", host)
            body = urlencode(ask.form).encode() if ask.form is not None else b""
            if ask.form is not None:
                connection.putheader("Content-Type", FORM)
                connection.putheader("Content-Length", str(len(body)))
            for name, value in ask.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            response = connection.getresponse()
            answer = Answer(response.status, tuple(response.getheaders()), response.read())
        except BaseException:
            self._drop()
            raise
        if response.will_close:
            self._drop()
        return answer

    def _connection(self) -> http.client.HTTPConnection:
        found: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if found is None:
            found = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
            self._local.connection = found
        return found

    def _drop(self) -> None:
        found = getattr(self._local, "connection", None)
        if found is not None:
            found.close()
        self._local.connection = None


def in_parallel(work: Callable[[T], R], items: Sequence[T], pool: ThreadPoolExecutor) -> list[R]:
    """Run ``work`` over ``items`` in the pool's threads, a few chunks each, in order."""
    size = max(1, len(items) // 8)
    chunks = [items[start : start + size] for start in range(0, len(items), size)]

    def run(chunk: Iterable[T]) -> list[R]:
        return [work(item) for item in chunk]

    return [result for part in pool.map(run, chunks) for result in part]
