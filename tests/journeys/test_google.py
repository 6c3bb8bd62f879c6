"""Google Agenda in a real browser: consent, a booking that arrives there, a move, a decision, a farewell.

The web, the slow worker and the double speak to each other as in production; nothing is delivered by hand.
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
from config import processes
from config.processes import Leashed
from tenants.accounts.models import Role
from tenants.models import Tenant
from tenants.outbox.actors import sweep
from tenants.schema import PUBLIC, Unit, inside
from tests.accounts import make_member
from tests.browser import faults_of
from tests.factories import Cabinet
from tests.fakes.google import Google, serving
from tests.journeys.conftest import _answers
from tests.journeys.test_dashboard import OWNER, sign_in

CONNECT = "connect.lib-rdv.localhost"
WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 320, "height": 700}
VIEWS: tuple[tuple[ViewportSize, Literal["light", "dark"]], ...] = (
    (NARROW, "light"),
    (WIDE, "dark"),
)
PATIENCE = 60
"""Seconds until what a worker does is seen, on a machine that has more to do."""


@dataclass(frozen=True)
class Everything:
    """The double, where it answers, and where the application does."""

    google: Google
    base: str
    port: int


@pytest.fixture(scope="module")
def everything(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Everything]:
    """The web and the slow worker, whose Google is the double, which knocks at the web."""
    port, logs = processes.free_port(), tmp_path_factory.mktemp("google")
    back = f"http://{CONNECT}:{port}/google/retour"
    with serving(Google(redirects=[back])) as double:
        environment = {
            "PUBLIC_PORT": str(port),
            "GOOGLE_CLIENT_ID": "fake-client",
            "GOOGLE_CLIENT_SECRET": "fake-secret",
            "GOOGLE_REDIRECT_URI": back,
            "GOOGLE_API_URL": f"{double.base}/",
            "GOOGLE_OAUTH_URL": f"{double.base}/",
            "GOOGLE_CONSENT_URL": f"{double.base}/o/oauth2/v2/auth",
            "GOOGLE_SIGNAL_URL": f"http://{CONNECT}:{port}/google/signal/",
            "GOOGLE_BACKOFF_SECONDS": "0.1",
        }
        web = processes.web(bind=f"127.0.0.1:{port}", workers=1)
        worker = processes.worker(queues=processes.SLOW_QUEUES)
        with (
            Leashed(web, environment=environment, output=logs / "web.log"),
            Leashed(worker, environment=environment, output=logs / "worker.log"),
        ):
            ready = processes.wait_until(lambda: _answers(port), seconds=PATIENCE)
            assert ready, (logs / "web.log").read_text("utf-8", "replace")[-3000:]
            yield Everything(double.google, double.base, port)


@pytest.fixture
def served(everything: Everything) -> int:
    """The port of the application."""
    return everything.port


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A browser of the practitioner."""
    made = browser.new_context(viewport=WIDE, locale="fr-FR", java_script_enabled=request.param)
    yield made
    made.close()


@dataclass
class Story:
    """The practitioner before the dashboard of their practice; what axe says of each page on the way."""

    page: Page
    site: str
    unit: Unit
    account: str
    faults: list[str]
    has_scripts: bool

    def look(self) -> None:
        """Ask the page for faults: narrow by day, wide at night."""
        if not self.has_scripts:
            return
        for size, scheme in VIEWS:
            self.page.set_viewport_size(size)
            # A colour on its way from one scheme to the other is neither's.
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            self.faults += faults_of(self.page, unfold=True)

    def wait_for(self, text: str, *, looks_again: bool = False) -> None:
        """Wait until the page says so by itself; without scripts, or when asked to, look again."""
        found = self.page.get_by_text(text).first
        if self.has_scripts and not looks_again:
            expect(found).to_be_visible(timeout=PATIENCE * 1000)
            return
        assert processes.wait_until(lambda: self._is_there(text), seconds=PATIENCE), text

    def _is_there(self, text: str) -> bool:
        beat()
        self.page.reload()
        return self.page.get_by_text(text).count() > 0


def beat() -> None:
    """Do what the clock does: who found another worker at work for the account is asked once more."""
    poll_all()
    sweep()


