"""Google Agenda in a real browser: consent, a booking that reaches it, a move, a decision, a disconnection.

Web server, slow worker and fake server communicate as in production; the test delivers nothing itself.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from booking.actors import poll_all
from booking.models import Appointment, GoogleAccount
from config.devtools import processes
from config.devtools.managed_process import ManagedProcess
from tenants.accounts.models import Role
from tenants.models import Tenant
from tenants.outbox.actors import sweep
from tenants.schema import PUBLIC, Unit, inside
from tests.accounts import make_member
from tests.browser import faults_of
from tests.factories import Cabinet
from tests.fakes.google import Google, serving
from tests.journeys.conftest import _answers
from tests.journeys.people import OWNER, sign_in

CONNECT = "connect.lib-rdv.localhost"
WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 320, "height": 700}
VIEWS: tuple[tuple[ViewportSize, Literal["light", "dark"]], ...] = (
    (NARROW, "light"),
    (WIDE, "dark"),
)
PATIENCE = 60
"""Seconds until the work of a worker is visible, on a busy machine."""


@dataclass(frozen=True)
class RunningApplication:
    """The fake server with its base address, and the port of the application."""

    google: Google
    base: str
    port: int


@pytest.fixture(scope="module")
def running(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningApplication]:
    """The web server and the slow worker, with the fake server, which sends notifications to the web server."""
    port, logs = processes.free_port(), tmp_path_factory.mktemp("google")
    back = f"http://{CONNECT}:{port}/google/retour"
    with serving(Google(redirects=[back])) as served:
        environment = {
            "PUBLIC_PORT": str(port),
            "GOOGLE_CLIENT_ID": "fake-client",
            "GOOGLE_CLIENT_SECRET": "fake-secret",
            "GOOGLE_REDIRECT_URI": back,
            "GOOGLE_API_URL": f"{served.base}/",
            "GOOGLE_OAUTH_URL": f"{served.base}/",
            "GOOGLE_CONSENT_URL": f"{served.base}/o/oauth2/v2/auth",
            "GOOGLE_SIGNAL_URL": f"http://{CONNECT}:{port}/google/signal/",
            "GOOGLE_BACKOFF_SECONDS": "0.1",
        }
        web = processes.web(bind=f"127.0.0.1:{port}", workers=1)
        worker = processes.worker(queues=processes.SLOW_QUEUES)
        with (
            ManagedProcess(web, environment=environment, output=logs / "web.log"),
            ManagedProcess(worker, environment=environment, output=logs / "worker.log"),
        ):
            ready = processes.wait_until(lambda: _answers(port), seconds=PATIENCE)
            assert ready, (logs / "web.log").read_text("utf-8", "replace")[-3000:]
            yield RunningApplication(served.google, served.base, port)


@pytest.fixture
def served(running: RunningApplication) -> int:
    """The port of the application."""
    return running.port


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """The browser context of the practitioner."""
    made = browser.new_context(viewport=WIDE, locale="fr-FR", java_script_enabled=request.param)
    yield made
    made.close()


@dataclass
class OwnerSession:
    """The practitioner's browser page with the dashboard, and the faults that axe finds on the pages."""

    page: Page
    site: str
    unit: Unit
    account: str
    faults: list[str]
    has_scripts: bool

    def check_accessibility(self) -> None:
        """Collect accessibility faults of the page: narrow in the light scheme, wide in the dark one."""
        if not self.has_scripts:
            return
        for size, scheme in VIEWS:
            self.page.set_viewport_size(size)
            # During a transition a colour belongs to neither scheme.
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            self.faults += faults_of(self.page, unfold=True)

    def wait_for(self, text: str, *, reloads: bool = False) -> None:
        """Wait until the page shows the text; without scripts, or with ``reloads``, reload it meanwhile."""
        found = self.page.get_by_text(text).first
        if self.has_scripts and not reloads:
            expect(found).to_be_visible(timeout=PATIENCE * 1000)
            return
        assert processes.wait_until(lambda: self._is_there(text), seconds=PATIENCE), text

    def _is_there(self, text: str) -> bool:
        beat()
        self.page.reload()
        return self.page.get_by_text(text).count() > 0


def beat() -> None:
    """Run the periodic tasks: a poll that found the account leased is enqueued again."""
    poll_all()
    sweep()


