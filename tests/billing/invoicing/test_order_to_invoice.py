"""From the signature of an order to its paid invoices, by the services of the product and with drawn documents."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from billing.catalogue.models import Price
from billing.clients.models import Client
from billing.invoicing.due_drafts import make_due_drafts
from billing.invoicing.models import Draft, Invoice, InvoiceFile, Payment
from billing.invoicing.obstacles import WITHDRAWN, obstacles_of
from billing.invoicing.payments import record_payment
from billing.invoicing.queries import PaymentState, invoices_with_balance
from billing.invoicing.services import issue
from billing.orders import services as orders
from billing.orders.models import Order
from billing.orders.offer import digest, offer
from billing.orders.services import SigningAnswers
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit
from tests.billing.orders.conftest import make_offer
from tests.ledger import NOW, issue_draft, make_buyer, open_ledger
from tests.subscriptions import make_product

SIGNED_AT = NOW + dt.timedelta(days=2)


@pytest.fixture
def buyer(public: Unit) -> Client:
    """A client, what it may order, and an open ledger."""
    open_ledger()
    for product, net in (
        (make_product("plan"), 29),
        (make_product("start", name="Mise en service", rhythm="once"), 150),
    ):
        Price.objects.create(product=product, valid_from=dt.date(2020, 1, 1), net=Decimal(net))
    return make_buyer()


def sign(order: Order, *, starts_at_once: bool = False) -> Order:
    """Sign what the page of an order shows."""
    shown = digest(offer(Order.objects.get(pk=order.pk), made_on=NOW.date()))
    answers = SigningAnswers(shown=shown, is_at_most_five=True, starts_at_once=starts_at_once)
    return orders.sign_order(order=order, answers=answers, now=SIGNED_AT)


def test_a_signed_order_becomes_a_drawn_sent_and_paid_invoice(buyer: Client) -> None:
    order = sign(make_offer(buyer))

    made = make_due_drafts(now=SIGNED_AT).made
    invoice = issue(draft_ref=Draft.objects.get().ref, now=SIGNED_AT)
    record_payment(
        invoice=invoice,
        amount=invoice.gross,
        on=SIGNED_AT.date(),
        kind=Payment.Kind.TRANSFER,
        reference="VIR 1",
        actor="user:1",
        now=SIGNED_AT,
    )

    # Two plans at 29 and the service at 150, with VAT at 20 %.
    assert (made, invoice.gross) == (1, Decimal("249.60"))
    assert invoice.snapshot["order_ref"] == order.number
    files = {file.kind: bytes(file.data) for file in invoice.files.all()}
    assert files[InvoiceFile.Kind.PDF].startswith(b"%PDF")
    assert order.number.encode() in files[InvoiceFile.Kind.XML]
    assert OutboxEntry.objects.filter(kind="invoicing.send", subject_id=invoice.pk).exists()
    paid: Any = invoices_with_balance(today=SIGNED_AT.date()).get()
    assert paid.state == PaymentState.PAID


def test_a_year_of_periods_is_invoiced_once(buyer: Client) -> None:
    sign(make_offer(buyer))

    for month in range(12):
        for _run in range(2):
            make_due_drafts(now=SIGNED_AT + dt.timedelta(days=31 * month))
        # The series of the next year exist; issuing needs no later one here.
        for draft in Draft.objects.all():
            issue_draft(draft, now=SIGNED_AT)

    documents = list(Invoice.objects.order_by("period_start"))
    assert len(documents) == 12
    assert [invoice.net for invoice in documents] == [Decimal(208), *[Decimal(58)] * 11]
    ends = [invoice.period_end for invoice in documents[:-1]]
    assert ends == [invoice.period_start for invoice in documents[1:]]


@pytest.mark.parametrize(
    ("starts_at_once", "first_day"), [(True, dt.date(2026, 12, 11)), (False, dt.date(2026, 12, 18))]
)
def test_an_order_signed_at_the_practice_is_not_invoiced_before_its_day(
    buyer: Client, starts_at_once: bool, first_day: dt.date
) -> None:
    """Signed on 3 December: eighth day on the 11th, end of the fourteen days on the 17th (F-33)."""
    sign(make_offer(buyer, place="client"), starts_at_once=starts_at_once)

    drafted = [
        day for day in range(25) if make_due_drafts(now=SIGNED_AT + dt.timedelta(days=day)).made
    ]

    assert [SIGNED_AT.date() + dt.timedelta(days=day) for day in drafted] == [first_day]


def test_a_withdrawn_order_leaves_nothing_to_invoice(buyer: Client) -> None:
    order = sign(make_offer(buyer, place="client"), starts_at_once=True)
    orders.withdraw_order(order=order, actor="user:1", now=SIGNED_AT + dt.timedelta(days=3))

    assert make_due_drafts(now=SIGNED_AT + dt.timedelta(days=60)).made == 0


def test_a_draft_of_an_order_withdrawn_meanwhile_is_not_issued(buyer: Client) -> None:
    order = sign(make_offer(buyer, place="client"), starts_at_once=True)
    make_due_drafts(now=SIGNED_AT + dt.timedelta(days=8))
    before = obstacles_of(Draft.objects.get(), today=SIGNED_AT.date())[1]
    orders.withdraw_order(order=order, actor="user:1", now=SIGNED_AT + dt.timedelta(days=9))

    after = obstacles_of(Draft.objects.get(), today=SIGNED_AT.date())[1]

    assert (before, after) == ([], [WITHDRAWN])


def test_a_terminated_order_is_invoiced_to_its_last_day(buyer: Client) -> None:
    order = sign(make_offer(buyer))
    orders.terminate_order(order=order, actor="user:1", now=SIGNED_AT + dt.timedelta(days=10))

    make_due_drafts(now=SIGNED_AT + dt.timedelta(days=365))

    drafts = list(Draft.objects.order_by("period_start"))
    assert [draft.period_start for draft in drafts] == [dt.date(2026, 12, 3), dt.date(2027, 1, 3)]
    last = drafts[-1].content["lines"][0]
    assert last["ends_on"] < "2027-01-15"
