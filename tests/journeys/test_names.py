"""Names that only the calendar still holds, in a real browser: after the page, or a link to look there."""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from booking import google_oauth
from booking.event_body import Level, body_of, event_id
from booking.google_calendar import OWN_CALENDAR
from booking.google_oauth import Grant
from booking.models import Appointment, CalendarEntry, GoogleAccount
from booking.services import contacts
from booking.services.google import accounts, authorizing
from booking.services.google.writing import visit_of
from config import processes
from config.processes import Leashed
from tenants.accounts.models import Role
from tenants.schema import Unit, inside
from tests.accounts import make_member
from tests.browser import faults_of
from tests.factories import Cabinet, make_appointment
from tests.fakes.google import Google, serving
from tests.journeys.conftest import _answers
from tests.journeys.test_dashboard import OWNER, sign_in

LINKED = "maite@exemple.fr"
SHOWN = "Camille Spécimen"


@pytest.fixture(scope="module")
def google() -> Iterator[tuple[Google, str]]:
    """The double of Google, and where it answers."""
    double = Google(redirects=["http://connect.lib-rdv.localhost/google/retour"])
    with serving(double) as served:
        yield double, f"{served.base}/"


@pytest.fixture(scope="module")
def served(
    django_db_setup: None, google: tuple[Google, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """The application, whose Google is the double."""
    port = processes.free_port()
    log = tmp_path_factory.mktemp("names") / "web.log"
    environment = {
        "PUBLIC_PORT": str(port),
        "GOOGLE_API_URL": google[1],
        "GOOGLE_OAUTH_URL": google[1],
    }
    command = processes.web(bind=f"127.0.0.1:{port}", workers=1)
    with Leashed(command, environment=environment, output=log):
        ready = processes.wait_until(lambda: _answers(port), seconds=30)
        assert ready, log.read_text("utf-8", "replace")[-3000:]
        yield port


@dataclass
class Agenda:
    """A linked practice whose appointments of one day are erased here."""

    address: str
    on: str
    held: list[Appointment]


@pytest.fixture
def agenda(
    practice: Callable[[str], tuple[str, Unit, Cabinet]], google: tuple[Google, str]
) -> Agenda:
    """Three appointments of the day after tomorrow: only the calendar still says who comes."""
    address, unit, cabinet = practice(f"noms{uuid.uuid4().hex[:6]}")
    double, now = google[0], datetime.now(UTC)
    start = (now + timedelta(days=2)).replace(hour=8, minute=0, second=0, microsecond=0)
    with inside(unit):
        cabinet.practitioner.user = make_member(Role.OWNER, OWNER)
        cabinet.practitioner.save(update_fields=["user"])
        account = link(cabinet, double, now)
        held = [
            make_appointment(cabinet, start + timedelta(hours=number), now=now)
            for number in range(3)
        ]
        for appointment in held:
            write(appointment, account, double)
            contact = contacts.contact_of(appointment)
            assert contact is not None
            contacts.erase(contact=contact, rule=contacts.DUE, now=now)
    return Agenda(address, start.date().isoformat(), held)


def link(cabinet: Cabinet, double: Google, now: datetime) -> GoogleAccount:
    """Link the practitioner with an account whose calendar exists, without any worker."""
    scopes = [google_oauth.WRITE, google_oauth.BUSY]
    access, refresh = double.grant(LINKED, scopes)
    grant = Grant(
        refresh_token=refresh,
        access_token=access,
        expires_at=now + timedelta(hours=1),
        scopes=frozenset(scopes),
        subject="1",
        is_workspace=True,
    )
    account = authorizing.keep(practitioner=cabinet.practitioner, user_id=0, grant=grant, now=now)
    body = {"summary": OWN_CALENDAR}
    made = double.make_calendar(double.account(LINKED), body, made_by=double.client_id)
    accounts.change_secret(account_id=account.pk, calendar=made.id)
    GoogleAccount.objects.update(level=Level.NAMED)
    return GoogleAccount.objects.get()


def write(appointment: Appointment, account: GoogleAccount, double: Google) -> None:
    """Put the event where a worker would have put it."""
    contact = contacts.contact_of(appointment)
    assert contact is not None
    visit = visit_of(appointment, contacts.open_contact(contact))
    body = body_of(visit, level=Level.NAMED, version=1)
    locked = GoogleAccount.objects.select_related("data_key").get(pk=account.pk)
    double.add_event(
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
    first = agenda.held[0].ref
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
    page.on("request", lambda one: asked.append(one.url) if "/noms/" in one.url else None)

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


def test_when_google_hangs_the_page_says_where_to_look(
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

    with page.expect_response(lambda one: "/noms/" in one.url):
        page.evaluate("() => { document.getElementById('agenda').dataset.version = 'x'; }")
        page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")

    expect(page.locator("[data-nom]").first).to_have_text(SHOWN)
