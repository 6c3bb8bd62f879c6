"""The tables of invoicing, in ``public`` only; those of issued documents are insert only (ADR 83)."""

from billing.invoicing.models.allocation import Allocation
from billing.invoicing.models.download_link import DownloadLink
from billing.invoicing.models.draft import Draft
from billing.invoicing.models.invoice import Invoice
from billing.invoicing.models.invoice_file import InvoiceFile
from billing.invoicing.models.payment import Payment
from billing.invoicing.models.ref_rate import RefRate
from billing.invoicing.models.seller_profile import SellerProfile
from billing.invoicing.models.series import Series

__all__ = [
    "Allocation",
    "DownloadLink",
    "Draft",
    "Invoice",
    "InvoiceFile",
    "Payment",
    "RefRate",
    "SellerProfile",
    "Series",
]
