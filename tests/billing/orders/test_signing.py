"""The page on which a client signs: what it shows, what it asks, what it refuses (F-32, F-33)."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.template.loader import render_to_string
from django.test import Client as Browser

from billing.clients.models import Client
from billing.orders.handlers import AcknowledgeOrder, SendOffer
from billing.orders.models import Order, SigningLink
from billing.orders.signing_links import VALID_FOR, open_link
from billing.orders.signing_urls import urlpatterns
from tenants.outbox.delivery import not_sent
from tenants.outbox.emails import Email
from tenants.outbox.models import OutboxEntry
from tenants.outbox.payloads import NO_PAYLOAD
from tenants.schema import PUBLIC
from tests.billing.orders.conftest import make_offer
from tests.ledger import NOW
from tests.page_forms import shown_values

ANSWERS = {"headcount": "few", "is_professional": "on", "accepts": "on"}


@pytest.fixture(autouse=True)
def clock() -> Any:
    """Stop the clock at NOW."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def browser(public_host: str) -> Browser:
    """A browser without an account."""
    return Browser(headers={"host": public_host})


def page_of(order: Order) -> str:
    """Return the address of a new link to an order."""
    return f"/bon-de-commande/{open_link(order=order, now=NOW)}/"


def email_of(handler: Any, kind: str) -> Email:
    """Return the e-mail that a handler would send for the last entry of a kind."""
    entry = OutboxEntry.objects.filter(kind=kind).latest("id")
    call: Any = handler.prepare(entry, NO_PAYLOAD, unit=PUBLIC, now=NOW)
    email: Email = call.args[0]
    return email


def test_the_offer_reaches_its_signatory_by_a_link(client: Client, browser: Browser) -> None:
    make_offer(client)

    email = email_of(SendOffer(), "orders.offered")

    shown = browser.get(email.paths["link"])
    assert email.to == "anais@example.org"
    assert "Rien n’est conclu avant votre signature" in render_to_string(
        "emails/order_offered.txt", {**email.context, **email.paths}
    )
    assert "B2026-000001" in shown.text
    assert not shown.cookies.get("__Host-session")


def test_the_page_shows_what_is_signed_and_names_the_duty_to_pay(
    client: Client, browser: Browser
) -> None:
    shown = browser.get(page_of(make_offer(client))).text.replace("\n", " ")

    assert "Commander avec obligation de paiement" in shown
    assert "Prise de rendez-vous × 2" in shown
    assert "Mise en service × 1" in shown
    assert "58,00\u00a0€ HT" in shown
    assert "TVA 20\u00a0%" in shown
    assert "69,60\u00a0€" in shown
    assert "180,00\u00a0€" in shown
    assert "Révision du prix" in shown
    assert "Droit de rétractation" not in shown


def test_the_pdf_of_the_offer_can_be_read_before(client: Client, browser: Browser) -> None:
    answer = browser.get(page_of(make_offer(client)) + "bon-de-commande.pdf")

    assert answer.content.startswith(b"%PDF")


def test_a_signature_concludes_and_the_page_says_what_comes_next(
    client: Client, browser: Browser
) -> None:
    order = make_offer(client, "client")
    page = page_of(order)
    form = shown_values(browser.get(page).text)

    answer = browser.post(page, form | ANSWERS, follow=True)
    pdf = browser.get(f"{page}bon-de-commande.pdf")
    email = email_of(AcknowledgeOrder(), "orders.signed")

    order.refresh_from_db()
    assert order.state == Order.State.SIGNED
    assert "C’est signé, merci" in answer.text
    assert "15\u00a0décembre 2026" in answer.text
    assert pdf.content == bytes(order.files.get(kind="form").data)
    assert email.attachments[0][1] == pdf.content
    assert "rétracter jusqu’au 15\u00a0décembre 2026" in render_to_string(
        "emails/order_signed.txt", {**email.context, **email.paths}
    )


@pytest.mark.parametrize("missing", sorted(ANSWERS))
def test_nothing_is_signed_without_each_answer(
    client: Client, browser: Browser, missing: str
) -> None:
    order = make_offer(client)
    page = page_of(order)
    form = shown_values(browser.get(page).text) | ANSWERS
    form.pop(missing)

    answer = browser.post(page, form)

    order.refresh_from_db()
    assert (answer.status_code, order.state) == (422, Order.State.SENT)


def test_a_corrected_offer_is_shown_again_before_it_is_signed(
    client: Client, browser: Browser
) -> None:
    order = make_offer(client)
    page = page_of(order)
    form = shown_values(browser.get(page).text) | ANSWERS
    Client.objects.update(trade_name="Cabinet des Galets")

    late = browser.post(page, form)
    again = browser.post(page, shown_values(late.text) | ANSWERS)

    assert late.status_code == 422
    assert "vient d’être corrigé" in late.text
    assert again.status_code == 302


def test_two_tabs_sign_once(client: Client, browser: Browser) -> None:
    page = page_of(make_offer(client))
    form = shown_values(browser.get(page).text) | ANSWERS
    browser.post(page, form)

    again = browser.post(page, form, follow=True)

    assert "C’est signé, merci" in again.text
    assert Order.objects.get().files.filter(kind="form").count() == 1


def test_a_client_withdraws_by_the_link(client: Client, browser: Browser) -> None:
    page = page_of(make_offer(client, "client"))
    browser.post(page, shown_values(browser.get(page).text) | ANSWERS)

    answer = browser.post(f"{page}retractation/", follow=True)
    again = browser.post(f"{page}retractation/", follow=True)

    assert "Votre rétractation est enregistrée" in answer.text
    assert "ne peut pas, ou plus" in again.text
    assert Order.objects.get().state == Order.State.WITHDRAWN


def test_an_order_that_is_not_offered_is_not_sent(client: Client) -> None:
    make_offer(client)
    entry = OutboxEntry.objects.get(kind="orders.offered")
    Order.objects.update(state="draft")

    outcome = SendOffer().prepare(entry, NO_PAYLOAD, unit=PUBLIC, now=NOW)

    assert outcome == not_sent("gone")


@pytest.mark.parametrize("path", ["", "bon-de-commande.pdf"])
def test_a_link_ends_and_an_unknown_one_opens_nothing(
    client: Client, browser: Browser, path: str
) -> None:
    page = page_of(make_offer(client))
    unknown = browser.get(f"/bon-de-commande/{'x' * 43}/{path}")
    long = browser.get(f"/bon-de-commande/{'x' * 300}/{path}")
    SigningLink.objects.update(expires_at=NOW + VALID_FOR - dt.timedelta(days=60))
    ended = browser.get(page + path)

    assert [answer.status_code for answer in (unknown, long, ended)] == [404, 404, 404]


def test_the_pages_take_their_own_methods(client: Client, browser: Browser) -> None:
    page = page_of(make_offer(client))

    assert browser.put(page).status_code == 405
    assert browser.post(f"{page}bon-de-commande.pdf").status_code == 405
    assert browser.get(f"{page}retractation/").status_code == 405
    assert len(urlpatterns) == 3
