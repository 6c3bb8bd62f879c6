"""A patient books, moves and cancels in a real browser, by keyboard alone, on a small telephone."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from booking.abuse import limits
from booking.models import Absence, Appointment, AppointmentType, Location, PatientContact
from booking.models import Practice as PracticeRow
from booking.patients import contacts, form_versions
from tenants import routing
from tenants.schema import Unit, inside
from tests.browser import violations_of
from tests.conftest import owner_cursor
from tests.factories import Cabinet, make_type
from tests.plugin import Figures

SMALL: ViewportSize = {"width": 320, "height": 640}
Practice = Callable[[str], tuple[str, Unit, Cabinet]]
PAST = datetime(2026, 1, 5, 9, tzinfo=UTC)
LIMIT = 50_000
"""Bytes of a page with its style sheet, uncompressed."""


class Keyboard:
    """Somebody who has no mouse."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def reach(self, name: str) -> None:
        """Press Tab until the control of this name has the focus."""
        for _ in range(80):
            self.page.keyboard.press("Tab")
            focused = self.page.locator(":focus")
            if focused.count() and name in self._name_of():
                return
        raise AssertionError(f"{name!r} is not reached by keyboard on {self.page.url}")

    def _name_of(self) -> str:
        return str(
            self.page.evaluate(
                "() => { const e = document.activeElement;"
                " return (e.labels && e.labels.length ? e.labels[0].innerText : e.innerText) || '' }"
            )
        )

    def press(self, name: str) -> None:
        """Reach a button or a link and press Enter; wait for what it leads to."""
        self.reach(name)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def type(self, name: str, text: str) -> None:
        """Reach a field and type at a person's pace."""
        self.reach(name)
        self.page.keyboard.type(text, delay=90)


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def small_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page on a telephone 320 pixels wide."""
    context = browser.new_context(viewport=SMALL, java_script_enabled=request.param, locale="fr-FR")
    yield context.new_page()
    context.close()


def assert_fits(page: Page) -> None:
    """Nothing scrolls sideways, at the usual size of letters and at twice that size."""
    width = page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"], page.url  # type: ignore[index]


def test_a_patient_books_moves_and_cancels_by_keyboard_at_320_pixels(
    small_page: Page, practice: Practice
) -> None:
    address, unit, _cabinet = practice("clavier")
    page, keyboard = small_page, Keyboard(small_page)

    page.goto(address)
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Aller au contenu"
    assert_fits(page)
    keyboard.press("Choisir ce créneau")

    assert_fits(page)
    keyboard.type("Prénom", "Camille")
    keyboard.type("Nom", "Spécimen")
    keyboard.type("E-mail", "camille@example.org")
    keyboard.press("Confirmer le rendez-vous")

    assert page.locator("h1").inner_text() == "C'est noté, Camille."
    assert_fits(page)
    keyboard.press("Déplacer ou annuler")

    assert_fits(page)
    first = page.locator(".leaf").inner_text() + page.locator(".hour").inner_text()
    offered = page.locator(".slots button").first.inner_text().split("\n")[0]
    keyboard.press(offered)
    assert_fits(page)
    keyboard.press("Confirmer la nouvelle date")
    assert "Votre rendez-vous est déplacé." in page.locator("[role=status]").inner_text()
    assert page.locator(".leaf").inner_text() + page.locator(".hour").inner_text() != first

    keyboard.reach("Annuler")
    page.keyboard.press("Enter")
    keyboard.press("Oui, annuler")
    assert page.locator("h1").inner_text() == "Le rendez-vous est annulé"
    assert_fits(page)
    with inside(unit):
        row = Appointment.objects.get()
        assert (row.status, row.sequence) == (Appointment.Status.CANCELLED_BY_PATIENT, 2)


def test_mistakes_are_summed_up_focused_and_nothing_typed_is_lost(
    small_page: Page, practice: Practice
) -> None:
    address, _unit, _cabinet = practice("erreurs")
    page = small_page
    page.goto(address)
    page.get_by_role("button", name="Choisir ce créneau").click()
    page.get_by_label("Prénom").first.fill("Camille")
    page.get_by_label("Téléphone").press_sequentially("06 39 98 01", delay=300)
    page.get_by_role("button", name="Confirmer le rendez-vous").click()

    # The browser focuses what asks for it once the page is drawn, which may be after it is loaded.
    expect(page).to_have_title(re.compile("^2 points à corriger"))
    expect(page.get_by_role("alert")).to_be_focused()
    assert page.get_by_label("Téléphone").input_value() == "06 39 98 01"
    assert page.get_by_label("Téléphone").get_attribute("aria-invalid") == "true"
    page.get_by_role("link", name="Indiquez votre nom.").click()
    assert urlsplit(page.url).fragment == "id_last_name"


def test_the_field_for_a_relative_opens_with_the_tick_alone(
    small_page: Page, practice: Practice
) -> None:
    address, _unit, _cabinet = practice("proche")
    page = small_page
    page.goto(address)
    page.get_by_role("button", name="Choisir ce créneau").click()
    field = page.get_by_label("Son prénom")

    before = field.is_visible()
    page.get_by_label("Je prends rendez-vous pour une autre personne").check()

    assert not before
    assert field.is_visible()


def test_twice_the_font_size_cuts_nothing(browser: Browser, practice: Practice) -> None:
    address, _unit, _cabinet = practice("lettres")
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    for path in ("/", "/creneaux/", "/mes-donnees/", "/confidentialite/"):
        page.goto(address + path)
        page.evaluate("() => { document.documentElement.style.fontSize = '200%' }")
        assert_fits(page)
    context.close()


def test_a_double_click_books_once(small_page: Page, practice: Practice) -> None:
    address, unit, _cabinet = practice("double")
    page = small_page
    page.goto(address)
    page.get_by_role("button", name="Choisir ce créneau").click()
    page.get_by_label("Prénom").first.press_sequentially("Camille", delay=500)
    page.locator("#id_last_name").fill("Spécimen")
    page.locator("#id_email").fill("camille@example.org")
    page.get_by_role("button", name="Confirmer le rendez-vous").dblclick()
    page.get_by_role("heading", name="C'est noté, Camille.").wait_for()

    with inside(unit):
        assert Appointment.objects.count() == 1


def test_under_attack_the_browser_works_and_the_form_passes(
    browser: Browser, practice: Practice
) -> None:
    address, unit, _cabinet = practice("attaque")
    now = datetime.now(UTC)
    with inside(unit):
        for moment in (now, now + timedelta(minutes=10)):
            for _ in range(30):
                limits.record_abuse_signal("127.0.0.0/24", now=moment)
    page = browser.new_context(locale="fr-FR").new_page()

    page.goto(address)
    page.get_by_role("button", name="Choisir ce créneau").click()
    page.get_by_label("Prénom").first.press_sequentially("Camille", delay=500)
    page.locator("#id_last_name").fill("Spécimen")
    page.locator("#id_email").fill("camille@example.org")
    page.get_by_text("La vérification est faite").wait_for()
    page.get_by_role("button", name="Confirmer le rendez-vous").click()

    assert page.locator("h1").inner_text() == "C'est noté, Camille."
    page.context.close()


@pytest.mark.parametrize("sends_sms", [True, False])
def test_the_button_of_the_form_stands_within_two_screens_of_a_telephone(
    browser: Browser, practice: Practice, sends_sms: bool, figures: Figures
) -> None:
    """Names, one way to be reached and the address of a home visit, on 320 × 640 pixels."""
    address, unit, _cabinet = practice("ecrans")
    with inside(unit):
        Location.objects.update(kind="home", street="", served_postcodes=["64210"])
        PracticeRow.objects.update(sms_enabled=sends_sms, kind="health")
        form_versions.ask_address(actor="system", now=datetime.now(UTC))
    context = browser.new_context(viewport=SMALL, locale="fr-FR")
    page = context.new_page()
    page.goto(address)
    page.get_by_role("button", name="Choisir ce créneau").click()
    button = page.get_by_role("button", name="Confirmer le rendez-vous")
    button.wait_for()
    assert page.get_by_label("À quelle adresse venir").count() == 1
    bottom = button.evaluate("e => e.getBoundingClientRect().bottom + scrollY")
    context.close()

    figures(f"bottom of the button {bottom:.0f} px")
    assert bottom <= 2 * SMALL["height"]


@dataclass
class Meter:
    """What the browser transferred, page by page, with its cache switched off."""

    context: BrowserContext
    page: Page
    bytes_by_id: dict[str, float] = field(default_factory=dict)
    hosts: set[str] = field(default_factory=set)
    set_cookies: int = 0
    rows: list[tuple[str, int, int]] = field(default_factory=list)

    def start(self) -> None:
        """Listen to the browser's own network log."""
        session = self.context.new_cdp_session(self.page)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        session.on("Network.requestWillBeSent", lambda e: self._sent(e["request"]["url"]))
        session.on(
            "Network.loadingFinished",
            lambda e: self.bytes_by_id.__setitem__(e["requestId"], e["encodedDataLength"]),
        )
        session.on("Network.responseReceivedExtraInfo", self._headers)

    def _sent(self, url: str) -> None:
        if not url.startswith("data:"):
            self.hosts.add(urlsplit(url).hostname or "")

    def _headers(self, event: dict[str, dict[str, str]]) -> None:
        self.set_cookies += sum(name.lower() == "set-cookie" for name in event["headers"])

    def note(self, name: str) -> None:
        """Close the account of one page."""
        self.page.wait_for_load_state("networkidle")
        self.rows.append((name, round(sum(self.bytes_by_id.values())), len(self.bytes_by_id)))
        self.bytes_by_id.clear()

    def stored(self) -> int:
        """Count what the page kept in the browser, of every kind."""
        kept: int = self.page.evaluate(
            "async () => localStorage.length + sessionStorage.length"
            " + (await indexedDB.databases()).length"
            " + ('caches' in window ? (await caches.keys()).length : 0)"
            " + ('serviceWorker' in navigator"
            "    ? (await navigator.serviceWorker.getRegistrations()).length : 0)"
        )
        return kept


