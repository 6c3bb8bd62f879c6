"""Where the browser of journeys and pictures comes from, and what is asked of every page in it."""

import os
import shutil

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Playwright

# Without these flags Chromium calls its maker at every start; it refuses its sandbox to root.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_browser(playwright: Playwright) -> str | None:
    """Return the first of $CHROMIUM, the system's Chromium, and Playwright's own download."""
    named = os.environ.get("CHROMIUM")
    candidates = (named, "/usr/bin/chromium", playwright.chromium.executable_path)
    for candidate in candidates:
        found = shutil.which(candidate) if candidate else None
        if found:
            return found
    return None


def faults_of(page: Page, *, unfold: bool = False) -> list[str]:
    """Return what axe reports of the loaded page, and whether it scrolls sideways.

    ``unfold`` opens what is folded first: nothing hides there.
    """
    page.wait_for_load_state()
    if unfold:
        for fold in page.query_selector_all("details:not([open]) > summary:visible"):
            fold.click()
    found = [
        f"{page.url} {fault['id']} {fault['nodes'][0]['target']}"
        for fault in Axe().run(page).response["violations"]
    ]
    width = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    return [*found, *([f"{page.url} is {width} px too wide"] if width > 0 else [])]
