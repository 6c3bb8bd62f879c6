"""The documents of an invoice: marks of the standards, attached XML, text of the page, equal bytes (F-18)."""

import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import facturx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from billing.figures import euros
from billing.invoicing.documents import CannotDraw, DrawnInvoice, draw, preview
from billing.invoicing.snapshot import Address
from billing.invoicing.snapshot_checks import InvoiceFault
from tests.billing.invoicing.samples import (
    BASE,
    BUYER,
    SAMPLES,
    VAT_CASES,
    line,
    subscription,
    with_lines,
)
from tests.billing.invoicing.schematron import all_failures
from tests.billing.pdf_text import ALL_MARKS, marks, reader, spaced, text_of

ROOT = Path(__file__).resolve().parents[3]
AMOUNTS = (
    "TaxBasisTotalAmount",
    "GrandTotalAmount",
    "DuePayableAmount",
    "CalculatedAmount",
    "BasisAmount",
    "LineTotalAmount",
    "ActualAmount",
)


@cache
def drawn(name: str) -> DrawnInvoice:
    return draw(SAMPLES[name])


@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_shows_each_amount_of_the_xml(name: str) -> None:
    document, tree = drawn(name), etree.fromstring(drawn(name).xml)

    text = text_of(document.pdf)

    amounts = [found.text for tag in AMOUNTS for found in tree.iterfind(f".//{{*}}{tag}")]
    assert len(amounts) >= 5
    assert [amount for amount in amounts if spaced(euros(Decimal(f"{amount}"))) not in text] == []


@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_shows_each_mention_and_party(name: str) -> None:
    snapshot, text = SAMPLES[name], text_of(drawn(name).pdf)

    expected = [
        snapshot.number,
        snapshot.seller.name,
        snapshot.seller.legal_info,
        snapshot.buyer.name,
        snapshot.buyer.address.street,
        *(note.text for note in snapshot.notes if note.code not in {"BAR", "ABL"}),
        *(item.name for item in snapshot.lines),
        *(group.mention for group in snapshot.totals.groups),
    ]
    assert [sentence for sentence in expected if spaced(sentence) not in text] == []


@pytest.mark.parametrize("name", SAMPLES)
def test_the_xml_inside_the_page_is_the_xml_beside_it(name: str) -> None:
    document = drawn(name)

    file_name, xml = facturx.get_facturx_xml_from_pdf(
        document.pdf, check_xsd=True, check_schematron=False
    )

    assert (file_name, xml) == ("factur-x.xml", document.xml)


def test_the_file_carries_the_marks_of_pdf_a_and_pdf_ua() -> None:
    document = reader(drawn("metropolitan France").pdf)
    root: Any = document.trailer["/Root"]

    assert drawn("metropolitan France").pdf.startswith(b"%PDF-1.7")
    assert marks(drawn("metropolitan France").pdf) == ALL_MARKS
    files = [found.get_object() for found in root["/AF"]]
    assert [(found["/F"], found["/AFRelationship"]) for found in files] == [
        ("factur-x.xml", "/Data")
    ]


def test_the_metadata_declare_factur_x_once_with_its_schema() -> None:
    document: Any = reader(drawn("metropolitan France").pdf)
    packet = etree.fromstring(document.trailer["/Root"]["/Metadata"].get_data())

    fx = "{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}"
    declared = {
        name: [found.text for found in packet.iter(f"{fx}{name}")]
        for name in ("DocumentType", "DocumentFileName", "Version", "ConformanceLevel")
    }
    assert declared == {
        "DocumentType": ["INVOICE"],
        "DocumentFileName": ["factur-x.xml"],
        "Version": ["1.0"],
        "ConformanceLevel": ["EN 16931"],
    }
    assert len(packet.findall(".//{http://www.aiim.org/pdfa/ns/extension/}schemas")) == 1
    assert packet.find(f".//{{*}}namespaceURI[.='{fx[1:-1]}']") is not None


HASHES = """
import hashlib
from billing.invoicing.documents import draw
from tests.billing.invoicing.samples import SAMPLES
for name, sample in SAMPLES.items():
    drawn = draw(sample)
    print(hashlib.sha256(drawn.pdf + drawn.xml).hexdigest(), name)
"""


