"""A real browser before the served application: gunicorn on the database of the run.

Where no browser can be had these tests are skipped by name, with the reason; `.ci/run` then fails.
"""

import os
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from config.devtools import processes
from config.devtools.managed_process import ManagedProcess
from tenants.accounts.models import Role, User
from tenants.accounts.services.invitations import Invited, invite
from tenants.schema import Unit, inside
from tests.accounts import make_member
from tests.browser import FLAGS, find_browser
from tests.factories import Cabinet, make_appointment, make_practitioner
from tests.journeys.people import OWNER, SECRETARY

Practice = Callable[[str], tuple[str, Unit, Cabinet]]
SIZES: tuple[ViewportSize, ...] = ({"width": 390, "height": 844}, {"width": 1280, "height": 900})
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
def practice(committed_tenant: Callable[[str], Unit], served: int) -> Practice:
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


@pytest.fixture
def office(practice: Practice) -> tuple[str, Unit, Cabinet]:
    """A practice of two agendas, with an owner, a secretary, an invitation and an appointment."""
    address, unit, cabinet = practice(f"equipe{uuid.uuid4().hex[:6]}")
    now = datetime.now(UTC)
    with inside(unit):
        owner = make_member(Role.OWNER, OWNER)
        cabinet.practitioner.user = owner
        cabinet.practitioner.save(update_fields=["user"])
        make_practitioner("Hugo Fictif")
        make_member(Role.SECRETARY, SECRETARY, entrusted=[cabinet.practitioner.ref])
        User.objects.filter(email=SECRETARY).update(name="Nadia Témoin")
        invited = Invited(email="zoe@example.org", role=Role.PRACTITIONER, name="Zoé Autre")
        invite(invited=invited, invited_by=owner, actor="system", now=now)
        make_appointment(cabinet, now.replace(minute=0) + timedelta(days=3), now=now)
    return address, unit, cabinet


@pytest.fixture(params=SIZES, ids=["390", "1280"])
def new_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[[], Page]]:
    """A function that opens the browser of one person, on a phone and at a desk."""
    contexts = []

    def make() -> Page:
        context = browser.new_context(viewport=request.param, locale="fr-FR", bypass_csp=True)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


def _answers(port: int) -> bool:
    address = urlsplit(f"http://127.0.0.1:{port}/healthz")
    try:
        with urllib.request.urlopen(address.geturl(), timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
