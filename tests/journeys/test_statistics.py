"""Statistics in a real browser: the figures, their drawing, and the file."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ViewportSize

from booking.models import DailyCount
from tenants.accounts.models import Role
from tenants.schema import Unit, inside
from tests.accounts import make_member
from tests.browser import faults_of
from tests.factories import Cabinet
from tests.journeys.people import OWNER, sign_in

MakePractice = Callable[[str], tuple[str, Unit, Cabinet]]
SIZES: tuple[ViewportSize, ...] = ({"width": 390, "height": 844}, {"width": 1280, "height": 900})


@pytest.mark.parametrize("size", SIZES)
def test_figures_are_read_and_taken_along(
    browser: Browser, practice: MakePractice, size: ViewportSize
) -> None:
    address, unit, cabinet = practice(f"nombres{uuid.uuid4().hex[:6]}")
    today = datetime.now(UTC).date()
    with inside(unit):
        make_member(Role.OWNER, OWNER)
        for weeks in range(9):
            DailyCount.objects.create(
                on=today - timedelta(weeks=weeks, days=1),
                practitioner=cabinet.practitioner,
                appointment_type=cabinet.type,
                status="fulfilled",
                count=3 if weeks == 4 else 12 + 3 * weeks,
                minutes=45 * (12 + 3 * weeks),
                lead_days=80,
            )
    context = browser.new_context(
        viewport=size, locale="fr-FR", bypass_csp=True, accept_downloads=True
    )
    page = context.new_page()
    sign_in(page, address)

    page.get_by_role("link", name="Statistiques").click()
    page.wait_for_url("**/statistiques/")
    faults = faults_of(page, unfold=True)
    drawn = page.locator(".chart rect").count()
    few = page.locator(".chart rect.few").first
    pale = few.evaluate(
        "bar => [bar.getBoundingClientRect().height > 0, getComputedStyle(bar).opacity]"
    )
    with page.expect_download() as taken:
        page.get_by_role("link", name="Télécharger le tableau").click()
    written = Path(taken.value.path()).read_bytes()
    page.fill("[name=du]", f"{today + timedelta(days=3)}")
    page.get_by_role("button", name="Voir cette période").click()
    refused = page.inner_text(".err")
    faults += faults_of(page, unfold=True)

    context.close()
    assert faults == []
    assert drawn == 24
    assert pale == [True, "0.5"]
    assert written.startswith(b"\xef\xbb\xbfPar;")
    assert "moins de 5" in written.decode()
    assert "Le premier jour vient avant le dernier" in refused
