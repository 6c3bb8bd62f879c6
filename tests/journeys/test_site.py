"""My site in a real browser: edit, upload, look, publish, a patient sees it, take it off; axe on every page."""

import io
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize

from tenants.accounts.models import Role
from tenants.schema import Unit, inside
from tests.accounts import make_member
from tests.browser import faults_of
from tests.factories import Cabinet
from tests.journeys.people import OWNER, sign_in
from tests.journeys.test_patient import LIMIT
from tests.plugin import Figures

Practice = Callable[[str], tuple[str, Unit, Cabinet]]
SHAPES: tuple[tuple[ViewportSize, str, bool], ...] = (
    ({"width": 390, "height": 800}, "dark", False),
    ({"width": 1280, "height": 900}, "light", True),
)
LABELS = "Je reçois face au fronton."


def opened(practice: Practice) -> str:
    """Open a practice with an owner; return its address."""
    address, unit, cabinet = practice(f"vitrine{uuid.uuid4().hex[:6]}")
    with inside(unit):
        cabinet.practitioner.user = make_member(Role.OWNER, OWNER)
        cabinet.practitioner.save(update_fields=["user"])
    return address


def photo(folder: Path) -> Path:
    """Write a photo that says where it was taken."""
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    exif[0x010F] = "APPAREIL-TEMOIN"
    path = folder / "facade.jpg"
    Image.new("RGB", (1400, 1000), "#7fb0bb").save(path, exif=exif.tobytes())
    return path


def save(page: Page) -> None:
    """Press the main button and come back to the overview."""
    page.click("main button.main")
    page.wait_for_url("**/espace/site/")


@pytest.mark.parametrize(("size", "scheme", "has_script"), SHAPES)
def test_a_site_is_written_seen_published_and_taken_off(
    browser: Browser,
    practice: Practice,
    figures: Figures,
    tmp_path: Path,
    size: ViewportSize,
    scheme: str,
    has_script: bool,
) -> None:
    address = opened(practice)
    context = browser.new_context(
        viewport=size,
        color_scheme=scheme,  # type: ignore[arg-type]  # light or dark
        locale="fr-FR",
        bypass_csp=True,
        java_script_enabled=True,
    )
    page = context.new_page()
    faults: list[str] = []

    def inspect() -> None:
        faults.extend(faults_of(page, unfold=True))

    sign_in(page, address)
    page.goto(f"{address}/espace/reglages/")
    page.click("main a[href='/espace/site/']")
    inspect()
    page.click("main a[href$='/questionnaire/']")
    inspect()
    page.check("[name=receives][value=adults]")
    page.check("[name=payments][value=card]")
    save(page)
    page.click("main a[href$='/texte/presentation/']")
    page.fill("[name=text]", f"{LABELS}\n\n- sans marche\n- bus 3")
    inspect()
    save(page)
    page.click("main a[href$='/couleur/']")
    page.fill("[name=colour]", "#ffe100")
    page.click("main button.main")
    inspect()
    assert "assombrie" in page.inner_text("main")
    page.goto(f"{address}/espace/site/visuel/photo/")
    page.click("main button.main")
    inspect()
    page.set_input_files("[name=file]", photo(tmp_path))
    page.fill("[name=alt]", "La façade, porte bleue")
    page.check("[name=people][value=nobody]")
    page.fill("[name=rights_holder]", "Maite Exemple")
    page.check("[name=has_right]")
    save(page)
    page.click("main a[href*='/praticien/']")
    inspect()
    page.fill("[name=presentation]", "Diplômée en 2010.")
    save(page)
    inspect()
    page.click("main a[href$='/apercu/']")
    inspect()
    assert LABELS in page.inner_text("main")
    page.click("main a[href='/espace/site/']")

    patient = browser.new_context(
        viewport=size,
        color_scheme=scheme,  # type: ignore[arg-type]  # light or dark
        locale="fr-FR",
        java_script_enabled=has_script,
    )
    visit = patient.new_page()
    refused: list[str] = []
    visit.on("console", lambda message: refused.append(message.text))
    visit.goto(f"{address}/")
    before = visit.inner_text("main")
    page.click("main form[action$='/publier/'] button")
    page.wait_for_url("**/espace/site/")
    inspect()
    assert "Votre site est publié" in page.inner_text("main")
    shown = visit.goto(f"{address}/")
    assert shown is not None
    after, weight = visit.inner_text("main"), len(shown.body())
    accent = visit.locator(".next .btn").evaluate("e => getComputedStyle(e).backgroundColor")
    files = patient.new_page()
    picture = files.goto(address + (visit.get_attribute("img.figure", "src") or ""))
    assert picture is not None
    status, data = picture.status, picture.body()
    sheet = files.goto(f"{address}/static/ui.css")
    assert sheet is not None
    styled = weight + len(sheet.body())
    cookies = patient.cookies()
    page.goto(f"{address}/")
    inspect()

    page.goto(f"{address}/espace/site/")
    page.click("main a[href$='/retirer/']")
    inspect()
    page.click("main button.danger")
    page.wait_for_url("**/espace/site/")
    visit.goto(f"{address}/")
    gone = visit.inner_text("main")
    # A browser that has the picture may keep it; one that has not does not get it any more.
    stranger = browser.new_page()
    lost = stranger.goto(picture.url)
    stranger.close()
    assert lost is not None
    context.close()
    patient.close()

    assert faults == []
    assert LABELS not in before
    assert LABELS in after
    assert LABELS not in gone
    assert (status, lost.status) == (200, 404)
    kept = Image.open(io.BytesIO(data))
    assert (kept.format, kept.size) == ("WEBP", (1200, 800))
    assert not kept.getexif()
    assert b"TEMOIN" not in data
    assert accent != ("rgb(140, 203, 211)" if scheme == "dark" else "rgb(10, 79, 92)")
    assert cookies == []
    assert refused == []
    figures(f"practice page published: {weight} bytes, with style sheet {styled}")
    assert styled < LIMIT
