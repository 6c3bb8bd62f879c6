"""`make screenshots`: pictures of every screen of the demonstration at three widths, and that of the README.

Starts a separate demonstration, books as a patient and deletes its data afterwards.
"""

import json
import os
import sys
import tempfile
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Browser, Page, sync_playwright

from config.devtools import processes
from tests.browser import FLAGS, find_browser

if TYPE_CHECKING:
    from config.devtools.demo import Demonstration

WIDTHS = (320, 768, 1280)
GOOGLE = "maite@exemple.fr"
"""The practitioner's account at the fake Google server."""
PICTURE_WIDTH, PICTURE_HEIGHT = 1000, 760


WORK = (
    ("today", "/espace/"),
    ("week", "/espace/semaine/"),
    ("day", "/espace/semaine/?vue=jour"),
    ("book", "/espace/rendez-vous/nouveau/"),
    ("block", "/espace/bloquer/"),
    ("hours", "/espace/horaires/"),
    ("absence", "/espace/absences/nouvelle/"),
    ("appointment_types", "/espace/motifs/"),
    ("appointment_type", "/espace/motifs/nouveau/"),
    ("appointment-type-presets", "/espace/motifs/modeles/"),
    ("places", "/espace/lieux/"),
    ("place", "/espace/lieux/nouveau/"),
    ("team", "/espace/equipe/"),
    ("invite", "/espace/equipe/inviter/"),
    ("replacement", "/espace/equipe/remplacements/nouveau/"),
    ("my-history", "/espace/mes-actes/"),
    ("first-day", "/espace/premier-jour/profession/"),
    ("first-place", "/espace/premier-jour/lieu/"),
    ("first-hours", "/espace/premier-jour/horaires/"),
    ("first-appointment-types", "/espace/premier-jour/motifs/"),
    ("first-ready", "/espace/premier-jour/pret/"),
    ("site", "/espace/site/"),
    ("site-text", "/espace/site/texte/presentation/"),
    ("site-colour", "/espace/site/couleur/"),
    ("site-photo", "/espace/site/visuel/photo/"),
    ("site-questions", "/espace/site/questionnaire/"),
    ("site-preview", "/espace/site/apercu/"),
    ("feeds", "/espace/flux/"),
    ("messages", "/espace/messages/"),
    ("texts", "/espace/messages/textes/"),
    ("text", "/espace/messages/textes/reminder/"),
    ("digest", "/espace/messages/resume/"),
    ("statistics", "/espace/statistiques/"),
    ("waiting", "/espace/attente/"),
    ("waiting-add", "/espace/attente/ajouter/"),
    ("settings", "/espace/reglages/"),
    ("retention", "/espace/confidentialite/"),
    ("profile", "/compte/profil/"),
    ("address", "/compte/adresse/"),
    ("sessions", "/compte/sessions/"),
    ("security", "/compte/securite/"),
)
"""The pages of the dashboard and of the account, by name."""
DESK = (
    ("desk-clients", "/bureau/"),
    ("desk-watch", "/bureau/veille/"),
    ("desk-search", "/bureau/recherche/?q=exemple"),
    ("desk-order", "/bureau/clients/nouveau/"),
    ("desk-files", "/bureau/dossiers/"),
    ("desk-file-new", "/bureau/dossiers/nouveau/"),
    ("desk-invoices", "/bureau/factures/"),
    ("desk-seller", "/bureau/vendeur/"),
    ("desk-seller-change", "/bureau/vendeur/changer/"),
    ("desk-catalogue", "/bureau/catalogue/"),
    ("desk-product-new", "/bureau/catalogue/nouveau/"),
)


def main(folder: Path) -> int:
    """Take all pictures into `folder`; the README's picture is `practice.png`."""
    with tempfile.TemporaryDirectory(prefix="screens-") as scratch:
        os.environ["DEMO_FOLDER"] = str(Path(scratch) / "demo")
        os.environ["DEMO_PORT"] = str(processes.free_port())
        os.environ["LIBRDV_DEMO"] = "1"
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        import django

        django.setup()
        from config.devtools import demo  # reads the environment when it is imported

        with demo.demonstration() as (running, _instructions), sync_playwright() as playwright:
            path = find_browser(playwright)
            if path is None:
                print("No browser: set CHROMIUM, or install chromium.", file=sys.stderr)
                return 1
            browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
            take(browser, folder, running)
            browser.close()
    return 0


