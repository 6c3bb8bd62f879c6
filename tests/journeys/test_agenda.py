"""The agenda in a real browser: by mouse, by keyboard alone, by two people at once; clicks and fields counted."""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Browser, BrowserContext, Locator, Page, ViewportSize

from booking.appointments.book import book_by_staff
from booking.appointments.cancel import cancel
from booking.models import Absence, Appointment, AppointmentType
from booking.rules.persons import Person
from tenants.accounts.models import Role
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit, inside
from tests.accounts import PASSWORD, make_member
from tests.browser import faults_of
from tests.factories import Cabinet, make_appointment, make_hours, make_practitioner
from tests.plugin import Figures

Practice = Callable[[str], tuple[str, Unit, Cabinet]]
OWNER, NORA, HUGO = "maite@example.org", "nora@example.org", "hugo@example.org"
DESK: ViewportSize = {"width": 1280, "height": 1000}
PHONE: ViewportSize = {"width": 390, "height": 844}
ZONE = ZoneInfo("Europe/Paris")
HOURS = (9, 10, 11, 14, 15)


@dataclass
class Office:
    """A practice of two, with five appointments on a Tuesday at least a week ahead."""

    address: str
    unit: Unit
    cabinet: Cabinet
    tuesday: date
    appointments: list[Appointment]

    def at(self, hour: int, minute: int = 0) -> datetime:
        """An instant of the Tuesday, by the local clock."""
        day = self.tuesday
        return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE)

    def week(self) -> str:
        """The address of its week."""
        return f"{self.address}/espace/semaine/?du={self.tuesday.isoformat()}"

    def again(self, appointment: Appointment) -> Appointment:
        """The row as it is now."""
        with inside(self.unit):
            return Appointment.objects.get(pk=appointment.pk)


@dataclass
class Hand:
    """Counts what a person does."""

    page: Page
    figures: Figures
    clicks: int = 0
    fields: int = 0
    shown: list[str] = field(default_factory=list)

    def click(self, what: Locator, **where: float) -> None:
        """Click once."""
        self.clicks += 1
        what.click(position={"x": where["x"], "y": where["y"]} if where else None)

    def type(self, words: str) -> None:
        """Fill the field that has the focus."""
        self.fields += 1
        self.page.keyboard.type(words)

    def record(self, what: str, *, clicks: int, fields: int = 0) -> None:
        """Keep the count, and hold it to its limit."""
        self.figures(f"{what}: {self.clicks} clicks, {self.fields} fields")
        assert self.clicks <= clicks
        assert self.fields <= fields


def away_from_holidays(today: date) -> date:
    """Return a Tuesday a week ahead or more, in a week without a public holiday."""
    from booking.rules.holidays import public_holidays

    day = today + timedelta(days=(1 - today.weekday()) % 7 + 7)
    while any(
        on in public_holidays(territory="", postcode="64210", year=on.year)
        for on in (day + timedelta(days=shift) for shift in range(-1, 5))
    ):
        day += timedelta(days=7)
    return day


@pytest.fixture
def office(practice: Practice) -> Office:
    """Open the practice, with an owner and two secretaries."""
    address, unit, cabinet = practice(f"agenda{uuid.uuid4().hex[:6]}")
    now = datetime.now(UTC)
    tuesday = away_from_holidays(now.astimezone(ZONE).date())
    with inside(unit):
        make_member(Role.OWNER, OWNER)
        for email in (NORA, HUGO):
            make_member(Role.SECRETARY, email)
        other = make_practitioner("Hugo Fictif", position=1)
        cabinet.type.practitioners.add(other)
        make_hours(other, cabinet.location)
        office = Office(address, unit, cabinet, tuesday, [])
        office.appointments = [
            make_appointment(cabinet, office.at(hour), now=now) for hour in HOURS
        ]
    return office


