"""The people of a practice in a real browser: their addresses, and how they sign in."""

from playwright.sync_api import Page

from tests.accounts import PASSWORD

OWNER = "maite@example.org"
SECRETARY = "nadia@example.org"


def sign_in(page: Page, address: str, *, email: str = OWNER) -> None:
    """Sign in by the form."""
    page.goto(f"{address}/connexion/")
    page.fill("[name=login]", email)
    page.fill("[name=password]", PASSWORD)
    page.click("main button.main")
    page.wait_for_url(f"{address}/espace/**")
