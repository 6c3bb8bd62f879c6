"""The page behind the link of a sent document: no account, no cookie, nothing changes (F-18)."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing.invoicing.download_links import invoice_of
from billing.invoicing.models import Invoice, InvoiceFile
from billing.invoicing.queries import file_of

MEDIA_TYPES = {InvoiceFile.Kind.PDF: "application/pdf", InvoiceFile.Kind.XML: "application/xml"}
PRIVATE = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}


@never_cache
@require_safe
def document(request: HttpRequest, token: str) -> HttpResponse:
    """Show what the document is and its two files; 404 with what to do for a link that has ended."""
    invoice = invoice_of(token, now=timezone.now())
    if invoice is None:
        return _private(render(request, "documents/ended.html", status=404))
    context = {"invoice": invoice, "token": token}
    return _private(render(request, "documents/document.html", context))


@never_cache
@require_safe
def download(request: HttpRequest, token: str, kind: str) -> HttpResponse:
    """Send the PDF or the XML of the document."""
    invoice = invoice_of(token, now=timezone.now())
    if invoice is None:
        raise Http404
    return _private(file_response(invoice, InvoiceFile.Kind(kind)))


def file_response(invoice: Invoice, kind: InvoiceFile.Kind) -> HttpResponse:
    """Return a file of a document, as it was issued, to be saved under its number."""
    name = f'attachment; filename="{invoice.number}.{kind.value}"'
    return HttpResponse(
        file_of(invoice, kind),
        content_type=MEDIA_TYPES[kind],
        headers={"Content-Disposition": name},
    )


def _private(answer: HttpResponse) -> HttpResponse:
    for name, value in PRIVATE.items():
        answer.headers[name] = value
    return answer
