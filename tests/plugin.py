"""Starts PostgreSQL and Redis for a test run, before pytest-django reads the settings.

It also lists the slowest parts of `make test`, and fails a run in CI that skipped a browser test.
"""

import contextlib
import json
import os
from collections.abc import Iterator

import hypothesis
import pytest

from config import embedded

# How long an example takes says something of the machine, nothing of the code.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

SERVICES = pytest.StashKey[embedded.Services]()
PARTS_SHOWN = 10


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Start the services and name them in the environment; they end with the session.

    A wrapper, because only a wrapper runs before pytest-django's own hook.
    """
    stack = contextlib.ExitStack()
    early_config.add_cleanup(stack.close)
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the ten slowest parts of `make test`: checks, fixtures and tests."""
    if "LIBRDV_PARTS" not in os.environ:
        return
    parts: dict[str, float] = json.loads(os.environ["LIBRDV_PARTS"])
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                name = f"{report.nodeid} ({report.when})"
                parts[name] = parts.get(name, 0) + report.duration
    terminalreporter.section(f"the {PARTS_SHOWN} slowest parts, of {sum(parts.values()):.0f} s")
    slowest = sorted(parts.items(), key=lambda part: part[1], reverse=True)
    for name, seconds in slowest[:PARTS_SHOWN]:
        terminalreporter.write_line(f"{seconds:7.1f} s  {name}")


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
