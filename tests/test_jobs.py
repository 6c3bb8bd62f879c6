"""The jobs of `make check`, `make test` and `make guards`: all of them run, and one closing line sums them up."""

import json
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from config.devtools.processes import ROOT, wait_until
from tests import run
from tests.jobs import RESULT, Job, JobResult, run_jobs, summary
from tests.plugin import FOLDERS, OTHER, PARTS, UNIT, part_of
from tests.proofs.__main__ import names

CLOSING = re.compile(r"\d+ passed, \d+ failed(, \d+ skipped)?")


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def counted(name: str, code: int = 0, **counts: int) -> JobResult:
    return JobResult(Job(name, []), code, 1.0, "", counts=Counter(counts), parts={name: 1.0})


def test_the_closing_line_sums_up_all_jobs() -> None:
    text = summary([counted("first", passed=3), counted("second", 1, passed=2, failed=4)])

    assert text.splitlines()[-1] == "5 passed, 4 failed"


def test_the_closing_line_counts_skipped_tests() -> None:
    last = summary([counted("first", passed=3, skipped=2)]).splitlines()[-1]

    assert last == "3 passed, 0 failed, 2 skipped"
    assert CLOSING.fullmatch(last)


def test_an_exit_code_counts_as_a_failure_when_no_test_has_failed() -> None:
    last = summary([counted("first", 2, passed=3)]).splitlines()[-1]

    assert last == "3 passed, 1 failed"


def test_the_slowest_parts_of_all_jobs_are_listed() -> None:
    slow = JobResult(Job("slow", []), 0, 9.0, "", parts={f"part {n}": float(n) for n in range(12)})

    lines = summary([slow, counted("quick")]).splitlines()

    assert lines[0] == "The 10 slowest parts, of 67 s:"
    assert lines[1].endswith("part 11")
    assert len(lines) == 13


def test_the_figures_of_all_jobs_come_before_the_closing_line() -> None:
    first = JobResult(Job("b", []), 0, 1.0, "", figures={"test_b": ["12 bytes", "3 requests"]})
    second = JobResult(Job("a", []), 0, 1.0, "", figures={"test_a": ["2 clicks"]})

    lines = summary([first, second]).splitlines()

    assert lines[:6] == [
        "Figures:", "  test_a", "    2 clicks", "  test_b", "    12 bytes", "    3 requests",
    ]  # fmt: skip
    assert lines[-1] == "0 passed, 0 failed"


def test_jobs_run_and_their_results_are_read(tmp_path: Path) -> None:
    facts = {
        "counts": {"passed": 7, "failed": 0},
        "parts": {"a test": 0.5},
        "figures": {"a test": ["3 clicks"]},
    }
    write = f"import os; open(os.environ[{RESULT!r}], 'w').write({json.dumps(facts)!r})"
    jobs = [Job("counts", python(write)), Job("prints", python("print('hello')"))]

    results = {result.job.name: result for result in run_jobs(jobs, at_once=2, folder=tmp_path)}

    assert results["counts"].counts["passed"] == 7
    assert results["counts"].parts == {"a test": 0.5}
    assert results["counts"].figures == {"a test": ["3 clicks"]}
    assert results["prints"].figures == {}
    assert results["prints"].output == "hello\n"
    assert list(results["prints"].parts) == ["prints"]
    assert {result.code for result in results.values()} == {0}


def test_the_output_of_a_failed_job_is_shown_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = [
        Job("failing", python("print('what was wrong'); raise SystemExit(1)")),
        Job("passing", python("print('chatter')")),
    ]

    results = run_jobs(jobs, at_once=1, folder=tmp_path)

    shown = capsys.readouterr().out
    assert [result.code for result in results] == [1, 0]
    assert "what was wrong" in shown
    assert "failing: FAILED" in shown
    assert "passing: ok" in shown
    assert "chatter" not in shown


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_job_ends_with_the_run(signum: signal.Signals, tmp_path: Path) -> None:
    job = (
        "import os, pathlib, time; "
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid())); time.sleep(600)"
    )
    program = (
        "import sys; from pathlib import Path; from tests.jobs import Job, run_jobs; "
        f"run_jobs([Job('long', [sys.executable, '-c', {job!r}])], at_once=1,"
        f" folder=Path({str(tmp_path)!r}))"
    )
    process = subprocess.Popen(python(program), cwd=ROOT, stderr=subprocess.DEVNULL)
    pid = tmp_path / "pid"
    assert wait_until(lambda: pid.exists() and bool(pid.read_text()), seconds=30)

    process.send_signal(signum)
    process.wait(30)

    assert wait_until(lambda: not Path(f"/proc/{pid.read_text()}").exists(), seconds=30)


def test_jobs_compile_modules_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    job = Job("prints", python("import sys; print(sys.dont_write_bytecode)"))

    (result,) = run_jobs([job], at_once=1, folder=tmp_path)

    assert result.output.split() == ["False"]


def test_the_processor_time_of_a_job_includes_its_children(tmp_path: Path) -> None:
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(10**7))'])"

    (result,) = run_jobs([Job("works", python(child))], at_once=1, folder=tmp_path)

    assert result.cpu_seconds > 0.05


# --- The parts of the suite ---------------------------------------------------------------------------


def test_each_part_of_the_suite_has_its_job() -> None:
    jobs = [job for group in run.GROUPS.values() for job in group("")]
    parts = [job.command[-1] for job in jobs if "--part" in job.command]

    kinds = [f"{kind} {name}" for kind in ("proof", "guards") for name in names()]
    assert sorted(parts) == sorted([UNIT, *PARTS, *kinds])


def item(path: Path, *fixtures: str, **marks: str) -> Any:
    """A collected test."""
    return SimpleNamespace(
        path=path,
        fixturenames=fixtures,
        get_closest_marker=lambda name: (
            SimpleNamespace(args=[marks[name]]) if name in marks else None
        ),
    )


@pytest.mark.parametrize("folder", [*FOLDERS.values(), ROOT / "tests" / "tenants"])
def test_a_test_without_servers_is_a_unit_test_wherever_it_lies(folder: Path) -> None:
    assert part_of(item(folder / "test_a.py", "tmp_path")) == UNIT


def test_a_test_with_servers_belongs_to_the_narrowest_folder() -> None:
    journeys = FOLDERS["journeys"]

    assert part_of(item(journeys / "test_site.py", "services")) == "journeys"
    assert part_of(item(journeys / "test_patient.py", "services")) == "journeys of patients"
    assert part_of(item(FOLDERS["pages"] / "test_a.py", "services")) == "pages"
    assert part_of(item(ROOT / "tests" / "tenants" / "test_a.py", "services")) == OTHER


def test_proofs_and_guards_are_parts_of_their_own() -> None:
    path = ROOT / "tests" / "proofs" / "test_proofs.py"

    assert part_of(item(path, "services", proof="race")) == "proof race"
    assert part_of(item(path, "services", guards="race")) == "guards race"


# --- The groups ---------------------------------------------------------------------------------------


def test_a_group_starts_only_when_the_one_before_has_passed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    groups = {
        "check": lambda _seed: [Job("passes", python("")), Job("fails", python("1/0"))],
        "tests": lambda _seed: [Job("never", python(""))],
    }
    monkeypatch.setattr(run, "GROUPS", groups)

    code = run.run_groups(["check", "tests"])

    shown = capsys.readouterr().out
    assert code == 1
    assert "passes: ok" in shown
    assert "never" not in shown
    assert shown.splitlines()[-1] == "0 passed, 1 failed"
