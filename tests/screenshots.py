"""`make screenshots`: the main pages of the demonstration at three widths, for eyes and for the README.

A demonstration of its own is started, a patient books in it, and everything is gone afterwards.
"""

import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from config import processes
from tests.browser import FLAGS, find_browser

WIDTHS = (320, 768, 1280)
PICTURE_WIDTH, PICTURE_HEIGHT = 1000, 760


def main(folder: Path) -> int:
    """Take them all into `folder`; the README's picture is `practice.png`."""
    with tempfile.TemporaryDirectory(prefix="screens-") as scratch:
        os.environ["DEMO_FOLDER"] = str(Path(scratch) / "demo")
        os.environ["DEMO_PORT"] = str(processes.free_port())
        os.environ["LIBRDV_DEMO"] = "1"
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        import django

        django.setup()
        from config import demo  # reads the environment when it is imported

        with demo.demonstration() as (running, _notice), sync_playwright() as playwright:
            path = find_browser(playwright)
            if path is None:
                print("No browser: set CHROMIUM, or install chromium.", file=sys.stderr)
                return 1
            browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
            take(browser, folder, running.port)
            browser.close()
    return 0


def take(browser: Browser, folder: Path, port: int) -> None:
    """Patients' pages and the dashboard, at each width."""
    folder.mkdir(parents=True, exist_ok=True)
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
            ("public", f"http://lib-rdv.localhost:{port}/"),
        ):
            page.goto(address)
            shoot(page, folder, f"{name}-{width}")
        book(page, folder, maite, width)
        sign_in(page, maite)
        for name, place in (
            ("today", "/espace/"),
            ("week", "/espace/semaine/"),
            ("day", "/espace/semaine/?vue=jour"),
            ("block", "/espace/bloquer/"),
            ("hours", "/espace/horaires/"),
            ("motifs", "/espace/motifs/"),
            ("first-day", "/espace/premier-jour/pret/"),
            ("site", "/espace/site/"),
            ("site-preview", "/espace/site/apercu/"),
            ("letters", "/espace/messages/"),
            ("text", "/espace/messages/textes/reminder/"),
            ("digest", "/espace/messages/resume/"),
            ("statistics", "/espace/statistiques/"),
            ("waiting", "/espace/attente/"),
        ):
            page.goto(f"{maite}{place}")
            shoot(page, folder, f"{name}-{width}")
        context.close()
    picture = browser.new_page(viewport={"width": PICTURE_WIDTH, "height": PICTURE_HEIGHT})
    picture.goto(f"{maite}/")
    picture.screenshot(path=folder / "practice.png")


def shoot(page: Page, folder: Path, name: str) -> None:
    """One picture of the whole page."""
    page.screenshot(path=folder / f"{name}.png", full_page=True)


def book(page: Page, folder: Path, practice: str, width: int) -> None:
    """Book the first free slot, as a patient does."""
    page.goto(f"{practice}/")
    page.locator("button[name=slot]").nth(width % 7).click()
    shoot(page, folder, f"details-{width}")
    page.get_by_label("Prénom", exact=False).first.fill("Camille")
    page.locator("[name=last_name]").fill("Spécimen")
    page.locator("[name=email]").fill("camille@example.org")
    page.wait_for_timeout(3500)  # the form refuses what no hand can type that fast
    page.locator("main form button[type=submit], main form button:not([type])").last.click()
    shoot(page, folder, f"done-{width}")


def sign_in(page: Page, practice: str) -> None:
    """Enter the dashboard as the owner."""
    from config.demo_data import BIDART, PASSWORD  # the settings are known by now

    page.goto(f"{practice}/connexion/")
    page.locator("[name=login]").fill(BIDART.owner.email)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main form button").first.click()


if __name__ == "__main__":
    sys.exit(main(Path("screenshots")))
