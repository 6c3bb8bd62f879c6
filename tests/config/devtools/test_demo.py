"""The demonstration starts from an empty folder, keeps its data after a kill and leaves no process."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.devtools import processes
from config.devtools.processes import ROOT, wait_until

# These tests run servers of their own: they are no unit tests.
pytestmark = pytest.mark.usefixtures("services")

START_SECONDS = 150
# Variables of the test run must not reach the demonstration.
OF_THE_RUN = (
    "OWNER_DATABASE_URL",
    "DATABASE_URL",
    "REDIS_URL",
    "LIBRDV_TESTING",
    "GOOGLE_CLIENT_ID",
)


def environment(folder: Path, port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in OF_THE_RUN}
    return {**kept, "DEMO_FOLDER": str(folder), "DEMO_PORT": str(port)}


@contextlib.contextmanager
def demo(folder: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    output = folder.with_suffix(".out")
    with output.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "config.devtools.demo", "--with-parent"],
            cwd=ROOT,
            env=environment(folder, port),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(60)


def is_ready(folder: Path) -> bool:
    return "Ctrl-C stops everything" in folder.with_suffix(".out").read_text("utf-8")


def family(pid: int) -> set[int]:
    """Return the ids of a process and of all its descendants."""
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in listing.stdout.splitlines()]
    parents = {int(child): int(parent) for child, parent in rows}
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def alive(pids: set[int]) -> set[int]:
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,stat="], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in listing.stdout.splitlines()]
    return {int(pid) for pid, state in rows if not state.startswith("Z")} & pids


def page(port: int, host: str) -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Host": host})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(answer.read().decode())


def appointment_types(shown: str) -> set[str]:
    """Return the refs of the appointment types on a page; they are random per practice."""
    return set(re.findall(r"motif=([0-9a-f]{32})", shown))


def test_a_killed_demonstration_leaves_no_process_and_starts_again_with_its_data(
    tmp_path: Path,
) -> None:
    folder, port = tmp_path / "demo", processes.free_port()
    host = f"maite.lib-rdv.localhost:{port}"

    with demo(folder, port) as first:
        assert wait_until(lambda: is_ready(folder), seconds=START_SECONDS)
        agenda = re.search(r"http://\S+/agenda/", folder.with_suffix(".out").read_text("utf-8"))
        assert agenda is not None
        with urllib.request.urlopen(agenda[0], timeout=20) as answer:
            assert "maite@exemple.fr" in answer.read().decode()
        offered = appointment_types(page(port, host))
        started = family(first.pid)
        first.kill()
        assert wait_until(lambda: not alive(started), seconds=40)
    folder.with_suffix(".out").write_text("")

    with demo(folder, port) as second:
        assert wait_until(lambda: is_ready(folder), seconds=START_SECONDS)
        assert appointment_types(page(port, host)) == offered
        started = family(second.pid)
        second.send_signal(signal.SIGINT)
        assert second.wait(60) == 0
        assert wait_until(lambda: not alive(started), seconds=20)
    assert len(offered) == 3
    assert len(started) > 10
    assert processes.is_free(port)


def test_a_taken_port_is_reported_with_a_solution(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        folder = tmp_path / "demo"

        with demo(folder, port) as refused:
            assert refused.wait(30) == 1

        output = folder.with_suffix(".out").read_text("utf-8")
    assert f"Port {port} is taken" in output
    assert f"DEMO_PORT={port + 1} make demo" in output
    assert not (folder / "postgres").exists()


@pytest.mark.parametrize("text", ["80", "eight", "70000", ""])
def test_an_invalid_port_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "config.devtools.demo"]
    refused = subprocess.run(
        command,
        cwd=ROOT,
        env={**environment(tmp_path, 1), "DEMO_PORT": text},
        capture_output=True,
        text=True,
        check=False,
    )

    assert refused.returncode == 1
    assert "DEMO_PORT is a number" in refused.stderr