def test_no_page_of_the_journey_is_heavy_or_keeps_anything(
    browser: Browser, practice: Practice, figures: Figures
) -> None:
    address, unit, _cabinet = practice("poids")
    context = browser.new_context(
        viewport=SMALL, extra_http_headers={"Accept-Encoding": "identity"}, locale="fr-FR"
    )
    page = context.new_page()
    meter = Meter(context, page)
    meter.start()
    stored = 0

    def open_page(name: str, path: str) -> None:
        nonlocal stored
        page.goto(address + path)
        meter.note(name)
        stored += meter.stored()

    open_page("practice", "/")
    open_page("slots", "/creneaux/")
    page.get_by_role("button", name="Choisir ce créneau").click()
    meter.note("details")
    page.get_by_label("Prénom").first.press_sequentially("Camille", delay=500)
    page.get_by_role("button", name="Confirmer le rendez-vous").click()
    meter.note("details with errors")
    page.get_by_label("Nom", exact=False).nth(1).fill("Spécimen")
    page.get_by_label("E-mail").fill("camille@example.org")
    page.get_by_role("button", name="Confirmer le rendez-vous").click()
    meter.note("done")
    page.get_by_role("link", name="Déplacer ou annuler").click()
    meter.note("manage")
    stored += meter.stored()
    page.get_by_role("link", name="Choisir une autre date").click()
    meter.note("move")
    page.get_by_role("link", name="Garder mon rendez-vous").click()
    page.get_by_text("Ne plus recevoir de message, ou tout effacer").click()
    page.get_by_label("L'annuler et tout effacer").check()
    meter.note("manage again")
    page.get_by_role("button", name="Confirmer ce choix").click()
    meter.note("erased")
    for name, path in (
        ("rights", "/mes-donnees/"),
        ("find", "/mon-rendez-vous/"),
        ("privacy", "/confidentialite/"),
        ("legal notice", "/mentions-legales/"),
        ("accessibility", "/accessibilite/"),
        ("unknown page", "/rien/"),
        ("unknown link", "/rdv/rien/"),
    ):
        open_page(name, path)
    cookies = len(context.cookies())
    context.close()

    for name, size, requests in meter.rows:
        figures(f"{name:22} {size:7} bytes {requests} requests")
    foreign = meter.hosts - {urlsplit(address).hostname}
    figures(f"cookies {cookies + meter.set_cookies}, stored {stored}, foreign hosts {len(foreign)}")
    heavy = [row for row in meter.rows if row[1] >= LIMIT]
    assert not heavy
    # The icon of a page may arrive when the next page has begun: only the sum is certain.
    assert sum(requests for _name, _size, requests in meter.rows) <= 3 * len(meter.rows)
    assert (cookies, meter.set_cookies, stored, foreign) == (0, 0, 0, set())
    with inside(unit):
        assert Appointment.objects.get().is_cancelled


