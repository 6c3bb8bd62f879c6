"""Names that only the calendar still holds, in a real browser: added after the page, or replaced by a link."""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from booking.google import accounts, authorization, oauth
from booking.google.calendar_api import OWN_CALENDAR
from booking.google.oauth import Grant
from booking.google.push import visit_of
from booking.models import Appointment, CalendarEntry, GoogleAccount
from booking.patients import contacts
from booking.rules.erasure import Level
from booking.rules.event_body import (
    body_of,
    event_id,
)
from config.devtools import processes
from config.devtools.managed_process import ManagedProcess
from tenants.accounts.models import Role
from tenants.schema import Unit, inside
from tests.accounts import make_member
from tests.browser import faults_of
from tests.factories import Cabinet, make_appointment
from tests.fakes.google import Google, serving
from tests.journeys.conftest import _answers
from tests.journeys.people import OWNER, sign_in

LINKED = "maite@exemple.fr"
SHOWN = "Camille Spécimen"


@pytest.fixture(scope="module")
def google() -> Iterator[tuple[Google, str]]:
    """The fake server of Google and its base address."""
    fake_google = Google(redirects=["http://connect.lib-rdv.localhost/google/retour"])
    with serving(fake_google) as served:
        yield fake_google, f"{served.base}/"


@pytest.fixture(scope="module")
def served(
    django_db_setup: None, google: tuple[Google, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """The port of the application, which uses the fake server."""
    port = processes.free_port()
    log = tmp_path_factory.mktemp("names") / "web.log"
    environment = {
        "PUBLIC_PORT": str(port),
        "GOOGLE_API_URL": google[1],
        "GOOGLE_OAUTH_URL": google[1],
    }
    command = processes.web(bind=f"127.0.0.1:{port}", workers=1)
    with ManagedProcess(command, environment=environment, output=log):
        ready = processes.wait_until(lambda: _answers(port), seconds=30)
        assert ready, log.read_text("utf-8", "replace")[-3000:]
        yield port


@dataclass
class Agenda:
    """A linked practice whose appointments of one day are erased here."""

    address: str
    on: str
    appointments: list[Appointment]


@pytest.fixture
def agenda(
    practice: Callable[[str], tuple[str, Unit, Cabinet]], google: tuple[Google, str]
) -> Agenda:
    """Three appointments of the day after tomorrow, whose persons only the calendar names."""
    address, unit, cabinet = practice(f"noms{uuid.uuid4().hex[:6]}")
    fake_google, now = google[0], datetime.now(UTC)
    start = (now + timedelta(days=2)).replace(hour=8, minute=0, second=0, microsecond=0)
    with inside(unit):
        cabinet.practitioner.user = make_member(Role.OWNER, OWNER)
        cabinet.practitioner.save(update_fields=["user"])
        account = link(cabinet, fake_google, now)
        booked = [
            make_appointment(cabinet, start + timedelta(hours=number), now=now)
            for number in range(3)
        ]
        for appointment in booked:
            write(appointment, account, fake_google)
            contact = contacts.contact_of(appointment)
            assert contact is not None
            contacts.erase(contact=contact, rule=contacts.DUE, now=now)
    return Agenda(address, start.date().isoformat(), booked)


def link(cabinet: Cabinet, fake_google: Google, now: datetime) -> GoogleAccount:
    """Link the practitioner with an account whose calendar exists, without a worker."""
    scopes = [oauth.WRITE, oauth.BUSY]
    access, refresh = fake_google.grant(LINKED, scopes)
    grant = Grant(
        refresh_token=refresh,
        access_token=access,
        expires_at=now + timedelta(hours=1),
        scopes=frozenset(scopes),
        subject="1",
        is_workspace=True,
    )
    account = authorization.save_account(
        practitioner=cabinet.practitioner, user_id=0, grant=grant, now=now
    )
    body = {"summary": OWN_CALENDAR}
    made = fake_google.make_calendar(
        fake_google.account(LINKED), body, made_by=fake_google.client_id
    )
    accounts.change_secret(account_id=account.pk, calendar=made.id)
    GoogleAccount.objects.update(level=Level.NAMED)
    return GoogleAccount.objects.get()


def write(appointment: Appointment, account: GoogleAccount, fake_google: Google) -> None:
    """Write the event to the calendar as a worker does."""
    contact = contacts.contact_of(appointment)
    assert contact is not None
    visit = visit_of(appointment, contacts.open_contact(contact))
    body = body_of(visit, level=Level.NAMED, version=1)
    locked = GoogleAccount.objects.select_related("data_key").get(pk=account.pk)
    fake_google.add_event(
        LINKED,
        appointment.starts_at,
        appointment.ends_at,
        calendar=accounts.open_secret(locked).calendar,
        id=event_id(key=accounts.event_key(), ref=appointment.ref, generation=0),
        summary=body["summary"],
        description=body["description"],
    )
    CalendarEntry.objects.filter(appointment=appointment).update(
        level=Level.NAMED, state="written", pushed=1
    )


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A browser of 1280 by 900, with scripts unless the test says otherwise."""
    has_scripts = getattr(request, "param", True)
    made = browser.new_context(
        viewport={"width": 1280, "height": 900},
        locale="fr-FR",
        java_script_enabled=has_scripts,
        bypass_csp=has_scripts,
    )
    yield made
    made.close()


def paths(agenda: Agenda) -> dict[str, str]:
    first = agenda.appointments[0].ref
    return {
        "today": f"/espace/?jour={agenda.on}",
        "week": f"/espace/semaine/?du={agenda.on}",
        "panel": f"/espace/semaine/?du={agenda.on}&rdv={first}",
        "appointment": f"/espace/rendez-vous/{first}/",
    }


@pytest.fixture
def page(context: BrowserContext, agenda: Agenda) -> Page:
    """The owner's page, signed in."""
    made = context.new_page()
    sign_in(made, agenda.address)
    made.wait_for_load_state("networkidle")  # the page after signing in asks for names too
    return made


def test_the_names_appear_after_each_page_which_asks_once(page: Page, agenda: Agenda) -> None:
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url) if "/noms/" in sent.url else None)

    shown = {}
    for name, path in paths(agenda).items():
        page.goto(f"{agenda.address}{path}")
        expect(page.locator("[data-nom]").first).to_have_text(SHOWN)
        names = set(page.locator("[data-nom]").all_text_contents())
        numbers = page.locator("a[href='tel:+33639980104']").count()
        shown[name] = (names, numbers, faults_of(page))

    assert shown == {
        "today": ({SHOWN}, 3, []),
        "week": ({SHOWN}, 0, []),
        "panel": ({SHOWN}, 1, []),
        "appointment": ({SHOWN}, 1, []),
    }
    assert len(asked) == len(shown)


