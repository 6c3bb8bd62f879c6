"""The file of collections: schema, exact sums, structured addresses, amendments, equal bytes (F-45 to F-47)."""

import datetime as dt
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from billing.parties import Address
from billing.sepa.latin import latin
from billing.sepa.sepa_file import (
    CannotCollect,
    CollectionOrder,
    Creditor,
    DebtorMandate,
    build_file,
)
from billing.sepa.target_days import roll
from tests.billing.sepa.ibans import french_iban

ROOT = Path(__file__).resolve().parents[3]
CREATED = dt.datetime(2026, 12, 22, 9, 30, tzinfo=dt.UTC)
CREDITOR = Creditor(
    "lib-rdv",
    "FR72ZZZ123456",
    "FR7630006000011234567890189",
    "AGRIFRPPXXX",
    Address("12 rue des Thermes", "64210", "Bidart"),
)
MANDATE = DebtorMandate(
    "Anaïs Dupont-Lœuvre EI",
    Address("4 bis rue Nationale", "67000", "Strasbourg"),
    "FR7630006000011234567890189",
    "RDV-000123-1",
    dt.date(2026, 11, 2),
)
ORDER = CollectionOrder(
    "F2026-000042", Decimal("34.80"), dt.date(2026, 12, 24), MANDATE, "Facture F2026-000042"
)


def build(*orders: CollectionOrder) -> etree._Element:
    return etree.fromstring(
        build_file(reference="LOT-20261222", created_at=CREATED, creditor=CREDITOR, orders=orders)
    )


def texts(tree: etree._Element, tag: str) -> list[str]:
    return [element.text or "" for element in tree.iterfind(f".//{{*}}{tag}")]


def test_a_collection_says_who_what_and_when() -> None:
    tree = build(ORDER)

    expected = {
        "MsgId": ["LOT-20261222"],
        "PmtInfId": ["LOT-20261222-001"],
        "CreDtTm": ["2026-12-22T09:30:00"],
        "NbOfTxs": ["1", "1"],
        "CtrlSum": ["34.80", "34.80"],
        "SeqTp": ["RCUR"],
        "ReqdColltnDt": ["2026-12-24"],
        "EndToEndId": ["F2026-000042"],
        "InstdAmt": ["34.80"],
        "MndtId": ["RDV-000123-1"],
        "DtOfSgntr": ["2026-11-02"],
        "Ustrd": ["Facture F2026-000042"],
        "AdrLine": [],
        "AmdmntInd": [],
    }
    assert {tag: texts(tree, tag) for tag in expected} == expected
    assert "Anais Dupont-Loeuvre EI" in texts(tree, "Nm")
    assert texts(tree, "TwnNm") == ["Bidart", "Strasbourg"]
    assert texts(tree, "StrtNm") == ["12 rue des Thermes", "4 bis rue Nationale"]


@pytest.mark.parametrize(
    ("former_umr", "has_new_account", "elements"),
    [
        ("RDV-000123", False, {"OrgnlMndtId": ["RDV-000123"], "OrgnlDbtrAcct": 0}),
        ("", True, {"OrgnlMndtId": [], "OrgnlDbtrAcct": 1}),
        ("RDV-000123", True, {"OrgnlMndtId": ["RDV-000123"], "OrgnlDbtrAcct": 1}),
    ],
)
def test_a_change_of_the_mandate_is_an_amendment(
    former_umr: str, has_new_account: bool, elements: dict[str, Any]
) -> None:
    changed = replace(MANDATE, former_umr=former_umr, has_new_account=has_new_account)

    tree = build(
        replace(ORDER, mandate=changed),
        replace(ORDER, reference="F2026-000043", mandate=replace(MANDATE, umr="RDV-7")),
    )

    assert texts(tree, "AmdmntInd") == ["true"]
    assert texts(tree, "OrgnlMndtId") == elements["OrgnlMndtId"]
    accounts = tree.findall(".//{*}OrgnlDbtrAcct/{*}Id/{*}Othr/{*}Id")
    assert [account.text for account in accounts] == ["SMNDA"] * elements["OrgnlDbtrAcct"]


