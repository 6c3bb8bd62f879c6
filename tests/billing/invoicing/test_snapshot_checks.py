"""Faults of an invoice that are found before it is numbered, each with a French sentence (F-02, F-15)."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from billing.invoicing.fault_texts import MESSAGES, validate_drawable
from billing.invoicing.snapshot import InvoiceSnapshot, Line, Note
from billing.invoicing.snapshot_checks import InvoiceFault, faults
from billing.vat import DISBURSEMENT, FRANCHISE
from tests.billing.invoicing.samples import (
    ACCOUNT,
    BASE,
    BERLIN,
    BUYER,
    ISSUED,
    NOTES,
    SAMPLES,
    SELLER,
    line,
    subscription,
)


def sold(*lines: Line) -> InvoiceSnapshot:
    return replace(BASE, lines=lines)


def bought(**fields: Any) -> InvoiceSnapshot:
    return replace(BASE, buyer=replace(BUYER, **fields))


FAULTY: list[tuple[InvoiceFault, InvoiceSnapshot]] = [
    (InvoiceFault.NO_LINE, sold()),
    (InvoiceFault.AMOUNT, sold(line("Geste", "-1"))),
    (InvoiceFault.AMOUNT, sold(line("Rien", quantity="0"))),
    (InvoiceFault.AMOUNT, sold(line("  "))),
    (InvoiceFault.AMOUNT, sold(line(price="0.00001"))),
    (InvoiceFault.AMOUNT, sold(line(quantity="0.33333"))),
    (InvoiceFault.DISCOUNT, sold(line(discount=Decimal(30), discount_reason="Geste"))),
    (InvoiceFault.DISCOUNT, sold(line(discount=Decimal(-1), discount_reason="Geste"))),
    (InvoiceFault.DISCOUNT, sold(line(discount=Decimal(1)))),
    (InvoiceFault.DUE_BEFORE_ISSUE, replace(BASE, due_on=ISSUED - dt.timedelta(days=1))),
    (InvoiceFault.PERIOD, replace(BASE, period=(ISSUED, dt.date(2026, 11, 1)), lines=(line(),))),
    (InvoiceFault.LINE_PERIOD, sold(line(starts_on=dt.date(2026, 11, 30), ends_on=ISSUED))),
    (InvoiceFault.LINE_PERIOD, sold(line(starts_on=ISSUED, ends_on=dt.date(2027, 1, 1)))),
    (InvoiceFault.LINE_PERIOD, sold(line(starts_on=ISSUED))),
    (InvoiceFault.NOTES, replace(BASE, notes=NOTES[1:])),
    (InvoiceFault.NOTES, replace(BASE, notes=(*NOTES, NOTES[0]))),
    (InvoiceFault.SELLER_SIREN, replace(BASE, seller=replace(SELLER, siren=""))),
    (InvoiceFault.SELLER_ADDRESS, replace(BASE, seller=replace(SELLER, name=""))),
    (InvoiceFault.BUYER_SIREN, bought(siren="")),
    (InvoiceFault.BUYER_ENDPOINT, bought(endpoint="")),
    (InvoiceFault.BUYER_ADDRESS, bought(address=replace(BUYER.address, town=" "))),
    (InvoiceFault.BUYER_ADDRESS, bought(billing_address=replace(BUYER.address, street=""))),
    (
        InvoiceFault.BUYER_VAT_NUMBER,
        replace(SAMPLES["reverse charge"], buyer=replace(BERLIN, vat_number="")),
    ),
    (InvoiceFault.SEPARATE, sold(subscription(FRANCHISE), line("Domaine", vat=DISBURSEMENT))),
    (InvoiceFault.PAID, replace(BASE, paid=Decimal("34.81"))),
    (InvoiceFault.PAID, replace(BASE, paid=Decimal(-1))),
    (InvoiceFault.PAYMENT, replace(BASE, direct_debit=None)),
    (InvoiceFault.PAYMENT, replace(BASE, account=ACCOUNT)),
    (InvoiceFault.PAYMENT, replace(SAMPLES["credit note"], account=ACCOUNT)),
    (InvoiceFault.NUMBER, replace(BASE, number="F2026 42")),
    (InvoiceFault.NUMBER, replace(BASE, number="F" * 21)),
    (InvoiceFault.UNDRAWABLE, bought(name="Cabinet 😀")),
    (InvoiceFault.UNDRAWABLE, sold(line("漢字"))),
    (InvoiceFault.UNDRAWABLE, replace(BASE, notes=(*NOTES, Note("", "a\nb")))),
]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_right_invoice_has_no_fault(name: str) -> None:
    assert faults(SAMPLES[name]) == []
    assert faults(replace(SAMPLES[name], number="")) == []


@pytest.mark.parametrize(("fault", "snapshot"), FAULTY)
def test_a_wrong_invoice_has_its_fault_alone(
    fault: InvoiceFault, snapshot: InvoiceSnapshot
) -> None:
    assert faults(snapshot) == [fault]


@pytest.mark.parametrize("fault", InvoiceFault)
def test_each_fault_is_tested_and_has_a_french_sentence(fault: InvoiceFault) -> None:
    assert fault in {tested for tested, _snapshot in FAULTY}
    assert str(MESSAGES[fault]).endswith(".")


def test_a_name_with_an_emoji_gets_a_clear_message() -> None:
    validate_drawable("Anaïs Dupont-Lœuvre EI")

    with pytest.raises(ValidationError) as refused:
        validate_drawable("Cabinet 😀")

    assert refused.value.messages == [
        "Nos documents ne peuvent pas montrer ce caractère\u00a0: 😀. Retirez-le ou écrivez-le en lettres."
    ]
