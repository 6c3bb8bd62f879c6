"""Each due period of a signed order becomes one draft, whoever asks and however often."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from billing.catalogue.models import Product
from billing.clients.models import Client
from billing.invoicing import actors
from billing.invoicing.contents import read_content
from billing.invoicing.due_drafts import Obstacle, make_due_drafts
from billing.invoicing.models import Draft, SellerProfile
from billing.invoicing.services import delete_draft
from tenants.models import Heartbeat
from tenants.schema import Unit
from tests.ledger import NOW, issue_draft, make_buyer, make_seller, open_ledger
from tests.subscriptions import add_one_off, make_order, make_product, make_subscription


def lines_of(draft: Draft) -> list[tuple[str, Decimal]]:
    return [(line.name, line.net) for line in read_content(draft.content).lines]


@pytest.fixture
def buyer(public: Unit) -> Client:
    """A client whose VAT is decided, in an open ledger."""
    open_ledger()
    return make_buyer()


def test_a_period_becomes_one_draft_with_the_one_off_products(buyer: Client) -> None:
    order = make_order(buyer)
    add_one_off(order)
    make_subscription(order)

    first = make_due_drafts(now=NOW)
    again = make_due_drafts(now=NOW)

    draft = Draft.objects.get()
    assert (first.made, again.made) == (1, 0)
    assert lines_of(draft) == [("Abonnement", Decimal(29)), ("Mise en service", Decimal(90))]
    assert (draft.period_start, draft.period_end) == (dt.date(2026, 12, 1), dt.date(2027, 1, 1))
    assert read_content(draft.content).order_ref == order.number


def test_an_issued_period_is_not_drafted_again_and_the_next_one_is(buyer: Client) -> None:
    make_subscription(make_order(buyer))
    make_due_drafts(now=NOW)
    invoice = issue_draft(Draft.objects.get())

    same = make_due_drafts(now=NOW)
    later = make_due_drafts(now=NOW + dt.timedelta(days=31))

    assert (same.made, later.made) == (0, 1)
    assert Draft.objects.get().period_start == invoice.period_end


def test_periods_before_their_day_or_after_the_end_are_not_due(buyer: Client) -> None:
    make_subscription(make_order(buyer), dt.date(2026, 12, 2))
    ended = make_order(buyer, number="B2", state="terminated", ended_at=NOW)
    make_subscription(ended, dt.date(2026, 10, 1), ends_on=dt.date(2026, 11, 16))

    assert make_due_drafts(now=NOW).made == 2
    assert [lines_of(draft)[0][1] for draft in Draft.objects.all()] == [
        Decimal("29.00"),
        Decimal("14.50"),
    ]


def test_a_withdrawn_order_is_never_invoiced(buyer: Client) -> None:
    make_subscription(make_order(buyer, state="withdrawn", ended_at=NOW))

    assert make_due_drafts(now=NOW).made == 0


@pytest.mark.parametrize(
    ("asked", "days", "made"), [(False, 13, 0), (False, 15, 1), (True, 7, 0), (True, 8, 1)]
)
def test_an_order_waits_for_the_days_of_withdrawal(
    buyer: Client, asked: bool, days: int, made: int
) -> None:
    order = make_order(
        buyer,
        withdrawal_until=NOW + dt.timedelta(days=14),
        starts_before_withdrawal_ends=asked,
    )
    make_subscription(order)

    assert make_due_drafts(now=NOW + dt.timedelta(days=days)).made == made


@pytest.mark.parametrize(
    ("fields", "obstacle"),
    [
        ({"territory": "", "territory_confirmed_at": None}, Obstacle.TERRITORY),
        ({"territory_confirmed_at": None}, Obstacle.TERRITORY),
        ({"territory": "EU"}, Obstacle.VAT),
    ],
)
def test_a_client_without_vat_waits(
    public: Unit, fields: dict[str, Any], obstacle: Obstacle
) -> None:
    open_ledger()
    make_subscription(make_order(make_buyer(**fields)))

    report = make_due_drafts(now=NOW)

    assert (report.made, dict(report.obstacles)) == (0, {obstacle: 1})


def test_nothing_is_drafted_before_the_seller_is_described(public: Unit) -> None:
    make_subscription(make_order(make_buyer()))

    report = make_due_drafts(now=NOW)

    assert (report.made, dict(report.obstacles)) == (0, {Obstacle.NO_SELLER: 1})
    assert not SellerProfile.objects.exists()


def test_a_disbursement_under_the_franchise_has_one_draft_of_its_own(public: Unit) -> None:
    make_seller(vat_regime="franchise_293B")
    order = make_order(make_buyer())
    domain = make_product("domain", rhythm="once", kind=Product.Kind.DISBURSEMENT)
    add_one_off(order, "12.00", product=domain, name="Nom de domaine")
    make_subscription(order)

    assert make_due_drafts(now=NOW).made == 2
    monthly = Draft.objects.get(subscription__isnull=False)
    delete_draft(draft_ref=monthly.ref, actor="user:1", now=NOW)
    assert make_due_drafts(now=NOW).made == 1
    assert sorted(lines_of(draft) for draft in Draft.objects.all()) == [
        [("Abonnement", Decimal(29))],
        [("Nom de domaine", Decimal(12))],
    ]


def test_the_queries_do_not_grow_with_the_clients(buyer: Client, count_queries: Any) -> None:
    for number in range(12):
        make_subscription(make_order(buyer, number=f"B{number}"))
    make_due_drafts(now=NOW)

    with count_queries() as queries:
        make_due_drafts(now=NOW)

    assert len(queries) <= 10


def test_the_job_makes_the_drafts_of_today(buyer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_subscription(make_order(buyer))
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)

    actors.draft_due_periods.fn()

    assert Draft.objects.count() == 1
    assert Heartbeat.objects.get(duty="periods").at == NOW
