"""The file of accounting entries: eighteen columns, balanced, numbered without a gap (LPF art. L.47 A, F-14)."""

import datetime as dt
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.invoicing.fec import (
    COLUMNS,
    USUAL,
    AccountingClient,
    AccountingEntry,
    EntryLine,
    Sums,
    Unbalanced,
    credit_note_entry,
    invoice_entry,
    payment_entry,
    return_entry,
    write_fec,
)

YEAR_END = dt.date(2026, 12, 31)
CLIENT = AccountingClient("C000123", "DUPONT-LŒUVRE Anaïs")
SUMS = Sums(Decimal("29.00"), Decimal("5.80"))
INVOICE = invoice_entry("F2026-000042", dt.date(2026, 12, 1), CLIENT, SUMS)
PAYMENT = payment_entry(
    "RDV20261210-1",
    dt.date(2026, 12, 15),
    CLIENT,
    SUMS,
    pays="F2026-000042",
)
RETURN = return_entry(
    "RELEVE-1218",
    dt.date(2026, 12, 18),
    CLIENT,
    SUMS,
    unpays="F2026-000042",
    code="AM04",
)
CREDIT = credit_note_entry(
    "A2026-000003", dt.date(2026, 12, 20), CLIENT, SUMS, corrects="F2026-000042"
)


def rows(*entries: AccountingEntry) -> list[dict[str, str]]:
    _name, content = write_fec("123456782", YEAR_END, entries)
    lines = [line.split("\t") for line in content.decode("iso8859-15").split("\r\n")]
    assert lines.pop() == [""]
    assert lines[0] == list(COLUMNS)
    return [dict(zip(COLUMNS, line, strict=True)) for line in lines[1:]]


def amount(text: str) -> Decimal:
    return Decimal(text.replace(",", "."))


def test_the_file_has_the_name_of_the_company_and_of_the_year() -> None:
    name, content = write_fec("123456782", YEAR_END, [INVOICE])

    assert name == "123456782FEC20261231.txt"
    assert content.startswith(b"JournalCode\tJournalLib\tEcritureNum\t")
    assert "LŒUVRE".encode("iso8859-15") in content


def test_the_vat_of_an_invoice_waits_for_its_payment() -> None:
    moves = [
        (row["EcritureNum"], row["CompteNum"], row["Debit"], row["Credit"])
        for row in rows(INVOICE, PAYMENT)
    ]

    assert moves == [
        ("VE000001", "411000", "34,80", "0,00"),
        ("VE000001", "706000", "0,00", "29,00"),
        ("VE000001", "445740", "0,00", "5,80"),
        ("BQ000001", "512000", "34,80", "0,00"),
        ("BQ000001", "411000", "0,00", "34,80"),
        ("BQ000001", "445740", "5,80", "0,00"),
        ("BQ000001", "445710", "0,00", "5,80"),
    ]


def test_an_invoice_that_is_paid_returned_and_credited_leaves_nothing() -> None:
    balance: Counter[str] = Counter()
    for row in rows(INVOICE, PAYMENT, RETURN, CREDIT):
        balance[row["CompteNum"]] += int(100 * (amount(row["Debit"]) - amount(row["Credit"])))

    assert set(balance.values()) == {0}


def test_a_disbursement_is_no_sale() -> None:
    entry = invoice_entry(
        "F2026-000043", YEAR_END, CLIENT, replace(SUMS, disbursed=Decimal("11.99"))
    )

    found = {row["CompteNum"]: row["Credit"] for row in rows(entry)}
    assert (found["467000"], found["706000"]) == ("11,99", "29,00")
    assert rows(entry)[0]["Debit"] == "46,79"


def test_the_client_stands_on_its_own_account_only() -> None:
    lettered = replace(INVOICE, lettering="AA", lettered_on=dt.date(2026, 12, 15))

    found = rows(lettered)

    assert [row["CompAuxNum"] for row in found] == ["C000123", "", ""]
    assert [(row["EcritureLet"], row["DateLet"]) for row in found] == [
        ("AA", "20261215"),
        ("", ""),
        ("", ""),
    ]


def test_entries_are_numbered_by_journal_in_the_order_of_validation() -> None:
    numbers = [row["EcritureNum"] for row in rows(CREDIT, RETURN, PAYMENT, INVOICE)]

    assert list(dict.fromkeys(numbers)) == ["VE000001", "BQ000001", "BQ000002", "VE000002"]


def test_an_entry_that_is_not_balanced_is_refused() -> None:
    wrong = replace(INVOICE, lines=(*INVOICE.lines, EntryLine(USUAL.bank, debit=Decimal("0.01"))))

    with pytest.raises(Unbalanced, match="F2026-000042"):
        rows(wrong)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("=HYPERLINK(1)", "HYPERLINK(1)"),
        ("a\tb\nc|d", "a b c/d"),
        ("+-@x", "x"),
        ("漢", "?"),
    ],
)
def test_a_name_is_neither_a_separator_nor_a_formula(name: str, written: str) -> None:
    assert rows(replace(INVOICE, client=AccountingClient("C1", name)))[0]["CompAuxLib"] == written


MONEY = st.integers(0, 10_000_00).map(lambda units: Decimal(units) / 100)


@given(st.lists(st.builds(Sums, MONEY, MONEY, MONEY), max_size=12))
def test_any_file_is_balanced(sums: list[Sums]) -> None:
    entries = [
        invoice_entry(f"F2026-{number:06d}", YEAR_END, CLIENT, moved)
        for number, moved in enumerate(sums)
    ]

    found = rows(*entries)
    assert sum(amount(row["Debit"]) for row in found) == sum(amount(row["Credit"]) for row in found)
