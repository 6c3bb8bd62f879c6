"""A metric that cannot be written ends no process and no request."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config.devtools.processes import ROOT
from tenants import metrics

COUNT = "from tenants import metrics; metrics.ERASED.inc(); metrics.REFUSED.labels('host').inc(); print('counted')"


def count(directory: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COUNT],
        check=False,
        cwd=ROOT,
        env=dict(os.environ) | {"METRICS_DIR": str(directory)},
        capture_output=True,
        text=True,
    )


def test_a_directory_that_is_missing_is_made(tmp_path: Path) -> None:
    done = count(tmp_path / "run" / "metrics")

    assert done.stdout == "counted\n", done.stderr
    assert (tmp_path / "run" / "metrics" / "counter_0.db").exists()


def test_a_directory_that_cannot_be_made_ends_no_command(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert count(tmp_path / "file" / "metrics").stdout == "counted\n"


def test_a_file_that_cannot_be_opened_ends_no_command(tmp_path: Path) -> None:
    (tmp_path / "counter_0.db").mkdir()

    done = count(tmp_path)

    assert done.stdout.endswith("counted\n"), done.stderr


def test_a_slot_of_another_user_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that ran once as root left a slot that the service's user may not open."""
    opened = os.open

    def refuse(path: Any, *arguments: Any) -> int:
        if str(path).endswith("slot-0.lock"):
            raise PermissionError
        return opened(path, *arguments)

    monkeypatch.setattr(metrics, "_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(os, "open", refuse)
    number, descriptor = metrics._take_slot()
    os.close(descriptor)

    assert number == "1"


class Failing:
    """A value whose file is full."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        return

    def inc(self, amount: float) -> None:
        raise OSError("no space left on device")

    def set(self, value: float, timestamp: float | None = None) -> None:
        raise OSError("no space left on device")

    def get(self) -> float:
        raise OSError("no space left on device")


def test_a_count_that_cannot_be_written_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    value = metrics.forgiving(Failing)("counter", "m", "m", (), (), "")
    value.inc(1)
    value.set(2)

    assert value.get() == 0.0
    assert capsys.readouterr().err.count("metric_lost") == 3
