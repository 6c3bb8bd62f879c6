"""The subscription to lib-rdv: order, plan, invoices to download (T14). Owners only."""

import uuid

from django.conf import settings
from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _

from booking.formats import french
from booking.practice.subscription import Bill, BillState, source
from booking.web.dashboard.access import DashboardRequest, requires
from booking.web.dashboard.pages import show
from tenants.accounts.permissions import Operation

MEDIA_TYPES = {"pdf": "application/pdf", "xml": "application/xml"}


@requires(Operation.SEE_SUBSCRIPTION, methods=("GET", "HEAD"))
def subscription(request: DashboardRequest) -> HttpResponse:
    """Show the contract of the practice and all its invoices."""
    contract = source().page(request.today)
    context = {
        "contract": contract,
        "bills": [(bill, _words(bill)) for bill in contract.bills],
        "librdv": settings.LIBRDV_IDENTITY,
    }
    return show(request, "subscription/index", context, tab="practice")


@requires(Operation.SEE_SUBSCRIPTION, methods=("GET", "HEAD"))
def bill_file(request: DashboardRequest, ref: uuid.UUID, kind: str) -> HttpResponse:
    """Send the PDF or the XML of an invoice of this practice; 404 for any other document."""
    found = source().bill_file(ref, kind)
    return _download(found, kind)


@requires(Operation.SEE_SUBSCRIPTION, methods=("GET", "HEAD"))
def order_file(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Send the PDF of a signed order of this practice; 404 for any other."""
    return _download(source().order_file(ref), "pdf")


def _words(bill: Bill) -> str:
    """Return the state of a document as a sentence; a credit note has none."""
    if bill.state is BillState.PAID:
        return _("Payée")
    if bill.state is BillState.CREDIT:
        return "" if bill.corrects else _("Annulée par un avoir")
    values = {"owed": bill.owed, "on": french.legal_day(bill.due_on)}
    if bill.state is BillState.OVERDUE:
        return _("%(owed)s à payer depuis le %(on)s") % values
    return _("%(owed)s à payer le %(on)s") % values


def _download(found: tuple[str, bytes] | None, kind: str) -> HttpResponse:
    if found is None:
        raise Http404
    number, data = found
    return HttpResponse(
        data,
        content_type=MEDIA_TYPES[kind],
        headers={"Content-Disposition": f'attachment; filename="{number}.{kind}"'},
    )
