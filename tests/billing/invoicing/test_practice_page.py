"""The owner's page of a practice: plan incl. VAT, next invoice, states, own documents only (T14)."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client as Browser

from billing.catalogue.models import Product
from billing.clients.models import Client
from billing.invoicing.contents import DraftContent
from billing.invoicing.models import Invoice, Payment
from billing.invoicing.payments import record_payment
from billing.invoicing.practice_page import PracticeContract
from billing.invoicing.services import DraftPeriod, credit, new_draft
from billing.orders.models import Order, OrderFile, Subscription, SubscriptionItem
from billing.orders.order_snapshot import to_json
from booking.practice.subscription import BillState
from tenants.accounts.models import Role
from tenants.models import Tenant
from tenants.schema import PUBLIC, Unit, inside
from tests.accounts import browser, make_member
from tests.billing.orders.order_samples import UNSIGNED, order_line
from tests.conftest import TENANT_ONE, TENANT_TWO
from tests.factories import Cabinet
from tests.ledger import NOW, issue_draft, make_buyer, make_draft, make_line, open_ledger

TODAY = dt.date(2026, 12, 10)
PAGE = "/espace/abonnement/"


def make_subscription(client: Client, **fields: Any) -> Subscription:
    """Create a signed order of one practitioner at 29 €, by the month from 1 December, and its PDF."""
    line = order_line("Prise de rendez-vous", "29.00", "month", rate=Decimal(20))
    order = Order.objects.create(
        client=client,
        number="B2026-000001",
        state=Order.State.SIGNED,
        place_of_signature="online",
        snapshot=to_json(replace(UNSIGNED, lines=(line,))),
        sha256=b"\0" * 32,
        created_at=NOW,
        sent_at=NOW,
        signed_at=NOW,
        signatory_name="Anaïs Fictive",
        signatory_email="anais@example.org",
    )
    OrderFile.objects.create(
        order=order, kind="form", data=b"%PDF order", sha256=b"\0" * 32, created_at=NOW
    )
    values = {"starts_on": dt.date(2026, 12, 1), "anchor_day": 1, "rhythm": "month"}
    subscription = Subscription.objects.create(order=order, **values | fields)
    product = Product.objects.create(code="rdv", name="Prise de rendez-vous", rhythm="month")
    SubscriptionItem.objects.create(
        subscription=subscription,
        product=product,
        name=product.name,
        quantity=2,
        unit_price=Decimal("29.00"),
        starts_on=dt.date(2026, 12, 1),
    )
    return subscription


def make_client(unit: Unit) -> Client:
    """Create the client of a practice."""
    return make_buyer(tenant=Tenant.objects.get(schema_name=unit.schema))


def invoice_december(client: Client, subscription: Subscription) -> Invoice:
    """Issue the invoice of December, 34,80 €, due in January."""
    period = DraftPeriod(dt.date(2026, 12, 1), dt.date(2027, 1, 1), subscription)
    content = DraftContent(lines=(make_line(),))
    return issue_draft(new_draft(client=client, content=content, period=period, now=NOW))


def test_a_practice_without_a_client_has_an_empty_page(public: Unit) -> None:
    with inside(TENANT_ONE):
        page = PracticeContract().page(TODAY)

    assert (page.lines, page.bills, page.orders, page.owed, page.next_on) == ([], [], [], "", None)


def test_the_plan_is_shown_with_vat_and_the_next_invoice_follows_the_last(public: Unit) -> None:
    open_ledger()
    client = make_client(TENANT_ONE)
    subscription = make_subscription(client)
    with inside(TENANT_ONE):
        before = PracticeContract().page(TODAY)
    invoice_december(client, subscription)

    with inside(TENANT_ONE):
        page = PracticeContract().page(TODAY)
    with inside(TENANT_TWO):
        other = PracticeContract().page(TODAY)

    assert before.next_on == dt.date(2026, 12, 1)
    assert page.next_on == dt.date(2027, 1, 1)
    assert [(line.name, line.price) for line in page.lines] == [
        ("Prise de rendez-vous × 2", "69,60\u00a0€")
    ]
    assert (page.total, page.rhythm, page.owed) == ("69,60\u00a0€", "month", "34,80\u00a0€")
    assert [order.has_file for order in page.orders] == [True]
    assert (other.lines, other.bills, other.orders) == ([], [], [])


def test_a_subscription_that_ends_has_no_further_invoice(public: Unit) -> None:
    open_ledger()
    client = make_client(TENANT_ONE)
    invoice_december(client, make_subscription(client, ends_on=dt.date(2027, 1, 1)))

    with inside(TENANT_ONE):
        page = PracticeContract().page(TODAY)

    assert (page.next_on, page.ends_on) == (None, dt.date(2027, 1, 1))


def test_each_document_says_its_state(public: Unit) -> None:
    open_ledger()
    client = make_client(TENANT_ONE)
    paid, open_, cancelled = (issue_draft(make_draft(client)) for _ in range(3))
    record_payment(
        invoice=paid,
        amount=paid.gross,
        on=TODAY,
        kind=Payment.Kind.TRANSFER,
        reference="v",
        actor="system",
        now=NOW,
    )
    issue_draft(
        credit(invoice=cancelled, lines=[make_line()], reason="double", actor="system", now=NOW)
    )

    with inside(TENANT_ONE):
        now, later = (
            PracticeContract().page(TODAY),
            PracticeContract().page(TODAY.replace(year=2028)),
        )

    states = {bill.number: bill.state for bill in now.bills}
    assert states[paid.number] is BillState.PAID
    assert states[open_.number] is BillState.OPEN
    assert states[cancelled.number] is BillState.CREDIT
    assert states["A2026-000001"] is BillState.CREDIT
    assert {bill.number: bill.state for bill in later.bills}[open_.number] is BillState.OVERDUE
    assert (now.is_overdue, later.is_overdue, later.owed) == (False, True, "34,80\u00a0€")


# --- The page ------------------------------------------------------------------------------------------


@pytest.fixture
def cabinet(tenant: Unit) -> Cabinet:
    """Return the first practice."""
    return Cabinet()


@pytest.fixture
def documents(cabinet: Cabinet) -> dict[str, Invoice]:
    """An invoice of each of two practices, and the signed order of the first one."""
    with inside(PUBLIC):
        open_ledger()
        made = {
            unit.schema: issue_draft(make_draft(make_client(unit)))
            for unit in (TENANT_ONE, TENANT_TWO)
        }
        make_subscription(Client.objects.get(tenant__schema_name=TENANT_ONE.schema))
    return made


@pytest.fixture
def owner(documents: dict[str, Invoice], host: str) -> Browser:
    """Return the browser of the owner of the first practice."""
    return browser(host, make_member(Role.OWNER))


def test_the_owner_reads_the_plan_and_downloads_the_documents(
    owner: Browser, documents: dict[str, Invoice]
) -> None:
    own = documents[TENANT_ONE.schema]
    shown = owner.get(PAGE).text
    pdf = owner.get(f"{PAGE}factures/{own.ref}.pdf")
    xml = owner.get(f"{PAGE}factures/{own.ref}.xml")
    with inside(PUBLIC):
        order = Order.objects.get()
    form = owner.get(f"{PAGE}commandes/{order.ref}.pdf")

    assert own.number in shown
    assert "69,60\u00a0€" in shown
    assert (pdf.status_code, pdf["Content-Type"]) == (200, "application/pdf")
    assert pdf["Content-Disposition"] == f'attachment; filename="{own.number}.pdf"'
    assert "no-store" in pdf["Cache-Control"]
    assert pdf.content.startswith(b"%PDF")
    assert xml.content.startswith(b"<xml/>")
    assert form.content == b"%PDF order"


def test_a_document_of_another_practice_is_not_found(
    owner: Browser, documents: dict[str, Invoice]
) -> None:
    foreign = documents[TENANT_TWO.schema]

    assert owner.get(f"{PAGE}factures/{foreign.ref}.pdf").status_code == 404
    assert owner.get(f"{PAGE}factures/{foreign.ref}.xml").status_code == 404
    assert owner.get(f"{PAGE}commandes/{foreign.ref}.pdf").status_code == 404


def test_others_than_owners_see_no_bill(documents: dict[str, Invoice], host: str) -> None:
    path = f"{PAGE}factures/{documents[TENANT_ONE.schema].ref}.pdf"
    secretary = browser(host, make_member(Role.SECRETARY))
    stranger = Browser(headers={"host": host})

    assert [secretary.get(address).status_code for address in (PAGE, path)] == [403, 403]
    assert [stranger.get(address).status_code for address in (PAGE, path)] == [302, 302]


def test_the_page_changes_nothing(owner: Browser) -> None:
    assert owner.post(PAGE).status_code == 405
