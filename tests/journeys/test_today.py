"""Today in a real browser: taps, calls, what changed, and one sheet of A4 for each agenda."""

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from booking.models import Appointment, PatientContact, Practitioner
from booking.rules import kinds
from tenants.accounts.models import Role
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit, inside
from tests.accounts import make_member
from tests.browser import faults_of
from tests.factories import (
    Cabinet,
    make_appointment,
    make_hours,
    make_person,
    make_practitioner,
    make_type,
)
from tests.journeys.people import OWNER, sign_in

Practice = Callable[[str], tuple[str, Unit, Cabinet]]
SIZES: tuple[ViewportSize, ...] = ({"width": 390, "height": 844}, {"width": 1280, "height": 900})
SHEET = {"format": "A4", "prefer_css_page_size": True, "print_background": True}


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A browser without scripts, but for a test that asks for them."""
    size = getattr(request, "param", SIZES[1])
    made = browser.new_context(viewport=size, locale="fr-FR", bypass_csp=True)
    yield made
    made.close()


@pytest.fixture
def day(practice: Practice) -> tuple[str, Unit, Cabinet, datetime]:
    """A practice of two with an owner, and the middle of the day after tomorrow."""
    address, unit, cabinet = practice(f"jour{uuid.uuid4().hex[:6]}")
    now = datetime.now(UTC)
    start = (now + timedelta(days=2)).replace(hour=7, minute=0, second=0, microsecond=0)
    with inside(unit):
        cabinet.practitioner.user = make_member(Role.OWNER, OWNER)
        cabinet.practitioner.save(update_fields=["user"])
        other = make_practitioner("Hugo Fictif", position=1)
        make_type([other], [cabinet.location], label="Bilan", duration_min=30)
        make_hours(other, cabinet.location)
    return address, unit, cabinet, start


def fill(cabinet: Cabinet, start: datetime, count: int, *, minutes: int) -> list[Appointment]:
    """Return appointments one after the other, one in four of them without a person."""
    cabinet.type.duration_min = minutes
    cabinet.type.label = "Première consultation après une longue interruption"
    cabinet.type.save(update_fields=["duration_min", "label"])
    made = [
        make_appointment(
            cabinet,
            start + timedelta(minutes=minutes * number),
            person=make_person(first_name="Marie-Bernadette", last_name="Échantillon-Spécimen"),
            now=datetime.now(UTC),
        )
        for number in range(count)
    ]
    PatientContact.objects.filter(appointment__in=made[::4]).delete()
    return made


def sheets(page: Page) -> int:
    """Return how many pages the printer would use."""
    printed = page.pdf(**SHEET)  # type: ignore[arg-type]  # the options of one call
    return len(re.findall(rb"/Type\s*/Page\b", printed))


@pytest.mark.parametrize(("count", "minutes"), [(0, 30), (1, 30), (24, 30), (44, 15), (96, 8)])
def test_each_agenda_with_something_in_it_prints_on_one_sheet_of_a4(
    context: BrowserContext, day: tuple[str, Unit, Cabinet, datetime], count: int, minutes: int
) -> None:
    address, unit, cabinet, start = day
    with inside(unit):
        fill(cabinet, start, count, minutes=minutes)
        other = Practitioner.objects.get(name="Hugo Fictif")
        cabinet.type.practitioners.add(other)
        cabinet.practitioner = other
        fill(cabinet, start, 1, minutes=minutes)
        make_practitioner("Léa Modèle", position=2)
    page = context.new_page()
    sign_in(page, address)
    page.goto(f"{address}/espace/?jour={start:%Y-%m-%d}")

    printed = sheets(page)

    assert page.locator("ol.rota > li").count() == count + 1
    assert printed == (2 if count else 1)


@pytest.mark.parametrize("context", SIZES, indirect=True)
def test_the_day_of_a_secretary(
    context: BrowserContext, day: tuple[str, Unit, Cabinet, datetime]
) -> None:
    address, unit, cabinet, start = day
    now = datetime.now(UTC)
    with inside(unit):
        appointment = fill(cabinet, start, 3, minutes=30)[1]
        reminders = OutboxEntry.objects.filter(kind=kinds.REMINDER, subject_id=appointment.pk)
        reminders.update(state="failed", reason="refused", finished_at=now)
        past = make_appointment(
            cabinet, now.replace(microsecond=0) - timedelta(hours=3), now=now - timedelta(days=5)
        )
    page = context.new_page()
    sign_in(page, address)
    faults = faults_of(page, unfold=True)
    news = page.inner_text("#changements summary")
    page.get_by_role("button", name="J’ai vu").click()
    page.locator("#changements").wait_for(state="detached")
    changes_shown_again = page.locator("#changements").count()

    page.goto(f"{address}/espace/?jour={past.starts_at:%Y-%m-%d}")
    page.get_by_role("button", name="Absent(e)").click()
    page.wait_for_url("**#r*")
    absent = page.inner_text("ol.rota")
    faults += faults_of(page, unfold=True)
    page.get_by_role("button", name="Corriger").click()
    page.get_by_role("button", name="Absent(e)").wait_for()

    page.goto(f"{address}/espace/?jour={start:%Y-%m-%d}")
    warned = page.inner_text(".alert.warn")
    faults += faults_of(page, unfold=True)
    page.get_by_role("button", name="Ne plus signaler").click()
    page.get_by_text("Appel noté").wait_for()
    faults += faults_of(page, unfold=True)

    assert faults == []
    assert news.startswith("3 changements depuis hier")
    assert changes_shown_again == 0
    assert "Absent(e)" in absent
    assert "l’adresse est sans doute fausse" in warned
    assert page.locator(".alert.warn").count() == 0
    assert page.get_by_role("button", name="Imprimer la journée").is_visible()
