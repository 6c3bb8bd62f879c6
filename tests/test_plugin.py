"""The figures of a test are shown at the end of the run, and written to the result of its job."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.plugin import (
    FIGURE,
    RESULT_PATH,
    Figures,
    figures_of,
    pytest_terminal_summary,
    pytest_unconfigure,
)


class Reporter:
    """A terminal that remembers what was written."""

    def __init__(self, **stats: list[pytest.TestReport]) -> None:
        self.stats: dict[str, list[pytest.TestReport]] = stats
        self.written: list[str] = []

    def section(self, title: str) -> None:
        self.written.append(f"== {title} ==")

    def write_line(self, line: str) -> None:
        self.written.append(line)


def report(name: str, when: Any, *kept: tuple[str, object]) -> pytest.TestReport:
    return pytest.TestReport(
        name, ("test.py", 1, name), {}, "passed", None, when, user_properties=kept
    )


def test_a_line_is_kept_once_whatever_phases_repeat_it() -> None:
    kept = (FIGURE, "3 clicks")
    phases = [report("one", "setup"), report("one", "call", kept), report("one", "teardown", kept)]

    assert figures_of(phases) == {"one": ["3 clicks"]}


def test_other_properties_and_tests_without_figures_are_left_out() -> None:
    assert figures_of([report("one", "call", ("colour", "blue")), "no report of a test"]) == {}


def test_the_fixture_keeps_lines_in_their_order(
    figures: Figures, request: pytest.FixtureRequest
) -> None:
    figures("one")
    figures("two")

    kept = list(request.node.user_properties)
    request.node.user_properties.clear()  # nothing was measured here
    assert kept == [(FIGURE, "one"), (FIGURE, "two")]


def test_figures_are_shown_when_the_run_ends() -> None:
    reporter = Reporter(
        passed=[report("two", "call", (FIGURE, "12 bytes"), (FIGURE, "0 cookies"))],
        failed=[report("one", "call", (FIGURE, "99 bytes"))],
    )

    pytest_terminal_summary(reporter)

    assert reporter.written == [
        "== figures ==", "one", "  99 bytes", "two", "  12 bytes", "  0 cookies",
    ]  # fmt: skip


def test_without_figures_nothing_is_shown() -> None:
    reporter = Reporter(passed=[report("one", "call")])

    pytest_terminal_summary(reporter)

    assert reporter.written == []


def test_figures_are_written_to_the_result_with_the_counts(tmp_path: Path) -> None:
    reporter = Reporter(passed=[report("one", "call", (FIGURE, "12 bytes"))])
    config: Any = SimpleNamespace(
        pluginmanager=SimpleNamespace(get_plugin=lambda _name: reporter), stash=pytest.Stash()
    )
    config.stash[RESULT_PATH] = str(tmp_path / "result.json")

    pytest_unconfigure(config)

    facts = json.loads((tmp_path / "result.json").read_text("utf-8"))
    assert facts["figures"] == {"one": ["12 bytes"]}
    assert facts["counts"] == {"passed": 1, "skipped": 0, "failed": 0}
