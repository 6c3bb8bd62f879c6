"""The XML of invoices: every case through the schema and three sets of rules; broken ones are noticed (F-18)."""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import facturx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from billing.invoicing.invoice_xml import to_cii
from billing.invoicing.snapshot import BankAccount, InvoiceSnapshot, Line, Note, Party
from billing.vat import DISBURSEMENT, OUT_OF_SCOPE, VatDecision
from tests.billing.invoicing.samples import (
    BASE,
    BERLIN,
    BUYER,
    BY_TRANSFER,
    FULL,
    ISSUED,
    NOTES,
    REDUCED,
    SAMPLES,
    SELLER,
    line,
    subscription,
)
from tests.billing.invoicing.schematron import RULES, all_failures, failures


def without(code: str) -> tuple[Note, ...]:
    return tuple(note for note in NOTES if note.code != code)


def buyer(**fields: object) -> InvoiceSnapshot:
    return replace(BASE, buyer=changed(BUYER, fields))


def changed(party: Party, fields: dict[str, object]) -> Party:
    return replace(party, **fields)  # type: ignore[arg-type]  # fields of a party, by name


def sold(*lines: Line) -> InvoiceSnapshot:
    return replace(BASE, lines=lines)


def taxed(category: str, rate: str, mention: str = "", vatex: str = "") -> Line:
    return subscription(VatDecision(category, Decimal(rate), mention, vatex))


@pytest.mark.parametrize("name", SAMPLES)
def test_each_case_passes_the_schema_and_all_rules(name: str) -> None:
    xml = to_cii(SAMPLES[name])

    assert facturx.xml_check_xsd(xml, flavor="factur-x", level="en16931")
    assert all_failures(xml) == []


BROKEN_SNAPSHOTS: dict[str, tuple[InvoiceSnapshot, str]] = {
    "no indemnity": (replace(BASE, notes=without("PMT")), "BR-FR-05_BT-22_PMT"),
    "no penalties": (replace(BASE, notes=without("PMD")), "BR-FR-05_BT-22_PMD"),
    "no discount terms": (replace(BASE, notes=without("AAB")), "BR-FR-05_BT-22_AAB"),
    "indemnity twice": (replace(BASE, notes=(*NOTES, NOTES[0])), "BR-FR-06_BT-21_PMT"),
    "unknown case": (
        replace(BASE, notes=(*without("BAR"), Note("BAR", "B2X"))),
        "BR-FR-20_BT-21",
    ),
    "seller without SIREN": (
        replace(BASE, seller=replace(SELLER, siren="", siret="")),
        "BR-FR-10_BT-30",
    ),
    "buyer without SIREN": (buyer(siren="", siret=""), "BR-FR-11_BT-47"),
    "buyer without address of e-invoicing": (buyer(endpoint=""), "BR-FR-12_BT-49"),
    "address of another company": (buyer(endpoint="356000000"), "BR-FR-21_BT-49"),
    "SIRET of another company": (buyer(siret="35600000000048"), "BR-FR-09_BT-46"),
    "unknown country": (
        buyer(address=replace(BUYER.address, country="XX")),
        "BR-CL-14",
    ),
    "VAT number without country": (
        replace(BASE, seller=replace(SELLER, vat_number="54123456782")),
        "BR-CO-09",
    ),
    "due before issue": (
        replace(BASE, due_on=ISSUED.replace(month=11)),
        "BR-FR-CO-07_BT-9",
    ),
    "blank in the number": (replace(BASE, number="F2026 42"), "BR-FR-02_BT-1"),
    "long number": (replace(BASE, number="F" * 36), "BR-FR-01_BT-1"),
    "rate of no list": (sold(taxed("S", "19.5")), "BR-FR-16_BT-119"),
    "exempt without reason": (sold(taxed("E", "0")), "BR-E-10"),
    "exempt with a rate": (sold(taxed("E", "20", "Débours", "VATEX-EU-79-C")), "BR-E-05"),
    "unknown code of exemption": (sold(taxed("E", "0", "Débours", "VATEX-XX")), "BR-CL-22"),
    "two kinds of line outside the scope": (
        sold(subscription(OUT_OF_SCOPE), subscription()),
        "BR-O-11",
    ),
    "reverse charge without VAT number": (
        replace(SAMPLES["reverse charge"], buyer=replace(BERLIN, vat_number="")),
        "BR-AE-02",
    ),
    "negative price": (sold(subscription(), line("Geste", "-1")), "BR-27"),
    "transfer without account": (replace(BY_TRANSFER, account=BankAccount("")), "CII-SR-470"),
}


