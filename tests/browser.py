"""Where the browser of journeys and pictures comes from."""

import os
import shutil

from playwright.sync_api import Playwright

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
