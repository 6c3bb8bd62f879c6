"""The first day in a real browser: from the link of the invitation to a bookable slot, timed."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page

from billing.clients.readiness import run_checks
from billing.clients.tenant_seed import TenantSeed, seed_tenant
from booking.models import AppointmentType, Location, OpeningHours, Practice
from booking.rules.kinds import OPENING
from tenants import routing
from tenants.accounts.models import Invitation
from tenants.accounts.services.invitations import token_of
from tenants.models import Tenant
from tenants.outbox.delivery import deliver_entry
from tenants.outbox.models import OutboxEntry
from tenants.schema import PUBLIC, Unit, inside
from tests.accounts import PASSWORD
from tests.browser import violations_of
from tests.journeys.conftest import HOST
from tests.plugin import Figures

LIMIT_MINUTES = 10
WORDS_A_MINUTE, TYPED_A_MINUTE, SECONDS_A_CLICK = 200, 40, 1.5


@dataclass
class Reader:
    """Somebody who reads every word of a page once, types 40 words of five letters a minute, and clicks."""

    page: Page
    words: int = 0
    characters: int = 0
    clicks: int = 0
    faults: list[str] = field(default_factory=list)

    def read(self) -> None:
        """Read the page that is there, and let axe look at it."""
        self.words += len(self.page.inner_text("main").split())
        self.faults += [
            f"{self.page.url} {fault['id']} {fault['nodes'][0]['target']}"
            for fault in violations_of(self.page)
        ]
        width = self.page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
        self.faults += [f"{self.page.url} is {width} px too wide"] if width > 0 else []

    def fill(self, name: str, text: str) -> None:
        self.page.fill(f"[name={name}]", text)
        self.characters += len(text)
        self.clicks += 1

    def click(self, selector: str, *, then: str) -> None:
        self.page.click(selector)
        self.page.wait_for_url(then)
        self.clicks += 1
        self.read()

    @property
    def minutes(self) -> float:
        typing = self.characters / 5 / TYPED_A_MINUTE
        return self.words / WORDS_A_MINUTE + typing + self.clicks * SECONDS_A_CLICK / 60


@pytest.fixture
def ordered(committed_tenant: Callable[[str], Unit], served: int) -> tuple[str, Unit]:
    """A tenant that has just been seeded: a name, a profession, an invitation, nothing else."""
    name = f"neuf{uuid.uuid4().hex[:6]}"
    unit = committed_tenant(name)
    seed = TenantSeed(
        practice_name="Cabinet Exemple",
        profession="Ostéopathe D.O.",
        time_zone="Europe/Paris",
        territory="",
        owner_name="Maite Exemple",
        owner_email="maite@example.org",
    )
    with inside(PUBLIC):
        Tenant.objects.filter(schema_name=unit.schema).update(state=Tenant.State.READY)
    with inside(unit):
        seed_tenant(seed, now=datetime.now(UTC))
    return f"http://{HOST.format(name=name)}:{served}", unit


def deliver_due(unit: Unit) -> None:
    """Deliver what a worker would: the request of the practice to be put online."""
    now = datetime.now(UTC)
    with inside(unit):
        entry = OutboxEntry.objects.get(kind=OPENING)
    deliver_entry(unit=unit, ref=entry.ref, now=now, clock=lambda: now)


@pytest.mark.parametrize(("width", "has_script"), [(1280, True), (390, True), (390, False)])
def test_the_first_day_takes_less_than_ten_minutes(
    browser: Browser, ordered: tuple[str, Unit], figures: Figures, width: int, has_script: bool
) -> None:
    address, unit = ordered
    with inside(unit):
        token = token_of(Invitation.objects.get())
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        java_script_enabled=has_script,
        bypass_csp=True,
        locale="fr-FR",
    )
    page = context.new_page()
    reader = Reader(page)
    if not has_script:
        reader.read = lambda: None  # type: ignore[method-assign]  # axe is a script

    page.goto(f"{address}/invitation/{token}/")
    reader.read()
    reader.fill("password", PASSWORD)
    reader.click("main button.main", then="**/espace/")
    reader.click("a[href$='/premier-jour/']", then="**/premier-jour/profession/")
    guessed = page.is_checked("[name=start][value=osteopathe]")
    reader.click("main button.main", then="**/premier-jour/lieu/")
    reader.fill("street", "12 rue de la Falaise")
    reader.fill("postcode", "64210")
    reader.fill("town", "Bidart")
    reader.click("main button.main", then="**/premier-jour/horaires/")
    reader.click("main button.main", then="**/premier-jour/motifs/")
    reader.click("main button.main", then="**/premier-jour/identite/")
    reader.fill("legal_name", "Maite Exemple EI")
    reader.fill("legal_form", "Entreprise individuelle")
    reader.fill("phone", "05 36 49 00 12")
    reader.fill("email", "cabinet@example.org")
    reader.click("main button.main", then="**/premier-jour/pret/")
    before = page.inner_text("h1")
    reader.click("main button.main", then="**/premier-jour/pret/")
    asked = page.inner_text("h1")
    deliver_due(unit)
    if not has_script:
        page.wait_for_timeout(1000 * routing.TTL_SECONDS)
        page.get_by_role("link", name="Voir où cela en est").click()
    page.get_by_role("heading", name="C’est prêt").wait_for()
    page.wait_for_load_state()
    offered = page.locator(".slot.seen").count()
    code = page.evaluate("() => document.querySelector('.qr').naturalWidth") if has_script else 1

    context.close()
    if has_script:
        figures(
            f"first day, {width} px: {reader.minutes:.1f} min"
            f" ({reader.words} words read, {reader.characters} letters typed, {reader.clicks} clicks)"
        )
    assert (before, asked) == ("Tout est rempli", "Votre page s’ouvre")
    assert guessed
    assert offered > 0
    assert code > 0
    assert reader.faults == []
    assert reader.minutes <= LIMIT_MINUTES
    with inside(unit):
        assert run_checks(now=datetime.now(UTC))["bookable_slot"]
        assert Practice.objects.get().kind == Practice.PracticeKind.REGULATED
        assert Location.objects.get().town == "Bidart"
        saved = Practice.objects.get()
        assert (saved.street, saved.legal_town) == ("12 rue de la Falaise", "Bidart")
        assert saved.publication_director == "Maite Exemple"
        assert OpeningHours.objects.count() == 10
        assert list(AppointmentType.objects.values_list("label", "duration_min")) == [
            ("Première consultation", 60),
            ("Consultation", 45),
        ]


def test_a_screen_is_skipped_left_and_taken_up_again(
    browser: Browser, ordered: tuple[str, Unit]
) -> None:
    address, unit = ordered
    with inside(unit):
        token = token_of(Invitation.objects.get())
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="fr-FR")
    page = context.new_page()
    page.goto(f"{address}/invitation/{token}/")
    page.fill("[name=password]", PASSWORD)
    page.click("main button.main")
    page.wait_for_url("**/espace/")

    page.goto(f"{address}/espace/premier-jour/")
    page.click("main button.main")
    page.wait_for_url("**/premier-jour/lieu/")
    page.get_by_role("link", name="Passer").click()
    page.wait_for_url("**/premier-jour/horaires/")
    page.click("main button.main")
    page.wait_for_url("**/premier-jour/motifs/")
    page.get_by_role("link", name="Reprendre plus tard").click()
    page.wait_for_url("**/espace/")
    page.goto(f"{address}/espace/premier-jour/")

    resumed = page.url
    context.close()
    assert resumed.endswith("/premier-jour/lieu/")
