"""Draws a document of lib-rdv: a template of ``templates/pdf`` and its texts give a PDF, with ``typst`` 0.15.

Each document is PDF/A-3a, for archives, and PDF/UA-1, for screen readers. The same input gives the same bytes: the
clock is the document's day, only the fonts of this repository and of the library are used, and the identifier of
the file is a hash of its content. The texts enter as JSON, so that nothing typed by a person is markup.
"""

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typst

TEMPLATES = Path(__file__).resolve().parent.parent / "templates" / "pdf"
FONTS = Path(__file__).resolve().parent / "fonts"


class DrawingFailed(RuntimeError):
    """The document cannot be drawn; the message names the template, and no text of a person."""


def draw_document(
    template: str, texts: Mapping[str, Any], *, on: dt.date, attachment: bytes = b""
) -> bytes:
    """Return the PDF of a template (``invoice``) dated ``on``.

    ``attachment`` is given to the template as text, to embed it. Raises DrawingFailed, for a character without a
    glyph as an example: see ``billing.glyphs``.
    """
    pdf: bytes = _compile(template, texts, on=on, attachment=attachment, options=_ARCHIVE)
    return pdf


def draw_pictures(template: str, texts: Mapping[str, Any], *, on: dt.date, ppi: int) -> list[bytes]:
    """Return the pages of a document as PNG pictures, to look at."""
    pages = _compile(template, texts, on=on, attachment=b"", options={"format": "png", "ppi": ppi})
    return pages if isinstance(pages, list) else [pages]


_ARCHIVE = {"format": "pdf", "pdf_standards": ["a-3a", "ua-1"]}


def _compile(
    template: str,
    texts: Mapping[str, Any],
    *,
    on: dt.date,
    attachment: bytes,
    options: Mapping[str, Any],
) -> Any:
    inputs = {"data": json.dumps(texts, ensure_ascii=False), "attachment": attachment.decode()}
    try:
        return typst.compile(
            TEMPLATES / f"{template}.typ",
            root=TEMPLATES,
            font_paths=[FONTS],
            ignore_system_fonts=True,
            # PDF/A needs a date; noon is the same day in each zone of France.
            timestamp=dt.datetime.combine(on, dt.time(12), dt.UTC),
            sys_inputs=inputs,
            **options,
        )
    except typst.TypstError as error:
        raise DrawingFailed(template) from error
