"""Hours in a real browser: a day copied beside its preview, tomorrow closed in three clicks, a list dragged."""

import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from booking.models import Absence, AppointmentType, OpeningHours
from tenants.accounts.models import Role
from tenants.schema import Unit, inside
from tests.accounts import PASSWORD, make_member
from tests.browser import faults_of
from tests.factories import Cabinet, make_hours, make_type
from tests.plugin import Figures

OWNER = "maite@example.org"
WIDTHS = (1280, 390)
MAX_CLICKS_TO_CLOSE = 3

AtWork = tuple[str, Unit, Cabinet]


@pytest.fixture
def at_work(practice: Callable[[str], AtWork]) -> AtWork:
    """A practice open every day of the week, with an owner and two appointment types."""
    address, unit, cabinet = practice(f"horaire{uuid.uuid4().hex[:6]}")
    with inside(unit):
        cabinet.practitioner.user = make_member(Role.OWNER, OWNER)
        cabinet.practitioner.save(update_fields=["user"])
        make_hours(cabinet.practitioner, cabinet.location, weekdays=[5, 6])
        make_type([cabinet.practitioner], [cabinet.location], label="Suivi", position=1)
    return address, unit, cabinet


def open_browser(browser: Browser, address: str, width: int, *, script: bool = True) -> Page:
    """Return a page of the dashboard, signed in."""
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": 844},
        java_script_enabled=script,
        bypass_csp=script,
        locale="fr-FR",
    )
    page = context.new_page()
    page.goto(f"{address}/connexion/")
    page.fill("[name=login]", OWNER)
    page.fill("[name=password]", PASSWORD)
    page.click("main button.main")
    page.wait_for_url(f"{address}/espace/**")
    return page


def tomorrow() -> date:
    return datetime.now(ZoneInfo("Europe/Paris")).date() + timedelta(days=1)


def editor(page: Page, address: str, unit: Unit, cabinet: Cabinet) -> None:
    """Open the editor of the week from Monday to Sunday."""
    with inside(unit):
        row = OpeningHours.objects.filter(practitioner=cabinet.practitioner).first()
    assert row is not None
    page.goto(f"{address}/espace/horaires/{cabinet.practitioner.ref}/semaine/{row.ref}/")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_day_is_copied_in_one_click_and_the_preview_follows(
    browser: Browser, at_work: AtWork, width: int
) -> None:
    address, unit, cabinet = at_work
    page = open_browser(browser, address, width)
    editor(page, address, unit, cabinet)
    complaints: list[str] = []
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )

    page.fill("[name=d0r0a]", "10h15")
    page.fill("[name=d0r0b]", "11")
    page.locator(".openbar i.h10.m15").first.wait_for(state="attached")  # the preview has followed
    page.click("#copier-lundi")
    page.locator("[name=d4r0a][value='10h15']").wait_for()
    page.click("#ajouter-6")
    page.locator("[name=d6r1a]").wait_for()
    # The focus follows the new field into the page, a moment after it.
    page.wait_for_function("() => document.activeElement.name === 'd6r1a'")
    page.click("[value=remove-6-1]")
    page.locator("[name=d6r1a]").wait_for(state="detached")
    page.locator("details.copy summary").first.click()
    faults = faults_of(page)
    page.locator("[name=d0r0a]").press("Enter")  # Enter saves, whatever small button comes first
    page.wait_for_url(f"{address}/espace/horaires/**")
    faults += faults_of(page)

    page.context.close()
    assert faults == []
    assert complaints == []
    with inside(unit):
        starts = dict(OpeningHours.objects.values_list("weekday", "starts_min"))
    assert starts == dict.fromkeys(range(5), 615) | {5: 540, 6: 540}


def test_a_day_is_copied_and_previewed_without_a_script(browser: Browser, at_work: AtWork) -> None:
    address, unit, cabinet = at_work
    page = open_browser(browser, address, 390, script=False)
    editor(page, address, unit, cabinet)

    page.fill("[name=d0r0a]", "10h15")
    page.get_by_role("button", name="Mettre l’aperçu à jour").click()
    page.locator(".openbar i.h10.m15").wait_for(state="attached")
    previewed = page.locator(".openbar i.h10.m15").count()
    page.click("#copier-lundi")
    page.locator("[name=d4r0a][value='10h15']").wait_for()
    page.locator("form#semaine > .actions button.main").click()
    page.wait_for_url(f"{address}/espace/horaires/**")

    page.context.close()
    assert previewed == 1
    with inside(unit):
        assert OpeningHours.objects.filter(starts_min=615).count() == 5


