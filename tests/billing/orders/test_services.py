"""An order from its draft to its end: prices of its day, signature, withdrawal, immutability (F-30 to F-34)."""

import datetime as dt
import hashlib
import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from billing.catalogue.models import Price, Product
from billing.clients.models import Client
from billing.orders import services
from billing.orders.models import Order, OrderFile, Subscription
from billing.orders.offer import digest, offer
from billing.orders.order_snapshot import from_json, missing_clauses
from billing.orders.services import OrderChoice, SigningAnswers
from billing.vat import VatUndecided
from tenants.models import Tenant
from tenants.outbox.models import OutboxEntry
from tests.billing.orders.conftest import make_offer, make_terms
from tests.ledger import NOW

SIGNED_AT = NOW + dt.timedelta(days=2)


def sign(order: Order, **fields: Any) -> Order:
    """Sign what the page of an order shows."""
    shown = digest(offer(Order.objects.get(pk=order.pk), made_on=NOW.date()))
    values = {"shown": shown, "is_at_most_five": True, "starts_at_once": False, **fields}
    return services.sign_order(order=order, answers=SigningAnswers(**values), now=SIGNED_AT)


def test_an_order_has_the_names_and_prices_of_its_day(client: Client) -> None:
    order = make_offer(client)
    plan = Product.objects.get(code="plan")
    Price.objects.create(product=plan, valid_from=NOW.date(), net=Decimal("99.00"))
    Product.objects.filter(pk=plan.pk).update(name="Autre nom")

    snapshot = offer(order, made_on=NOW.date())

    assert order.number == "B2026-000001"
    assert [(line.name, line.unit_price) for line in snapshot.lines] == [
        ("Prise de rendez-vous", Decimal("29.0000")),
        ("Mise en service", Decimal("150.0000")),
    ]
    assert snapshot.totals_of("month").gross == Decimal("69.60")
    assert snapshot.totals_of("once").gross == Decimal("180.00")
    assert missing_clauses(snapshot.clauses) == []


def test_each_order_has_the_next_number(client: Client) -> None:
    assert [make_offer(client).number for _ in range(3)][-1] == "B2026-000003"


@pytest.mark.parametrize(
    ("code", "refusal"), [("year", services.AnotherRhythm), ("free", services.NoPrice)]
)
def test_what_cannot_be_ordered_is_refused(client: Client, code: str, refusal: Any) -> None:
    product, _made = Product.objects.get_or_create(code=code, defaults={"rhythm": "month"})

    with pytest.raises(refusal):
        services.draft_order(
            client=client,
            choices=[OrderChoice(product, Decimal(1))],
            terms=make_terms(),
            actor="user:1",
            now=NOW,
        )
    assert not Order.objects.exists()


def test_an_order_without_lines_is_refused(client: Client) -> None:
    with pytest.raises(services.NothingOrdered):
        services.draft_order(client=client, choices=[], terms=make_terms(), actor="user:1", now=NOW)


def test_an_offer_needs_a_confirmed_territory(client: Client) -> None:
    Client.objects.update(territory_confirmed_at=None)

    with pytest.raises(VatUndecided):
        make_offer(Client.objects.get())


def test_a_signature_freezes_the_form_and_keeps_pdf_and_proof(client: Client) -> None:
    order = sign(make_offer(client))

    files = {file.kind: bytes(file.data) for file in order.files.all()}
    snapshot = from_json(Order.objects.get().snapshot or {})
    proof = json.loads(files["proof"])
    assert snapshot.signature is not None
    assert snapshot.signature.email == "anais@example.org"
    assert files["form"].startswith(b"%PDF")
    assert bytes(order.sha256 or b"") == hashlib.sha256(files["form"]).digest()
    assert proof["pdf_sha256"] == hashlib.sha256(files["form"]).hexdigest()
    assert proof["signed_at"] == SIGNED_AT.isoformat()
    assert Client.objects.get().headcount_at_most_five is True


def test_a_signature_begins_the_subscription_and_orders_the_practice(client: Client) -> None:
    sign(make_offer(client))

    subscription = Subscription.objects.get()
    [item] = subscription.items.all()
    practice = Tenant.objects.get(domains__domain__startswith="anais-fictive.")
    assert (subscription.starts_on, subscription.anchor_day) == (SIGNED_AT.date(), 3)
    assert (item.quantity, item.unit_price) == (Decimal(2), Decimal(29))
    assert practice.state == Tenant.State.ORDERED
    assert practice.owner_email == "anais@example.org"
    assert Client.objects.get().tenant == practice
    assert OutboxEntry.objects.filter(kind="orders.signed").exists()


