"""Draws the documents of an invoice from its snapshot: the same bytes for the same snapshot, on any day (F-18)."""

from dataclasses import dataclass, replace

from billing.invoicing.invoice_pdf import draw_factur_x, draw_preview
from billing.invoicing.invoice_xml import to_cii
from billing.invoicing.snapshot import InvoiceSnapshot
from billing.invoicing.snapshot_checks import InvoiceFault, faults


class CannotDraw(ValueError):
    """The snapshot would give a wrong document; ``faults`` says why."""

    def __init__(self, found: list[InvoiceFault]) -> None:
        super().__init__(", ".join(found))
        self.faults = found


@dataclass(frozen=True, slots=True)
class DrawnInvoice:
    """The two files of an issued invoice; the PDF holds the XML too."""

    pdf: bytes
    xml: bytes


def draw(snapshot: InvoiceSnapshot) -> DrawnInvoice:
    """Return the files of a numbered invoice or credit note. Raises CannotDraw, and DrawingFailed of typst."""
    found = faults(snapshot)
    if not snapshot.number:
        found.append(InvoiceFault.NUMBER)
    if found:
        raise CannotDraw(found)
    xml = to_cii(snapshot)
    return DrawnInvoice(draw_factur_x(snapshot, xml), xml)


def preview(snapshot: InvoiceSnapshot) -> bytes:
    """Return the PDF of a draft, whatever its number: a preview is never taken for an invoice.

    Raises CannotDraw for a text that cannot be drawn or lines that cannot be added up; the other faults are for
    the page that shows the preview.
    """
    hopeless = {InvoiceFault.UNDRAWABLE, InvoiceFault.SEPARATE}
    if found := [fault for fault in faults(snapshot) if fault in hopeless]:
        raise CannotDraw(found)
    return draw_preview(replace(snapshot, number=""))
