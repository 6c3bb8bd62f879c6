"""The catalogue at the desk: products, prices by date, what new orders may hold (F-34)."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing.catalogue.models import Price, Product
from billing.catalogue.queries import price_on, product_rows
from billing.catalogue.services import (
    CodeTaken,
    NewProduct,
    PriceInThePast,
    add_product,
    product_ref,
    set_price,
)
from billing.catalogue.urls import urlpatterns
from tenants.audit.models import AuditEvent
from tenants.edit_form import VERSION, version_of
from tenants.schema import Unit
from tests.accounts import browser, make_user
from tests.staff import address

NOW = dt.datetime(2026, 12, 1, 9, 0, tzinfo=dt.UTC)
TODAY = dt.date(2026, 12, 1)
METHODS = {
    "list": ("get",),
    "add": ("get", "post"),
    "product": ("get",),
    "rename": ("get", "post"),
    "price": ("get", "post"),
    "offer": ("post",),
}
TYPED = {
    "name": "Abonnement prise de rendez-vous",
    "code": "abonnement-solo",
    "rhythm": "month",
    "unit": "practitioner",
    "kind": "service",
    "net": "29,00 €",
}


def make_product(code: str = "abonnement-solo", **fields: Any) -> Product:
    """Add a product at 29 euros from today on."""
    values = {"name": f"Produit {code}", "kind": "service", "rhythm": "month", "unit": "practice"}
    product = NewProduct(**{"code": code, "net": Decimal(29), **values, **fields})
    return add_product(product=product, actor="user:1", now=NOW)


def page_of(name: str, code: str = "abonnement-solo") -> str:
    """Return the address of a page."""
    return address(f"catalogue:{name}", *([] if name in {"list", "add"} else [code]))


def test_every_route_is_walked_here() -> None:
    assert {pattern.name for pattern in urlpatterns} == set(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_strangers_and_other_accounts_are_refused(
    public: Unit, public_host: str, name: str
) -> None:
    make_product()

    stranger = browser(public_host).post(page_of(name))
    other = browser(public_host, make_user()).get(page_of(name))

    assert stranger["Location"].startswith("/connexion/?next=")
    assert other.status_code == 403


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
@pytest.mark.parametrize("name", METHODS)
def test_every_page_takes_its_own_methods(staff: Client, name: str, method: str) -> None:
    make_product()

    status = getattr(staff, method)(page_of(name)).status_code

    assert (status == 405) == (method not in METHODS[name])
    assert status < 500


@pytest.mark.parametrize("name", ["product", "rename", "price"])
def test_a_product_that_does_not_exist_is_not_found(staff: Client, name: str) -> None:
    assert staff.get(page_of(name, "inconnu")).status_code == 404


def test_an_empty_catalogue_says_what_to_do(staff: Client) -> None:
    page = staff.get(page_of("list")).text

    assert "Le catalogue est vide. Ajoutez d’abord l’abonnement" in page


def test_a_product_is_added_with_its_price(staff: Client) -> None:
    answer = staff.post(page_of("add"), TYPED)

    product = Product.objects.get()
    assert answer["Location"] == page_of("product")
    assert (product.code, product.unit, product.is_offered) == (
        "abonnement-solo",
        "practitioner",
        True,
    )
    assert Price.objects.get().net == Decimal(29)
    assert AuditEvent.objects.filter(verb="product.added", ref=product_ref(product)).exists()
    assert "29,00\u00a0€" in staff.get(page_of("list")).text


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"name": ""}, "name", "obligatoire"),
        ({"name": "SMS 📱"}, "name", "📱"),
        ({"code": "été"}, "code", "sans accent"),
        ({"code": "-"}, "code", "tirets"),
        ({"rhythm": "week"}, "rhythm", "choix"),
        ({"net": "-1"}, "net", "hors taxes"),
        ({"net": "1,23456"}, "net", "hors taxes"),
        ({"net": "1e9"}, "net", "hors taxes"),
        ({"net": "NaN"}, "net", "hors taxes"),
        ({"net": ""}, "net", "obligatoire"),
        ({"net": "123456789"}, "net", "hors taxes"),
    ],
)
def test_what_is_wrong_is_said_next_to_its_field(
    staff: Client, changes: dict[str, str], field: str, message: str
) -> None:
    answer = staff.post(page_of("add"), TYPED | changes)

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert message in answer.context["form"].errors[field][0]
    assert not Product.objects.exists()


@pytest.mark.parametrize(
    ("typed", "net"),
    [("0,0450", "0.0450"), ("1 234.5", "1234.5"), ("0", "0"), ("29", "29")],
)
def test_prices_are_read_as_people_write_them(staff: Client, typed: str, net: str) -> None:
    staff.post(page_of("add"), TYPED | {"net": typed})

    assert Price.objects.get().net == Decimal(net)


def test_a_code_is_given_once(staff: Client) -> None:
    make_product()

    answer = staff.post(page_of("add"), TYPED)

    assert answer.status_code == 422
    assert "déjà ce code" in answer.text
    with pytest.raises(CodeTaken):
        make_product()


def test_a_new_price_counts_from_its_day_on(public: Unit) -> None:
    product = make_product()
    new_year = dt.date(2027, 1, 1)

    set_price(product=product, net=Decimal(31), valid_from=new_year, actor="user:1", now=NOW)

    def net_on(day: dt.date) -> Decimal | None:
        found = price_on(product, day)
        return found.net if found else None

    assert net_on(TODAY - dt.timedelta(days=1)) is None
    assert net_on(new_year - dt.timedelta(days=1)) == Decimal(29)
    assert net_on(new_year) == Decimal(31)
    [row] = product_rows(on=TODAY)
    assert (row.net, row.next_from) == (Decimal(29), new_year)
    [row] = product_rows(on=new_year)
    assert (row.net, row.next_from) == (Decimal(31), None)


def test_of_two_prices_for_one_day_the_newest_counts(public: Unit) -> None:
    product = make_product()

    set_price(product=product, net=Decimal(30), valid_from=TODAY, actor="user:1", now=NOW)

    found = price_on(product, TODAY)
    assert found
    assert found.net == Decimal(30)
    assert product.prices.count() == 2


def test_no_price_begins_in_the_past(public: Unit) -> None:
    """The day is that of Paris: at 23:30 UTC it is tomorrow there."""
    product = make_product()
    late = NOW.replace(hour=23, minute=30)

    with pytest.raises(PriceInThePast):
        set_price(product=product, net=Decimal(1), valid_from=TODAY, actor="user:1", now=late)


def test_a_price_is_added_at_the_desk(staff: Client) -> None:
    product = make_product()
    day = (dt.datetime.now(dt.UTC) + dt.timedelta(days=40)).date()

    answer = staff.post(page_of("price"), {"net": "31", "valid_from": day.isoformat()})
    past = staff.post(page_of("price"), {"net": "31", "valid_from": "2020-01-01"})
    unreadable = staff.post(page_of("price"), {"net": "31", "valid_from": "demain"})

    assert answer["Location"] == page_of("product")
    assert (past.status_code, unreadable.status_code) == (422, 422)
    assert "dans le passé" in past.text
    assert product.prices.count() == 2
    shown = staff.get(page_of("product")).text
    assert "En vigueur" in shown
    assert "À venir" in shown


def test_a_product_is_renamed(staff: Client) -> None:
    product = make_product()
    version = version_of({"name": product.name})

    answer = staff.post(page_of("rename"), {"name": "Abonnement", VERSION: version})
    second = staff.post(page_of("rename"), {"name": "Autre nom", VERSION: version})

    product.refresh_from_db()
    assert answer.status_code == 302
    assert second.status_code == 409
    assert product.name == "Abonnement"


def test_a_product_is_withdrawn_and_offered_again(staff: Client) -> None:
    product = make_product()

    staff.post(page_of("offer"), {"is_offered": "no"})
    product.refresh_from_db()
    withdrawn = product.is_offered
    page = staff.get(page_of("list")).text
    staff.post(page_of("offer"), {"is_offered": "yes"})
    product.refresh_from_db()

    assert (withdrawn, product.is_offered) == (False, True)
    assert "Retiré" in page


def test_the_list_costs_the_same_whatever_its_length(staff: Client, count_queries: Any) -> None:
    for number in range(30):
        make_product(f"option-{number}")

    with count_queries() as queries:
        staff.get(page_of("list"))

    assert len(queries) <= 9  # savepoint and SETs of the nested request included