@pytest.mark.parametrize("context", [False], indirect=True, ids=["without script"])
def test_without_script_the_link_is_there(page: Page, agenda: Agenda) -> None:
    links = []
    for path in paths(agenda).values():
        page.goto(f"{agenda.address}{path}")
        link = page.get_by_role("link", name=re.compile("ouvrir dans Google Agenda"))
        links.append(str(link.get_attribute("href")).rsplit("/", 3)[0])
        assert SHOWN not in page.content()

    base = "https://calendar.google.com/calendar/r"
    assert links == [f"{base}/day", f"{base}/week", f"{base}/week", f"{base}/day"]


def test_without_a_response_of_google_the_page_holds_a_link(
    page: Page, agenda: Agenda, google: tuple[Google, str]
) -> None:
    page.set_viewport_size({"width": 320, "height": 800})
    google[0].black_hole.open()
    page.goto(f"{agenda.address}{paths(agenda)['today']}")
    expect(page.locator("#noms")).to_contain_text("n’a pas donné 3 noms")
    google[0].black_hole.close()

    links = page.get_by_role("link", name=re.compile("ouvrir dans Google Agenda"))
    assert links.count() == 4  # of the page, and of each line
    assert faults_of(page) == []


def test_a_week_that_draws_itself_again_keeps_the_names(page: Page, agenda: Agenda) -> None:
    page.goto(f"{agenda.address}{paths(agenda)['week']}")
    expect(page.locator("[data-nom]").first).to_have_text(SHOWN)

    with page.expect_response(lambda response: "/noms/" in response.url):
        page.evaluate("() => { document.getElementById('agenda').dataset.version = 'x'; }")
        page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")

    expect(page.locator("[data-nom]").first).to_have_text(SHOWN)