@pytest.fixture
def story(
    practice: Callable[[str], tuple[str, Unit, Cabinet]], context: BrowserContext, request: Any
) -> Iterator[Story]:
    """A practice whose owner has signed in; workers leave it alone before its schema goes."""
    name = f"google{uuid.uuid4().hex[:6]}"
    site, unit, cabinet = practice(name)
    with inside(unit):
        cabinet.practitioner.user = make_member(Role.OWNER, OWNER)
        cabinet.practitioner.save(update_fields=["user"])
    page = context.new_page()
    sign_in(page, site)
    has_scripts = "without" not in request.node.name
    yield Story(page, site, unit, f"{name}@exemple.fr", [], has_scripts=has_scripts)
    with inside(PUBLIC):
        ended = Tenant.objects.filter(schema_name=unit.schema)
        ended.update(state=Tenant.State.TERMINATED)
    assert processes.wait_until(lambda: is_at_rest(unit), seconds=PATIENCE)


def comes_true(happened: Callable[[], bool]) -> bool:
    """Whether it happens, while the clock beats."""

    def look() -> bool:
        beat()
        return happened()

    return processes.wait_until(look, seconds=PATIENCE)


def is_at_rest(unit: Unit) -> bool:
    """Whether no worker speaks for an account."""
    with inside(unit):
        return not GoogleAccount.objects.filter(lease__isnull=False).exists()


def connect(story: Story, everything: Everything) -> None:
    """Connect from the page, by the consent of the account."""
    everything.google.account(story.account)
    story.page.goto(f"{story.site}/espace/google/")
    story.look()
    story.page.get_by_role("button", name="Connecter Google Agenda").click()
    story.page.get_by_label(story.account).check()
    story.page.get_by_role("button", name="Autoriser").click()
    story.page.wait_for_url(f"{story.site}/espace/google/**")
    story.wait_for("Google Agenda est connecté.")


def listen(story: Story, everything: Everything) -> None:
    """Resynchronise; once the calendar has been read, Google knocks when it changes."""
    channels = everything.google.watch.channels

    def is_watched() -> bool:
        return any(one.account == story.account for one in list(channels.values()))

    story.page.get_by_role("button", name="Resynchroniser").click()
    assert comes_true(is_watched)


def book(browser: Browser, story: Story) -> Appointment:
    """Book as a patient does, at a person's pace."""
    context = browser.new_context(viewport=NARROW, locale="fr-FR")
    page = context.new_page()
    page.goto(story.site)
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
    with inside(story.unit):
        return Appointment.objects.exclude(status="held").get()


def events(story: Story, everything: Everything) -> list[dict[str, Any]]:
    """What stands in the calendar that lib-rdv has made."""
    own = [one for one in everything.google.calendars(story.account) if not one.is_primary]
    return everything.google.events(story.account, own[-1].id) if own else []


def move_there(story: Story, everything: Everything, held: Appointment, to: datetime) -> None:
    """Act as the practitioner in the agenda of the double."""
    account = everything.google.account(story.account)
    zone, page = account.zone, story.page
    on = held.starts_at.astimezone(zone).date()
    page.goto(f"{everything.base}/agenda/?compte={account.subject}&jour={on}")
    item = page.locator("li", has_text="RDV C. S.").first
    item.locator("[name=start]").fill(f"{to.astimezone(zone):%Y-%m-%dT%H:%M}")
    item.get_by_role("button", name="Déplacer").click()


def test_a_booking_stands_in_the_calendar_and_a_move_there_is_decided_here(
    story: Story, everything: Everything, browser: Browser
) -> None:
    page = story.page
    connect(story, everything)
    story.look()
    listen(story, everything)
    held = book(browser, story)
    assert comes_true(lambda: len(events(story, everything)) == 1)
    (event,) = events(story, everything)

    there = held.starts_at + timedelta(hours=1)
    move_there(story, everything, held, there)
    page.goto(f"{story.site}/espace/google/")
    story.wait_for("Déplacé dans Google Agenda.", looks_again=True)
    story.look()
    light = page.get_by_text("Tout fonctionne").count()
    page.get_by_role("button", name="Reprendre l’heure de Google").click()

    def is_moved() -> bool:
        with inside(story.unit):
            return Appointment.objects.get().starts_at == there

    assert comes_true(is_moved)
    page.goto(f"{story.site}/espace/rendez-vous/{held.ref}/")
    assert event["summary"] == "RDV C. S."
    assert "camille@example.org" not in str(event)
    assert light == 1
    assert page.get_by_text("Différent dans Google").count() == 0
    assert story.faults == []


