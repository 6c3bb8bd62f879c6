"""The commercial life of the demonstration: a year of invoices by the services, made once."""

from datetime import UTC, datetime

from billing.invoicing.models import Invoice
from billing.invoicing.queries import PaymentState, invoices_with_balance
from billing.invoicing.series import day_in_paris
from billing.invoicing.verification import verify_all
from billing.orders.models import Order
from config.devtools.demo_billing import DemoClient, fill
from config.devtools.demo_data import PRACTICES
from tenants.outbox.models import OutboxEntry
from tenants.schema import Unit
from tests.staff import make_client

NOW = datetime(2026, 12, 3, 9, 0, tzinfo=UTC)


def test_three_clients_have_an_order_and_a_year_of_invoices(public: Unit) -> None:
    clients = [
        DemoClient(plan, make_client(name=plan.practice["name"]), number, "RE" if number else "FR")
        for number, plan in enumerate(PRACTICES)
    ]

    fill(clients, now=NOW)
    fill(clients, now=NOW)

    today = day_in_paris(NOW)
    states = invoices_with_balance(today=today).values_list("state", flat=True)  # type: ignore[misc]
    assert Order.objects.filter(state=Order.State.SIGNED).count() == 3
    assert Invoice.objects.filter(corrects__isnull=True).count() == 36
    assert Invoice.objects.filter(corrects__isnull=False).count() == 1
    assert list(states).count(PaymentState.OVERDUE.value) >= 1
    assert all(not report.faults for report in verify_all(today=today))
    sent = OutboxEntry.objects.filter(
        kind="invoicing.send", subject_id__in=Invoice.objects.values("pk")
    )
    assert sent.count() <= 4
