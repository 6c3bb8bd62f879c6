"""Payments, their parts by VAT rate, and what is owed (F-14)."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum

from billing.invoicing.errors import AlreadyRecorded
from billing.invoicing.models import Allocation, Invoice, Payment
from billing.invoicing.payments import record_payment
from billing.invoicing.queries import PaymentState, invoices_with_balance
from billing.invoicing.services import credit
from tenants.schema import Unit
from tests.ledger import NOW, issue_draft, make_buyer, make_draft, make_line, open_ledger

TODAY = dt.date(2026, 12, 10)
LATE = dt.date(2027, 1, 1)


@pytest.fixture
def invoice(public: Unit) -> Invoice:
    """An invoice of 34.80 at 20 % and 10.85 at 8.5 %: 45.65."""
    open_ledger()
    lines = (make_line(), make_line("10.00", rate=Decimal("8.5")))
    return issue_draft(make_draft(make_buyer(), *lines))


def pay(invoice: Invoice, amount: str, **fields: Any) -> Payment:
    values: dict[str, Any] = {
        "on": TODAY,
        "kind": Payment.Kind.TRANSFER,
        "reference": f"VIR {amount}",
        "actor": "user:1",
        "now": NOW,
    }
    return record_payment(invoice=invoice, amount=Decimal(amount), **values | fields)


def owed(invoice: Invoice, *, today: dt.date = TODAY) -> tuple[str, str]:
    found: Any = invoices_with_balance(today=today).values().get(pk=invoice.pk)
    return str(found["balance"]), found["state"]


def test_what_is_owed_is_the_amount_less_payments_and_credit_notes(invoice: Invoice) -> None:
    assert owed(invoice) == ("45.65", PaymentState.OPEN)
    assert owed(invoice, today=LATE) == ("45.65", PaymentState.OVERDUE)

    pay(invoice, "20.00")
    assert owed(invoice) == ("25.65", PaymentState.OPEN)

    draft = credit(
        invoice=invoice, lines=[make_line("10.00")], reason="Geste", actor="user:1", now=NOW
    )
    issue_draft(draft)
    assert owed(invoice, today=LATE) == ("13.65", PaymentState.OVERDUE)

    pay(invoice, "13.65")
    assert owed(invoice, today=LATE) == ("0.00", PaymentState.PAID)


def test_the_return_of_a_debit_makes_an_invoice_refused_until_it_is_paid(invoice: Invoice) -> None:
    pay(invoice, "45.65", kind=Payment.Kind.DEBIT)
    pay(invoice, "-45.65", kind=Payment.Kind.RETURN, on=LATE)
    assert owed(invoice, today=LATE) == ("45.65", PaymentState.REFUSED)

    pay(invoice, "45.65", on=LATE)
    assert owed(invoice, today=LATE) == ("0.00", PaymentState.PAID)


def test_the_parts_of_an_invoice_paid_in_instalments_are_its_totals(invoice: Invoice) -> None:
    for day, amount in enumerate(("0.01", "15.33", "15.33", "14.98"), 1):
        payment = pay(invoice, amount, on=dt.date(2026, 12, day))
        parts = payment.allocations.aggregate(sum=Sum("amount"))["sum"]
        assert parts == Decimal(amount)

    sums = Allocation.objects.values_list("rate").annotate(sum=Sum("amount")).order_by("rate")
    assert list(sums) == [
        (Decimal("8.50"), Decimal("10.85")),
        (Decimal("20.00"), Decimal("34.80")),
    ]


def test_a_return_takes_each_part_back(invoice: Invoice) -> None:
    pay(invoice, "45.65", kind=Payment.Kind.DEBIT)
    pay(invoice, "-45.65", kind=Payment.Kind.RETURN)

    sums = Allocation.objects.values_list("rate").annotate(sum=Sum("amount"))
    assert [total for _rate, total in sums] == [Decimal(0), Decimal(0)]


def test_the_same_movement_is_recorded_once(invoice: Invoice) -> None:
    pay(invoice, "10.00")

    with pytest.raises(AlreadyRecorded):
        pay(invoice, "10.00")

    assert owed(invoice)[0] == "35.65"


@pytest.mark.parametrize(
    ("amount", "kind"),
    [("0", "transfer"), ("-1", "debit"), ("1", "return"), ("1.001", "card"), ("1", "refund")],
)
def test_an_amount_of_the_wrong_sign_is_refused(invoice: Invoice, amount: str, kind: str) -> None:
    with pytest.raises(ValueError, match=kind):
        pay(invoice, amount, kind=Payment.Kind(kind))
