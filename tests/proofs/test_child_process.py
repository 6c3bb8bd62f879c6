"""A child process of a proof: its environment, its signals, and its end with the process that started it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from config.devtools.processes import ROOT, wait_until
from tests.proofs.child_process import ChildProcess, run_module

CHILD = "tests.fakes.child"


def start(word: str, log: Path) -> ChildProcess:
    """Start a child and wait until it is ready."""
    with log.open("ab") as output:
        process = ChildProcess(CHILD, word, variables={}, output=output)
    assert wait_until(lambda: "ready" in log.read_text("utf-8"), seconds=30)
    return process


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_a_module_runs_to_its_end_with_these_variables_only() -> None:
    done = run_module(CHILD, "show", "a b", variables={"ONE": "é", "PYTHONUTF8": "1"})

    shown = json.loads(done.stdout)
    assert done.returncode == 7
    assert done.stderr == "an error line\n"
    assert shown["arguments"] == ["show", "a b"]
    assert shown["input"] == ""
    assert shown["variables"] == {"ONE": "é", "PYTHONUTF8": "1"} | (
        {"LC_CTYPE": shown["variables"]["LC_CTYPE"]} if "LC_CTYPE" in shown["variables"] else {}
    )


def test_a_descriptor_keeps_its_number() -> None:
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as output:
        process = ChildProcess(
            CHILD, "write", str(writing), variables={}, output=output, pass_fds=[writing]
        )
        code = process.wait(30)
    os.close(writing)

    assert code == 0
    assert os.read(reading, 16) == b"written"
    os.close(reading)


def test_it_leads_a_group_and_stops_when_it_is_asked(tmp_path: Path) -> None:
    process = start("wait", tmp_path / "log")

    assert os.getpgid(process.pid) == process.pid
    assert is_there(process.pid)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.stop()

    assert process.returncode == -signal.SIGTERM
    assert not is_there(process.pid)


def test_a_signal_reaches_its_group_and_nothing_once_it_has_ended(tmp_path: Path) -> None:
    process = start("ignore", tmp_path / "log")

    process.signal_group(signal.SIGTERM)
    assert is_there(process.pid)
    process.kill()
    process.signal_group(signal.SIGKILL)
    process.stop()

    assert process.returncode == -signal.SIGKILL


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    parent = (
        "import sys; from tests.proofs.child_process import ChildProcess\n"
        f"with open({str(log)!r}, 'ab') as log:\n"
        f"    child = ChildProcess({CHILD!r}, 'wait', variables={{}}, output=log)\n"
        "print(child.pid, flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", parent], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert wait_until(lambda: log.exists() and "ready" in log.read_text("utf-8"), seconds=30)
        process.kill()

    assert wait_until(lambda: not is_there(pid), seconds=30)