@pytest.mark.parametrize("name", BROKEN_SNAPSHOTS)
def test_a_broken_snapshot_fails_the_expected_rule(name: str) -> None:
    snapshot, rule = BROKEN_SNAPSHOTS[name]

    assert rule in rules_of(to_cii(snapshot))


BROKEN_FILES: dict[str, tuple[str, str, str]] = {
    "net of a line": (r"(<ram:LineTotalAmount>)29.00", r"\g<1>29.01", "BR-CO-10"),
    "tax of a rate": (r"(<ram:CalculatedAmount>)5.80", r"\g<1>7.80", "BR-CO-17"),
    "total tax": (r"(<ram:TaxTotalAmount[^>]*>)5.80", r"\g<1>5.81", "BR-CO-14"),
    "total with tax": (r"(<ram:GrandTotalAmount>)34.80", r"\g<1>34.81", "BR-CO-15"),
    "amount to pay": (r"(<ram:DuePayableAmount>)34.80", r"\g<1>34.00", "BR-CO-16"),
    "origin of a credit note": (
        r"(?s)<ram:InvoiceReferencedDocument>.*</ram:InvoiceReferencedDocument>",
        "",
        "BR-FR-CO-05",
    ),
}


@pytest.mark.parametrize("name", BROKEN_FILES)
def test_a_broken_file_fails_the_expected_rule(name: str) -> None:
    pattern, replacement, rule = BROKEN_FILES[name]
    xml = to_cii(SAMPLES["credit note"]).decode()

    broken, count = re.subn(pattern, replacement, xml, count=1)

    assert count == 1
    assert any(found.startswith(rule) for found in rules_of(broken.encode()))


def rules_of(xml: bytes) -> set[str]:
    return {found[1 : found.index("]")] for found in all_failures(xml)}


@pytest.mark.parametrize("rules", ["EN 16931", "BR-FR"])
def test_a_check_without_rules_is_no_check(rules: str) -> None:
    with pytest.raises(RuntimeError, match="nothing was checked"):
        failures(b"<other/>", RULES[rules])


def test_two_exemptions_are_no_invoice() -> None:
    with pytest.raises(ValueError, match="E 0"):
        to_cii(sold(taxed("E", "0", "une"), subscription(DISBURSEMENT)))


def test_the_account_of_the_debtor_is_in_no_file() -> None:
    tree = etree.fromstring(to_cii(BASE))

    assert tree.findtext(".//{*}DirectDebitMandateID") == "RDV-000123-1"
    assert tree.findtext(".//{*}CreditorReferenceID") == "FR72ZZZ123456"
    assert tree.find(".//{*}PayerPartyDebtorFinancialAccount") is None


def test_the_frame_and_the_tax_point_follow_the_payment() -> None:
    def point(name: str) -> tuple[str | None, str | None]:
        tree = etree.fromstring(to_cii(SAMPLES[name]))
        return (
            tree.findtext(".//{*}BusinessProcessSpecifiedDocumentContextParameter/{*}ID"),
            tree.findtext(".//{*}ApplicableTradeTax/{*}DueDateTypeCode"),
        )

    assert point("metropolitan France") == ("S1", "72")
    assert point("option for debits") == ("S1", "5")
    assert point("franchise") == ("S1", None)
    assert point("paid already") == ("S2", "72")


MONEY = st.integers(0, 9_999_99).map(lambda units: Decimal(units) / 100)
LINES = st.builds(
    lambda price, quantity, vat, kind: line(
        "Prestation", f"{price}", vat, f"{quantity}", kind=kind
    ),
    st.integers(0, 5_000_0000).map(lambda units: Decimal(units) / 10_000),
    st.integers(1, 50_0000).map(lambda units: Decimal(units) / 10_000),
    st.sampled_from([FULL, REDUCED, DISBURSEMENT]),
    st.just("service"),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=12))
def test_random_invoices_pass_all_rules(lines: list[Line]) -> None:
    assert all_failures(to_cii(sold(*lines))) == []


READ: dict[str, Callable[[etree._Element], str | None]] = {
    "net": lambda tree: tree.findtext(".//{*}TaxBasisTotalAmount"),
    "tax": lambda tree: tree.findtext(".//{*}TaxTotalAmount"),
    "gross": lambda tree: tree.findtext(".//{*}GrandTotalAmount"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_totals_of_the_file_are_those_of_the_snapshot(name: str) -> None:
    totals, tree = SAMPLES[name].totals, etree.fromstring(to_cii(SAMPLES[name]))

    assert {key: read(tree) for key, read in READ.items()} == {
        "net": f"{totals.net:.2f}",
        "tax": f"{totals.tax:.2f}",
        "gross": f"{totals.gross:.2f}",
    }