@pytest.fixture
def session(
    practice: Callable[[str], tuple[str, Unit, Cabinet]], context: BrowserContext, request: Any
) -> Iterator[OwnerSession]:
    """A practice whose owner has signed in; the schema is dropped only when no worker uses it."""
    name = f"google{uuid.uuid4().hex[:6]}"
    site, unit, cabinet = practice(name)
    with inside(unit):
        cabinet.practitioner.user = make_member(Role.OWNER, OWNER)
        cabinet.practitioner.save(update_fields=["user"])
    page = context.new_page()
    sign_in(page, site)
    has_scripts = "without" not in request.node.name
    yield OwnerSession(page, site, unit, f"{name}@exemple.fr", [], has_scripts=has_scripts)
    with inside(PUBLIC):
        ended = Tenant.objects.filter(schema_name=unit.schema)
        ended.update(state=Tenant.State.TERMINATED)
    assert processes.wait_until(lambda: is_at_rest(unit), seconds=PATIENCE)


def comes_true(happened: Callable[[], bool]) -> bool:
    """Return whether the condition becomes true while the periodic tasks run."""

    def check_accessibility() -> bool:
        beat()
        return happened()

    return processes.wait_until(check_accessibility, seconds=PATIENCE)


def is_at_rest(unit: Unit) -> bool:
    """Return whether no worker has a lease of an account."""
    with inside(unit):
        return not GoogleAccount.objects.filter(lease__isnull=False).exists()


def connect(session: OwnerSession, running: RunningApplication) -> None:
    """Connect the account from the page, with its consent."""
    running.google.account(session.account)
    session.page.goto(f"{session.site}/espace/google/")
    session.check_accessibility()
    session.page.get_by_role("button", name="Connecter Google Agenda").click()
    session.page.get_by_label(session.account).check()
    session.page.get_by_role("button", name="Autoriser").click()
    session.page.wait_for_url(f"{session.site}/espace/google/**")
    session.wait_for("Google Agenda est connecté.")


def listen(session: OwnerSession, running: RunningApplication) -> None:
    """Resynchronise and wait for the push channel: from then on Google sends notifications."""
    channels = running.google.watch.channels

    def is_watched() -> bool:
        return any(channel.account == session.account for channel in list(channels.values()))

    session.page.get_by_role("button", name="Resynchroniser").click()
    assert comes_true(is_watched)


def book(browser: Browser, session: OwnerSession) -> Appointment:
    """Book as a patient does, at the typing speed of a person."""
    context = browser.new_context(viewport=NARROW, locale="fr-FR")
    page = context.new_page()
    page.goto(session.site)
    page.get_by_role("button", name="Choisir ce créneau").click()
    for name, text in (
        ("first_name", "Camille"),
        ("last_name", "Spécimen"),
        ("phone", "06 39 98 01 04"),
        ("email", "camille@example.org"),
    ):
        page.locator(f"[name={name}]").press_sequentially(text, delay=80)
    page.get_by_role("button", name="Confirmer le rendez-vous").click()
    expect(page.locator("h1")).to_have_text("C'est noté, Camille.")
    context.close()
    with inside(session.unit):
        return Appointment.objects.exclude(status="held").get()


def events(session: OwnerSession, running: RunningApplication) -> list[dict[str, Any]]:
    """Return the events of the calendar that lib-rdv has created."""
    own = [
        calendar
        for calendar in running.google.calendars(session.account)
        if not calendar.is_primary
    ]
    return running.google.events(session.account, own[-1].id) if own else []


def move_there(
    session: OwnerSession, running: RunningApplication, appointment: Appointment, to: datetime
) -> None:
    """Move the event as the practitioner does, on the agenda page of the fake server."""
    account = running.google.account(session.account)
    zone, page = account.zone, session.page
    on = appointment.starts_at.astimezone(zone).date()
    page.goto(f"{running.base}/agenda/?compte={account.subject}&jour={on}")
    item = page.locator("li", has_text="RDV C. S.").first
    item.locator("[name=start]").fill(f"{to.astimezone(zone):%Y-%m-%dT%H:%M}")
    item.get_by_role("button", name="Déplacer").click()