def test_an_agreed_discount_holds_for_each_period(client: Client) -> None:
    plan = Product.objects.get(code="plan")
    order = services.draft_order(
        client=client,
        choices=[OrderChoice(plan, Decimal(2), Decimal("8.00"), "Bienvenue")],
        terms=make_terms(),
        actor="user:1",
        now=NOW,
    )
    services.send_order(order=order, actor="user:1", now=NOW)

    sign(order)

    [item] = Subscription.objects.get().items.all()
    assert item.quantity * item.unit_price == Decimal("50.00")


@pytest.mark.parametrize(
    ("place", "few", "at_once", "until", "starts"),
    [
        ("client", True, False, dt.date(2026, 12, 17), dt.date(2026, 12, 18)),
        ("fair", True, True, dt.date(2026, 12, 17), dt.date(2026, 12, 3)),
        ("client", False, False, None, dt.date(2026, 12, 3)),
        ("online", True, False, None, dt.date(2026, 12, 3)),
    ],
)
def test_the_right_to_withdraw_follows_place_and_headcount(
    client: Client, place: str, few: bool, at_once: bool, until: Any, starts: dt.date
) -> None:
    """Off premises and five employees at most: fourteen days, and no work before unless asked for (F-33)."""
    order = sign(make_offer(client, place), is_at_most_five=few, starts_at_once=at_once)

    snapshot = from_json(Order.objects.get().snapshot or {})
    assert (snapshot.withdrawal.until if snapshot.withdrawal else None) == until
    assert (order.withdrawal_until is not None) is (until is not None)
    assert Subscription.objects.get().starts_on == starts


def test_a_withdrawal_ends_the_contract_within_its_days(client: Client) -> None:
    order = sign(make_offer(client, "client"))
    last = dt.datetime(2026, 12, 17, 22, 59, tzinfo=dt.UTC)

    with pytest.raises(services.NoRightToWithdraw), transaction.atomic():
        services.withdraw_order(order=order, actor="signatory", now=last + dt.timedelta(minutes=1))
    services.withdraw_order(order=order, actor="signatory", now=last)

    subscription = Subscription.objects.get()
    assert Order.objects.get().state == Order.State.WITHDRAWN
    assert subscription.ends_on == subscription.starts_on
    assert OrderFile.objects.filter(kind="withdrawal").exists()
    with pytest.raises(services.NotOpen):
        services.withdraw_order(order=order, actor="signatory", now=last)


def test_an_order_without_the_right_is_not_withdrawn_from(client: Client) -> None:
    order = sign(make_offer(client))

    with pytest.raises(services.NoRightToWithdraw):
        services.withdraw_order(order=order, actor="signatory", now=SIGNED_AT)


def test_a_termination_ends_after_its_months(client: Client) -> None:
    services.terminate_order(order=sign(make_offer(client)), actor="user:1", now=SIGNED_AT)

    assert Subscription.objects.get().ends_on == dt.date(2027, 1, 3)


def test_what_changed_since_the_page_is_not_signed(client: Client) -> None:
    order = make_offer(client)
    Client.objects.update(trade_name="Un autre nom")
    order.client.refresh_from_db()
    answers = SigningAnswers(shown="0" * 64, is_at_most_five=True, starts_at_once=False)

    with pytest.raises(services.OfferChanged):
        services.sign_order(order=order, answers=answers, now=SIGNED_AT)


def test_an_order_is_signed_once_and_not_deleted(client: Client) -> None:
    order = sign(make_offer(client))

    for again in (
        lambda: sign(order),
        lambda: services.delete_order(order=order, actor="user:1", now=NOW),
        lambda: services.send_order(order=order, actor="user:1", now=NOW),
    ):
        with pytest.raises(services.NotOpen):
            again()
    assert Subscription.objects.count() == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE public.orders_order SET signatory_name = 'x'",
        "UPDATE public.orders_order SET snapshot = '{}'",
        "UPDATE public.orders_order SET signed_at = now()",
        "DELETE FROM public.orders_order",
        "UPDATE public.orders_orderitem SET unit_price = 1",
        "DELETE FROM public.orders_orderitem",
        "UPDATE public.orders_orderfile SET data = ''",
    ],
)
def test_a_signed_order_cannot_change_in_the_database(client: Client, statement: str) -> None:
    sign(make_offer(client))

    with (
        pytest.raises(DatabaseError),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_a_draft_can_be_deleted_with_its_lines(client: Client) -> None:
    services.delete_order(order=make_offer(client), actor="user:1", now=NOW)

    assert not Order.objects.exists()