@pytest.mark.parametrize(("width", "has_script"), [(1280, True), (390, True), (390, False)])
def test_tomorrow_is_closed_in_three_clicks(
    browser: Browser, at_work: AtWork, figures: Figures, width: int, has_script: bool
) -> None:
    address, unit, _cabinet = at_work
    page = open_browser(browser, address, width, script=has_script)
    clicks = 0
    if width < 1024:
        page.locator(".menu summary").click()
        clicks += 1
    page.locator("nav a[href$='/espace/horaires/']:visible").click()
    page.wait_for_url("**/espace/horaires/")
    faults = faults_of(page) if has_script else []
    clicks += 1
    page.click(f"#j-{tomorrow()}")
    page.locator("#jour").wait_for()
    if has_script:
        page.wait_for_function("() => document.activeElement.id === 'j'")
    faults += faults_of(page) if has_script else []
    clicks += 1
    page.get_by_role("button", name="Fermer ce jour").click()
    page.get_by_text("C’est fermé").wait_for()
    faults += faults_of(page) if has_script else []
    clicks += 1
    message = page.locator(f"#j-{tomorrow()}").inner_text()

    with inside(unit):
        absence = Absence.objects.get()
    page.locator("#jour").get_by_role("button", name="Rouvrir").click()
    page.get_by_text("de nouveau ouvert").wait_for()
    page.context.close()
    figures(f"clicks to close tomorrow, {width} px: {clicks}")
    assert clicks <= MAX_CLICKS_TO_CLOSE + (
        1 if width < 1024 else 0
    )  # a phone opens its menu first
    assert faults == []
    assert "absence" in message
    assert absence.ends_at - absence.starts_at >= timedelta(hours=23)
    with inside(unit):
        assert not Absence.objects.exists()


def test_leave_is_typed_from_the_month(browser: Browser, at_work: AtWork) -> None:
    address, unit, _cabinet = at_work
    page = open_browser(browser, address, 390)
    page.goto(f"{address}/espace/horaires/?jour={tomorrow()}")

    page.get_by_text("Plusieurs jours, une note, un message").click()
    page.fill("[name=to_on]", (tomorrow() + timedelta(days=6)).isoformat())
    page.fill("[name=label]", "Congés")
    page.get_by_role("button", name="Fermer ces jours").click()
    page.get_by_text("C’est fermé").wait_for()

    page.context.close()
    with inside(unit):
        absence = Absence.objects.get()
    assert absence.label == "Congés"
    assert (absence.ends_at - absence.starts_at).days in {6, 7}


@pytest.mark.parametrize("width", WIDTHS)
def test_appointment_types_are_put_in_order_by_their_handle(
    browser: Browser, at_work: AtWork, width: int
) -> None:
    address, unit, _cabinet = at_work
    page = open_browser(browser, address, width)
    page.goto(f"{address}/espace/motifs/")
    faults = faults_of(page)
    grips = page.locator(".grip")
    grips.nth(1).wait_for()

    first, second = grips.nth(0).bounding_box(), grips.nth(1).bounding_box()
    assert first is not None
    assert second is not None
    page.mouse.move(second["x"] + 8, second["y"] + 8)
    page.mouse.down()
    page.mouse.move(first["x"] + 8, first["y"] + 2, steps=5)
    page.mouse.up()
    page.get_by_text("L’ordre est enregistré").wait_for()

    page.context.close()
    assert faults == []
    with inside(unit):
        assert list(AppointmentType.objects.values_list("label", flat=True)) == [
            "Suivi",
            "Consultation",
        ]


@pytest.mark.parametrize("width", WIDTHS)
def test_the_sentences_of_an_appointment_type_follow_the_typing(
    browser: Browser, at_work: AtWork, width: int
) -> None:
    address, unit, cabinet = at_work
    page = open_browser(browser, address, width)
    page.goto(f"{address}/espace/motifs/{cabinet.type.ref}/")

    page.fill("[name=min_notice_min]", "2880")
    page.get_by_text("jusqu’à 2 jours avant").wait_for()
    faults = faults_of(page)
    page.goto(f"{address}/espace/motifs/modeles/")
    faults += faults_of(page)
    page.goto(f"{address}/espace/lieux/{cabinet.location.ref}/")
    faults += faults_of(page)

    page.context.close()
    assert faults == []
    with inside(unit):
        assert AppointmentType.objects.get(pk=cabinet.type.pk).min_notice_min == 120