def take(browser: Browser, folder: Path, running: "Demonstration") -> None:
    """Take the patients' pages, the dashboard and the staff pages, at each width."""
    folder.mkdir(parents=True, exist_ok=True)
    port = running.port
    maite = f"http://maite.lib-rdv.localhost:{port}"
    team = f"http://trois-ponts.lib-rdv.localhost:{port}"
    for width in WIDTHS:
        context = browser.new_context(viewport={"width": width, "height": 900}, locale="fr-FR")
        page = context.new_page()
        for name, address in (
            ("practice", f"{maite}/"),
            ("slots", f"{team}/creneaux/"),
            ("earlier", f"{maite}/plus-tot/"),
            ("rights", f"{maite}/mes-donnees/"),
            ("privacy", f"{maite}/confidentialite/"),
            ("legal", f"{maite}/mentions-legales/"),
            ("accessibility", f"{maite}/accessibilite/"),
            ("unknown", f"{maite}/nulle-part/"),
            ("sign-in", f"{maite}/connexion/"),
            ("forgotten", f"{maite}/mot-de-passe/oublie/"),
            ("public", f"http://lib-rdv.localhost:{port}/"),
        ):
            page.goto(address)
            shoot(page, folder, f"{name}-{width}")
        book(page, folder, maite, width)
        sign_in(page, maite)
        walk(page, folder, maite, WORK, width)
        context.close()
    with_google(browser, folder, running, maite, team)
    staff_pages(browser.new_page(locale="fr-FR"), folder, f"http://lib-rdv.localhost:{port}")
    picture = browser.new_page(viewport={"width": PICTURE_WIDTH, "height": PICTURE_HEIGHT})
    picture.goto(f"{maite}/")
    picture.screenshot(path=folder / "practice.png")


def with_google(
    browser: Browser, folder: Path, running: "Demonstration", maite: str, team: str
) -> None:
    """Take the pages of Google Agenda: not connected, connected, with differences, lost, of several agendas."""
    fake_google = f"http://127.0.0.1:{running.google_port}"
    page = browser.new_page(locale="fr-FR")
    sign_in(page, maite)
    at_each_width(page, folder, "google", f"{maite}/espace/google/")
    page.get_by_role("button", name="Connecter Google Agenda").click()
    page.get_by_label(GOOGLE).check()
    page.get_by_role("button", name="Autoriser").click()
    page.wait_for_url(f"{maite}/espace/google/**")
    page.get_by_text("Tout fonctionne").wait_for(timeout=60_000)
    here = page.url
    reload_until(page, here, "Lues")
    at_each_width(page, folder, "google-connected", here)
    at_each_width(page, folder, "google-leave", f"{here}deconnecter/")
    disturb(fake_google)
    reload_until(page, here, "3 rendez-vous attendent")
    at_each_width(page, folder, "google-differences", here)
    at_each_width(page, folder, "google-today", f"{maite}/espace/")
    order(fake_google, "revoke", account=GOOGLE)
    order(fake_google, "access-tokens/expire")
    page.goto(here)
    page.get_by_role("button", name="Resynchroniser").click()
    reload_until(page, here, "à reconnecter")
    at_each_width(page, folder, "google-lost", here)
    at_each_width(page, folder, "google-lost-today", f"{maite}/espace/")
    at_each_width(page, folder, "google-lost-week", f"{maite}/espace/semaine/")
    sign_in(page, team, is_team=True)
    page.wait_for_url(f"{team}/espace/**")
    at_each_width(page, folder, "google-several", f"{team}/espace/google/")
    page.close()


