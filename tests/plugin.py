"""Starts PostgreSQL and Redis for a test run, and cuts the suite into parts for `tests.run`.

`--part` selects one part of the suite: `unit` (the tests without servers), one of `PARTS`, `proof NAME` or
`guards NAME`. A test needs servers when it takes the fixture `services`, directly or by another fixture; for the
part `unit` no server is started, and what reaches for one fails. The plugin also writes counts, durations and
figures to a file for `tests.jobs`, shows the figures, and fails a run in CI that has skipped a browser test.
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

from config.devtools import embedded
from tests.jobs import RESULT

# How long an example takes depends on the machine: it is no failure.
hypothesis.settings.register_profile("project", deadline=None)
hypothesis.settings.load_profile("project")

Figures = Callable[[str], None]
FIGURE = "figure"
"""The property of a test that contains a line of its figures."""
SERVICES = pytest.StashKey[embedded.Services]()
RESULT_PATH = pytest.StashKey[str]()
"""The file that `tests.jobs` reads; child processes of the run do not see it."""
TESTS = Path(__file__).resolve().parent
UNIT = "unit"
OTHER = "other tests"
"""The tests with servers that lie in no folder of FOLDERS and belong to no proof."""
FOLDERS = {
    "journeys": TESTS / "journeys",
    "journeys of patients": TESTS / "journeys" / "test_patient.py",
    "journeys with Google": TESTS / "journeys" / "test_google.py",
    "pages": TESTS / "booking" / "web",
    "booking": TESTS / "booking",
}
"""Folders and files whose tests with servers are a part; of two that contain a test, the narrower counts."""
PARTS = (*FOLDERS, OTHER)
NO_SERVERS = {
    "OWNER_DATABASE_URL": "",
    "DATABASE_URL": "postgresql://none@/none?host=/nonexistent",
    "REDIS_URL": "unix:///nonexistent/redis.sock?db=0",
}
"""Addresses at which no server answers: a unit test that needs one fails."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--part`: each test is in exactly one part."""
    parts = ", ".join((UNIT, *PARTS, "proof NAME", "guards NAME"))
    parser.addoption("--part", default="", help=f"run one part of the suite: {parts}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests of the other parts."""
    part = config.getoption("--part")
    if not part:
        return
    others = [item for item in items if part_of(item) != part]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if part_of(item) == part]


def part_of(item: pytest.Item) -> str:
    """Return the part that a test belongs to."""
    if "services" not in getattr(item, "fixturenames", ()):
        return UNIT
    for kind in ("proof", "guards"):
        mark = item.get_closest_marker(kind)
        if mark is not None:
            return f"{kind} {mark.args[0]}"
    folders = [part for part, place in FOLDERS.items() if item.path.is_relative_to(place)]
    return max(folders, key=lambda part: len(FOLDERS[part].parts), default=OTHER)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> Iterator[None]:
    """Start the services and write their addresses into the environment; they end with the session.

    Only a wrapper runs before the hook of pytest-django, which reads the settings.
    """
    stack = contextlib.ExitStack()
    early_config.add_cleanup(stack.close)
    early_config.stash[RESULT_PATH] = os.environ.pop(RESULT, "")
    if early_config.stash[RESULT_PATH]:
        # `tests.jobs` ends a job by SIGTERM: stop as after Ctrl-C, in order.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.environ["LIBRDV_TESTING"] = "1"
    if early_config.known_args_namespace.part == UNIT:
        os.environ.update(NO_SERVERS)
        return (yield)
    try:
        services = stack.enter_context(embedded.services())
    except embedded.ServicesUnavailable as error:
        raise pytest.UsageError(str(error)) from error
    os.environ.update(services.environment())
    early_config.stash[SERVICES] = services
    return (yield)


@pytest.fixture(scope="session")
def services(pytestconfig: pytest.Config) -> embedded.Services:
    """The running services; a test that uses PostgreSQL or Redis takes this fixture, or one that does."""
    return pytestconfig.stash[SERVICES]


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Figures:
    """Return a function that keeps a line of figures: it is shown at the end, although the test passes."""
    return lambda line: record_property(FIGURE, line)


def figures_of(reports: Iterable[object]) -> dict[str, list[str]]:
    """Return the figures by test; each phase of a test repeats them, so only one phase is read."""
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
    """In CI, where a browser is installed, a skipped browser test is a failure."""
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
    """Write counts, figures and the seconds of fixtures and tests to the file of `tests.jobs`."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    path = config.stash.get(RESULT_PATH, "")
    if not path or reporter is None:
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
    Path(path).write_text(json.dumps(facts), "utf-8")