SHAPES: tuple[tuple[int, Literal["light", "dark"]], ...] = (
    (320, "light"),
    (768, "dark"),
    (1280, "light"),
)


class Inspector:
    """Runs axe on a page at three widths, light and dark, and remembers what it says."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        self.pages = 0

    def inspect(self, name: str) -> None:
        """Open every fold of the loaded page, then look at it in each shape."""
        self.pages += 1
        self.page.wait_for_load_state()
        self.page.evaluate(
            "() => document.querySelectorAll('details').forEach("
            "e => { e.removeAttribute('name'); e.open = true })"
        )
        for width, scheme in SHAPES:
            self.page.set_viewport_size(ViewportSize(width=width, height=800))
            self.page.emulate_media(color_scheme=scheme)
            self.faults += [
                f"{name} {width} {scheme}: {fault['id']} {fault['nodes'][0]['html'][:120]}"
                for fault in violations_of(self.page)
            ]
        self.page.set_viewport_size(SMALL)


def open_a_day(page: Page, address: str, *, after: datetime) -> None:
    """Open the page of one day that has free hours."""
    for days in range(7):
        page.goto(f"{address}/creneaux/?jour={after + timedelta(days=days):%Y-%m-%d}")
        if page.get_by_role("link", name="Toute la semaine").count():
            return
    raise AssertionError("no day of a week has free hours")


def suspend(unit: Unit) -> None:
    with owner_cursor() as cursor:
        cursor.execute(
            "UPDATE public.tenants_tenant SET state = 'suspended' WHERE schema_name = %s",
            [unit.schema],
        )
    routing.cache.clear()


def guess_links(page: Page, address: str) -> None:
    """Open as many links of nobody as one network may."""
    for number in range(limits.LINK_ERRORS.most):
        page.goto(f"{address}/rdv/{number:043d}/")


def test_axe_finds_nothing_on_any_patient_page(
    browser: Browser, practice: Practice, figures: Figures
) -> None:
    address, unit, cabinet = practice("axe")
    # Without motion: a colour that is still changing is nobody's fault.
    context = browser.new_context(viewport=SMALL, locale="fr-FR", reduced_motion="reduce")
    page = context.new_page()
    inspector = Inspector(page)

    def open_page(name: str, path: str) -> None:
        page.goto(address + path)
        inspector.inspect(name)

    def pressed(name: str) -> int:
        with page.expect_response(lambda answer: answer.request.method == "POST") as posted:
            page.get_by_role("button", name=name).click()
        return posted.value.status

    def fill(**typed: str) -> None:
        page.get_by_label("Prénom").first.press_sequentially("Camille", delay=500)
        page.locator("#id_last_name").fill(typed.get("last_name", "Spécimen"))
        page.locator("#id_phone").fill(typed.get("phone", ""))
        page.locator("#id_email").fill(typed.get("email", ""))
        page.get_by_role("button", name="Confirmer le rendez-vous").click()

    coming = datetime.now(UTC) + timedelta(days=1)
    with inside(unit):
        Absence.objects.create(
            starts_at=coming + timedelta(days=9),
            ends_at=coming + timedelta(days=12),
            public_message="Le cabinet est fermé pour congés.",
        )
    for name, path in (
        ("practice with an absence", "/"),
        ("slots", "/creneaux/"),
        ("slots of an absence", f"/creneaux/?semaine={coming + timedelta(days=9):%Y-%m-%d}"),
        ("privacy", "/confidentialite/"),
        ("legal notice", "/mentions-legales/"),
        ("accessibility", "/accessibilite/"),
        ("unknown page", "/rien/"),
        ("unknown link", "/rdv/rien/"),
        ("wrong method", "/reserver/"),
        ("rights", "/mes-donnees/"),
    ):
        open_page(name, path)
    with inside(unit):
        other = make_type([cabinet.practitioner], [cabinet.location], label="Bilan", position=1)
    open_page("types to choose from", "/")
    open_page("types before the slots", "/creneaux/")
    open_page("slots of one of several types", f"/creneaux/?motif={other.ref.hex}")
    with inside(unit):
        AppointmentType.objects.filter(pk=other.pk).update(is_active=False)
    open_a_day(page, address, after=coming)
    inspector.inspect("slots of a day")
    page.goto(f"{address}/mes-donnees/")
    page.get_by_role("button", name="Recevoir mes liens").click()
    inspector.inspect("rights with errors")
    open_page("rights sent", "/mes-donnees/envoye/")

    page.goto(address)
    page.locator("input[name=token]").first.evaluate("field => { field.value = 'x' }")
    assert pressed("Choisir ce créneau") == 400
    inspector.inspect("form that is not ours")

    page.goto(address)
    page.get_by_role("button", name="Choisir ce créneau").click()
    page.get_by_label("Je prends rendez-vous pour une autre personne").check()
    inspector.inspect("details")
    page.get_by_label("Je prends rendez-vous pour une autre personne").uncheck()
    fill(last_name="", phone="06 39")
    inspector.inspect("details with errors")
    page.locator("#id_first_name").fill("")
    fill(phone="06 39 98 01 04")
    inspector.inspect("done with a telephone")

    page.goto(address)
    page.get_by_role("button", name="Choisir ce créneau").click()
    with inside(unit):
        # Somebody else is faster: the slot is theirs when the form arrives.
        Appointment.objects.filter(status="held").update(form_ref=uuid4(), network_index=None)
    fill(email="camille@example.org")
    inspector.inspect("taken")
    page.locator(".slots button").first.click()
    fill(email="camille@example.org")
    inspector.inspect("done")
    page.get_by_role("link", name="Déplacer ou annuler").click()
    link = page.url.removeprefix(address)
    inspector.inspect("manage")
    page.get_by_role("button", name="Enregistrer").click()
    inspector.inspect("manage with errors")
    page.get_by_role("button", name="Tout voir et corriger").click()
    inspector.inspect("everything to correct")
    open_page("other dates", f"{link}deplacer/")
    page.locator(".slots button").first.click()
    inspector.inspect("new date to confirm")
    open_page("reminder", f"{link}sans-rappel/")
    page.goto(address + link)
    page.get_by_text("Ne plus recevoir de message, ou tout effacer").click()
    page.get_by_label("Le garder").check()
    page.get_by_role("button", name="Confirmer ce choix").click()
    inspector.inspect("erasure asked")
    with inside(unit):
        for contact in PatientContact.objects.select_related("appointment", "data_key"):
            contacts.erase(contact=contact, rule="due", now=contact.booked_at)
    open_page("erased", link)
    page.get_by_role("button", name="Oui, annuler").click()
    inspector.inspect("cancelled")
    page.goto(address)
    page.get_by_role("button", name="Choisir ce créneau").click()
    suspend(unit)
    fill(email="camille@example.org")
    inspector.inspect("closed meanwhile")
    with inside(unit):
        end = PAST + timedelta(minutes=45)
        rows = Appointment.objects.filter(status=Appointment.Status.CANCELLED_BY_PATIENT)
        rows.update(starts_at=PAST, ends_at=end, during=(PAST, end))
        cabinet.type.is_active = False
        cabinet.type.save(update_fields=["is_active"])
    open_page("over", link)
    open_page("nothing to book", "/")
    guess_links(page, address)
    open_page("too many questions", f"/rdv/{0:043d}/")
    context.close()

    figures(
        f"axe: {inspector.pages} pages, 320 light, 768 dark, 1280 light, {len(inspector.faults)} faults"
    )
    assert not inspector.faults, "\n".join(inspector.faults)
