"""Reports of the bank in old and new versions, as facts; hostile files (F-48)."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.sepa.bank_reports import (
    MOST_BYTES,
    FactKind,
    FactScope,
    ReportedFact,
    UnreadableReport,
    read_report,
)
from tests.billing.sepa.reports import (
    account_report,
    batch,
    booked,
    message,
    reason,
    refused_transaction,
    status_report,
    transaction,
)

BOOKED = dt.date(2026, 12, 28)
AMOUNT = Decimal("34.80")


def found(content: bytes) -> list[tuple[str, str, str, str, Decimal | None, dt.date | None]]:
    return [
        (fact.kind, fact.scope, fact.reference, fact.code, fact.amount, fact.on)
        for fact in read_report(content)
    ]


@pytest.mark.parametrize("version", ["03", "08", "10"])
def test_a_refused_collection_is_read_from_each_version(version: str) -> None:
    report = status_report(
        version,
        batches=batch(
            refused_transaction("F2026-000042", code="AC01")
            + refused_transaction("F2026-000043", status="ACCP")
        ),
    )

    assert found(report) == [("refused", "transaction", "F2026-000042", "AC01", AMOUNT, None)]


def test_a_refused_group_refuses_each_collection_in_it() -> None:
    lines = refused_transaction("F1", status="") + refused_transaction("F2", code="AM04", status="")

    assert [
        line[2:4]
        for line in found(status_report("03", batches=batch(lines, status="RJCT", code="DUPL")))
    ] == [
        ("F1", "DUPL"),
        ("F2", "AM04"),
    ]


def test_a_refused_group_without_lines_and_a_refused_file_are_facts() -> None:
    group = status_report("10", batches=batch("", status="RJCT", code="DT01"))
    file = status_report("10", group=f"<GrpSts>RJCT</GrpSts>{reason('FF01')}")

    assert found(group) == [("refused", "batch", "LOT-1-001", "DT01", None, None)]
    assert found(file) == [("refused", "file", "LOT-1", "FF01", None, None)]


@pytest.mark.parametrize(
    ("name", "version", "is_old"),
    [
        ("camt.054", "02", True),
        ("camt.054", "08", False),
        ("camt.054", "14", False),
        ("camt.053", "02", True),
        ("camt.053", "08", False),
    ],
)
def test_returns_are_read_from_each_version(name: str, version: str, is_old: bool) -> None:
    entry = booked(
        "69.60",
        "DBIT",
        transaction("F2026-000042", code="AM04", amount="34.80", is_old=is_old)
        + transaction("F2026-000043", code="MD06", amount="34.80", is_old=is_old),
        is_old=is_old,
    )

    assert found(account_report(name, version, entry)) == [
        ("returned", "transaction", "F2026-000042", "AM04", AMOUNT, BOOKED),
        ("returned", "transaction", "F2026-000043", "MD06", AMOUNT, BOOKED),
    ]


def test_a_single_line_has_the_amount_of_its_entry() -> None:
    entry = booked("34.80", "DBIT", transaction("F2026-000042", code="AC04"))

    assert found(account_report("camt.054", "08", entry))[0][4] == AMOUNT


def test_credits_of_groups_differ_from_transfers() -> None:
    group = booked("69.60", "CRDT", "<Btch><PmtInfId>LOT-1-001</PmtInfId></Btch>")
    transfer = booked("34.80", "CRDT", transaction("F2026-000042"))
    fee = booked("2.00", "DBIT", transaction("NOTPROVIDED"))
    announced = booked("9.00", "CRDT", transaction("F9"), state="PDNG")

    assert found(account_report("camt.053", "08", group, transfer, fee, announced)) == [
        ("credited", "batch", "LOT-1-001", "", Decimal("69.60"), BOOKED),
        ("credited", "transaction", "F2026-000042", "", AMOUNT, BOOKED),
        ("unknown", "transaction", "NOTPROVIDED", "", Decimal("2.00"), BOOKED),
    ]


def test_the_same_return_in_two_reports_is_one_fact() -> None:
    def entry(*, is_old: bool) -> str:
        line = transaction("F2026-000042", code="AM04", amount="34.80", is_old=is_old)
        return booked("34.80", "DBIT", line, is_old=is_old)

    [first] = read_report(account_report("camt.054", "02", entry(is_old=True)))
    [second] = read_report(account_report("camt.053", "08", entry(is_old=False)))
    later = ReportedFact(
        FactKind.RETURNED, FactScope.TRANSACTION, "F2026-000042-2", "AM04", AMOUNT, BOOKED
    )

    assert first.key == second.key != later.key
    assert (first.message, first.position) == ("BANK-8", 0)


BOMB = b"""<?xml version="1.0"?><!DOCTYPE Document [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>
<Document><CstmrPmtStsRpt>&b;</CstmrPmtStsRpt></Document>"""
STEALER = b"""<?xml version="1.0"?><!DOCTYPE Document [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<Document><CstmrPmtStsRpt><GrpHdr><MsgId>&a;</MsgId></GrpHdr></CstmrPmtStsRpt></Document>"""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not xml",
        b"%PDF-1.7",
        b"<Document/>",
        b"<Document><!-- --></Document>",
        b"<a><b></a>",
        b"\xff\xfe",
        BOMB,
        STEALER,
        message("camt.052", "08", "<BkToCstmrAcctRpt/>"),
        message("pain.008", "08", "<CstmrDrctDbtInitn/>"),
        account_report("camt.054", "08", booked("x", "CRDT", transaction("F1"))),
        account_report(
            "camt.054", "08", booked("1", "CRDT", "").replace("2026-12-28", "28/12/2026")
        ),
        b" " * (MOST_BYTES + 1),
    ],
)
def test_another_file_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableReport) as refused:
        read_report(content)

    assert "root:" not in str(refused.value)


def test_an_empty_report_has_no_fact() -> None:
    assert read_report(account_report("camt.054", "08")) == []


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        read_report(content)
    except UnreadableReport as refused:
        assert str(refused)  # noqa: PT017 - either answer is right
