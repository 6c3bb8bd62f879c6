"""A request takes a thread when it is whole: a slow or long one delays nobody and ends by itself."""

import contextlib
import selectors
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.workers.gthread import TConn

from config import web_worker
from config.devtools import processes
from config.devtools.managed_process import ManagedProcess
from config.request_body import MOST_BYTES, MOST_PICTURE_BYTES, PICTURE_PATH
from config.web_worker import Arrival

APEX = "lib-rdv.localhost"
FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def port(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Serve with two threads in all, and with deadlines of two seconds."""
    found = processes.free_port()
    command = processes.web(bind=f"127.0.0.1:{found}", workers=1, threads=2)
    command[command.index("config/gunicorn.py")] = "tests/config/quick_gunicorn.py"
    log = tmp_path_factory.mktemp("worker") / "web.log"
    with ManagedProcess(command, environment={}, output=log):
        assert processes.wait_until(lambda: processes.answers(found), seconds=60), Path(
            log
        ).read_text()
        quick_page(found)  # the first page takes longer
        yield found


def connect(port: int) -> socket.socket:
    """Return a connection of a client that waits ten seconds at most."""
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def read_all(client: socket.socket) -> bytes:
    """Read until the server ends the connection."""
    parts = []
    while part := client.recv(65536):
        parts.append(part)
    return b"".join(parts)


def request(port: int, text: str) -> bytes:
    """Send a request and return the whole answer."""
    with connect(port) as client:
        client.sendall(text.encode())
        return read_all(client)


def quick_page(port: int) -> float:
    """Return how many seconds a page takes; it must be found."""
    started = time.monotonic()
    assert request(port, f"GET / HTTP/1.1\r\nHost: {APEX}\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    return time.monotonic() - started


@pytest.mark.parametrize(
    "begun",
    [
        "",
        f"GET / HTTP/1.1\r\nHost: {APEX}\r\n",
        f"POST /connexion/ HTTP/1.1\r\nHost: {APEX}\r\n{FORM}\r\nContent-Length: 60000\r\n\r\n" + "x" * 50,
        f"POST {PICTURE_PATH}photo/ HTTP/1.1\r\nHost: {APEX}\r\nContent-Length: 200000\r\n\r\n" + "x" * 70_000,
    ],
    ids=["nothing", "head", "form", "picture"],
)  # fmt: skip
def test_slow_senders_hold_no_thread_and_get_408(port: int, begun: str) -> None:
    """Eight clients that stop in the middle of a request delay no page, and get 408 at the deadline."""
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connect(port)) for _ in range(8)]
        for client in slow:
            client.sendall(begun.encode())
        took = max(quick_page(port) for _ in range(4))
        answers = [read_all(client) for client in slow]

    assert took < 1.8  # less than the deadline of the slow ones
    refused = b"HTTP/1.1 503 " if PICTURE_PATH in begun else b"HTTP/1.1 408 "
    assert {answer[:13] for answer in answers} <= {b"HTTP/1.1 408 ", refused}
    assert all(
        "réessayez" in found.lower() or "recommencez" in found
        for found in map(bytes.decode, answers)
    )


def test_a_body_that_never_pauses_still_ends_at_the_deadline(port: int) -> None:
    """The deadline is that of the whole body: a byte now and then does not move it."""
    with connect(port) as client:
        client.sendall(f"POST / HTTP/1.1\r\nHost: {APEX}\r\nContent-Length: 60000\r\n\r\n".encode())
        started = time.monotonic()
        client.settimeout(0.05)
        answer = b""
        while not answer and time.monotonic() < started + 10:
            client.sendall(b"x")
            with contextlib.suppress(TimeoutError):
                answer = client.recv(65536)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - started < 6


def test_clients_that_do_not_close_hold_neither_a_thread_nor_the_loop(port: int) -> None:
    """A client that has its answer and keeps its end open delays nobody."""
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            client = stack.enter_context(connect(port))
            client.sendall(f"GET / HTTP/1.1\r\nHost: {APEX}\r\n\r\n".encode())
        took = max(quick_page(port) for _ in range(4))

    assert took < 1.8  # gunicorn's own worker waits two seconds for each of them, in its loop


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (f"Content-Length: {MOST_BYTES + 1}", b"413"),
        (f"Content-Length: {10**30}", b"413"),
        ("Transfer-Encoding: chunked", b"411"),
        ("X-Long: " + "x" * 40_000, b"431"),
        ("Content-Length: x", b"400"),
        ("Content-Length: 3\r\nContent-Length: 4", b"400"),
    ],
)
def test_what_is_too_long_is_refused_at_once(port: int, lines: str, status: bytes) -> None:
    """The announced length is enough: no byte of the body is waited for."""
    answer = request(port, f"POST / HTTP/1.1\r\nHost: {APEX}\r\n{lines}\r\n\r\n")

    assert answer.split(b" ", 2)[1] == status
    assert b"\r\nConnection: close\r\n" in answer


def test_a_body_in_pieces_arrives_whole(port: int) -> None:
    """A form that comes in several pieces is served as one that comes at once."""
    body = "login=personne%40example.org&password=" + "x" * 30_000
    lines = f"Host: {APEX}\r\n{FORM}\r\nExpect: 100-continue\r\nContent-Length: {len(body)}"
    head = f"POST / HTTP/1.1\r\n{lines}\r\n\r\n"
    with connect(port) as client:
        client.sendall(head[:20].encode())
        client.sendall(head[20:].encode())
        assert client.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        for start in range(0, len(body), 7_000):
            client.sendall(body[start : start + 7_000].encode())
        answer = read_all(client)

    assert b"HTTP/1.1 40" in answer  # the page takes no POST: the application has answered
    assert answer.count(b"HTTP/1.1 408") == 0


def arrival() -> Arrival:
    """Return a request of which nothing has arrived, at the second 0."""
    conn: Any = SimpleNamespace(cfg=Config(), client=("127.0.0.1", 1), sock=None)
    return Arrival(conn, now=0)


def test_a_picture_may_be_longer_and_take_longer() -> None:
    """Only the page of pictures takes more than a form's length."""
    small, large = arrival(), arrival()
    head = "POST {} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n"

    small.add(head.format("/espace/", MOST_BYTES).encode(), now=1)
    large.add(head.format(f"{PICTURE_PATH}photo/", MOST_PICTURE_BYTES).encode(), now=1)

    assert (small.refusal, large.refusal) == (None, None)
    assert small.ends_at == 1 + web_worker.BODY_SECONDS
    assert large.ends_at == 1 + web_worker.PICTURE_SECONDS
    assert (small.is_picture, large.is_picture) == (False, True)


def picture_request() -> bytes:
    """Return a whole request with a picture of 100 kB."""
    head = f"POST {PICTURE_PATH}photo/ HTTP/1.1\r\nHost: {APEX}\r\nContent-Length: 100000\r\n\r\n"
    return head.encode() + b"x" * 100_000


def test_a_flood_of_pictures_keeps_threads_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """A third picture is refused before it takes a thread, and a place is free again after an answer."""
    worker = web_worker.WholeRequestWorker.__new__(web_worker.WholeRequestWorker)
    worker.cfg, worker.nr_conns, worker.poller = Config(), 0, selectors.DefaultSelector()
    worker._waiting, worker._served, worker._served_pictures = {}, {}, set()
    monkeypatch.setattr(worker, "enqueue_req", lambda conn: None)
    ends = [socket.socketpair() for _ in range(4)]
    conns = [
        TConn(Config(), server, ("127.0.0.1", 1), ("127.0.0.1", 2)) for server, _client in ends
    ]

    def send(number: int) -> None:
        arrival = Arrival(conns[number], now=0)
        worker._wait(arrival)
        worker._add(arrival, picture_request())

    for number in range(3):
        send(number)
    assert list(worker._served) == conns[:2]
    assert ends[2][1].recv(100).startswith(b"HTTP/1.1 503 ")

    worker.finish_request(conns[0], SimpleNamespace(result=lambda: None))
    send(3)
    assert list(worker._served) == [conns[1], conns[3]]
    for server, client in ends:
        server.close()
        client.close()


def test_a_request_is_whole_with_its_last_byte() -> None:
    """Byte for byte, nothing is served before it is complete."""
    text = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    found = arrival()
    for number, byte in enumerate(text, 1):
        found.add(bytes([byte]), now=0)
        assert found.is_whole == (number == len(text))
