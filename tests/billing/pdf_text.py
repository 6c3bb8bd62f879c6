"""Reads the PDFs that tests look into."""

import io
import re
from typing import Any

from pypdf import PdfReader


def reader(pdf: bytes) -> PdfReader:
    """Return a PDF, opened."""
    return PdfReader(io.BytesIO(pdf))


def text_of(pdf: bytes) -> str:
    """Return the text of all pages, each run of blanks as one blank."""
    return spaced(" ".join(page.extract_text() for page in reader(pdf).pages))


def spaced(text: str) -> str:
    """Return a text with each run of blanks as one blank."""
    return re.sub(r"[\s\u00a0\u202f\u2009]+", " ", text)


def marks(pdf: bytes) -> set[str]:
    """Return which standards a file says that it follows, and whether it is tagged and in French."""
    root: Any = reader(pdf).trailer["/Root"]
    packet = root["/Metadata"].get_data().decode()
    found = {
        "archive, part 3": "<pdfaid:part>3</pdfaid:part>" in packet,
        "level A": "<pdfaid:conformance>A</pdfaid:conformance>" in packet,
        "PDF/UA-1": "<pdfuaid:part>1</pdfuaid:part>" in packet,
        "output intent": root["/OutputIntents"][0]["/S"] == "/GTS_PDFA1",
        "tagged": root["/MarkInfo"]["/Marked"].value is True and "/StructTreeRoot" in root,
        "French": root["/Lang"] == "fr-FR",
        "title shown": root["/ViewerPreferences"]["/DisplayDocTitle"].value is True,
    }
    return {name for name, holds in found.items() if holds}


ALL_MARKS = {
    "archive, part 3",
    "level A",
    "PDF/UA-1",
    "output intent",
    "tagged",
    "French",
    "title shown",
}
