"""A real browser before the served application: gunicorn on the database of the run.

Where no browser can be had these tests are skipped by name, with the reason; `.ci/run` then fails.
"""

import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, sync_playwright

from config.devtools import processes
from config.devtools.managed_process import ManagedProcess
from tenants.schema import Unit, inside
from tests.browser import FLAGS, find_browser
from tests.factories import Cabinet

HOST = "{name}.lib-rdv.localhost"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a browser."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium of the run."""
    # Playwright keeps a loop on this thread; Django would take it for an asynchronous caller.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    try:
        with sync_playwright() as playwright:
            path = find_browser(playwright)
            if path is None:
                pytest.skip(
                    "no browser: none in $CHROMIUM, /usr/bin/chromium or Playwright's download"
                )
            launched = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
            yield launched
            launched.close()
    finally:
        os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)


@pytest.fixture(scope="session")
def served(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the application, served as in production by gunicorn; one worker is enough."""
    port = processes.free_port()
    log = tmp_path_factory.mktemp("journeys") / "web.log"
    environment = {"PUBLIC_PORT": str(port)}
    command = processes.web(bind=f"127.0.0.1:{port}", workers=1)
    with ManagedProcess(command, environment=environment, output=log):
        ready = processes.wait_until(lambda: _answers(port), seconds=30)
        assert ready, log.read_text("utf-8", "replace")[-3000:]
        yield port


@pytest.fixture
def practice(
    committed_tenant: Callable[[str], Unit], served: int
) -> Callable[[str], tuple[str, Unit, Cabinet]]:
    """Return a function that opens a practice: its address, its unit, its rows."""

    def make(name: str) -> tuple[str, Unit, Cabinet]:
        unit = committed_tenant(name)
        with inside(unit):
            cabinet = Cabinet(
                about="Je reçois seule, sur rendez-vous.", payment_text="Carte, chèque."
            )
            cabinet.type.instructions = "Tenue souple conseillée."
            cabinet.type.save(update_fields=["instructions"])
        return f"http://{HOST.format(name=name)}:{served}", unit, cabinet

    return make


def _answers(port: int) -> bool:
    address = urlsplit(f"http://127.0.0.1:{port}/healthz")
    try:
        with urllib.request.urlopen(address.geturl(), timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