def test_two_processes_draw_the_same_bytes() -> None:
    other = subprocess.run(
        [sys.executable, "-c", HASHES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "7", "TZ": "Pacific/Auckland", "HOME": "/"},
    )

    here = [
        f"{hashlib.sha256(drawn(name).pdf + drawn(name).xml).hexdigest()} {name}"
        for name in SAMPLES
    ]
    assert other.stdout.splitlines() == here


def test_a_long_invoice_repeats_its_table_head_and_keeps_all_lines() -> None:
    lines = tuple(subscription(name=f"Abonnement du praticien {n}") for n in range(1, 41))

    pages = reader(draw(replace(BASE, lines=lines)).pdf).pages

    texts = [spaced(page.extract_text()) for page in pages]
    assert len(texts) == 3
    assert all("Désignation" in text for text in texts[:3] if "praticien" in text)
    assert all(any(f"praticien {n} " in text for text in texts) for n in range(1, 41))
    assert all(f"page {n} sur 3" in text for n, text in enumerate(texts, 1))


def test_long_names_stay_on_the_page() -> None:
    long = replace(
        BUYER,
        name="Société civile professionnelle " + "Etcheverry-Larralde, " * 6 + "et associés",
        address=Address("x" * 120, "64210", "Saint-Jean-Pied-de-Port", building="y" * 120),
    )

    document = draw(replace(BASE, buyer=long, lines=(line("z" * 200), line("mot " * 60))))

    # Where a word may break stands a blank without width.
    text = re.sub("[ \u200b]", "", text_of(document.pdf))
    assert ("x" * 120) in text
    assert ("z" * 200) in text


@pytest.mark.parametrize("name", ["metropolitan France", "credit note", "paid in part"])
def test_a_preview_has_no_number_no_file_and_says_so(name: str) -> None:
    pdf = preview(SAMPLES[name])

    text = text_of(pdf)
    assert "Brouillon" in text
    assert SAMPLES[name].number not in text
    assert "/AF" not in reader(pdf).trailer["/Root"]  # type: ignore[operator]  # the catalogue


@pytest.mark.parametrize("name", SAMPLES)
def test_an_issued_document_is_no_draft(name: str) -> None:
    assert "rouillon" not in text_of(drawn(name).pdf)


def test_a_draft_and_a_wrong_invoice_are_not_drawn() -> None:
    with pytest.raises(CannotDraw) as refused:
        draw(replace(BASE, number="", buyer=replace(BUYER, siren="")))

    assert refused.value.faults == [InvoiceFault.BUYER_SIREN, InvoiceFault.NUMBER]


def test_a_preview_of_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(CannotDraw) as refused:
        preview(replace(BASE, buyer=replace(BUYER, name="Cabinet 😀")))

    assert refused.value.faults == [InvoiceFault.UNDRAWABLE]


FOUR_DECIMALS = st.integers(1, 5_000_0000).map(lambda units: Decimal(units) / 10_000)


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(VAT_CASES),
    st.lists(st.tuples(FOUR_DECIMALS, FOUR_DECIMALS), min_size=1, max_size=6),
)
def test_random_invoices_of_each_vat_case_are_right(
    name: str, amounts: list[tuple[Decimal, Decimal]]
) -> None:
    snapshot = with_lines(name, amounts)

    document = draw(snapshot)

    text, tree = text_of(document.pdf), etree.fromstring(document.xml)
    # Whole hundred-millionths of a euro: quantities and prices have four decimals.
    units = [int(quantity * 10_000) * int(price * 10_000) for quantity, price in amounts]
    net = sum((2 * unit + 10**6) // (2 * 10**6) for unit in units)
    rate = int(snapshot.lines[0].rate * 10) if snapshot.lines[0].category == "S" else 0
    gross = net + (2 * net * rate + 1000) // 2000
    assert tree.findtext(".//{*}GrandTotalAmount") == f"{Decimal(gross) / 100:.2f}"
    assert spaced(euros(Decimal(gross) / 100)) in text
    assert all_failures(document.xml) == []
