"""Links by which a signatory reads and signs: random, hashed, limited in time."""

import datetime as dt
import hashlib
import secrets
from datetime import timedelta

from billing.orders.models import Order, SigningLink

VALID_FOR = timedelta(days=30)
"""How long an offer waits for its signature; afterwards the link shows nothing."""
LONGEST_TOKEN = 64


def open_link(*, order: Order, now: dt.datetime) -> str:
    """Return the token of a new link to an order; links that have ended are deleted."""
    SigningLink.objects.filter(expires_at__lte=now).delete()
    token = secrets.token_urlsafe(32)
    SigningLink.objects.create(order=order, token_hash=_hash(token), expires_at=now + VALID_FOR)
    return token


def order_of(token: str, *, now: dt.datetime) -> Order | None:
    """Return the order of a link; None for an unknown link and for one that has ended."""
    if len(token) > LONGEST_TOKEN:
        return None
    links = SigningLink.objects.select_related("order__client__tenant")
    found = links.filter(token_hash=_hash(token), expires_at__gt=now).first()
    return found.order if found else None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