@pytest.fixture
def enter(browser: Browser, office: Office) -> Iterator[Callable[..., Page]]:
    """Return a function that signs somebody in, in a browser of their own."""
    contexts: list[BrowserContext] = []

    def sign_in(
        email: str = NORA, *, size: ViewportSize = DESK, script: bool = True, csp: bool = True
    ) -> Page:
        context = browser.new_context(
            viewport=size, locale="fr-FR", java_script_enabled=script, bypass_csp=not csp
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{office.address}/connexion/")
        fill_in(page, email)
        page.wait_for_url(f"{office.address}/espace/**")
        return page

    yield sign_in
    for context in contexts:
        context.close()


def fill_in(page: Page, email: str) -> None:
    """Send the sign-in form."""
    page.fill("[name=login]", email)
    page.fill("[name=password]", PASSWORD)
    page.click("main button.main")


def lane(page: Page, office: Office, number: int = 0) -> Locator:
    """The column of a practitioner on the Tuesday."""
    return page.locator(f'.wd[data-day="{office.tuesday}"] .lane').nth(number)


def event(page: Page, appointment: Appointment) -> Locator:
    """The appointment in the grid."""
    return page.locator(f'a.ev[href*="{appointment.ref}"]')


def height_of(page: Page, hours: float) -> float:
    """How far down a column that many hours are."""
    return hours * 60 * 1.2


def test_a_click_a_name_and_enter_book_by_hand(
    enter: Callable[..., Page], office: Office, figures: Figures
) -> None:
    page = enter()
    page.goto(office.week())
    hand = Hand(page, figures)

    # An hour outside the opening: the grid takes it, the form warns.
    hand.click(page.locator(f'.wd[data-day="{office.tuesday}"] .ev.gap').last, x=10, y=20)
    hand.type("SPÉCIMEN Lou")
    split = page.inner_text("#q-split")
    page.keyboard.press("Tab")
    hand.type("06 39 98 01 04")
    page.keyboard.press("Enter")
    page.wait_for_url("**&rdv=*")

    hand.record("book by hand, by mouse", clicks=2, fields=2)
    assert split == "Prénom : Lou, Nom : SPÉCIMEN"
    assert "Lou SPÉCIMEN" in page.inner_text("#rdv")
    with inside(office.unit):
        assert Appointment.objects.filter(origin=Appointment.Origin.STAFF).count() == 6


def test_the_keyboard_alone_books_by_hand(
    enter: Callable[..., Page], office: Office, figures: Figures
) -> None:
    page = enter()
    page.goto(office.week())
    hand = Hand(page, figures)

    event(page, office.appointments[2]).focus()
    page.keyboard.press("ArrowDown")
    is_gap = page.evaluate("document.activeElement.classList.contains('gap')")
    page.keyboard.press("Enter")
    hand.type("Lou Échantillon")
    page.keyboard.press("Enter")
    page.wait_for_url("**&rdv=*")

    hand.record("book by hand, by keyboard", clicks=0, fields=2)
    assert is_gap
    assert "Un nom seulement. Aucun rappel ne partira." in page.inner_text("#rdv")


def test_keys_lead_everywhere(enter: Callable[..., Page], office: Office) -> None:
    page = enter()
    page.goto(office.week())

    page.keyboard.press("?")
    page.locator("#aide").wait_for()
    page.keyboard.press("Escape")
    page.locator("#aide").wait_for(state="hidden")
    page.keyboard.press("n")
    page.locator("#prendre").wait_for()
    is_at_name = page.evaluate("document.activeElement.id")
    page.keyboard.press("Escape")
    page.locator("#prendre").wait_for(state="hidden")
    page.keyboard.press("d")
    page.wait_for_selector(".week.one-day")
    page.keyboard.press("w")
    page.wait_for_selector(".week:not(.one-day)")
    page.keyboard.press("t")
    page.wait_for_selector(".wd.today")

    assert is_at_name == "q-name"


def test_a_key_in_the_frame_after_a_dialog_is_nobodys_typing(
    enter: Callable[..., Page], office: Office
) -> None:
    page = enter()
    page.goto(office.week())
    page.keyboard.press("n")
    page.locator("#prendre").wait_for()

    page.evaluate(
        "() => { document.getElementById('prendre').close();"
        " document.getElementById('q-name').dispatchEvent("
        "new KeyboardEvent('keydown', { key: 'd', bubbles: true })) }"
    )

    page.wait_for_selector(".week.one-day")


def test_cancelling_with_a_message_takes_two_clicks(
    enter: Callable[..., Page], office: Office, figures: Figures
) -> None:
    page = enter()
    page.goto(f"{office.week()}&rdv={office.appointments[0].ref}")
    hand = Hand(page, figures)

    hand.click(page.locator("#annuler"))
    hand.click(page.locator("#annuler-d [value=practice]"))
    page.wait_for_selector(".alert.ok")

    hand.record("cancel with a message", clicks=2)
    assert office.again(office.appointments[0]).is_cancelled
    with inside(office.unit):
        assert OutboxEntry.objects.filter(kind="booking.cancelled_by_pract").count() == 1


def test_tomorrow_is_closed_in_two_clicks(
    enter: Callable[..., Page], office: Office, figures: Figures
) -> None:
    page = enter(OWNER)
    page.goto(f"{office.address}/espace/semaine/")
    hand = Hand(page, figures)

    hand.click(page.get_by_role("link", name="Bloquer un temps"))
    hand.click(page.locator("[value=tomorrow]"))
    page.wait_for_url("**/bloquer/*-*/")

    hand.record("close tomorrow", clicks=3)
    with inside(office.unit):
        assert Absence.objects.count() == 1


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_a_day_with_five_appointments_is_blocked_and_each_is_handled(
    enter: Callable[..., Page], office: Office, figures: Figures, size: ViewportSize
) -> None:
    page = enter(OWNER, size=size)
    page.goto(f"{office.address}/espace/bloquer/?jour={office.tuesday}")
    page.get_by_role("button", name="Bloquer ce temps").click()
    page.wait_for_url("**/bloquer/*-*/")
    hand = Hand(page, figures)

    for number in range(5):
        assert page.locator("ol.list > li").count() == 5 - number
        row = page.locator("ol.list > li").first
        if number % 2:
            hand.click(row.get_by_role("button", name="Annuler et prévenir"))
        else:
            hand.click(row.locator("form[action$='/deplacer/'] button").first)
        page.wait_for_selector(".alert.ok")

    hand.record("handle five appointments", clicks=5)
    assert "Tout est réglé" in page.inner_text("main")
    rows = [office.again(appointment) for appointment in office.appointments]
    assert sum(row.is_cancelled for row in rows) == 2
    assert all(
        row.is_cancelled or row.starts_at.astimezone(ZONE).date() != office.tuesday for row in rows
    )


def test_a_drag_asks_moves_and_is_undone(enter: Callable[..., Page], office: Office) -> None:
    page = enter()
    page.goto(office.week())
    appointment = office.appointments[3]  # at 14 h
    event(page, appointment).scroll_into_view_if_needed()
    box = event(page, appointment).bounding_box()
    target = lane(page, office, 1).bounding_box()
    assert box is not None
    assert target is not None

    page.mouse.move(box["x"] + 10, box["y"] + 6)
    page.mouse.down()
    page.mouse.move(target["x"] + 10, box["y"] + 6 + height_of(page, 2), steps=8)
    page.mouse.up()
    asked = page.inner_text("#glisser")
    page.locator("#glisser button[value='']").click()
    page.wait_for_selector("#defaire")
    moved = office.again(appointment)
    page.click("#defaire")
    page.wait_for_selector("#defaire", state="visible")
    back = office.again(appointment)

    assert "prévenir" in asked
    assert "16\u00a0h" in asked
    assert (moved.starts_at, moved.practitioner_id) != (
        appointment.starts_at,
        appointment.practitioner_id,
    )
    assert moved.starts_at == office.at(16)
    assert (back.starts_at, back.practitioner_id) == (
        appointment.starts_at,
        appointment.practitioner_id,
    )
    with inside(office.unit):
        assert not OutboxEntry.objects.filter(kind="booking.moved").exists()


def test_the_end_is_pulled_down_and_the_keyboard_does_the_same(
    enter: Callable[..., Page], office: Office
) -> None:
    page = enter()
    page.goto(office.week())
    by_hand, by_key = (
        office.appointments[4],
        office.appointments[2],
    )  # at 15 h and 11 h, nothing after them
    event(page, by_hand).scroll_into_view_if_needed()
    box = event(page, by_hand).bounding_box()
    assert box is not None

    page.mouse.move(box["x"] + 10, box["y"] + box["height"] - 3)
    page.mouse.down()
    page.mouse.move(box["x"] + 10, box["y"] + height_of(page, 1.5), steps=8)
    page.mouse.up()
    page.locator("#glisser button[value='']").click()
    page.wait_for_selector(".alert.ok")
    event(page, by_key).focus()
    for key in ("m", "Shift+ArrowDown", "Enter"):
        page.keyboard.press(key)
    page.locator("#glisser button[value='']").click()
    page.wait_for_selector(".alert.ok")

    assert office.again(by_hand).ends_at == office.at(16, 30)
    assert office.again(by_key).ends_at == office.at(12)


def test_the_keyboard_moves_an_appointment(enter: Callable[..., Page], office: Office) -> None:
    page = enter()
    page.goto(office.week())

    event(page, office.appointments[3]).focus()
    for key in ("m", "ArrowRight", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    page.locator("#glisser [value=on]").click()
    page.wait_for_selector("#defaire")

    moved = office.again(office.appointments[3])
    assert moved.starts_at == office.at(14, 15)
    assert moved.practitioner_id != office.appointments[3].practitioner_id


def test_two_secretaries_in_conflict_lose_nothing(
    enter: Callable[..., Page], office: Office
) -> None:
    first, second = enter(NORA), enter(HUGO)
    appointment = office.appointments[0]
    address = f"{office.address}/espace/rendez-vous/{appointment.ref}/deplacer/"
    for page in (first, second):
        page.goto(address)
    first.fill("[name=hour]", "17h15")
    second.fill("[name=hour]", "16h30")

    first.locator("form button[value='']").last.click()
    first.wait_for_selector(".alert.ok")
    second.locator("form button[value='']").last.click()
    second.wait_for_selector(".alert.warn")
    shown, kept = second.inner_text("main"), second.input_value("[name=hour]")
    between = office.again(appointment).starts_at
    second.locator("form button[value='']").last.click()
    second.wait_for_selector(".alert.ok")

    assert "Quelqu’un a changé ce rendez-vous" in shown
    assert "17\u00a0h\u00a015" in shown
    assert kept == "16h30"
    assert between == office.at(17, 15)
    assert office.again(appointment).starts_at == office.at(16, 30)


def test_the_page_follows_what_others_do(enter: Callable[..., Page], office: Office) -> None:
    page = enter()
    page.clock.install()
    page.goto(office.week())
    event(page, office.appointments[0]).focus()
    with inside(office.unit):
        cancel(
            appointment=office.appointments[1],
            by_patient=True,
            actor="patient",
            now=datetime.now(UTC),
        )

    page.clock.fast_forward(21_000)
    event(page, office.appointments[1]).wait_for(state="detached")

    assert str(office.appointments[0].ref) in page.evaluate("document.activeElement.href")


def test_what_was_typed_when_the_session_ended_comes_back(
    enter: Callable[..., Page], office: Office
) -> None:
    page = enter()
    page.clock.install()
    page.goto(office.week())
    page.locator(f'.wd[data-day="{office.tuesday}"] .ev.gap').first.click()
    page.keyboard.type("Lou Échantillon")
    hour = page.input_value("#q-hour")
    with inside(office.unit):
        Session.objects.all().delete()

    page.clock.fast_forward(16_000)
    page.keyboard.press("Enter")
    page.wait_for_url("**/connexion/?next=*")
    fill_in(page, NORA)
    page.wait_for_url(office.week())
    back = (page.input_value("#q-name"), page.input_value("#q-hour"))
    left = page.evaluate("sessionStorage.length")
    page.keyboard.press("Enter")
    page.wait_for_url("**&rdv=*")

    assert back == ("Lou Échantillon", hour)
    assert left == 0
    assert "Lou Échantillon" in page.inner_text("#rdv")


def test_what_was_typed_on_a_page_of_its_own_comes_back_too(
    enter: Callable[..., Page], office: Office
) -> None:
    page = enter()
    page.clock.install()
    path = f"/espace/rendez-vous/{office.appointments[0].ref}/coordonnees/"
    page.goto(f"{office.address}{path}")
    page.fill("[name=email]", "lou.echantillon@example.org")
    with inside(office.unit):
        Session.objects.all().delete()

    page.clock.fast_forward(16_000)
    page.locator("main form button").last.click()
    page.wait_for_url("**/connexion/?next=*")
    fill_in(page, NORA)
    page.wait_for_url(f"**{path}")

    assert page.input_value("[name=email]") == "lou.echantillon@example.org"
    assert page.evaluate("sessionStorage.length") == 0


def test_what_was_typed_is_not_given_to_somebody_else(
    enter: Callable[..., Page], office: Office
) -> None:
    page = enter()
    page.clock.install()
    page.goto(office.week())
    page.locator(f'.wd[data-day="{office.tuesday}"] .ev.gap').first.click()
    page.keyboard.type("Lou Échantillon")
    with inside(office.unit):
        Session.objects.all().delete()
    page.clock.fast_forward(16_000)
    page.keyboard.press("Enter")
    page.wait_for_url("**/connexion/?next=*")

    fill_in(page, HUGO)
    page.wait_for_url(office.week())

    assert not page.is_visible("#prendre")
    assert page.evaluate("sessionStorage.length") == 0


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_without_a_script_the_agenda_is_a_list_with_the_same_acts(
    enter: Callable[..., Page], office: Office, size: ViewportSize
) -> None:
    page = enter(size=size, script=False)
    page.goto(office.week())

    page.locator(".ev.gap").first.click()
    page.fill("[name=name]", "Lou Échantillon")
    page.locator("main form button.main").click()
    page.wait_for_url("**&rdv=*")
    page.locator("#annuler").click()
    page.locator("main form button[value=practice]").click()
    page.wait_for_selector(".alert.ok")

    with inside(office.unit):
        assert AppointmentType.objects.exists()
        assert Appointment.objects.filter(status="cancelled_by_practitioner").count() == 1


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_agenda(
    enter: Callable[..., Page], office: Office, size: ViewportSize, scheme: str
) -> None:
    with inside(office.unit):
        cabinet, now = office.cabinet, datetime.now(UTC)
        book_by_staff(
            selection=cabinet.selection(office.at(9)),
            form_ref=uuid.uuid4(),
            person=Person(),
            overbook=True,
            actor="system",
            now=now,
        )
        absence = Absence.objects.create(
            practitioner=cabinet.practitioner,
            starts_at=office.at(14),
            ends_at=office.at(17),
            label="Formation",
        )
    page = enter(OWNER, size=size, csp=False)
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # light or dark
    appointment = office.appointments[0].ref

    faults = []
    for path in (
        f"semaine/?du={office.tuesday}",
        f"semaine/?du={office.tuesday}&vue=jour&rdv={appointment}",
        f"rendez-vous/{appointment}/duree/",
        "bloquer/",
        f"bloquer/{absence.ref}/",
    ):
        page.goto(f"{office.address}/espace/{path}")
        faults += faults_of(page)
    page.goto(office.week())
    page.keyboard.press("n")
    faults += faults_of(page)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    faults += faults_of(page)

    assert faults == []


def test_nothing_is_left_in_the_browser(enter: Callable[..., Page], office: Office) -> None:
    page = enter()
    page.goto(office.week())
    page.keyboard.press("n")
    page.keyboard.type("Lou")

    kept = page.evaluate("[localStorage.length, sessionStorage.length]")

    assert kept == [0, 0]
    assert re.search(r"style=", page.content()) is None
