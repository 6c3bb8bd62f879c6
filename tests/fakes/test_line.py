"""The line that can be cut, as a process of its own."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.devtools.processes import wait_until
from tests.fakes.line import REFUSED, SILENT, THROUGH, Running


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Running]:
    """A proxy to a server that answers each message with the message twice."""
    server = socket.create_server(("127.0.0.1", 0))

    def repeat() -> None:
        while True:
            try:
                visitor, _ = server.accept()
            except OSError:
                return
            with visitor:
                visitor.sendall(visitor.recv(64) * 2)

    threading.Thread(target=repeat, daemon=True).start()
    running = Running(server.getsockname()[1], tmp_path / "line.log")
    yield running
    running.close()
    server.close()


def output(line: Running) -> bytes:
    """What comes back over the line; nothing when it is cut before."""
    with socket.create_connection(("127.0.0.1", line.port), timeout=5) as caller:
        caller.sendall(b"oui")
        return caller.recv(64)


def test_it_passes_everything_on(line: Running) -> None:
    assert output(line) == b"ouioui"


def test_refused_nobody_listens_until_it_is_through_again(line: Running) -> None:
    line.change(REFUSED)
    with pytest.raises(ConnectionRefusedError):
        output(line)

    line.change(THROUGH)

    assert output(line) == b"ouioui"


def test_silent_it_answers_nothing_and_what_waited_is_cut(line: Running) -> None:
    line.change(SILENT)
    with socket.create_connection(("127.0.0.1", line.port), timeout=5) as caller:
        caller.sendall(b"oui")
        caller.settimeout(0.05)
        with pytest.raises(TimeoutError):
            caller.recv(64)
        caller.settimeout(5)
        line.change(THROUGH)
        assert caller.recv(64) == b""
    assert wait_until(lambda: output(line) == b"ouioui", seconds=5)


def test_it_knows_three_words_only(line: Running) -> None:
    with pytest.raises(RuntimeError, match="did not become"):
        line.change("upside down")
