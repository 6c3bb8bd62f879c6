"""Fixtures of orders' tests."""

import datetime as dt
from decimal import Decimal

import pytest
from django.test import Client as Browser

from billing.catalogue.models import Price, Product
from billing.clients.models import Client
from billing.orders import services
from billing.orders.models import Order
from billing.orders.services import OrderChoice, OrderTerms
from tenants.schema import Unit
from tests.ledger import NOW, make_buyer, make_seller
from tests.staff import staff_browser


@pytest.fixture
def staff(public: Unit, public_host: str) -> Browser:
    """The browser of a member of staff with a second factor."""
    return staff_browser(public_host)


@pytest.fixture
def products(public: Unit) -> dict[str, Product]:
    """A monthly plan at 29 €, a service at 150 € once, and the seller."""
    make_seller()
    made = {}
    for code, name, rhythm, net in (
        ("plan", "Prise de rendez-vous", "month", "29.00"),
        ("start", "Mise en service", "once", "150.00"),
        ("year", "Nom de domaine", "year", "12.00"),
    ):
        made[code] = Product.objects.create(code=code, name=name, rhythm=rhythm)
        Price.objects.create(product=made[code], valid_from=dt.date(2020, 1, 1), net=Decimal(net))
    return made


@pytest.fixture
def client(products: dict[str, Product]) -> Client:
    """A client in Strasbourg without a practice."""
    return make_buyer()


def make_terms(place: str = "online") -> OrderTerms:
    """Return terms by the month."""
    return OrderTerms(
        rhythm="month",
        place_of_signature=place,
        signatory_name="Anaïs Fictive",
        signatory_email="anais@example.org",
        subdomain="anais-fictive",
        profession="Psychologue",
    )


def make_offer(client: Client, place: str = "online") -> Order:
    """Make an order of two plans and the service, and send it."""
    plan, start = Product.objects.get(code="plan"), Product.objects.get(code="start")
    order = services.draft_order(
        client=client,
        choices=[OrderChoice(plan, Decimal(2)), OrderChoice(start, Decimal(1))],
        terms=make_terms(place),
        actor="user:1",
        now=NOW,
    )
    services.send_order(order=order, actor="user:1", now=NOW)
    order.refresh_from_db()
    return order
