"""The waiting list in a real browser: from joining it to the slot that somebody else gave back."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Locator, ViewportSize

from booking.models import Appointment, Offer, WaitingEntry
from booking.patients import links
from booking.scheduling.queries import free_slots
from booking.waiting_list import offers, waiting_entries
from tenants.accounts.models import Role
from tenants.schema import Unit, inside
from tests.accounts import make_member
from tests.browser import faults_of
from tests.factories import Cabinet, make_appointment, make_person
from tests.journeys.people import OWNER, sign_in

Practice = Callable[[str], tuple[str, Unit, Cabinet]]
SIZES: tuple[ViewportSize, ...] = ({"width": 390, "height": 800}, {"width": 1280, "height": 900})


def press(control: Locator) -> None:
    """Press a button or a link, and wait for the page that it leads to."""
    with control.page.expect_navigation():
        control.click()


def two_appointments(unit: Unit, cabinet: Cabinet) -> tuple[Appointment, Appointment]:
    """Book an early one, which will be cancelled, and a late one, which will be given back."""
    now = datetime.now(UTC)
    slots = free_slots(
        appointment_type=cabinet.type,
        from_on=now.date() + timedelta(days=2),
        until_on=now.date() + timedelta(days=20),
        now=now,
    )
    early = make_appointment(cabinet, slots[0].starts_at, now=now)
    person = make_person(first_name="Ane", email="ane@example.org", phone="")
    return early, make_appointment(cabinet, slots[-1].starts_at, person=person, now=now)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size["width"]))
def test_the_waiting_list_from_cancellation_to_acceptance(
    browser: Browser, practice: Practice, size: ViewportSize
) -> None:
    address, unit, cabinet = practice(f"attente{uuid.uuid4().hex[:6]}")
    with inside(unit):
        owner = make_member(Role.OWNER, OWNER)
        cabinet.practitioner.user = owner
        cabinet.practitioner.save(update_fields=["user"])
        early, late = two_appointments(unit, cabinet)
        early_link, late_link = links.manage_token(early), links.manage_token(late)
    context = browser.new_context(viewport=size, locale="fr-FR", bypass_csp=True)
    page = context.new_page()
    faults: list[str] = []

    # Somebody with an appointment of the practice asks for an earlier slot.
    page.goto(f"{address}/rdv/{late_link}/")
    page.get_by_text("Être prévenu(e) d'un créneau plus tôt").first.click()
    press(page.get_by_role("link", name="Demander à être prévenu(e)"))
    faults += faults_of(page, unfold=True)
    press(page.get_by_role("button", name="Me prévenir"))
    assert page.locator("h1").inner_text() == "Vous êtes sur la liste d'attente"
    faults += faults_of(page, unfold=True)

    # Somebody else, whom nothing suits, joins from the slots.
    page.goto(f"{address}/creneaux/")
    press(page.get_by_role("link", name="Être prévenu(e) d'un créneau plus tôt"))
    faults += faults_of(page, unfold=True)
    press(page.get_by_role("button", name="Me prévenir"))
    assert "à corriger" in page.locator("[role=alert]").inner_text()
    faults += faults_of(page, unfold=True)
    page.get_by_label("Mardi").check()
    page.locator("[name=first_name]").fill("Bea")
    page.locator("[name=last_name]").fill("Factice")
    page.locator("[name=email]").fill("bea@example.org")
    page.wait_for_timeout(3200)  # the form refuses what no hand can type that fast
    press(page.get_by_role("button", name="Me prévenir"))
    assert page.locator("h1").inner_text() == "C'est noté."
    faults += faults_of(page, unfold=True)

    # The early appointment is cancelled: its slot is held for the first of the list.
    page.goto(f"{address}/rdv/{early_link}/")
    page.locator("summary", has_text="Annuler").click()
    press(page.get_by_role("button", name="Oui, annuler"))
    with inside(unit):
        offer = Offer.objects.get()
        assert offer.starts_at == early.starts_at
        link = offers.link_of(offer)
        second = waiting_entries.link_of(WaitingEntry.objects.get(appointment=None))

    # The practice sees it all, and adds somebody who calls.
    sign_in(page, address)
    press(page.get_by_role("link", name="Liste d’attente").first)
    assert "Proposé" in page.locator("main").inner_text()
    faults += faults_of(page, unfold=True)
    press(page.get_by_role("link", name="Ajouter quelqu’un"))
    faults += faults_of(page, unfold=True)
    page.get_by_label("Prénom et nom").fill("Cid Factice")
    page.get_by_label("Téléphone ou e-mail").fill("06 39 98 01 04")
    press(page.get_by_role("button", name="Ajouter à la liste"))
    press(page.get_by_role("link", name="Proposer un créneau").last)
    faults += faults_of(page, unfold=True)
    page.go_back()
    press(page.get_by_role("link", name="Retirer").last)
    faults += faults_of(page, unfold=True)
    press(page.get_by_role("button", name="Oui, retirer"))
    assert page.locator("main ol > li").count() == 2

    # One tap on the offer: the new one is booked, the old one is given back.
    visitor = browser.new_context(
        viewport=size, locale="fr-FR", bypass_csp=True, java_script_enabled=True
    )
    phone = visitor.new_page()
    phone.goto(f"{address}/offre/{link}/")
    assert phone.locator("h1").inner_text() == "Un créneau plus tôt pour vous"
    faults += faults_of(phone, unfold=True)
    press(phone.get_by_role("button", name="Accepter ce créneau"))
    assert phone.locator("h1").inner_text() == "C'est noté, Ane."
    phone.goto(f"{address}/offre/{link}/")
    faults += faults_of(phone, unfold=True)
    assert visitor.cookies() == []
    with inside(unit):
        booked = Appointment.objects.get(status=Appointment.Status.BOOKED)
        assert booked.starts_at == early.starts_at
        late.refresh_from_db()
        assert late.status == Appointment.Status.CANCELLED_BY_PATIENT

    # Whoever waits still leaves by their link.
    phone.goto(f"{address}/attente/{second}/")
    press(phone.get_by_role("button", name="Quitter la liste d'attente"))
    assert phone.locator("h1").inner_text() == "Vous n'êtes plus sur la liste d'attente"
    faults += faults_of(phone, unfold=True)
    with inside(unit):
        assert not WaitingEntry.objects.exists()
    visitor.close()
    context.close()
    assert faults == []
