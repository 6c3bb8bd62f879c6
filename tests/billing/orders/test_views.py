"""The staff pages of orders: make, read, send, end (A2)."""

import pytest
from django.test import Client as Browser

from billing.catalogue.models import Product
from billing.clients.models import Client
from billing.orders.models import Order
from billing.orders.urls import urlpatterns
from tests.accounts import browser, make_user
from tests.billing.orders.conftest import make_offer
from tests.staff import address

METHODS = {"add": ("get", "post"), "order": ("get",), "pdf": ("get",), "change": ("post",)}
TYPED = {
    "quantity-plan": "2",
    "quantity-start": "1",
    "rhythm": "month",
    "place_of_signature": "client",
    "signatory_name": "Anaïs Fictive",
    "signatory_email": "anais@example.org",
    "subdomain": "anais-fictive",
    "profession": "Psychologue",
}


@pytest.fixture
def order(client: Client) -> Order:
    """An offered order."""
    return make_offer(client)


def page_of(name: str, order: Order) -> str:
    """Return the address of a page."""
    return address(f"orders:{name}", order.client.ref if name == "add" else order.ref)


def test_every_route_is_walked_here() -> None:
    assert {pattern.name for pattern in urlpatterns} == set(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_strangers_and_other_accounts_are_refused(
    order: Order, public_host: str, name: str
) -> None:
    stranger = browser(public_host).post(page_of(name, order))
    other = browser(public_host, make_user()).get(page_of(name, order))

    assert stranger["Location"].startswith("/connexion/?next=")
    assert other.status_code == 403


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
@pytest.mark.parametrize("name", METHODS)
def test_every_page_takes_its_own_methods(
    staff: Browser, order: Order, name: str, method: str
) -> None:
    answer = getattr(staff, method)(page_of(name, order))

    assert (answer.status_code == 405) is (method not in METHODS[name])


@pytest.mark.parametrize("name", METHODS)
def test_an_unknown_order_is_not_found(staff: Browser, order: Order, name: str) -> None:
    page = address(f"orders:{name}", "00000000-0000-0000-0000-000000000000")

    assert getattr(staff, METHODS[name][0])(page).status_code == 404


def test_an_order_is_made_with_its_prices_and_sent(staff: Browser, client: Client) -> None:
    shown = staff.get(address("orders:add", client.ref)).text
    made = staff.post(address("orders:add", client.ref), TYPED, follow=True)
    order = Order.objects.get()
    sent = staff.post(address("orders:change", order.ref), {"action": "send"}, follow=True)

    assert "29,00\u00a0€" in shown
    assert "69,60\u00a0€" in made.text
    assert "L’e-mail avec le lien de signature part." in sent.text
    assert Order.objects.get().state == Order.State.SENT
    assert (
        order.number in staff.get(address("clients:file", client.ref), {"onglet": "commandes"}).text
    )
    assert staff.get(address("orders:pdf", order.ref)).content.startswith(b"%PDF")


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("quantity-plan", "deux", "Donnez une quantité"),
        ("quantity-year", "1", "un autre rythme"),
        ("signatory_email", "anais@", "e-mail"),
        ("subdomain", "www", "ne peut pas servir"),
    ],
)
def test_bad_input_is_kept_and_explained(
    staff: Browser, client: Client, field: str, typed: str, words: str
) -> None:
    answer = staff.post(address("orders:add", client.ref), TYPED | {field: typed})

    assert answer.status_code == 422
    assert words in answer.text
    assert f'value="{typed}"' in answer.text
    assert not Order.objects.exists()


def test_an_order_needs_a_product(staff: Browser, client: Client) -> None:
    empty = TYPED | {"quantity-plan": "", "quantity-start": "0"}

    answer = staff.post(address("orders:add", client.ref), empty)

    assert "Choisissez au moins un produit" in answer.text


def test_an_empty_catalogue_says_what_to_do(staff: Browser, client: Client) -> None:
    Product.objects.update(is_offered=False)

    assert "Remplir le catalogue" in staff.get(address("orders:add", client.ref)).text


def test_a_client_without_territory_is_said_before_sending(staff: Browser, order: Order) -> None:
    Client.objects.update(territory_confirmed_at=None)

    shown = staff.get(address("orders:order", order.ref)).text
    sent = staff.post(address("orders:change", order.ref), {"action": "send"}, follow=True)

    assert "Confirmez d’abord le territoire" in shown
    assert "Envoyer le lien" not in shown
    assert "Complétez d’abord le dossier" in sent.text


def test_an_act_that_is_not_possible_any_more_does_nothing(staff: Browser, order: Order) -> None:
    answer = staff.post(address("orders:change", order.ref), {"action": "withdraw"}, follow=True)

    assert "rien n’a été fait" in answer.text


def test_an_unsigned_order_is_deleted(staff: Browser, order: Order) -> None:
    staff.post(address("orders:change", order.ref), {"action": "delete"})

    assert not Order.objects.exists()
