"""The page behind the link of a sent document: no account, no cookie, nothing changes (F-18)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.invoicing.download_links import invoice_of
from billing.invoicing.models import Invoice, InvoiceFile
from billing.invoicing.queries import file_of
from tenants.link_pages import behind_a_link

MEDIA_TYPES = {InvoiceFile.Kind.PDF: "application/pdf", InvoiceFile.Kind.XML: "application/xml"}


@behind_a_link
@require_safe
def document(request: HttpRequest, token: str) -> HttpResponse:
    """Show what the document is and its two files; 404 with what to do for a link that has ended."""
    invoice = invoice_of(token, now=timezone.now())
    if invoice is None:
        return _ended(request)
    context = {"invoice": invoice, "token": token}
    return render(request, "documents/document.html", context)


@behind_a_link
@require_safe
def download(request: HttpRequest, token: str, kind: str) -> HttpResponse:
    """Send the PDF or the XML of the document."""
    invoice = invoice_of(token, now=timezone.now())
    if invoice is None:
        return _ended(request)
    return file_response(invoice, InvoiceFile.Kind(kind))


def file_response(invoice: Invoice, kind: InvoiceFile.Kind) -> HttpResponse:
    """Return a file of a document, as it was issued, to be saved under its number."""
    name = f'attachment; filename="{invoice.number}.{kind.value}"'
    return HttpResponse(
        file_of(invoice, kind),
        content_type=MEDIA_TYPES[kind],
        headers={"Content-Disposition": name},
    )


def _ended(request: HttpRequest) -> HttpResponse:
    return render(request, "documents/ended.html", status=404)
