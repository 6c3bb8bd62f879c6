"""The parts of `make test`: all are run, what one says is shown, the closing line adds them up."""

import json
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from config.processes import ROOT, wait_until
from tests.lanes import RESULT, Lane, Outcome, run_lanes, summary
from tests.plugin import FOLDERS, ORDINARY
from tests.proofs.__main__ import names
from tests.run import lanes

CLOSING = re.compile(r"\d+ passed, \d+ failed(, \d+ skipped)?")


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def counted(name: str, code: int = 0, **counts: int) -> Outcome:
    return Outcome(Lane(name, []), code, 1.0, "", counts=Counter(counts), parts={name: 1.0})


def test_the_closing_line_adds_up_all_lanes() -> None:
    text = summary([counted("one", passed=3), counted("two", 1, passed=2, failed=4)])

    assert text.splitlines()[-1] == "5 passed, 4 failed"


def test_what_was_skipped_is_told() -> None:
    last = summary([counted("one", passed=3, skipped=2)]).splitlines()[-1]

    assert last == "3 passed, 0 failed, 2 skipped"
    assert CLOSING.fullmatch(last)


def test_a_lane_that_ended_badly_has_failed_even_when_no_test_has() -> None:
    assert summary([counted("one", 2, passed=3)]).splitlines()[-1] == "3 passed, 1 failed"


def test_the_slowest_parts_of_all_lanes_are_listed() -> None:
    slow = Outcome(Lane("slow", []), 0, 9.0, "", parts={f"part {n}": float(n) for n in range(12)})

    lines = summary([slow, counted("quick")]).splitlines()

    assert lines[0] == "The 10 slowest parts, of 67 s:"
    assert lines[1].endswith("part 11")
    assert len(lines) == 13


def test_the_figures_of_all_lanes_stand_before_the_closing_line() -> None:
    weighed = Outcome(Lane("b", []), 0, 1.0, "", figures={"test_b": ["12 bytes", "3 requests"]})
    counted_too = Outcome(Lane("a", []), 0, 1.0, "", figures={"test_a": ["2 clicks"]})

    lines = summary([weighed, counted_too]).splitlines()

    assert lines[:6] == [
        "Figures:", "  test_a", "    2 clicks", "  test_b", "    12 bytes", "    3 requests",
    ]  # fmt: skip
    assert lines[-1] == "0 passed, 0 failed"


def test_lanes_run_and_what_they_counted_is_read(tmp_path: Path) -> None:
    facts = {
        "counts": {"passed": 7, "failed": 0},
        "parts": {"a test": 0.5},
        "figures": {"a test": ["3 clicks"]},
    }
    leave = f"import os; open(os.environ[{RESULT!r}], 'w').write({json.dumps(facts)!r})"
    wanted = [Lane("counts", python(leave)), Lane("says", python("print('hello')"))]

    outcomes = {one.lane.name: one for one in run_lanes(wanted, at_once=2, folder=tmp_path)}

    assert outcomes["counts"].counts["passed"] == 7
    assert outcomes["counts"].parts == {"a test": 0.5}
    assert outcomes["counts"].figures == {"a test": ["3 clicks"]}
    assert outcomes["says"].figures == {}
    assert outcomes["says"].said == "hello\n"
    assert list(outcomes["says"].parts) == ["says"]
    assert {one.code for one in outcomes.values()} == {0}


def test_a_red_lane_says_all_it_has_said_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = [
        Lane("red", python("print('what was wrong'); raise SystemExit(1)")),
        Lane("green", python("print('chatter')")),
    ]

    outcomes = run_lanes(wanted, at_once=1, folder=tmp_path)

    shown = capsys.readouterr().out
    assert [one.code for one in outcomes] == [1, 0]
    assert "what was wrong" in shown
    assert "red: FAILED" in shown
    assert "green: ok" in shown
    assert "chatter" not in shown


def test_a_red_check_ends_the_others(tmp_path: Path) -> None:
    wanted = [
        Lane("long", python("import time; time.sleep(600)")),
        Lane("check", python("raise SystemExit(1)"), is_check=True),
        Lane("never", python("open('started', 'w')")),
    ]

    outcomes = run_lanes(wanted, at_once=2, folder=tmp_path)

    assert [one.lane.name for one in outcomes] == ["check"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_it_ends_no_lane_is_left(how: signal.Signals, tmp_path: Path) -> None:
    lane = (
        "import os, pathlib, time; "
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid())); time.sleep(600)"
    )
    program = (
        "import sys; from pathlib import Path; from tests.lanes import Lane, run_lanes; "
        f"run_lanes([Lane('long', [sys.executable, '-c', {lane!r}])], at_once=1,"
        f" folder=Path({str(tmp_path)!r}))"
    )
    process = subprocess.Popen(python(program), cwd=ROOT, stderr=subprocess.DEVNULL)
    pid = tmp_path / "pid"
    assert wait_until(lambda: pid.exists() and bool(pid.read_text()), seconds=30)

    process.send_signal(how)
    process.wait(30)

    assert wait_until(lambda: not Path(f"/proc/{pid.read_text()}").exists(), seconds=30)


def test_each_part_of_the_suite_has_its_lane() -> None:
    parts = [one.command[-1] for one in lanes("") if "--part" in one.command]

    assert sorted(parts) == sorted([*names(), *FOLDERS, ORDINARY])


def test_lanes_keep_what_they_have_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    says = Lane("says", python("import sys; print(sys.dont_write_bytecode)"))

    (outcome,) = run_lanes([says], at_once=1, folder=tmp_path)

    assert outcome.said.split() == ["False"]


def test_a_lane_says_what_it_took_of_the_processor(tmp_path: Path) -> None:
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(10**7))'])"

    (outcome,) = run_lanes([Lane("works", python(child))], at_once=1, folder=tmp_path)

    assert outcome.cpu_seconds > 0.05
