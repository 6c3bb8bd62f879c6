"""The practice and the desk in a real browser: signing in, booking by keyboard, every page under axe."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, ViewportSize
from pytest_django.plugin import DjangoDbBlocker

from booking.models import Absence, Appointment
from booking.scheduling.queries import free_slots
from tenants.accounts.models import Role
from tenants.accounts.services.staff import close_account
from tenants.schema import PUBLIC, Unit, inside
from tests.accounts import PASSWORD, add_totp, make_member, make_user, totp_code
from tests.browser import faults_of
from tests.factories import Cabinet, make_appointment
from tests.journeys.people import OWNER, sign_in

Practice = Callable[[str], tuple[str, Unit, Cabinet]]
PAGES = (
    "espace/",
    "espace/semaine/",
    "espace/rendez-vous/nouveau/",
    "espace/attente/",
    "espace/attente/ajouter/",
    "espace/horaires/",
    "espace/absences/nouvelle/",
    "espace/motifs/",
    "espace/motifs/nouveau/",
    "espace/lieux/",
    "espace/lieux/nouveau/",
    "espace/equipe/",
    "espace/equipe/inviter/",
    "espace/equipe/agendas/nouveau/",
    "espace/equipe/remplacements/nouveau/",
    "espace/reglages/",
    "espace/google/",
    "espace/flux/",
    "compte/securite/",
    "compte/mot-de-passe/",
    "deconnexion/",
)
VIEWS: tuple[tuple[ViewportSize, str], ...] = (
    ({"width": 320, "height": 700}, "light"),
    ({"width": 1280, "height": 900}, "dark"),
)


@pytest.fixture
def at_work(practice: Practice, request: pytest.FixtureRequest) -> tuple[str, Unit, Cabinet]:
    """A practice with an owner, an appointment tomorrow or later, and an absence."""
    address, unit, cabinet = practice(f"bureau{uuid.uuid4().hex[:6]}")
    now = datetime.now(UTC)
    with inside(unit):
        owner = make_member(Role.OWNER, OWNER)
        cabinet.practitioner.user = owner
        cabinet.practitioner.save(update_fields=["user"])
        slots = free_slots(
            appointment_type=cabinet.type,
            from_on=now.date() + timedelta(days=1),
            until_on=now.date() + timedelta(days=10),
            now=now,
        )
        make_appointment(cabinet, slots[0].starts_at, now=now)
        Absence.objects.create(
            starts_at=now + timedelta(days=20), ends_at=now + timedelta(days=21), label="Congés"
        )
    return address, unit, cabinet


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser of somebody at work."""
    made = browser.new_context(locale="fr-FR", bypass_csp=True)
    yield made
    made.close()


@pytest.mark.parametrize(("size", "scheme"), VIEWS)
def test_axe_finds_nothing_on_any_page_of_the_dashboard(
    browser: Browser, at_work: tuple[str, Unit, Cabinet], size: ViewportSize, scheme: str
) -> None:
    address, unit, cabinet = at_work
    context = browser.new_context(
        viewport=size,
        color_scheme=scheme,  # type: ignore[arg-type]  # light or dark
        locale="fr-FR",
        bypass_csp=True,
    )
    page = context.new_page()
    with inside(unit):
        appointment, absence = Appointment.objects.get(), Absence.objects.get()
    appointment_path = f"espace/rendez-vous/{appointment.ref}/"
    is_small = size["width"] == 320
    about = [f"espace/horaires/{cabinet.practitioner.ref}/{end}/" for end in ("semaine", "jour")]
    action_paths = [
        appointment_path + end for end in ("", "deplacer/", "annuler/", "coordonnees/", "effacer/")
    ]
    others = [f"espace/semaine/?rdv={appointment.ref}", f"espace/absences/{absence.ref}/"]
    page.goto(f"{address}/connexion/")
    faults = faults_of(page, unfold=True)
    sign_in(page, address)

    # The colours of the dark scheme are the same everywhere: a few pages show them all.
    for path in (
        (*PAGES, *action_paths, *about, *others)
        if is_small
        else (*PAGES[:4], *action_paths[:3], *others)
    ):
        page.goto(f"{address}/{path}")
        faults += faults_of(page, unfold=True)
    page.goto(f"{address}/espace/rendez-vous/nouveau/")
    page.click("main button.main")
    faults += faults_of(page, unfold=True)

    context.close()
    assert faults == []