def test_a_booking_reaches_the_calendar_and_a_move_there_is_decided_here(
    session: OwnerSession, running: RunningApplication, browser: Browser
) -> None:
    page = session.page
    connect(session, running)
    session.check_accessibility()
    listen(session, running)
    appointment = book(browser, session)
    assert comes_true(lambda: len(events(session, running)) == 1)
    (event,) = events(session, running)

    there = appointment.starts_at + timedelta(hours=1)
    move_there(session, running, appointment, there)
    page.goto(f"{session.site}/espace/google/")
    session.wait_for("Déplacé dans Google Agenda.", reloads=True)
    session.check_accessibility()
    status = page.get_by_text("Tout fonctionne").count()
    page.get_by_role("button", name="Reprendre l’heure de Google").click()

    def is_moved() -> bool:
        with inside(session.unit):
            return Appointment.objects.get().starts_at == there

    assert comes_true(is_moved)
    page.goto(f"{session.site}/espace/rendez-vous/{appointment.ref}/")
    assert event["summary"] == "RDV C. S."
    assert "camille@example.org" not in str(event)
    assert status == 1
    assert page.get_by_text("Différent dans Google").count() == 0
    assert session.faults == []


def test_putting_it_back_moves_the_event_and_not_the_person(
    session: OwnerSession, running: RunningApplication, browser: Browser
) -> None:
    connect(session, running)
    listen(session, running)
    appointment = book(browser, session)
    assert comes_true(lambda: len(events(session, running)) == 1)
    (before,) = events(session, running)
    move_there(session, running, appointment, appointment.starts_at + timedelta(hours=1))
    session.page.goto(f"{session.site}/espace/rendez-vous/{appointment.ref}/")
    session.wait_for("Différent dans Google", reloads=True)
    session.check_accessibility()
    session.page.get_by_role("link", name="Le jour").click()
    expect(session.page.get_by_text("Différent dans Google")).to_be_visible()
    session.check_accessibility()
    session.page.go_back()

    session.page.get_by_role("link", name="Décider").click()
    session.page.get_by_role("button", name="Remettre comme dans lib-rdv").click()

    assert comes_true(lambda: events(session, running)[0]["start"] == before["start"])
    with inside(session.unit):
        assert Appointment.objects.get().starts_at == appointment.starts_at
    assert session.faults == []


def test_a_disconnection_deletes_everything_here_and_at_google(
    session: OwnerSession, running: RunningApplication
) -> None:
    page = session.page
    connect(session, running)
    assert comes_true(lambda: len(running.google.calendars(session.account)) > 1)
    page.goto(f"{session.site}/espace/google/")
    page.get_by_role("link", name="Déconnecter Google Agenda").click()
    session.check_accessibility()
    page.get_by_role("button", name="Déconnecter").click()
    refused = page.get_by_text("Choisissez ce que devient l’agenda.").count()
    session.check_accessibility()
    page.get_by_label("Le supprimer").check()
    with page.expect_navigation():
        page.get_by_role("button", name="Déconnecter").click()
    session.wait_for("Connecter Google Agenda")

    with inside(session.unit):
        assert not GoogleAccount.objects.exists()
    assert [calendar.is_primary for calendar in running.google.calendars(session.account)] == [True]
    assert running.google.oauth.revoke_account(running.google.account(session.account)) == 0
    assert refused > 0
    assert session.faults == []


def test_a_refusal_at_google_is_no_dead_end(
    session: OwnerSession, running: RunningApplication
) -> None:
    page = session.page
    running.google.account(session.account)
    page.goto(f"{session.site}/espace/google/")
    page.get_by_role("button", name="Connecter Google Agenda").click()
    page.get_by_role("button", name="Refuser").click()
    page.wait_for_url(f"{session.site}/espace/google/**")
    session.check_accessibility()

    assert page.get_by_text("L’autorisation n’a pas été donnée chez Google.").count() == 1
    assert page.get_by_role("button", name="Connecter Google Agenda").count() == 1
    assert session.faults == []


def test_a_link_that_is_lost_is_made_again_from_the_days_page(
    session: OwnerSession, running: RunningApplication
) -> None:
    page = session.page
    connect(session, running)
    with inside(session.unit):
        GoogleAccount.objects.update(state=GoogleAccount.LinkState.RECONNECT)
    page.goto(f"{session.site}/espace/semaine/")
    beside = page.get_by_text("à reconnecter").count()
    session.check_accessibility()
    page.goto(f"{session.site}/espace/")
    session.check_accessibility()
    page.get_by_role("link", name="Reconnecter").click()
    session.check_accessibility()
    page.get_by_role("button", name="Reconnecter Google Agenda").click()
    page.get_by_label(session.account).check()
    page.get_by_role("button", name="Autoriser").click()
    page.wait_for_url(f"{session.site}/espace/google/**")
    session.wait_for("Tout fonctionne")

    with inside(session.unit):
        assert GoogleAccount.objects.get().state == GoogleAccount.LinkState.CONNECTED
    assert beside == 1
    assert session.faults == []
