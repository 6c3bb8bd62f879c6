"""Where the browser of journeys and pictures comes from, and what is asked of every page in it."""

import os
import shutil
from typing import Any

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
    "--in-process-gpu",
    "--disable-site-isolation-trials",
)


def find_browser(playwright: Playwright) -> str | None:
    """Return the first of $CHROMIUM, the system's Chromium, and Playwright's own download.

    Of the system's the one without windows comes first: the other draws its own frame around each page.
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
    """Return what axe says of the loaded page; a document is given its half megabyte of script once."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(Axe().axe_script)
    found: list[dict[str, Any]] = page.evaluate(
        "() => axe.run({resultTypes: ['violations']}).then(results => results.violations)"
    )
    return found


def faults_of(page: Page, *, unfold: bool = False) -> list[str]:
    """Return what axe reports of the loaded page, and whether it scrolls sideways.

    ``unfold`` opens what is folded first: nothing hides there.
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