@pytest.mark.parametrize("has_script", [True, False])
def test_booking_by_hand_takes_two_fields_and_the_keyboard(
    browser: Browser, at_work: tuple[str, Unit, Cabinet], has_script: bool
) -> None:
    address, unit, _cabinet = at_work
    context = browser.new_context(
        viewport={"width": 320, "height": 700}, java_script_enabled=has_script, locale="fr-FR"
    )
    page = context.new_page()
    sign_in(page, address)

    # The next free time of the day list carries day and hour: two fields are left.
    page.locator("a[href*='heure=']").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/rendez-vous/nouveau/**")
    page.locator("[name=name]").focus()
    page.keyboard.type("Lou Échantillon")
    page.keyboard.press("Tab")
    page.keyboard.type("06 39 98 01 04")
    page.keyboard.press("Enter")
    page.wait_for_url("**/rendez-vous/*-*/")

    shown = page.inner_text("main")
    context.close()
    assert "Lou Échantillon" in shown
    with inside(unit):
        assert Appointment.objects.filter(origin=Appointment.Origin.STAFF).count() == 2


def test_a_key_is_added_and_opens_the_account_without_a_password(
    context: BrowserContext, at_work: tuple[str, Unit, Cabinet]
) -> None:
    address, _unit, _cabinet = at_work
    page = context.new_page()
    devices = context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    sign_in(page, address)
    page.goto(f"{address}/compte/securite/cles/ajouter/")
    page.fill("[name=password]", PASSWORD)  # asked again before a lock changes
    page.click("main button.main")
    page.fill("[name=name]", "Téléphone")
    page.check("[name=passwordless]")
    page.click("#mfa_webauthn_add")
    page.wait_for_url("**/compte/securite/codes/")
    page.goto(f"{address}/deconnexion/")
    page.click("main button.main")
    page.wait_for_url("**/connexion/")

    page.click("#passkey_login")
    page.wait_for_url(f"{address}/espace/")

    assert page.inner_text("h1") == "Aujourd’hui"


def test_the_door_opens_without_a_script_and_hides_what_needs_one(
    browser: Browser, at_work: tuple[str, Unit, Cabinet]
) -> None:
    address, _unit, _cabinet = at_work
    context = browser.new_context(java_script_enabled=False, locale="fr-FR")
    page = context.new_page()

    page.goto(f"{address}/connexion/")
    hidden = not page.is_visible("#passkey_login")
    sign_in(page, address)

    heading = page.inner_text("h1")
    context.close()
    assert hidden
    assert heading == "Aujourd’hui"


@pytest.fixture
def staff(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A member of staff with an application of codes, for as long as the test lasts."""
    email = f"equipe-{uuid.uuid4().hex[:8]}@example.org"
    with django_db_blocker.unblock():
        with inside(PUBLIC):
            add_totp(make_user(email, is_staff=True))
        yield email
        with inside(PUBLIC):
            close_account(email=email, now=datetime.now(UTC))


@pytest.mark.parametrize(("size", "scheme"), VIEWS)
def test_axe_finds_nothing_on_any_page_of_the_desk(
    browser: Browser,
    at_work: tuple[str, Unit, Cabinet],
    staff: str,
    size: ViewportSize,
    scheme: str,
) -> None:
    port = at_work[0].rpartition(":")[2]
    address = f"http://lib-rdv.localhost:{port}"
    context = browser.new_context(
        viewport=size,
        color_scheme=scheme,  # type: ignore[arg-type]  # light or dark
        locale="fr-FR",
        bypass_csp=True,
    )
    page = context.new_page()
    page.goto(f"{address}/bureau/")
    page.fill("[name=login]", staff)
    page.fill("[name=password]", PASSWORD)
    page.click("main button.main")
    faults = faults_of(page, unfold=True)
    page.fill("[name=code]", totp_code())
    page.click("main button.main")
    page.wait_for_url(f"{address}/bureau/")

    faults += faults_of(page, unfold=True)
    page.goto(f"{address}/bureau/clients/nouveau/")
    page.click("main button.main")
    faults += faults_of(page, unfold=True)
    page.goto(f"{address}/bureau/?q={at_work[1].schema}")
    page.click("tbody a")
    page.wait_for_url("**/clients/*-*/")
    faults += faults_of(page, unfold=True)
    page.goto(f"{page.url}suspendre/")
    faults += faults_of(page, unfold=True)

    context.close()
    assert faults == []
