"""What is born of the nursery is a process like another, and ends with its caller."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from config.processes import ROOT, Leashed, wait_until
from tests.fakes.newborn import EXIT_CODE
from tests.proofs import nursery
from tests.proofs.nursery import Born

NEWBORN = "tests.fakes.newborn"


pytestmark = pytest.mark.usefixtures("nursed")


def start(word: str, log: Path) -> Born:
    """Start a newborn and wait until it is up."""
    with log.open("ab") as output:
        process = nursery.born(NEWBORN, word, environment={}, output=output)
    assert wait_until(lambda: "up" in log.read_text("utf-8"), seconds=30)
    return process


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_it_has_its_own_environment_and_nothing_of_the_nursery() -> None:
    done = nursery.run(NEWBORN, "show", "a b", environment={"ONE": "é"})

    said = json.loads(done.stdout)
    assert done.returncode == EXIT_CODE
    assert done.stderr == "aside\n"
    assert said["arguments"] == ["show", "a b"]
    assert said["environment"] == {"ONE": "é"}
    assert said["input"] == ""
    assert said["leads"]
    assert said["descriptors"] == 4  # its three, and the one that counts them


def test_it_knows_libraries_and_nothing_of_ours() -> None:
    said = json.loads(nursery.run(NEWBORN, "show", environment={}).stdout)

    assert said["libraries"]
    assert said["ours"] == []


def test_it_finds_a_descriptor_under_its_number() -> None:
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as output:
        process = nursery.born(
            NEWBORN, "write", str(writing), environment={}, output=output, keep=[writing]
        )
        code = process.wait(30)
    os.close(writing)

    assert code == 0
    assert os.read(reading, 16) == b"told"
    os.close(reading)


def test_it_ends_when_it_is_asked(tmp_path: Path) -> None:
    process = start("wait", tmp_path / "log")

    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.close()

    assert process.returncode == -signal.SIGTERM
    assert not is_there(process.pid)


def test_one_that_will_not_end_is_struck(tmp_path: Path) -> None:
    process = start("stay", tmp_path / "log")

    process.strike(signal.SIGTERM)
    assert process.poll() is None
    process.strike(signal.SIGKILL)

    assert process.wait(30) == -signal.SIGKILL
    process.strike(signal.SIGKILL)  # of one that has ended nothing is struck
    process.close()


def test_it_ends_with_its_caller(tmp_path: Path) -> None:
    log = tmp_path / "log"
    caller = (
        "import pathlib, sys; from tests.proofs import nursery\n"
        f"with open({str(log)!r}, 'ab') as log:\n"
        f"    born = nursery.born({NEWBORN!r}, 'wait', environment={{}}, output=log)\n"
        "print(born.pid, flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", caller], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert wait_until(lambda: log.exists() and "up" in log.read_text("utf-8"), seconds=30)
        process.kill()

    assert wait_until(lambda: not is_there(pid), seconds=30)


def test_it_ends_with_the_nursery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = tmp_path / "socket"
    with Leashed([sys.executable, "-m", "tests.proofs.nursery", str(address)]):
        assert wait_until(address.exists, seconds=60)
        monkeypatch.setenv(nursery.ADDRESS, str(address))
        process = start("wait", tmp_path / "log")

    assert not is_there(process.pid)
    assert process.wait(30) < 0
