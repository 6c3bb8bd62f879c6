"""Links by which a client downloads a document that was sent: random, hashed, limited in time."""

import datetime as dt
import hashlib
import secrets
from datetime import timedelta

from billing.invoicing.models import DownloadLink, Invoice

VALID_FOR = timedelta(days=90)
"""An accountant opens the mail of a quarter at its end; afterwards the practice's own page has the document."""
LONGEST_TOKEN = 64


def open_link(*, invoice: Invoice, now: dt.datetime) -> str:
    """Return the token of a new link to a document; links that have ended are deleted."""
    DownloadLink.objects.filter(expires_at__lte=now).delete()
    token = secrets.token_urlsafe(32)
    DownloadLink.objects.create(
        invoice=invoice, token_hash=_hash(token), expires_at=now + VALID_FOR
    )
    return token


def invoice_of(token: str, *, now: dt.datetime) -> Invoice | None:
    """Return the document of a link; None for an unknown link and for one that has ended."""
    if len(token) > LONGEST_TOKEN:
        return None
    links = DownloadLink.objects.select_related("invoice__corrects")
    found = links.filter(token_hash=_hash(token), expires_at__gt=now).first()
    return found.invoice if found else None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