def reload_until(page: Page, address: str, text: str) -> None:
    """Reload a page until it contains a text; workers run their jobs every 30 s."""

    def is_there() -> bool:
        page.goto(address)
        return text in page.inner_text("main")

    if not processes.wait_until(is_there, seconds=90):
        raise RuntimeError(f"{address} never says {text!r}")


def at_each_width(page: Page, folder: Path, name: str, address: str) -> None:
    """Take one page at each width."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        walk(page, folder, "", ((name, address),), width)


def order(fake_google: str, command: str, **values: object) -> Any:
    """Send a control command to the fake Google server."""
    request = urllib.request.Request(
        f"{fake_google}/_control/{command}", json.dumps(values).encode(), method="POST"
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def disturb(fake_google: str) -> None:
    """Move one event, delete another, and add an event at the time of a third."""
    asked = f"{fake_google}/_control/calendars?account={GOOGLE}"
    with urllib.request.urlopen(asked, timeout=10) as answer:
        own = json.load(answer)["calendars"][-1]
    named = {"account": GOOGLE, "calendar": own["id"]}
    moved, deleted, met = own["events"][-3:]
    later = datetime.fromisoformat(moved["start"]["dateTime"]) + timedelta(hours=1)
    order(fake_google, "event/move", **named, id=moved["id"], start=later.isoformat())
    order(fake_google, "event/delete", **named, id=deleted["id"])
    start, end = met["start"]["dateTime"], met["end"]["dateTime"]
    order(fake_google, "event/add", account=GOOGLE, start=start, end=end, summary="Autre chose")


def shoot(page: Page, folder: Path, name: str) -> None:
    """Take a picture of the whole page."""
    page.screenshot(path=folder / f"{name}.png", full_page=True)


def walk(
    page: Page, folder: Path, site: str, places: tuple[tuple[str, str], ...], width: int
) -> None:
    """Take a picture of each page. Raises RuntimeError for a page without a successful response."""
    for name, place in places:
        answer = page.goto(f"{site}{place}")
        if answer is None or not answer.ok:
            raise RuntimeError(f"{place}: {answer.status if answer else 'no answer'}")
        shoot(page, folder, f"{name}-{width}")


def staff_pages(page: Page, folder: Path, site: str) -> None:
    """Sign in as staff, once, since a code works once; take the staff pages and one client's page."""
    from config.devtools.demo_data import (
        PASSWORD,
        STAFF_EMAIL,
        one_time_code,
    )

    page.goto(f"{site}/connexion/")
    page.locator("[name=login]").fill(STAFF_EMAIL)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main form button").first.click()
    page.locator("[name=code]").fill(one_time_code())
    page.locator("main form button").first.click()
    page.wait_for_url("**/bureau/**")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        walk(page, folder, site, DESK, width)
        page.goto(f"{site}/bureau/")
        page.locator("main a[href*='/bureau/clients/']:not([href*=nouveau])").first.click()
        shoot(page, folder, f"desk-client-{width}")


def book(page: Page, folder: Path, practice: str, width: int) -> None:
    """Book the first free slot, as a patient does."""
    page.goto(f"{practice}/")
    page.locator("button[name=slot]").nth(width % 7).click()
    shoot(page, folder, f"details-{width}")
    page.get_by_label("Prénom", exact=False).first.fill("Camille")
    page.locator("[name=last_name]").fill("Spécimen")
    page.locator("[name=email]").fill("camille@example.org")
    page.wait_for_timeout(3500)  # the form refuses a submission within three seconds
    page.locator("main form button[type=submit], main form button:not([type])").last.click()
    shoot(page, folder, f"done-{width}")


def sign_in(page: Page, practice: str, *, is_team: bool = False) -> None:
    """Sign in to the dashboard as the owner."""
    from config.devtools.demo_data import (
        BIDART,
        PASSWORD,
        STRASBOURG,
    )  # the settings are known by now

    owner = (STRASBOURG if is_team else BIDART).owner
    page.goto(f"{practice}/connexion/")
    page.locator("[name=login]").fill(owner.email)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main form button").first.click()


if __name__ == "__main__":
    sys.exit(main(Path("screenshots")))