@pytest.mark.parametrize(
    ("field", "order"),
    [
        ("reference", replace(ORDER, reference="F2026 42")),
        ("reference", replace(ORDER, reference="x" * 36)),
        ("mandate", replace(ORDER, mandate=replace(MANDATE, umr="RDV 1"))),
        ("former mandate", replace(ORDER, mandate=replace(MANDATE, former_umr="/1"))),
        ("amount", replace(ORDER, amount=Decimal(0))),
        ("amount", replace(ORDER, amount=Decimal("-1.00"))),
        ("amount", replace(ORDER, amount=Decimal("1.001"))),
        ("day", replace(ORDER, on=dt.date(2026, 12, 25))),
        ("sequence", replace(ORDER, sequence="FNAL")),
        ("name", replace(ORDER, mandate=replace(MANDATE, name=" "))),
        (
            "address",
            replace(ORDER, mandate=replace(MANDATE, address=replace(MANDATE.address, town=""))),
        ),
        ("signature", replace(ORDER, mandate=replace(MANDATE, signed_on=dt.date(2027, 1, 1)))),
    ],
)
def test_what_the_bank_would_refuse_is_refused_before(field: str, order: CollectionOrder) -> None:
    with pytest.raises(CannotCollect, match=f": {field}$"):
        build(order)


def test_an_invoice_is_collected_once_in_a_file() -> None:
    with pytest.raises(CannotCollect, match="twice"):
        build(ORDER, ORDER)


def test_a_file_has_a_collection_and_a_reference() -> None:
    with pytest.raises(CannotCollect, match="no collection"):
        build()
    with pytest.raises(CannotCollect, match="reference of the file"):
        build_file(reference="x" * 31, created_at=CREATED, creditor=CREDITOR, orders=[ORDER])
    with pytest.raises(CannotCollect, match="creditor identifier"):
        build_file(
            reference="LOT-1",
            created_at=CREATED,
            creditor=replace(CREDITOR, ics="FR00ZZZ123456"),
            orders=[ORDER],
        )


NAMES = st.text(min_size=1, max_size=90).filter(lambda text: bool(latin(text, 70)))
MANDATES = st.builds(
    DebtorMandate,
    name=NAMES,
    address=st.builds(
        Address, street=st.text(max_size=90), postcode=st.just("64210"), town=st.just("Bidart")
    ),
    iban=st.integers(0, 99_999_999_999).map(lambda n: french_iban("30006", "00001", f"{n:011d}")),
    umr=st.integers(1, 999_999).map(lambda number: f"RDV-{number:06d}-1"),
    signed_on=st.just(dt.date(2026, 1, 5)),
    former_umr=st.sampled_from(["", "RDV-OLD"]),
    has_new_account=st.booleans(),
)
ORDERS = st.builds(
    CollectionOrder,
    reference=st.integers(1, 10**9).map(lambda number: f"F2026-{number:010d}"),
    amount=st.integers(1, 9_999_999).map(lambda units: Decimal(units) / 100),
    on=st.dates(dt.date(2026, 12, 1), dt.date(2027, 1, 31)).map(roll),
    mandate=MANDATES,
    text=st.text(max_size=200),
    sequence=st.sampled_from(["RCUR", "OOFF"]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(ORDERS, min_size=1, max_size=25, unique_by=lambda order: order.reference))
def test_any_batch_is_valid_and_its_sums_are_exact(orders: list[CollectionOrder]) -> None:
    tree = build(*orders)

    whole = sum(order.amount for order in orders)
    assert texts(tree, "GrpHdr/{*}CtrlSum") == [f"{whole:.2f}"]
    assert texts(tree, "GrpHdr/{*}NbOfTxs") == [f"{len(orders)}"]
    assert texts(tree, "AdrLine") == []
    assert sorted(texts(tree, "EndToEndId")) == sorted(order.reference for order in orders)
    expected = Counter((order.sequence, order.on.isoformat()) for order in orders)
    assert {
        (
            group.findtext("{*}PmtTpInf/{*}SeqTp"),
            group.findtext("{*}ReqdColltnDt"),
        ): int(group.findtext("{*}NbOfTxs") or 0)
        for group in tree.iterfind(".//{*}PmtInf")
    } == expected


SCRIPT = """
import hashlib
from tests.billing.sepa.test_sepa_file import CREATED, CREDITOR, ORDER, build_file
made = build_file(reference="LOT-1", created_at=CREATED, creditor=CREDITOR, orders=[ORDER])
print(hashlib.sha256(made).hexdigest())
"""


def test_two_processes_write_the_same_file() -> None:
    hashes = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }

    assert len(hashes) == 1