def test_putting_it_back_moves_the_event_and_not_the_person(
    story: Story, everything: Everything, browser: Browser
) -> None:
    connect(story, everything)
    listen(story, everything)
    held = book(browser, story)
    assert comes_true(lambda: len(events(story, everything)) == 1)
    (before,) = events(story, everything)
    move_there(story, everything, held, held.starts_at + timedelta(hours=1))
    story.page.goto(f"{story.site}/espace/rendez-vous/{held.ref}/")
    story.wait_for("Différent dans Google", looks_again=True)
    story.look()
    story.page.get_by_role("link", name="Le jour").click()
    expect(story.page.get_by_text("Différent dans Google")).to_be_visible()
    story.look()
    story.page.go_back()

    story.page.get_by_role("link", name="Décider").click()
    story.page.get_by_role("button", name="Remettre comme dans lib-rdv").click()

    assert comes_true(lambda: events(story, everything)[0]["start"] == before["start"])
    with inside(story.unit):
        assert Appointment.objects.get().starts_at == held.starts_at
    assert story.faults == []


def test_leaving_ends_with_nothing_left_here_nor_there(
    story: Story, everything: Everything
) -> None:
    page = story.page
    connect(story, everything)
    assert comes_true(lambda: len(everything.google.calendars(story.account)) > 1)
    page.goto(f"{story.site}/espace/google/")
    page.get_by_role("link", name="Déconnecter Google Agenda").click()
    story.look()
    page.get_by_role("button", name="Déconnecter").click()
    refused = page.get_by_text("Choisissez ce que devient l’agenda.").count()
    story.look()
    page.get_by_label("Le supprimer").check()
    with page.expect_navigation():
        page.get_by_role("button", name="Déconnecter").click()
    story.wait_for("Connecter Google Agenda")

    with inside(story.unit):
        assert not GoogleAccount.objects.exists()
    assert [one.is_primary for one in everything.google.calendars(story.account)] == [True]
    assert everything.google.oauth.revoke_account(everything.google.account(story.account)) == 0
    assert refused > 0
    assert story.faults == []


def test_a_refusal_at_google_is_no_dead_end(story: Story, everything: Everything) -> None:
    page = story.page
    everything.google.account(story.account)
    page.goto(f"{story.site}/espace/google/")
    page.get_by_role("button", name="Connecter Google Agenda").click()
    page.get_by_role("button", name="Refuser").click()
    page.wait_for_url(f"{story.site}/espace/google/**")
    story.look()

    assert page.get_by_text("L’autorisation n’a pas été donnée chez Google.").count() == 1
    assert page.get_by_role("button", name="Connecter Google Agenda").count() == 1
    assert story.faults == []


def test_a_link_that_is_lost_is_made_again_from_the_days_page(
    story: Story, everything: Everything
) -> None:
    page = story.page
    connect(story, everything)
    with inside(story.unit):
        GoogleAccount.objects.update(state=GoogleAccount.State.RECONNECT)
    page.goto(f"{story.site}/espace/semaine/")
    beside = page.get_by_text("à reconnecter").count()
    story.look()
    page.goto(f"{story.site}/espace/")
    story.look()
    page.get_by_role("link", name="Reconnecter").click()
    story.look()
    page.get_by_role("button", name="Reconnecter Google Agenda").click()
    page.get_by_label(story.account).check()
    page.get_by_role("button", name="Autoriser").click()
    page.wait_for_url(f"{story.site}/espace/google/**")
    story.wait_for("Tout fonctionne")

    with inside(story.unit):
        assert GoogleAccount.objects.get().state == GoogleAccount.State.CONNECTED
    assert beside == 1
    assert story.faults == []
