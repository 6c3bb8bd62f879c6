"""The browser of journeys and screenshots, and the accessibility checks of a page."""

import os
import shutil
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Playwright

# Without these flags Chromium sends requests at every start; root cannot use its sandbox.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--in-process-gpu",
    "--disable-site-isolation-trials",
)


def find_browser(playwright: Playwright) -> str | None:
    """Return the path of the first found of $CHROMIUM, the system's Chromium and Playwright's download.

    The headless shell of the system comes first, since Chromium draws a frame around each page.
    """
    named = os.environ.get("CHROMIUM")
    system = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")
    candidates = (named, *system, playwright.chromium.executable_path)
    for candidate in candidates:
        found = shutil.which(candidate) if candidate else None
        if found:
            return found
    return None


def violations_of(page: Page) -> list[dict[str, Any]]:
    """Return the violations found by axe in the loaded page; the script is loaded once per document."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(Axe().axe_script)
    found: list[dict[str, Any]] = page.evaluate(
        "() => axe.run({resultTypes: ['violations']}).then(results => results.violations)"
    )
    return found


def faults_of(page: Page, *, unfold: bool = False) -> list[str]:
    """Return the violations found by axe in the loaded page, and whether it scrolls horizontally.

    ``unfold`` opens all ``details`` elements first.
    """
    page.wait_for_load_state()
    if unfold:
        for fold in page.query_selector_all("details:not([open]) > summary:visible"):
            fold.click()
    found = [
        f"{page.url} {fault['id']} {fault['nodes'][0]['target']}" for fault in violations_of(page)
    ]
    width = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    return [*found, *([f"{page.url} is {width} px too wide"] if width > 0 else [])]
