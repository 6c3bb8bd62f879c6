"""Draws a document of lib-rdv: a template of ``templates/pdf`` and its texts give a PDF, with ``typst`` 0.15.

Each document is PDF/A-3a, for archives, and PDF/UA-1, for screen readers. The same input gives the same bytes: the
clock is the document's day, only the fonts of this repository and of the library are used, and the identifier of
the file is a hash of its content. The texts enter as JSON, so that nothing typed by a person is markup.
`python -m tests.billing.pictures FOLDER` draws samples as pictures.
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
    inputs = {"data": json.dumps(texts, ensure_ascii=False), "attachment": attachment.decode()}
    try:
        pdf: bytes = typst.compile(
            TEMPLATES / f"{template}.typ",
            root=TEMPLATES,
            font_paths=[FONTS],
            ignore_system_fonts=True,
            # PDF/A needs a date; noon is the same day in each zone of France.
            timestamp=dt.datetime.combine(on, dt.time(12), dt.UTC),
            sys_inputs=inputs,
            format="pdf",
            pdf_standards=["a-3a", "ua-1"],
        )
    except typst.TypstError as error:
        raise DrawingFailed(template) from error
    return pdf
