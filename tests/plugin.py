"""Starts PostgreSQL and Redis for a test run, before pytest-django reads the settings.

It also takes one part of the suite (`--part`), leaves what it counted to `make test`, shows the figures that
tests have measured, and fails a run in CI that skipped a browser test.
"""

import contextlib
import json
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from config import embedded
from tests.lanes import RESULT

# How long an example takes says something of the machine, nothing of the code.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

Figures = Callable[[str], None]
FIGURE = "figure"
"""The property of a test under which a line that it has measured is kept."""
SERVICES = pytest.StashKey[embedded.Services]()
LEAVE_AT = pytest.StashKey[str]()
"""Where `make test` wants to read what was counted; no child of the run sees it."""
TESTS = Path(__file__).resolve().parent
FOLDERS = {
    "journeys": TESTS / "journeys",
    "journeys of patients": TESTS / "journeys" / "test_patient.py",
    "journeys with Google": TESTS / "journeys" / "test_google.py",
    "views": TESTS / "booking" / "views",
    "booking": TESTS / "booking",
}
"""The parts of the suite that are a folder or a file; of two that hold a test the narrower has it."""
ORDINARY = "ordinary"
"""What belongs to no folder of those and to no proof."""
PROOFS_FILE = TESTS / "proofs" / "test_proofs.py"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make test` run the suite in parts: together they are all of it, and no test is in two."""
    parser.addoption(
        "--part", default="", help=f"a proof's name, {', '.join(FOLDERS)} or {ORDINARY}"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of the part that was asked for."""
    part = config.getoption("--part")
    if not part:
        return
    others = [item for item in items if _part_of(item) != part]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if _part_of(item) == part]


def _part_of(item: pytest.Item) -> str:
    holding = [part for part, place in FOLDERS.items() if item.path.is_relative_to(place)]
    if holding:
        return max(holding, key=lambda part: len(FOLDERS[part].parts))
    mark = item.get_closest_marker("proof") if item.path == PROOFS_FILE else None
    return str(mark.args[0]) if mark else ORDINARY


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Start the services and name them in the environment; they end with the session.

    A wrapper, because only a wrapper runs before pytest-django's own hook.
    """
    stack = contextlib.ExitStack()
    early_config.add_cleanup(stack.close)
    early_config.stash[LEAVE_AT] = os.environ.pop(RESULT, "")
    if early_config.stash[LEAVE_AT]:
        # The leash of a lane says SIGTERM: end as after Ctrl-C, in order.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        services = stack.enter_context(embedded.services())
    except embedded.Unavailable as error:
        raise pytest.UsageError(str(error)) from error
    os.environ.update(services.environment(), LIBRDV_TESTING="1")
    early_config.stash[SERVICES] = services
    return (yield)


@pytest.fixture(scope="session")
def services(pytestconfig: pytest.Config) -> embedded.Services:
    """The running services, for tests that stop and start them."""
    return pytestconfig.stash[SERVICES]


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Figures:
    """Return what keeps a line of figures for the end of the run: what a green test prints nobody sees."""
    return lambda line: record_property(FIGURE, line)


def figures_of(reports: Iterable[object]) -> dict[str, list[str]]:
    """Return the lines that tests have kept, by test; each phase repeats them, so one phase is read."""
    kept: dict[str, list[str]] = {}
    for report in reports:
        if isinstance(report, pytest.TestReport) and report.when == "call":
            lines = [str(line) for name, line in report.user_properties if name == FIGURE]
            if lines:
                kept[report.nodeid] = lines
    return dict(sorted(kept.items()))


def _reports(reporter: Any) -> list[object]:
    return [report for reports in reporter.stats.values() for report in reports]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show the figures of this run."""
    found = figures_of(_reports(terminalreporter))
    if found:
        terminalreporter.section("figures")
    for name, lines in found.items():
        terminalreporter.write_line(name)
        for line in lines:
            terminalreporter.write_line(f"  {line}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a browser was installed: a browser test that was skipped is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None:
        return
    skipped = [
        report.nodeid
        for report in reporter.stats.get("skipped", [])
        if "browser" in report.keywords
    ]
    if skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line("")
        reporter.write_line(f"Browser tests were skipped: {', '.join(skipped)}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave counts, figures, and the seconds of fixtures and tests, where `make test` has asked for them."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    leave_at = config.stash.get(LEAVE_AT, "")
    if not leave_at or reporter is None:
        return
    parts: dict[str, float] = {}
    reports = _reports(reporter)
    for report in reports:
        if isinstance(report, pytest.TestReport):
            name = f"{report.nodeid} ({report.when})"
            parts[name] = parts.get(name, 0) + report.duration
    counts = {kind: len(reporter.stats.get(kind, ())) for kind in ("passed", "skipped")}
    counts["failed"] = len(reporter.stats.get("failed", ())) + len(reporter.stats.get("error", ()))
    facts = {"counts": counts, "parts": parts, "figures": figures_of(reports)}
    Path(leave_at).write_text(json.dumps(facts), "utf-8")
