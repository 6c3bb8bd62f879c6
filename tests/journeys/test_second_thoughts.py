"""A patient who hesitates: goes back twice, changes the type, changes their mind four times, loses the mail."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, ViewportSize
from pytest_django import Settings

from booking.models import Appointment
from booking.rules import kinds
from tenants.outbox.delivery import deliver_entry
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit, inside
from tests.factories import Cabinet, make_type
from tests.fakes.brevo import API_KEY, Brevo, running

Practice = Callable[[str], tuple[str, Unit, Cabinet]]
SMALL: ViewportSize = {"width": 320, "height": 640}


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page on a telephone 320 pixels wide."""
    context = browser.new_context(viewport=SMALL, java_script_enabled=request.param, locale="fr-FR")
    yield context.new_page()
    context.close()


@pytest.fixture
def brevo(settings: Settings) -> Iterator[Brevo]:
    """The relay that keeps the mails."""
    relay = Brevo()
    with running(relay) as address:
        settings.OUTBOUND = {"brevo": address}
        settings.BREVO_API_KEY = API_KEY
        settings.EMAIL_BACKEND = "tenants.email_transport.BrevoBackend"
        yield relay


def press(page: Page, name: str) -> None:
    """Press a button or a link, and wait for the page that it leads to."""
    with page.expect_navigation():
        page.locator("main").locator("a, button").filter(has_text=name).first.click()


def take(page: Page, number: int) -> str:
    """Take the n-th slot of the week and return its value."""
    button = page.locator(".days button.slot").nth(number)
    value = str(button.get_attribute("value"))
    with page.expect_navigation():
        button.click()
    return value


def fill(page: Page) -> None:
    """Fill the form at the pace of a person."""
    page.locator("#id_first_name").press_sequentially("Camille", delay=500)
    page.locator("#id_last_name").fill("Spécimen")
    page.locator("#id_email").fill("camille@example.org")


def labels_held(unit: Unit) -> list[str]:
    """Return the labels of the types whose slots are held."""
    with inside(unit):
        rows = Appointment.objects.filter(status=Appointment.Status.HELD)
        return list(rows.values_list("appointment_type__label", flat=True))


def test_going_back_twice_and_changing_the_type_books_what_was_seen_last(
    page: Page, practice: Practice
) -> None:
    address, unit, cabinet = practice("retours")
    with inside(unit):
        make_type(
            [cabinet.practitioner],
            [cabinet.location],
            label="Première consultation",
            duration_min=90,
            position=1,
        )
    page.goto(address)
    assert page.locator("button[name=slot]").count() == 0  # nothing is chosen for anybody
    press(page, cabinet.type.label)
    press(page, "Choisir ce créneau")
    assert page.locator(".what").inner_text() == cabinet.type.label

    page.go_back()
    page.go_back()
    press(page, "Première consultation")
    assert page.locator(".what").first.inner_text() == "Première consultation"
    assert "90 min" in page.locator(".terms").first.inner_text()
    press(page, "Choisir ce créneau")
    assert page.locator(".what").inner_text() == "Première consultation"
    fill(page)
    press(page, "Confirmer le rendez-vous")

    assert page.locator("h1").inner_text() == "C'est noté, Camille."
    with inside(unit):
        booked = Appointment.objects.select_related("appointment_type").get(
            status=Appointment.Status.BOOKED
        )
        assert (booked.appointment_type.label, booked.minutes) == ("Première consultation", 90)


def test_four_changes_of_mind_release_each_slot_and_the_fifth_is_booked(
    page: Page, practice: Practice
) -> None:
    address, unit, _cabinet = practice("hesite")
    page.goto(f"{address}/creneaux/")
    released = []
    for number in range(4):
        value = take(page, number)
        assert len(labels_held(unit)) == 1
        press(page, "Changer de créneau")
        assert labels_held(unit) == []
        assert page.locator(f'.days button[value="{value}"]').count() == 1  # free again
        released.append(value)
    fifth = take(page, 4)
    fill(page)
    press(page, "Confirmer le rendez-vous")

    assert page.locator("h1").inner_text() == "C'est noté, Camille."
    with inside(unit):
        booked = Appointment.objects.get()
    assert booked.status == Appointment.Status.BOOKED
    assert fifth not in released
    assert int(booked.starts_at.timestamp()) // 60 == int(fifth.partition("-")[0], 36)


def test_who_lost_the_mail_finds_the_appointment_by_the_mail_with_the_link(
    page: Page, practice: Practice, brevo: Brevo
) -> None:
    address, unit, _cabinet = practice("perdu")
    page.goto(address)
    press(page, "Choisir ce créneau")
    fill(page)
    press(page, "Confirmer le rendez-vous")
    with inside(unit):
        booked = Appointment.objects.get()

    page.goto(address)
    press(page, "Déjà un rendez-vous ?")
    assert urlsplit(page.url).path == "/mon-rendez-vous/"
    page.locator("#id_contact").press_sequentially("camille@example.org", delay=250)
    press(page, "Recevoir mon lien")
    assert "votre demande est reçue" in page.locator("h1").inner_text()

    with inside(unit):
        entry = OutboxEntry.objects.get(kind=kinds.MANAGE_LINKS)
    # A few seconds later, as the worker: the answer of the page does not reveal by its time who is known.
    deliver_entry(unit=unit, ref=entry.ref, now=entry.due_at, clock=lambda: entry.due_at)
    (mail,) = brevo.mails()
    found = re.search(r"/(?:rdv|r)/[\w-]+/", mail.body["textContent"])
    assert found is not None
    page.goto(address + found[0])
    assert page.locator("h1").inner_text() == "Votre rendez-vous"
    assert booked.spoken_ref in page.locator("main").inner_text()
